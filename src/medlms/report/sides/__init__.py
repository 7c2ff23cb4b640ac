"""The page of a comparison of runs, item by item: HTML, Markdown, and tables for a terminal."""

from __future__ import annotations

from medlms.report.sides.markdown import markdown
from medlms.report.sides.page import html
from medlms.report.sides.terminal import show

__all__ = ["html", "markdown", "show"]
