"""What prompting strategies say beside the question, and where the answer stands in a text that reasons first."""

from __future__ import annotations

import re
from collections.abc import Sequence

EXAM = 'Think step by step. Then end with a line "Answer: X", where X is the letter of the right option.'
OPEN = 'Think step by step first. Then write "Answer:" and behind it the answer alone.'
DRAFTS = "These are drafts of an answer to it. They may be wrong, and may contradict one another."
REFINE_EXAM = f"Judge the drafts. {EXAM}"
REFINE_OPEN = "Judge the drafts, and write one answer that is better than each of them. Write the answer alone."
SILENT = "(no answer)"
PLAIN_STOP = ("\nQuestion:",)
"""Where reasoning behind a plain text ends: it may hold empty lines."""

UNMARKED, CUT = "no answer marked", "cut before its answer"
_MARKED = re.compile(r"\banswer\b[*_`]*\s*:", re.IGNORECASE)
_SPOKEN = re.compile(r"\b(?:final\s+answer|answer)\b", re.IGNORECASE)


def with_drafts(question: str, drafts: Sequence[str], ending: str) -> str:
    """The question, all of its drafts, numbered, and what is to be done with them."""
    shown = [f"Draft {number}:\n{draft.strip() or SILENT}" for number, draft in enumerate(drafts, 1)]
    return "\n\n".join([question, DRAFTS, *shown, ending])


def conclusion(text: str, *, cut: bool) -> tuple[str, str]:
    """The part of a reasoned text that says which option is right, and an empty problem; or nothing and ``CUT``.

    It is what begins with the last "Answer:", else with the last "answer" of any kind, else the whole text. A text that the
    limit ``cut`` before any of these has no conclusion: options that it weighs up on the way are not its answer.
    """
    for mark in (_MARKED, _SPOKEN):
        if found := list(mark.finditer(text)):
            return text[found[-1].start() :], ""
    return ("", CUT) if cut else (text, "")


def marked(text: str, *, cut: bool) -> tuple[str, str]:
    """The open answer behind the last "Answer:", and an empty problem; or nothing and ``CUT`` or ``UNMARKED``."""
    found = list(_MARKED.finditer(text))
    answer = text[found[-1].end() :].strip(" *_`\n") if found else ""
    return (answer, "") if answer else ("", CUT if cut else UNMARKED if text.strip() else "empty")
