"""Rows of a data report as the model reads them: what is learned and what is cut marked by colour, line and bracket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from medlms.report.data.tables import share
from medlms.report.tables import count
from medlms.report.untrusted import as_html, one_line, visible

# A mark can be told without its colour: by a line below or through the text, and by its brackets.
_TAGS = {"given": "span", "learned": "mark", "cut": "del"}
_MARKS = {"given": ("", ""), "learned": ("{+", "+}"), "cut": ("[-", "-]")}
LEAD = (
    "The model's template writes each row out like this. Marked by a bar of colour and a line below: what is learned. "
    "Struck through: what max_length cuts off, which the model never sees. All else is read, but not learned."
)


def html(account: Mapping[str, Any]) -> str:
    """The rows under ``preview``, each with its counts; empty where there are none."""
    found = (account.get("preview") or {}).get("rows") or []
    if not found:
        return ""
    legend = (
        '<p class="legend"><mark class="learned">learned</mark> <span class="given">read</span> '
        '<del class="cut">cut off</del></p>'
    )
    return f'<p class="lead">{LEAD}</p>{legend}' + "".join(map(_row, found))


def markdown(account: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Title and marked text of each row, as plain text."""
    for row in (account.get("preview") or {}).get("rows") or []:
        text = "".join(_text(piece).join(_MARKS.get(piece["kind"], ("", ""))) for piece in row["pieces"])
        yield f"{one_line(row['id'])}, {_counts(row)}", visible(text)


def _row(row: Mapping[str, Any]) -> str:
    pieces = "".join(_piece(piece) for piece in row["pieces"])
    said = f"; {row['said']}" if row.get("said") else ""
    return (
        f'<article class="sample row"><h3>{as_html(one_line(row["id"]))}</h3>'
        f'<p class="meta">{as_html(one_line(row.get("place") or ""))}: {as_html(_counts(row))}{as_html(said)}</p>'
        f'<div class="rendered" dir="auto">{pieces}</div></article>'
    )


def _counts(row: Mapping[str, Any]) -> str:
    part = share(row["learned_tokens"], row["tokens"])
    cut = f", {count(row['cut_tokens'])} cut off" if row.get("cut_tokens") else ""
    return f"{count(row['tokens'])} tokens, {count(row['learned_tokens'])} of them learned ({part or '0 %'}){cut}"


def _piece(piece: Mapping[str, Any]) -> str:
    kind = piece["kind"] if piece["kind"] in _TAGS else "given"
    body = as_html(piece["text"])
    if piece.get("left_out"):
        told = f"{count(piece['left_out'])} characters not shown here"
        body += f' <span class="left-out">[… {told} …]</span> {as_html(piece.get("end") or "")}'
    return f'<{_TAGS[kind]} class="{kind}">{body}</{_TAGS[kind]}>'


def _text(piece: Mapping[str, Any]) -> str:
    if not piece.get("left_out"):
        return str(piece["text"])
    return f"{piece['text']} [… {count(piece['left_out'])} characters not shown here …] {piece.get('end') or ''}"
