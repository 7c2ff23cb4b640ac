"""Reads which option a generated answer names. Where it names none, or more than one, that is said, and nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

EMPTY, NONE, SEVERAL = "empty", "no option named", "several options named"
OUTSIDE, DISAGREE, REFUSED = "letter outside the options", "letter and text disagree", "refused"
PROBLEMS = (EMPTY, NONE, SEVERAL, OUTSIDE, DISAGREE, REFUSED)

_MARKUP = re.compile(r"\\boxed\s*\{([^{}]*)\}|\\text\s*\{([^{}]*)\}|[*_`#$]+")
_SPACE = re.compile(r"[^\S\n]+")
# A letter with its brackets. A bare "A" or "I" is a word too: it needs an end behind it (see _is_word).
_LETTER = r"[\(\[]?\b([A-Za-z])\b[\)\]]?"
_STATED = re.compile(
    r"\b(?:final\s+answer|answer|option|choice|letter|choose|select|pick|go\s+with)\b"
    r"(?:\s+(?:to\s+the\s+question|here|would\s+be|should\s+be|must\s+be|will\s+be|is|are|option|choice|letter|the|correct|right"
    r"|most\s+likely|best|therefore|thus|clearly))*\s*(?::|=|-|–|is)?\s*(?:option|choice|letter)?\s*" + _LETTER,
    re.IGNORECASE,
)
_IS_RIGHT = re.compile(
    _LETTER + r"[.:,]?\s+(?:is|seems|would\s+be|must\s+be)\s+(?:the\s+)?(?:most\s+likely\s+)?(?:correct|right|best|true)\b"
)
_FINAL = re.compile(r"\bfinal\s+answer\b", re.IGNORECASE)
_AT_START = re.compile(r"^\s*[\(\[]?([A-Za-z])(?:[\)\].:,;]|\s*$|\s+[-–]\s)", re.MULTILINE)
_BRACKETED = re.compile(r"[\(\[]([A-Z])[\)\]]")
_JOINED = re.compile(r"^\s*[\(\[]?([A-Z])[\)\]]?\s*(?:,|/|or|and|&)\s*[\(\[]?([A-Z])\b[\)\]]?")
_REFUSAL = re.compile(
    r"\b(?:i(?:\s+am|['’]m)\s+(?:sorry|unable|not\s+able)|(?:can\s?not|can['’]t|unable\s+to|not\s+able\s+to)\s+(?:answer|provide|"
    r"give|help|assist|determine|choose)|as\s+an\s+ai|i\s+do(?:n['’]t|\s+not)\s+know|not\s+(?:a|qualified\s+as\s+a)\s+doctor)",
    re.IGNORECASE,
)


def option_named(text: str, options: Sequence[str]) -> tuple[int | None, str]:
    """The index of the option that ``text`` names, and an empty problem; or None and one of ``PROBLEMS``.

    ``options`` are in the order in which they were lettered. Looked at in this order, the first that tells decides: a
    statement ("the answer is (B)", "B is correct"; a "final answer" before others), a letter at the start of a line ("B.",
    "(b) aspirin"), an option's own words, a letter in brackets. A letter followed by another option's words is a problem.
    """
    text = _plain(text)
    if not text:
        return None, EMPTY
    for look in (_statements, _starts, _words, _brackets):
        found = look(text, options)
        if found:
            return _decide(found, options)
    return None, REFUSED if _REFUSAL.search(text) else NONE


def _plain(text: str) -> str:
    """Without Markdown and LaTeX marks, blanks in one."""
    bare = _MARKUP.sub(lambda match: match[1] or match[2] or "", text)
    return _SPACE.sub(" ", bare).strip()


def _decide(found: Sequence[tuple[int, str]], options: Sequence[str]) -> tuple[int | None, str]:
    """Of (index, words behind it) pairs the one option, or what is wrong with them."""
    named = {index for index, _ in found}
    if len(named) > 1:
        return None, SEVERAL
    (index,) = named
    if index >= len(options):
        return None, OUTSIDE
    for _, behind in found:
        begun = _begun_with(behind, options)
        if begun is not None and begun != index:
            return None, DISAGREE
    return index, ""


def _statements(text: str, options: Sequence[str]) -> list[tuple[int, str]]:
    matches = [match for match in _STATED.finditer(text) if not _is_word(match, text)]
    final = [match for match in matches if _FINAL.match(match[0])]
    if final:
        return [_pair(final[-1], text)]
    right = [match for match in _IS_RIGHT.finditer(text) if not match[1].islower()]
    return [_pair(match, text) for match in (*matches, *right)]


def _starts(text: str, options: Sequence[str]) -> list[tuple[int, str]]:
    if match := _JOINED.match(text):
        return [(LETTERS.index(letter), "") for letter in match.groups()]
    found = [_pair(match, text) for match in _AT_START.finditer(text)]
    if not found:
        # "B aspirin": a bare letter counts where the option's own words follow.
        match = re.match(r"\s*([A-Za-z])\s+(?=\S)", text)
        if match and _begun_with(text[match.end() :], options) is not None:
            return [_pair(match, text)]
    return found


def _words(text: str, options: Sequence[str]) -> list[tuple[int, str]]:
    """Options whose words stand in the text, but for those inside a longer one's; one alone where the text begins with it."""
    if (begun := _begun_with(text, options)) is not None:
        return [(begun, "")]
    folded = f" {_folded(text)} "
    spans = [(at, at + len(words), index) for index, words, at in _places(folded, options)]
    outer = [
        (start, end, index)
        for start, end, index in spans
        if not any(s <= start and end <= e and e - s > end - start for s, e, _ in spans)
    ]
    return [(index, "") for _, _, index in outer]


def _brackets(text: str, options: Sequence[str]) -> list[tuple[int, str]]:
    return [(LETTERS.index(match[1]), "") for match in _BRACKETED.finditer(text)]


def _places(folded: str, options: Sequence[str]) -> Iterator[tuple[int, str, int]]:
    for index, option in enumerate(options):
        words = f" {_folded(option)} "
        if not words.strip():
            continue
        at = folded.find(words)
        while at >= 0:
            yield index, words, at
            at = folded.find(words, at + 1)


def _begun_with(text: str, options: Sequence[str]) -> int | None:
    """The option with whose words the text begins, the longest where several fit."""
    folded = f"{_folded(text)} "
    fitting = [i for i, option in enumerate(options) if _folded(option) and folded.startswith(f"{_folded(option)} ")]
    return max(fitting, key=lambda index: len(_folded(options[index])), default=None)


def _pair(match: re.Match[str], text: str) -> tuple[int, str]:
    rest = text[match.end() :].split("\n", 1)[0]
    return LETTERS.index(match[1].upper()), rest.lstrip(" .:,;)]-–")


def _is_word(match: re.Match[str], text: str) -> bool:
    """Whether the "letter" is the word ``a`` or ``I`` of a sentence: no bracket, and a small word right behind it."""
    if match[0][-1] in ")]":
        return False
    behind = text[match.end() :]
    return match[1] in "aAI" and re.match(r" (?!is\b|because\b|since\b|as\b)[a-z]", behind) is not None


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
