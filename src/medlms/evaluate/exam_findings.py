"""What the results of exams say, in sentences: first of all whether a system does better than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WAYS = {
    "letters": "letters",
    "options": "full options",
    "options_bytes": "full options by bytes",
    "generate": "written answers",
}
"""The ways to ask and count, in words."""

UNREAD, BIASED = 0.05, 0.2
"""Shares of unread answers, and of answers that a preferred place explains, from which on they are spoken of."""


def exam_findings(exams: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences in the order of the exams and systems."""
    return [sentence for exam in exams for sentence in _of_exam(exam)]


def _of_exam(exam: Mapping[str, Any]) -> list[str]:
    found = []
    for item in exam["results"]:
        found.append(f"{_subject(exam, item)}: {item['verdict']}")
        if exam["asked"] and item["unread"] >= UNREAD * exam["asked"]:
            why = ", ".join(f"{reason} {count:,}" for reason, count in item["unread_why"].items())
            found.append(
                f"{_subject(exam, item)}: {item['unread']:,} of {exam['asked']:,} answers could not be read and count as wrong "
                f"({why})."
            )
        found += _bias(exam, item)
    found += [_difference(exam, item) for item in exam["comparisons"]]
    return found


def _bias(exam: Mapping[str, Any], item: Mapping[str, Any]) -> list[str]:
    places = item.get("places") or {}
    if (places.get("bias") or 0) < BIASED:
        return []
    at = max(range(len(places["chosen"])), key=lambda place: places["chosen"][place] - places["right"][place])
    sentence = (
        f"{_subject(exam, item)}: it chose {places['letters'][at]} in {100 * places['chosen'][at]:.0f} % of its answers, which is "
        f"right in {100 * places['right'][at]:.0f} %: the place in the list counts more than what stands there."
    )
    return [sentence]


def _difference(exam: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    low, high = item["low"], item["high"]
    about = f"{exam['name']}, {WAYS.get(item['way'], item['way'])}"
    if low is None or high is None:
        return f"{about}: whether tuned or base is better can't be told from so few questions."
    shown = f"{100 * item['difference']:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}], p = {item['p_value']:.3f}"
    if low <= 0 <= high:
        return f"{about}: there is no measurable difference between tuned and base ({shown})."
    return f"{about}: tuned is {'better' if low > 0 else 'worse'} than base ({shown})."


def _subject(exam: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    return f"{item['system']} on {exam['name']}, {WAYS.get(item['way'], item['way'])}"
