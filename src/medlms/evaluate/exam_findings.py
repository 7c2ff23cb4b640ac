"""What the results of exams say, in few sentences: first of all which of them are better than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medlms.evaluate.chance import OUTCOMES

WAYS = {
    "letters": "by letter",
    "options": "by full option",
    "options_bytes": "by full option per byte",
    "generate": "by written answer",
}
"""The ways to ask and count, in words."""

UNREAD, BIASED = 0.05, 0.2
"""Shares of unread answers, and position bias, from which on they are spoken of."""


def exam_findings(exams: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each outcome against the floor, then on what to mind, then on tuned against base."""
    pairs = [(exam, item) for exam in exams for item in exam["results"]]
    found = []
    for outcome, words in OUTCOMES.items():
        names = [_subject(exam, item, _accuracy(item)) for exam, item in pairs if item["outcome"] == outcome]
        if names:
            found.append(f"{words}: {'; '.join(names)}.")
    biased = [_subject(exam, item, said) for exam, item in pairs if (said := _preferred(item))]
    if biased:
        found.append(f"A place in the list of options is preferred, whatever stands there: {'; '.join(biased)}.")
    unread = [_subject(exam, item, said) for exam, item in pairs if (said := _unread(exam, item))]
    if unread:
        found.append(f"Answers that could not be read, and count as wrong: {'; '.join(unread)}.")
    return [*found, *(_difference(exam, item) for exam in exams for item in exam["comparisons"])]


def _accuracy(item: Mapping[str, Any]) -> str:
    score = item["metrics"]["accuracy"]
    if score["low"] is None:
        return f"{100 * score['value']:.1f} %"
    return f"{100 * score['value']:.1f} % [{100 * score['low']:.1f}, {100 * score['high']:.1f}]"


def _preferred(item: Mapping[str, Any]) -> str:
    """The place that is chosen more often than right, where that is much and not by chance (about 95 %, by questions)."""
    places = item.get("places") or {}
    if (places.get("bias") or 0) < BIASED:
        return ""
    at = max(range(len(places["chosen"])), key=lambda place: places["chosen"][place] - places["right"][place])
    chosen, right = places["chosen"][at], places["right"][at]
    spread = (chosen * (1 - chosen) + right * (1 - right)) / (places["answers"] / places["orders"])
    if chosen - right < 2 * spread**0.5:
        return ""
    return f"{places['letters'][at]} in {100 * chosen:.0f} % of the answers, right in {100 * right:.0f} %"


def _unread(exam: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    if not item["unread"] or item["unread"] < UNREAD * exam["asked"]:
        return ""
    return f"{item['unread']:,} of {exam['asked']:,}"


def _difference(exam: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    low, high = item["low"], item["high"]
    about = f"{exam['name']} {WAYS.get(item['way'], item['way'])}"
    if low is None or high is None:
        return f"{about}: whether tuned or base is better can't be told from so few questions."
    shown = f"{100 * item['difference']:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}], p = {item['p_value']:.3f}"
    if low <= 0 <= high:
        return f"{about}: there is no measurable difference between tuned and base ({shown})."
    return f"{about}: tuned is {'better' if low > 0 else 'worse'} than base ({shown})."


def _subject(exam: Mapping[str, Any], item: Mapping[str, Any], said: str) -> str:
    return f"{item['system']} on {exam['name']} {WAYS.get(item['way'], item['way'])} ({said})"
