"""Tuned against the best of the systems beside it: the one comparison that a reader must not have to look for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medlms.types import Comparison, Score


@dataclass(frozen=True, slots=True)
class Rival:
    """The highest score of another system on a metric, out of ``of`` such systems, beside tuned's own."""

    metric: str
    name: str
    value: float
    own: float
    of: int


def rivals(scores: Mapping[str, Sequence[Score]], metrics: Sequence[str], *, tuned: str = "tuned") -> list[Rival]:
    """For each metric the best of the other systems; nothing where there are not two others, or no tuned one.

    The best is chosen on the graded rows, which favours the others: the luck of the best of several is on their side.
    """
    found = []
    for metric in metrics:
        values = {name: item.value for name, items in scores.items() for item in items if item.metric == metric}
        own = values.pop(tuned, None)
        if own is None or len(values) < 2:
            continue
        best = max(values, key=lambda name: values[name])
        found.append(Rival(metric, best, values[best], own, len(values)))
    return found


def sentence(
    rival: Rival, difference: Comparison | None, outcome: str, *, title: str, span: str, tuned: str = "tuned"
) -> str:
    """What came out against the best: ``outcome`` is the verdict's word for it, ``span`` the difference with its interval."""
    best = f"the best of the {rival.of} systems beside it, {rival.name.replace('_', '-')} ({rival.value:.3f})"
    opening = f"On {title} {tuned} ({rival.own:.3f})"
    if difference is None:
        return f"{opening} was not compared with {best}."
    words = {
        "won": f"beats {best}, by {span}",
        "lost": f"is worse than {best}: {span}",
        "leads": f"is ahead of {best} by {span}, which may be chance",
        "trails": f"is behind {best}: {span}, which may be chance",
        "level": f"and {best}, are not measurably different: {span}",
        "unknown": f"and {best}, can't be told apart: all questions belong to one group",
    }
    return f"{opening} {words[outcome]}."
