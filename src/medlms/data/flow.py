"""Follows rows from the files to the tokens and checks that none is lost or counted twice on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medlms.data import copies, duplicates, exclude

PARTS = ("train", "dev", "eval")
READING, CLEANING, EXCLUDED, REPEATS, COPIES = "reading", "cleaning", "excluded rows", "repeated rows", "near copies"
STEPS = {
    READING: "unusable as read",
    CLEANING: "unusable after cleaning",
    EXCLUDED: "left out by a list",
    REPEATS: "repeat an earlier row",
    COPIES: "nearly repeat an earlier row",
}
"""Steps that drop rows, in their order, and what these rows are."""
# Reasons that name their step; every other one is that of cleaning, but for the faults found on reading.
_REASONS = {
    exclude.LISTED: EXCLUDED,
    exclude.REPEATS: EXCLUDED,
    duplicates.REASON: REPEATS,
    copies.REASON: COPIES,
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the way: ``before`` rows came, ``dropped`` of them (by reason) went, ``left`` went on."""

    step: str
    before: int
    dropped: Mapping[str, int]
    left: int


@dataclass(frozen=True, slots=True)
class Flow:
    """The whole way. ``parts`` are the rows of train, dev, eval and not_drawn.

    ``whole``, ``cut`` and ``too_long`` part the training rows by what their length did to them; None before rows were
    turned into tokens.
    """

    rows_in: int
    stages: tuple[Stage, ...]
    kept: int
    parts: Mapping[str, int]
    whole: int | None = None
    cut: int | None = None
    too_long: int | None = None


def step_of(reason: str, *, read: bool = False) -> str:
    """The step that drops rows for ``reason``; ``read`` where the fault was found on reading."""
    return READING if read else _REASONS.get(reason, CLEANING)


def follow(account: Mapping[str, Any], source: str | None = None) -> Flow:
    """The way of all rows of a data report, or of one source's. ArithmeticError where a row is lost or counted twice."""
    check(account)
    sources = account["sources"]
    chosen = {source: sources[source]} if source is not None else sources
    rows_in = left = sum(item["rows_in"] for item in chosen.values())
    stages = []
    for step in _steps(chosen):
        dropped = sum((Counter(_by_step(item).get(step, {})) for item in chosen.values()), Counter[str]())
        stages.append(Stage(step, left, dict(dropped.most_common()), left - dropped.total()))
        left = stages[-1].left
    parts = {part: sum(item[part] for item in chosen.values()) for part in (*PARTS, "not_drawn")}
    tokens = account.get("tokens") or {}
    if source is not None or not tokens:
        return Flow(rows_in, tuple(stages), left, parts)
    cut, gone = len(tokens["cut"]), len(tokens["dropped"])
    return Flow(rows_in, tuple(stages), left, parts, tokens["rows"] - cut, cut, gone)


def check(account: Mapping[str, Any]) -> None:
    """ArithmeticError unless rows in = kept + dropped, kept = train + dev + eval + not drawn, and train = learned + too long.

    It holds for every source, for all together, and for the steps and the lengths where they are counted.
    """
    sources = account["sources"]
    for name, source in sources.items():
        _source(name, source)
    if totals := account.get("totals"):
        for key in ("rows_in", "kept", *PARTS, "not_drawn"):
            _same(f"{key} of all sources", totals[key], sum(source[key] for source in sources.values()))
    if tokens := account.get("tokens"):
        _tokens(tokens, sum(source["train"] for source in sources.values()))


def _source(name: str, source: Mapping[str, Any]) -> None:
    gone = sum(source["dropped"].values())
    _same(f"{name}: rows in, and kept or dropped", source["rows_in"], source["kept"] + gone)
    given = [source[part] for part in (*PARTS, "not_drawn")]
    _same(f"{name}: kept, and given out or left", source["kept"], sum(given))
    if min(given) < 0 or min(source["dropped"].values(), default=0) < 0:
        raise ArithmeticError(f"{name}: fewer than no rows: {source}")
    if "dropped_by_step" in source:
        summed: Counter[str] = Counter()
        for reasons in source["dropped_by_step"].values():
            summed.update(reasons)
        _same(f"{name}: dropped by reason, and by step", dict(source["dropped"]), dict(summed))


def _tokens(tokens: Mapping[str, Any], train: int) -> None:
    _same("training rows, and learned or too long", train, tokens["rows"] + len(tokens["dropped"]))
    if len(tokens["cut"]) > tokens["rows"] or tokens["learned_tokens"] > tokens["tokens"]:
        raise ArithmeticError(f"more cut than read: {len(tokens['cut'])} of {tokens['rows']} rows")
    if lengths := tokens.get("lengths"):
        _same("training rows, and rows by length", train, sum(item["rows"] for item in lengths["bins"]))
        over = sum(item["rows"] for item in lengths["bins"] if item["over"])
        _same("rows over the limit, and rows cut or dropped", over, len(tokens["cut"]) + len(tokens["dropped"]))


def _same(what: str, one: Any, other: Any) -> None:
    if one != other:
        raise ArithmeticError(f"The data report does not add up ({what}): {one} is not {other}.")


def _steps(sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = {step for source in sources.values() for step in _by_step(source)}
    return [step for step in STEPS if step in found] + sorted(found - set(STEPS))


def _by_step(source: Mapping[str, Any]) -> Mapping[str, Mapping[str, int]]:
    steps: Mapping[str, Mapping[str, int]] | None = source.get("dropped_by_step")
    if steps is not None:
        return steps
    return {"dropped": source["dropped"]} if source["dropped"] else {}
