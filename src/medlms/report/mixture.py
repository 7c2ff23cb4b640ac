"""The table of what an epoch reads of each source, from the data room's account of the mixture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medlms.report import tables
from medlms.report.account import account
from medlms.report.shape import Report
from medlms.report.tables import NOTHING, Cell, Table, count


def table(report: Report) -> Table | None:
    """Rows, repeats, reads, shares asked for and got, and tokens by source; nothing for one source that is read once."""
    found: Mapping[str, Any] = account(report).get("mixing") or {}
    items: Mapping[str, Mapping[str, Any]] = found.get("sources") or {}
    if not items or (len(items) == 1 and found.get("reads") == found.get("rows")):
        return None
    with_tokens = bool(found.get("tokens"))
    columns = ("Source", "Rows there", "Rows used", "Times read", "Reads", "Share asked", "Share of reads")
    rows = tuple(
        (
            Cell(tables.source_title(report, name)),
            *(Cell(count(item.get(key))) for key in ("there", "rows")),
            Cell(f"{item.get('repeats', 0):.3g}"),
            Cell(count(item.get("reads"))),
            *(Cell(_percent(item.get(key))) for key in ("share_asked", "share")),
            *((Cell(count(item.get("tokens"))), Cell(_percent(item.get("share_of_tokens")))) if with_tokens else ()),
        )
        for name, item in items.items()
    )
    notes = (f"Shares go by weight x rows^(1 / {found['temperature']:g}).",) if found.get("temperature") else ()
    caption = "What an epoch of training reads of each source."
    return Table("mixture", caption, (*columns, *(("Tokens", "Share of tokens") if with_tokens else ())), rows, notes)


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.1f} %"
