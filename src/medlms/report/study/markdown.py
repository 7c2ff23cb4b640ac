"""A study's report as Markdown: the same tables and texts as the page, the charts as images beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from medlms.report import markdown as house
from medlms.report import page
from medlms.report import tables as shared
from medlms.report.plots import Plot
from medlms.report.study import growth, tables
from medlms.report.study.shape import StudyReport
from medlms.report.untrusted import as_markdown, one_line


def markdown(report: StudyReport, drawn: Sequence[Plot], missing_plots: str = "") -> str:
    """The whole report. ``missing_plots`` says why there are no charts, when there are none for a reason."""
    meanings = [f"- {as_markdown(label)}: {as_markdown(meaning)}" for label, meaning in tables.meanings(report)]
    warnings = [*(report.get("warnings") or []), *([missing_plots] if missing_plots else [])]
    config = report.get("config")
    parts = [
        _head(report),
        house.section(
            "Results",
            [
                house.maybe(results(report)),
                f"**{as_markdown(shared.CAUTION)}**",
                "### What the columns mean" if meanings else "",
                "\n".join(meanings),
            ],
        ),
        house.section(
            "Scores over what was varied",
            [*_images(drawn, "-over-", "-by-point"), house.maybe(growth.table(report))],
        ),
        house.section(
            "Paired differences",
            [
                *_images(drawn, "against-base"),
                house.maybe(tables.against_base(report)),
                house.maybe(tables.between(report)),
            ],
        ),
        house.section(
            "Learning curves",
            [
                *_images(drawn, "-by-epoch", "loss-by-step"),
                *(house.maybe(tables.epochs(report, name)) for name in ("token_f1", "dev_loss")),
                house.maybe(tables.knees(report)),
            ],
        ),
        house.section(
            "Memory and time", [*_images(drawn, "training-time", "peak-memory"), house.maybe(tables.cost(report))]
        ),
        house.section("Points", [house.maybe(tables.points(report))]),
        house.section(
            "How it was run",
            [
                house.fenced(report["command"], "sh") if report.get("command") else "",
                house.pairs(tables.model_pairs(report)),
                house.fenced(page.as_yaml(config), "yaml") if config else "",
            ],
        ),
        house.section("Warnings", [house.bullets(warnings)]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def results(report: StudyReport) -> shared.Table | None:
    """The main table with one line a heading: ``r = 4, tuned``."""
    found = tables.results(report)
    if found is None:
        return None
    rows = tuple((shared.Cell(f"{row[0].text}, {row[0].small.lower()}"), *row[1:]) for row in found.rows)
    return replace(found, rows=rows)


def _head(report: StudyReport) -> str:
    findings = [f"- {as_markdown(sentence)}" for sentence in report.get("verdict") or []]
    warnings = len(report.get("warnings") or [])
    notice = f"> {shared.NOTICE}" + (f" Warnings: {warnings}, at the end." if warnings else "")
    title = f"# {as_markdown(one_line(report.get('run') or 'study'))}: MedLMs study"
    return "\n\n".join(
        part for part in (title, as_markdown(report.get("date") or ""), "\n".join(findings), notice) if part
    )


def _images(drawn: Sequence[Plot], *parts: str) -> list[str]:
    return house.images([plot for plot in drawn if any(part in plot.name for part in parts)], "")
