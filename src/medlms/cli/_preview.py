"""Draws previewed rows: in colour on a terminal, with plain marks elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlms.report.untrusted import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from medlms.road.preview import Preview, Shown

# Told apart by hue for every kind of colour blindness, and by weight and line without any.
STYLES = {"given": "", "learned": "bold cyan", "cut": "yellow strike"}
MARKS = {"given": ("", ""), "learned": ("{+", "+}"), "cut": ("[-", "-]")}  # those of git diff --word-diff
BETWEEN = "¦"
FAULTS = 10


def draw(found: Preview, console: Console, *, tokens: bool, ids: bool = False) -> None:
    """Every row, and what tuning would make of all rows; with ``ids`` each token is followed by its number."""
    from rich.text import Text

    # NO_COLOR, or a terminal that has none, gets the marks.
    colour = console.is_terminal and not console.no_color and console.color_system is not None
    legend = Text("learned: ").append(*_marked("learned", "the assistant's turns and their ends", colour))
    legend.append("   cut off: ").append(*_marked("cut", "not read", colour))
    console.print(legend, soft_wrap=True)
    for row in found.rows:
        console.print(Text("\n").append(_title(row), style="bold"), soft_wrap=True)
        console.print(_body(row, colour, tokens, ids), soft_wrap=True)
    console.print(Text("\n" + _sum(found)), soft_wrap=True)
    for fault in found.faults[:FAULTS]:
        console.print(Text(f"    {visible(fault.place)}: {fault.reason}: {fault.detail}"), soft_wrap=True)
    if len(found.faults) > FAULTS:
        console.print(Text(f"    and {len(found.faults) - FAULTS:,} more; --json lists all"), soft_wrap=True)


def _title(row: Shown) -> str:
    held = {"train": "training row", "dev": "development row", "eval": "evaluation row"}[row.part]
    whole, learned = row.count("given", "learned"), row.count("learned")
    counts = f"{whole:,} tokens, {learned:,} of them {'learned' if row.part == 'train' else 'scored'}"
    counts += f" ({100 * learned / whole:.0f} %)" if whole else ""
    counts += f", {row.count('cut'):,} cut off" if row.count("cut") else ""
    said = f"; {row.said}" if row.said else ""
    return f"{visible(row.id)} ({held}, {visible(row.place)}): {counts}{said}"


def _body(row: Shown, colour: bool, tokens: bool, ids: bool) -> Text:
    from rich.text import Text

    body = Text()
    last = ""
    # Each token is marked apart on a terminal; elsewhere marks go around whole pieces.
    for number, piece in enumerate(row.tokens if tokens or ids else row.pieces):
        before, after = MARKS[last] if last else ("", ""), MARKS[piece.kind]
        opens = piece.kind != last
        if opens and not colour:
            body.append(before[1])
        if number and tokens and (colour or not opens):
            body.append(BETWEEN, style="dim")
        if opens and not colour:
            body.append(after[0])
        body.append(visible(piece.text), style=STYLES[piece.kind] if colour else "")
        if ids:
            body.append(f"⟨{' '.join(map(str, piece.ids))}⟩", style="dim" if colour else "")
        last = piece.kind
    if last and not colour:
        body.append(MARKS[last][1])
    return body


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
