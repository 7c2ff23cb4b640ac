"""Draws previewed rows: in colour on a terminal, with plain marks elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlms.report.untrusted import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from medlms.road.preview import Preview, Shown

STYLES = {"given": "", "learned": "bold green", "cut": "red strike"}
MARKS = {"given": ("", ""), "learned": ("{+", "+}"), "cut": ("[-", "-]")}  # those of git diff --word-diff
BETWEEN = "¦"
FAULTS = 10


def draw(found: Preview, console: Console, *, tokens: bool) -> None:
    """Every row, and what tuning would make of all rows."""
    from rich.text import Text

    colour = console.is_terminal
    legend = Text("learned: ").append(*_marked("learned", "the assistant's turns and their ends", colour))
    legend.append("   cut off: ").append(*_marked("cut", "not read", colour))
    console.print(legend, soft_wrap=True)
    for row in found.rows:
        console.print(Text("\n").append(_title(row), style="bold"), soft_wrap=True)
        console.print(_body(row, colour, tokens), soft_wrap=True)
    console.print(Text("\n" + _sum(found)), soft_wrap=True)
    for fault in found.faults[:FAULTS]:
        console.print(Text(f"    {visible(fault.place)}: {fault.reason}: {fault.detail}"), soft_wrap=True)
    if len(found.faults) > FAULTS:
        console.print(Text(f"    and {len(found.faults) - FAULTS:,} more; --json lists all"), soft_wrap=True)


def _title(row: Shown) -> str:
    held = {"train": "training row", "dev": "development row", "eval": "evaluation row"}[row.part]
    counts = f"{row.count('given', 'learned'):,} tokens, {row.count('learned'):,} of them "
    counts += "learned" if row.part == "train" else "scored"
    said = f"; {row.said}" if row.said else ""
    return f"{visible(row.id)} ({held}, {visible(row.place)}): {counts}{said}"


def _body(row: Shown, colour: bool, tokens: bool) -> Text:
    from rich.text import Text

    body = Text()
    # Each token is marked apart on a terminal; elsewhere marks go around whole pieces, with tokens parted inside.
    for number, piece in enumerate(row.tokens if tokens and colour else row.pieces):
        if tokens and colour and number:
            body.append(BETWEEN, style="dim")
        text = piece.text
        if tokens and not colour:
            text = BETWEEN.join(_split(row, number))
        body.append(*_marked(piece.kind, visible(text), colour))
    return body


def _split(row: Shown, number: int) -> list[str]:
    """Texts of the tokens of one piece."""
    before = sum(len(piece.ids) for piece in row.pieces[:number])
    size = len(row.pieces[number].ids)
    texts, at = [], 0
    for token in row.tokens:
        if before <= at < before + size:
            texts.append(token.text)
        at += len(token.ids)
    return texts


def _marked(kind: str, text: str, colour: bool) -> tuple[str, str]:
    """Text and style: the style tells on a terminal, marks do elsewhere."""
    if colour:
        return text, STYLES[kind]
    return text.join(MARKS[kind]), ""


def _sum(found: Preview) -> str:
    totals = found.totals
    share = totals["learned_tokens"] / totals["tokens"] if totals["tokens"] else 0.0
    return (
        f"{totals['rows']:,} training rows, {totals['tokens']:,} tokens, {totals['learned_tokens']:,} learned "
        f"({100 * share:.0f} %), the longest row {totals['longest_row']:,}; max_length {found.max_length:,}: "
        f"{totals['cut']:,} rows cut, {totals['dropped']:,} dropped. Template: {found.template}."
    )
