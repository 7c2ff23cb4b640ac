"""The account of a prepared set for people: one HTML page and Markdown, made from what data_report.json holds.

An account that does not add up is refused with an ArithmeticError: a page is no place to find out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medlms.errors import CouldNot
from medlms.report import plots as house
from medlms.report.data import markdown, page, plots
from medlms.run import Run, now

__all__ = ["PAGE", "write"]

PAGE = "data_report.html"


def write(run: Run, account: Mapping[str, Any], *, name: str, config: Mapping[str, Any], version: str) -> list[Path]:
    """Write ``data_report.html``, ``data_report.md`` and ``plots/data-*.svg`` into a folder and return their paths."""
    try:
        drawn, missing = plots.draw(account), ""
    except CouldNot as error:
        drawn, missing = [], f"{error} {error.hint}"
    about = page.About(name, now(), version, config, missing)
    return [
        run.write(PAGE, page.html(account, drawn, about)),
        run.write("data_report.md", markdown.markdown(account, drawn, about)),
        *(run.write(f"plots/{plot.name}.svg", house.standalone(plot)) for plot in drawn),
    ]
