"""Makes text from outside safe to show. What a model says may hold markup, control characters or half characters."""

from __future__ import annotations

import html
import re
import unicodedata

_LINE_START = re.compile(r"^([ \t]*)([-+=]|\d{1,9}[.)](?=\s|$))?", re.MULTILINE)
_MARKDOWN = re.compile(r"([\\`*_\[\]|~$#!])")
_WEB = re.compile(r"\b(https?|ftp|mailto|xmpp):|\bwww\.", re.IGNORECASE)
# Characters that reorder the text after them: a reader would not see what is written.
_REORDERING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(text: object) -> str:
    """``text`` with every character that can't be seen or encoded replaced by a sign for it; lines and tabs stay."""
    return "".join(_sign(character) for character in str(text).replace("\r\n", "\n"))


def as_html(text: object) -> str:
    """``text`` for an HTML or SVG body or a quoted attribute."""
    return html.escape(visible(text), quote=True)


def as_markdown(text: object) -> str:
    """``text`` as Markdown that shows it letter by letter: no markup, no raw HTML, no links."""
    escaped = _MARKDOWN.sub(r"\\\1", visible(text))
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = _WEB.sub(lambda match: match[0][:-1] + "\\" + match[0][-1], escaped)
    return _LINE_START.sub(_escape_start, escaped)


def one_line(text: object) -> str:
    """``text`` with all white space folded to single spaces."""
    return " ".join(str(text).split())


def _escape_start(match: re.Match[str]) -> str:
    indent, mark = "&nbsp;" * len(match[1].expandtabs(4)), match[2]
    return f"{indent}{mark[:-1]}\\{mark[-1]}" if mark else indent


def _sign(character: str) -> str:
    if character in "\n\t":
        return character
    if character in _REORDERING:
        return f"[U+{ord(character):04X}]"
    category = unicodedata.category(character)
    if category == "Cc":
        number = ord(character)
        return chr(0x2400 + number) if number < 0x20 else "\u2421" if number == 0x7F else f"[U+{number:04X}]"
    return "\ufffd" if category == "Cs" or (ord(character) & 0xFFFE) == 0xFFFE else character
