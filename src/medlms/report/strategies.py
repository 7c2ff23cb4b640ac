"""The tables of prompting strategies: what each achieved, against the first of them, and the tokens that it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medlms.report.shape import Report, StrategyPart
from medlms.report.tables import NOTHING, Cell, Table, capital, count, interval, measure, number, p_value, signed, title

HEADING = "Prompting strategies"
OPEN = "answers"
MEANINGS = (
    ("Against the first", "the paired difference to the strategy that the config names first, on the same questions, and its p, "
     "adjusted for all comparisons of strategies in this report (Holm)."),
    ("Unread", "questions without a readable answer, which count as wrong. Where several answers are drawn, none of them could "
     "be read; those that can't be read have no vote."),
    ("Cut", "share of all single answers that the limit of tokens cut."),
    ("Agreement", "on exams the mean share of the answers drawn that name the option chosen; of open answers the mean token F1 "
     "of the one chosen to the others drawn."),
    ("Tokens a question", "of all answers that were written for it, the prompt counted with each, as a service would charge. "
     "Here a prompt that several answers share is read once, so time grows less than tokens do."),
)  # fmt: skip


def found(report: Report) -> Sequence[StrategyPart]:
    """The exams and the open questions that strategies were asked."""
    return report.get("strategies") or []


def heading(part: StrategyPart) -> str:
    """What was asked."""
    return "Open questions" if part.get("name") == OPEN else str(part.get("name") or "exam")


def table(report: Report, part: StrategyPart) -> Table:
    """A row for each system and strategy."""
    items = part.get("results") or []
    names = list(dict.fromkeys(name for item in items for name in item.get("metrics") or {}))
    against = {(item["system"], item["a"]): item for item in part.get("comparisons") or []}
    rows = tuple(
        (
            Cell(_label(report, item)),
            *(_score(item["metrics"].get(name) or {}, measure(name).kind) for name in names),
            _against(against.get((item["system"], item["strategy"])), measure(names[0]).kind),
            Cell(count(item["unread"])),
            Cell(f"{number(item['cut'], 'percent')} %"),
            Cell(number(item["agreement"], "share") if item.get("agreement") is not None else NOTHING),
            Cell(f"{item['answers']:g}"),
            Cell(f"{item['prompt_tokens']:,.0f}"),
            Cell(f"{item['new_tokens']:,.0f}"),
        )
        for item in items
    )
    columns = (
        "Strategy", *(measure(name).label for name in names), "Against the first", "Unread", "Cut", "Agreement",
        "Answers a question", "Prompt tokens a question", "New tokens a question",
    )  # fmt: skip
    caption = (
        f"{heading(part)}: {count(part.get('asked'))} questions by prompting strategy, 95 % intervals in brackets."
    )
    unread = [
        f"{_label(report, item)}: "
        + ", ".join(f"{reason} {count(times)}" for reason, times in item["unread_why"].items())
        for item in items
        if item["unread_why"]
    ]
    notes = (f"Unread, by reason. {'; '.join(unread)}.",) if unread else ()
    return Table(f"strategies-{part.get('name')}", caption, columns, rows, notes)


def label(key: str) -> str:
    """A strategy's key in words: ``self_consistency-n11-t0.7`` is "self consistency, n 11, temperature 0.7"."""
    kind, *marks = key.split("-")
    words = {"n": "n ", "t": "temperature ", "d": "drafts ", "s": "refined ", "p": "top p "}
    said = [
        f"{mark} shot{'s' * (mark != '1')}" if mark[0].isdigit() else f"{words.get(mark[0], mark[0])}{mark[1:]}"
        for mark in marks
        if mark
    ]
    return ", ".join([kind.replace("_", " "), *said])


def _label(report: Report, item: Mapping[str, Any]) -> str:
    return f"{capital(title(report, item['system']).partition(' (')[0])}, {label(item['strategy'])}"


def _score(score: Mapping[str, Any], kind: str) -> Cell:
    return Cell(number(score.get("value"), kind), interval(score.get("low"), score.get("high"), kind))


def _against(item: Mapping[str, Any] | None, kind: str) -> Cell:
    if item is None:
        return Cell(NOTHING)
    shown = interval(item["low"], item["high"], kind, sign=True)
    return Cell(signed(item["difference"], kind), shown, f"p {p_value(item['p_adjusted'])}")
