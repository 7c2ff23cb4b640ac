"""Prints the short account of a prepared set: where every row went, what is to be minded, and where the whole account lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from medlms.data import flow
from medlms.report.data.page import summary, warnings

if TYPE_CHECKING:
    from medlms.road.accounts import Written


def show(written: Written) -> None:
    """One block a source, then all rows together, then remarks and files."""
    account = written.report
    for name in account["sources"]:
        _source(account, name)
    for sentence in summary(account):
        typer.echo(sentence)
    for sentence in account["said"]:
        typer.echo(f"- {sentence}")
    for sentence in account.get("terms") or []:
        typer.echo(f"- {sentence}")
    for sentence in warnings(account):
        if sentence not in (account.get("terms") or []):
            typer.echo(f"warning: {sentence}")
    typer.echo(f"the report: {written.folder / 'data_report.html'}")
    typer.echo(
        f"every dropped or shortened row: {written.folder / 'dropped.jsonl'}; the rows: {written.folder / 'splits'}"
    )


def _source(account: dict[str, Any], name: str) -> None:
    found = flow.follow(account, name)
    gone = found.rows_in - found.kept
    typer.echo(f"{name}: {found.rows_in:,} rows in = {found.kept:,} kept + {gone:,} dropped")
    for stage in found.stages:
        for reason, count in stage.dropped.items():
            typer.echo(f"    {count:>7,}  {reason} ({flow.STEPS.get(stage.step, stage.step)})")
    for step in (account.get("cleaning") or {}).get(name, ()):
        if step["changed"]:
            typer.echo(f"    {step['changed']:>7,}  mended: {step['what']} (clean.{step['switch']})")
