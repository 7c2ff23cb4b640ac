"""Reads the data part of a report: the data room's own account, or the short form in which sources are a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from medlms.report.shape import DataReport, Report

PARTS = ("train", "dev", "eval")


def account(report: Report) -> DataReport:
    """The account with sources by name; empty when the report says nothing about its data."""
    data: Mapping[str, Any] = report.get("data") or {}
    if not isinstance(data.get("sources"), list):
        return cast(DataReport, data)
    splits = data.get("splits") or {}
    groups = {name: part.get("groups") for name, part in splits.items()}
    sources = {str(item.get("name") or item.get("title") or "?"): _source(item, splits) for item in data["sources"]}
    identifiers = data.get("identifiers")
    note = identifiers if isinstance(identifiers, Mapping) else {"note": identifiers}
    return cast(DataReport, {**data, "sources": sources, "groups": groups, "identifiers": note})


def _source(item: Mapping[str, Any], splits: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    name, kept = item.get("name"), item.get("kept")
    counts = {part: (splits[part].get("by_source") or {}).get(name, 0) for part in PARTS if part in splits}
    rest = {"not_drawn": kept - sum(counts.values())} if kept is not None and counts else {}
    said = item.get("said") or []
    said = [said] if isinstance(said, str) else said
    return {**item, "rows_in": item.get("rows_in", item.get("rows")), "said": said, **counts, **rest}
