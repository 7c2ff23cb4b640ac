"""What spoils texts, and how a text looks without it: functions from text to text, and tests of whole answers."""

from __future__ import annotations

import html
import re
from urllib.parse import unquote_to_bytes

_UNSEEN = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")
_BLANK_LINES = re.compile(r"\n{2,}")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
# A percent sign behind a digit is a share, such as 5%20 of a text that lost a space.
_ESCAPES = re.compile(r"(?<![\d.])(?:%[0-9A-Fa-f]{2})+")
# Attributes have values: "a <b and c> d" is no tag.
_ATTRIBUTES = r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s<>"']+))*\s*/?>"""
_BLOCKS = re.compile(
    r"</?(?:p|br|hr|div|li|ul|ol|dl|dt|dd|tr|table|tbody|thead|h[1-6]|pre|blockquote|center|gallery)" + _ATTRIBUTES,
    re.IGNORECASE,
)
_INLINE = re.compile(
    r"</?(?:a|b|i|u|s|em|tt|td|th|big|img|ref|sub|sup|font|span|strong|small|code|nowiki|references)" + _ATTRIBUTES,
    re.IGNORECASE,
)
_UNREAD = re.compile(r"<!--.*?-->|<(script|style|ref)\b[^<>]*>.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_DOUBLED = re.compile(r"\?(?:\s*\?)+")
_SPACED = re.compile(r"\s+\?")
_QUOTED = re.compile(r"""(["'“])([^"“”]+)(["'”])""")
_ONLY_QUESTION = re.compile(r"\s*[^.!?\n]{3,250}\?\s*")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_BESIDE_LINKS = frozenset(
    "see visit source sources link links more info information at here from and or read the".split()
) | {""}
# Where no text ends: at an opening bracket, a comma, or a word that needs another one.
_LONGEST_END = 4  # characters: the longest of these words, and the one before it
_BREAKS_OFF = re.compile(r"(?:[,(\[{]|\b(?:and|or|the|an))\Z")


def line_ends(text: str) -> str:
    """Line feeds for whatever ends lines."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def entities(text: str) -> str:
    """``&amp;`` and the like as what they stand for."""
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def escapes(text: str) -> str:
    """``%27`` and the like as what they stand for."""
    return _ESCAPES.sub(_unescaped, text) if "%" in text else text


def tags(text: str) -> str:
    """The text without HTML tags; those that part paragraphs, items and rows become line ends."""
    if "<" not in text:
        return text
    return _INLINE.sub("", _BLOCKS.sub("\n", _UNREAD.sub("", text)))


def white_space(text: str) -> str:
    """Single spaces inside lines, no outer ones; line ends stay, and one blank line at most parts paragraphs."""
    lines = [" ".join(line.split()) for line in _seen(text).split("\n")]
    return lines[0] if len(lines) == 1 else _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def one_line(text: str) -> str:
    """Single spaces, and no line ends."""
    return " ".join(_seen(text).split())


def unquoted(text: str) -> str:
    """A text that stands in quotation marks as a whole without them."""
    match = _QUOTED.fullmatch(text.strip())
    return match[2].strip() if match else text


def one_mark(text: str) -> str:
    """One question mark for several."""
    return _DOUBLED.sub("?", text)


def close_mark(text: str) -> str:
    """No space before a question mark."""
    return _SPACED.sub("?", text)


def only_question(answer: str) -> bool:
    """Whether an answer is nothing but a question."""
    return bool(_ONLY_QUESTION.fullmatch(answer))


def only_links(answer: str) -> bool:
    """Whether an answer is nothing but addresses and words that point to them."""
    if "://" not in answer and "www." not in answer.lower():
        return False
    links = 0
    for word in answer.split():
        if _LINK.match(word.strip("(<[\"'")):
            links += 1
        elif word.strip(".,:;()[]<>\"'-").lower() not in _BESIDE_LINKS:
            return False
    return links > 0


def breaks_off(answer: str) -> bool:
    """Whether an answer ends where no sentence and no item of a list can."""
    return bool(_BREAKS_OFF.search(answer.rstrip()[-_LONGEST_END:]))


def _unescaped(match: re.Match[str]) -> str:
    content = unquote_to_bytes(match[0])
    for encoding in ("utf-8", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text if text.isprintable() else match[0]
    return match[0]


def _seen(text: str) -> str:
    return text if text.isascii() else _UNSEEN.sub("", text)
