"""The account of a prepared set as Markdown: the same tables and sentences as the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from medlms.report import markdown as house
from medlms.report import tables as shared
from medlms.report.data import findings, page, rows, tables
from medlms.report.data.findings import Finding
from medlms.report.data.tables import Account
from medlms.report.plots import Plot
from medlms.report.shape import Report
from medlms.report.untrusted import as_markdown, one_line


def markdown(account: Account, drawn: Sequence[Plot], about: page.About) -> str:
    """The whole account. ArithmeticError when it does not add up."""
    report = cast(Report, {"data": account})
    warnings = [*page.warnings(account), *([about.missing_plots] if about.missing_plots else [])]
    parts = [
        f"# {as_markdown(one_line(about.name))}: the data",
        house.bullets(page.summary(account)),
        f"> {page.NOTICE}",
        house.section(
            "From rows read to rows trained on", [*house.images(drawn, "data-way"), house.table(tables.way(account))]
        ),
        house.section("What was dropped", [house.maybe(tables.reasons(account)), page.LISTED]),
        house.section("What was mended", [house.maybe(tables.cleaning(account))]),
        house.section(
            "Sizes by source and part",
            [
                house.maybe(shared.splits(report)),
                *house.images(drawn, "data-sources"),
                house.maybe(tables.mixture(account)),
            ],
        ),
        house.section("Lengths", [*house.images(drawn, "data-lengths"), house.maybe(tables.lengths(account))]),
        house.section("Rows as the model reads them", _rows(account)),
        house.section("Language", [house.maybe(tables.languages(account))]),
        house.section("Licences", [house.table(tables.licences(account)), house.bullets(account.get("terms") or [])]),
        house.section("Repeated and nearly repeated texts", _finding(findings.copies(account))),
        house.section("Overlaps between the parts", _finding(findings.overlaps(account))),
        house.section("Overlaps with exams", _finding(findings.exams(account))),
        house.section("Patient identifiers", _finding(findings.identifiers(account))),
        house.section("Warnings", [house.bullets(warnings)]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(account: Account) -> list[str]:
    made = [
        part for title, text in rows.markdown(account) for part in (f"**{as_markdown(title)}**", house.fenced(text, ""))
    ]
    return ["`{+learned+}`, `[-cut off-]`, all else is read.", *made] if made else []


def _finding(found: Finding | None) -> list[str]:
    if found is None:
        return []
    lists = [
        f"**{as_markdown(title)}**\n\n" + house.bullets(": ".join(text for _, text in item) for item in items)
        for title, items in found.lists
    ]
    return [house.bullets(found.said), *(house.table(table) for table in found.tables), *lists]
