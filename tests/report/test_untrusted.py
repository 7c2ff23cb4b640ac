from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlms.report.untrusted import as_html, as_markdown, one_line, visible

ANY = st.text(st.characters(exclude_categories=()))


@given(ANY)
def test_visible_text_can_be_encoded_and_holds_no_control_characters(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert not [c for c in shown if (ord(c) < 0x20 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 or c == "\u202e"]


@given(ANY)
def test_html_holds_no_markup_and_gives_the_text_back(text: str) -> None:
    shown = as_html(text)
    assert not set(shown) & set("<>\"'")
    assert html.unescape(shown) == visible(text)


def test_reordering_characters_are_spelled_out() -> None:
    assert visible("a\u202eb") == "a[U+202E]b"


def test_line_breaks_survive() -> None:
    assert visible("a\r\nb\tc") == "a\nb\tc"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b>", "&lt;b&gt;"),
        ("a*b_c`d|e", "a\\*b\\_c\\`d\\|e"),
        ("[x](y)", "\\[x\\](y)"),
        ("1. one", "1\\. one"),
        ("- one", "\\- one"),
        ("# one", "\\# one"),
        ("0.25 mg", "0.25 mg"),
        ("see https://example.org", "see https\\://example.org"),
        ("www.example.org", "www\\.example.org"),
        ("&lt;", "&amp;lt;"),
        ("    code", "&nbsp;&nbsp;&nbsp;&nbsp;code"),
    ],
)
def test_markdown_shows_the_text_letter_by_letter(text: str, shown: str) -> None:
    assert as_markdown(text) == shown


def test_one_line_folds_white_space() -> None:
    assert one_line(" a\n\n b\tc ") == "a b c"
