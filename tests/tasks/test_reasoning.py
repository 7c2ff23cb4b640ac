"""Where the answer stands in a text that reasons first."""

import pytest

from medlms.tasks.reasoning import CUT, UNMARKED, conclusion, marked, with_drafts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A is wrong, B too.\nAnswer: C", "Answer: C"),
        ("Answer: A\nWait, no.\n**Answer:** B", "Answer:** B"),
        ("So the answer is (D).", "answer is (D)."),
        ("B", "B"),
    ],
)
def test_the_last_conclusion_counts(text, said):
    assert conclusion(text, cut=False) == (said, "")


def test_a_cut_text_without_a_conclusion_says_nothing():
    assert conclusion("Aspirin would be one way, but", cut=True) == ("", CUT)
    assert conclusion("Answer: B\nBecause aspirin", cut=True) == ("Answer: B\nBecause aspirin", "")


@pytest.mark.parametrize(
    ("text", "cut", "found"),
    [
        ("Gout hurts.\nAnswer: Rest.", False, ("Rest.", "")),
        ("**Answer:** Rest.", False, ("Rest.", "")),
        ("Rest.", False, ("", UNMARKED)),
        ("Rest and", True, ("", CUT)),
        ("Answer:", False, ("", UNMARKED)),
        (" ", False, ("", "empty")),
    ],
)
def test_an_open_answer_is_what_follows_the_mark(text, cut, found):
    assert marked(text, cut=cut) == found


def test_all_drafts_are_shown():
    text = with_drafts("Why?", ["first", "  ", "third"], "Now.")
    assert text.startswith("Why?") and text.endswith("Now.")
    assert "Draft 1:\nfirst" in text and "Draft 2:\n(no answer)" in text and "Draft 3:\nthird" in text
