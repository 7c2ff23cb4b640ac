"""The report of a run: Markdown, one HTML page, charts, and the adapter's model card. It reads values and prints them.

What a report holds is described in ``shape.Report``. Drawing needs the ``report`` extra; without it the pages are written
without charts and say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from medlms.errors import CouldNot
from medlms.report import markdown, page, plots
from medlms.report.shape import Report
from medlms.run import Run

__all__ = ["Report", "write"]


def write(run: Run, report: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Write ``report.md``, ``report.html`` and ``plots/*.svg`` into the run's folder and return their paths.

    ``report`` is the content of report.json (``shape.Report``), ``steps`` the rows of steps.jsonl.
    """
    content = cast(Report, report)
    try:
        drawn, missing = plots.draw(content, steps), ""
    except CouldNot as error:
        drawn, missing = [], f"{error} {error.hint}"
    return [
        run.write("report.md", markdown.markdown(content, drawn, missing)),
        run.write("report.html", page.html(content, drawn, missing)),
        *(run.write(f"plots/{plot.name}.svg", plots.standalone(plot)) for plot in drawn),
    ]
