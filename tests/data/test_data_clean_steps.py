"""The steps of cleaning one by one: each can be switched off, and the account of them adds up."""

import re

import pytest

from medlms import datasets
from medlms.config import Clean
from medlms.data import clean, marks
from medlms.datasets import Noise
from medlms.types import Dialogue

NOISE = (
    Noise("left over from a chat", "question", re.compile("rephrase"), step="chat"),
    Noise("frame", "answer", re.compile(r"Summary : "), ""),
)
# switch -> a row that it alone mends or drops, and what is left (None: dropped).
ROWS = {
    "white_space": (("Why?", "One  two."), ("Why?", "One two.")),
    "escapes": (("Why?", "One &amp; two."), ("Why?", "One & two.")),
    "html": (("Why?", "One<br>two <b>three</b>."), ("Why?", "One\ntwo three.")),
    "question_marks": (("Why ?", "So."), ("Why?", "So.")),
    "chat": (("Please rephrase?", "So."), None),
    "boilerplate": (("Why?", "Summary : So."), ("Why?", "So.")),
    "links": (("Why?", "See https://example.org/a."), None),
    "repeated_question": (("Why hiccups?", "Why hiccups? So."), ("Why hiccups?", "So.")),
    "cut_off": (("Why?", "Because of the"), None),
}


def test_every_switch_is_tried() -> None:
    assert set(ROWS) == set(Clean.model_fields)


@pytest.mark.parametrize("switch", ROWS)
def test_a_step_does_its_work_alone_and_leaves_it_when_switched_off(qa, switch: str) -> None:
    (question, answer), left = ROWS[switch]
    row = qa("1", question, answer)
    alone = Clean(**{name: name == switch for name in Clean.model_fields})
    done = clean.clean([row], NOISE, alone)
    assert [(item.question, item.answer) for item in done.examples] == ([left] if left else [])
    assert len(done.dropped) == (left is None)
    off = clean.clean([row], NOISE, Clean(**{switch: False}))
    assert [(item.question, item.answer) for item in off.examples] == [(question, answer)]
    assert not any(off.changed.values())


def test_with_all_off_nothing_changes_but_empty_rows_go(qa) -> None:
    rows = [qa(switch, *texts) for switch, (texts, _) in ROWS.items()]
    off = Clean(**dict.fromkeys(Clean.model_fields, False))
    done = clean.clean([*rows, qa("empty", "Why?", " ")], NOISE, off)
    assert done.examples == rows
    assert [fault.reason for fault in done.dropped] == ["empty answer"]


def test_the_account_adds_up_and_shows_examples(qa) -> None:
    rows = [qa(f"{switch}{n}", *texts) for n in range(5) for switch, (texts, _) in ROWS.items()]
    rows.append(qa("empty", "\u200b", "So."))
    done = clean.clean(rows, NOISE)
    assert done.account[0]["rows_before"] == len(rows)
    assert done.account[-1]["rows_after"] == len(done.examples)
    for step, after in zip(done.account, done.account[1:], strict=False):
        assert step["rows_after"] == step["rows_before"] - step["dropped"] == after["rows_before"]
    by_what = {step["what"]: step for step in done.account}
    assert by_what["left over from a chat"]["dropped"] == by_what["answer breaks off"]["dropped"] == 5
    assert by_what[clean.EMPTY]["dropped"] == 1
    frame = by_what["frame"]
    assert (frame["switch"], frame["changed"], frame["dropped"]) == ("boilerplate", 5, 0)
    assert (frame["characters_before"], frame["characters_after"]) == (5 * len("Summary : So."), 5 * len("So."))
    assert frame["examples"][0] == {"place": "set.jsonl:boilerplate0", "before": "Summary : So.", "after": "So."}
    assert len(frame["examples"]) == clean.EXAMPLES
    assert sum(step["dropped"] for step in done.account) == len(done.dropped)


def test_a_row_counts_once_a_step(qa) -> None:
    done = clean.clean([qa("1", "Why  so?", "One  two.")])
    assert done.changed["white space"] == 1


def test_dialogues_keep_their_questions(qa) -> None:
    row = qa("1", "Hi  there?", "Where does it hurt?")
    talk = Dialogue(**{name: getattr(row, name) for name in row.__slots__}, between=("Tell  me?", "Here &amp; there"))
    done = clean.clean([talk])
    made = done.examples[0]
    assert isinstance(made, Dialogue)
    assert (made.question, made.between, made.answer) == (
        "Hi there?",
        ("Tell me?", "Here & there"),
        "Where does it hurt?",
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a<br/>b", "a\nb"),
        ("<p class='x'>a</p>", "\na\n"),
        ('see <a href="https://example.org/?a=1">here</a>', "see here"),
        ("a<!-- no -->b<style type=x>p {}</style>c", "abc"),
        ("H<sub>2</sub>O", "H2O"),
        ("p<0.05 and b>3", "p<0.05 and b>3"),
        ("if a <b and c> d", "if a <b and c> d"),
        ("<name> takes <drug>", "<name> takes <drug>"),
        ("1 < 2 <3", "1 < 2 <3"),
    ],
)
def test_tags(text: str, left: str) -> None:
    assert marks.tags(text) == left


@pytest.mark.parametrize(
    ("answer", "only"),
    [
        ("https://example.org", True),
        ("See: https://example.org/a, and www.example.org.", True),
        ("More information at <https://example.org>", True),
        ("The site https://example.org tells how to treat it.", False),
        ("See your doctor.", False),
        ("", False),
    ],
)
def test_answers_of_links(answer: str, only: bool) -> None:
    assert marks.only_links(answer) is only


@pytest.mark.parametrize(
    ("answer", "cut"),
    [
        ("It is caused by,", True),
        ("It is caused by fever (", True),
        ("Rest, drink and", True),
        ("Fever, cough", False),
        ("Hepatitis A", False),
        ("What to look for", False),
        ("It ends.", False),
        ("- fever\n- cough", False),
    ],
)
def test_answers_that_break_off(answer: str, cut: bool) -> None:
    assert marks.breaks_off(answer) is cut


def test_a_noise_is_looked_for_where_a_needed_word_stands_and_nowhere_else() -> None:
    pattern = re.compile(r"\s*(?:red|blue) frame")
    quick, slow = Noise("frame", "answer", pattern, needs=("red", "blue")), Noise("frame", "answer", pattern)
    for text in ("a red frame", "a blue frame", "a green frame", "red", "", "a Red frame"):
        assert quick.spoils(text) is slow.spoils(text)
    assert not Noise("frame", "answer", pattern, needs=("green",)).spoils("a red frame")


@pytest.mark.parametrize("name", datasets.names())
def test_no_known_noise_needs_a_word_that_its_pattern_does_not(name: str) -> None:
    texts = [
        " These resources address the x ",
        "x. If the information is available, the table below y Signs and Symptoms  Approximate number of patients "
        "(when available)",
        "The Human Phenotype Ontology (HPO) has collected information on how often x may be rare or common.",
        " Summary : x",
        "Key Points x",
        "x (Watch the video.)",
        "x. Watch this video.",
        "x. To enlarge the videos, y.",
        "Learn more about x.",
        "x. Get tips on y.",
    ]
    for item in datasets.noise(name):
        found = [text for text in texts if item.pattern.search(text)]
        assert found or not item.needs
        assert all(item.spoils(text) for text in found)


def test_links_of_hostile_length_are_judged_in_no_time() -> None:
    assert not marks.only_links("http://" * 20_000 + " x y z")
    assert marks.tags("<b " * 20_000).startswith("<b ")
