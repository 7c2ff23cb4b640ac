"""The report over several runs (a study, or runs named one by one): Markdown, one HTML page, charts.

What such a report holds is described in ``shape.StudyReport``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from medlms.errors import CouldNot
from medlms.report import plots as drawing
from medlms.report.study import markdown, page, plots
from medlms.report.study.shape import StudyReport
from medlms.run import Run

__all__ = ["StudyReport", "write"]


def write(run: Run, report: Mapping[str, Any]) -> list[Path]:
    """Write ``report.md``, ``report.html`` and ``plots/*.svg`` into the folder and return their paths."""
    content = cast(StudyReport, report)
    try:
        drawn, missing = plots.draw(content), ""
    except CouldNot as error:
        drawn, missing = [], f"{error} {error.hint}"
    return [
        run.write("report.md", markdown.markdown(content, drawn, missing)),
        run.write("report.html", page.html(content, drawn, missing)),
        *(run.write(f"plots/{plot.name}.svg", drawing.standalone(plot)) for plot in drawn),
    ]
