"""The close scan: pieces of words, the network against torch, windows, and what is made of its shares."""

from __future__ import annotations

import hashlib
import random
from importlib import resources
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from tests.identifiers.reach_set import texts
from torch.nn import functional

from medlms.data.identifiers import KINDS, Finding, closely, network, scan, scan_closely
from medlms.data.identifiers.pieces import Vocabulary
from medlms.data.identifiers.scan import by_rules
from medlms.data.identifiers.view import view

FILE = resources.files("medlms.data.identifiers").joinpath(network.FILE)


@pytest.fixture(scope="module")
def stored():
    with FILE.open("rb") as stream, np.load(stream) as held:
        return {name: held[name] for name in held}


def test_the_weights_are_those_that_were_measured_and_say_where_they_are_from(stored) -> None:
    content = FILE.read_bytes()
    assert hashlib.sha256(content).hexdigest() == network.SHA256
    assert len(content) < 17_000_000
    assert stored["words.packed"].dtype == np.uint8 and stored["0.attend.weight.whole"].dtype == np.int8
    assert "train_reader.py" in str(stored["made"]) and "MiniLM" in str(stored["made"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", []),
        ("Dr. 12", ["Dr", ".", "12"]),
        ("cafe\u0301 NAÏVE", ["cafe", "NAÏVE"]),
        ("a\ud800b \x00c", ["a\ud800b", "c"]),
        ("x" * 101, ["x" * 101]),
        ("[SEP]", ["[", "SEP", "]"]),
        ("北京", ["北", "京"]),
    ],
)
def test_pieces_stand_where_their_words_are(text: str, said: list[str]) -> None:
    pieces = network.network().vocabulary.cut(text)
    words: list[str] = []
    last = -1
    for start, end in zip(pieces.starts, pieces.ends, strict=True):
        if start == last and text[start:end].isalnum() and words[-1].isascii() and words[-1].isalnum():
            words[-1] += text[start:end]
        else:
            words.append(text[start:end])
        last = end
    assert words == said


def test_the_longest_piece_is_taken_first_and_a_rest_makes_a_word_unknown() -> None:
    held = Vocabulary(["[UNK]", "un", "##a", "##aff", "##able", "aff"])
    assert held.cut("Unaffable affx aff") == ([1, 3, 4, 0, 5], [0, 2, 5, 10, 15], [2, 5, 9, 14, 18])


def slow(seen: np.ndarray, stored: dict[str, np.ndarray]) -> torch.Tensor:
    """The shares of one window by torch in float64, from the same file, written as the BERT paper has it."""
    of = {name: torch.from_numpy(value).double() for name, value in network.unpacked(stored)[0].items()}
    words = network.unpacked(stored)[1]
    seen = np.pad(seen, ((0, 0), (1, 1)))
    seen[0, 0], seen[0, -1] = words.index("[CLS]"), words.index("[SEP]")
    ids, capitals, gaps, kinds, lists = torch.from_numpy(seen)
    x = (
        of["words"][ids]
        + of["positions"][: len(ids)]
        + of["capitals"][capitals]
        + of["gaps"][gaps]
        + of["kinds"][kinds]
    )

    for bit, row in enumerate(of["lists"]):
        x[lists & 1 << bit > 0] += row

    def normed(x, name):
        return functional.layer_norm(x, x.shape[-1:], of[f"{name}.scale"], of[f"{name}.shift"], 1e-12)

    def times(x, name):
        return functional.linear(x, of[f"{name}.weight"].T, of[f"{name}.bias"])

    x = normed(x, "begin")
    for layer in range(6):
        heads = [part.view(len(ids), 12, 32).transpose(0, 1) for part in times(x, f"{layer}.attend").chunk(3, -1)]
        heard = functional.scaled_dot_product_attention(*heads).transpose(0, 1).reshape(len(ids), -1)
        x = normed(x + times(heard, f"{layer}.heard"), f"{layer}.attended")
        inner = functional.gelu(times(x, f"{layer}.inner"), approximate="tanh")
        x = normed(x + times(inner, f"{layer}.outer"), f"{layer}.done")
    return times(x, "out")[1:-1].softmax(-1)


def signs_of(text: str, found=()) -> np.ndarray:
    pieces = network.network().vocabulary.cut(text)
    return np.array([pieces.ids, *network.signs(text, pieces, list(found))])


@pytest.mark.parametrize("place", [0, 5, 9])
def test_the_network_equals_a_slow_one(stored, place: int) -> None:
    text = texts("ward")[place].text[:600]
    seen = signs_of(text, by_rules(view(text)))[:, : network.WINDOW - 2]
    fast = network.network().read(seen)
    assert fast.dtype == np.float32
    assert np.abs(fast - slow(seen, stored).numpy()).max() < 2e-4
    assert fast.sum(1) == pytest.approx(np.ones(len(fast)), abs=1e-5)


def test_signs_tell_capitals_gaps_and_what_rules_found() -> None:
    text = "Anna\tPIKE saw\n\nB. bo\n12"
    ids, capitals, gaps, kinds, lists = signs_of(text, [Finding(0, 9, "name", "a rule", 0.9)])
    assert len(ids) == 7
    assert capitals.tolist() == [2, 3, 1, 4, 0, 1, 0]
    assert gaps.tolist() == [3, 4, 1, 3, 0, 1, 2]
    marks = [{mark for bit, mark in enumerate(network.LISTS) if held >> bit & 1} for held in lists.tolist()]
    assert {"3", "g"} <= marks[0] and "f" in marks[1] and "c" in marks[2] and marks[4] == marks[6] == set()
    assert kinds.tolist() == [1 + KINDS.index("name")] * 2 + [0] * 5


@pytest.mark.parametrize("size", [0, 1, 253, 254, 255, 300, 444, 445, 509, 1000, 5000])
def test_windows_take_every_piece_once_and_show_what_is_beside_it(size: int) -> None:
    taken: list[int] = []
    for begin, end, first, last in network.windows(size):
        assert 0 <= begin <= first < last <= end <= size and end - begin <= network.WINDOW - 2
        assert begin == 0 or first - begin >= network.MARGIN
        assert end == size or end - last >= network.MARGIN
        taken += range(first, last)
    assert taken == list(range(size))


def test_a_long_text_is_read_like_its_windows() -> None:
    text = "\n".join(row.text for row in texts("ward")[:8])
    found = by_rules(view(text))
    pieces, shares = network.network().shares(text, found)
    seen = np.array([pieces.ids, *network.signs(text, pieces, found)])
    assert len(pieces.ids) > 2 * network.WINDOW
    for begin, end, first, last in network.windows(len(pieces.ids)):
        assert np.array_equal(
            shares[first:last], network.network().read(seen[:, begin:end])[first - begin : last - begin]
        )


def test_the_same_text_gives_the_same_findings_whatever_was_read_before() -> None:
    rows = [row.text for row in texts("ward")[:4]]
    first = [scan_closely(text) for text in rows]
    network.network.cache_clear()
    assert [scan_closely(text) for text in reversed(rows)] == first[::-1]


SAID = (
    "Mrs.",
    "Pavlov",
    "12/3/21",
    "MRN",
    "4471-902",
    "a",
    "B",
    "\n",
    ",",
    "-",
    "(",
    ")",
    "é",
    "北",
    "@",
    "x.org",
    "of",
    "fever",
)


@given(some.lists(some.sampled_from(SAID), max_size=14))
@settings(max_examples=40, deadline=None)
def test_findings_are_in_order_and_do_not_overlap(said: list[str]) -> None:
    text = " ".join(said)
    found = scan_closely(text)
    last = 0
    for item in found:
        assert last <= item.start < item.end <= len(text) and item.kind in KINDS
        last = item.end


@pytest.mark.parametrize(
    "text",
    [
        "Mr. Ju\u0308rgen Mu\u0308ller, MRN 4471902, came in",
        "\ud83d Mr. J\u00adohn Smi\u200bth \ud800 was seen",
        "المريض Mr. John Smith 👩‍⚕️ MRN 4471902 שלום",
        "Mr. " + "Smith" * 60 + ", MRN 4471902",
        "\x00Mr.\x00 John Smith\x00",
        "रोगी: Mr. राम कुमारी, Pune",
    ],
)
def test_odd_texts_are_read(text: str) -> None:
    for item in scan_closely(text):
        assert 0 <= item.start < item.end <= len(text) and text[item.start : item.end].strip()


def test_an_accent_or_a_hyphen_that_is_not_seen_splits_no_word(monkeypatch) -> None:
    text = f"with Mu\u0308ller and Jose\u0301, Schmi\u00addt 4471\u200b902{LONG}"
    pieces = network.network().vocabulary.cut(text)
    said = [text[pieces.starts[first] : pieces.ends[last - 1]] for first, last in network.units(text, pieces)]
    assert {"Mu\u0308ller", "Schmi\u00addt", "4471\u200b902"} <= set(said)
    assert all(gap in (0, 1, 3) for gap in network.signs(text, pieces, []).gaps)
    pretended(monkeypatch, {"Jose": {"name": 0.9}})
    assert read(text) == [("Jose\u0301", "name")]


@pytest.mark.parametrize("between", [" - ", ", ", "-", "/"])
def test_two_dates_stay_two(monkeypatch, between: str) -> None:
    text = f"from 12.03.2021{between}14.03.2021 on{LONG}"
    pretended(monkeypatch, {f"12.03.2021{between}14.03.2021": {"date": 0.9}})
    assert read(text) == [("12.03.2021", "date"), ("14.03.2021", "date")]


def test_what_a_rule_is_sure_of_is_not_taken_back(monkeypatch) -> None:
    text = f"write to ana@x.example or 4471{LONG}"
    pretended(monkeypatch, {})
    sure, doubtful = Finding(9, 22, "email", "address", closely.FIRM), Finding(26, 30, "mrn", "a rule", 0.9)
    assert read(text, sure, doubtful) == [("ana@x.example", "email")]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "...", "\x00", "\u200b"])
def test_a_text_without_words_has_none(text: str) -> None:
    assert scan_closely(text) == []


def test_it_keeps_more_of_what_it_was_fitted_to_than_the_quick_scan_with_no_more_false_alarms() -> None:
    rows = random.Random(1).sample([row for name in ("speech", "hospital") for row in texts(name)], 20)
    counts = {}
    for find in (scan, scan_closely):
        missed = wrong = 0
        for row in rows:
            found = find(row.text)
            covered = {place for item in found for place in range(item.start, item.end)}
            true = {place for start, end, _ in row.spans for place in range(start, end)}
            missed += sum(not covered.issuperset(range(start, end)) for start, end, _ in row.spans)
            wrong += sum(true.isdisjoint(range(item.start, item.end)) for item in found)
        counts[find] = missed, wrong
    assert counts[scan_closely][0] < counts[scan][0] and counts[scan_closely][1] <= counts[scan][1]


def pretended(monkeypatch, shares: dict[str, dict[str, float]]):
    """A network that gives each word the shares of classes named here, and none to all others."""
    real = network.network().vocabulary

    def of(text, found):
        pieces = real.cut(text)
        made = np.zeros((len(pieces.ids), network.CLASSES), dtype=np.float32)
        for place, start in enumerate(pieces.starts):
            for word, said in shares.items():
                if text.index(word) <= start < text.index(word) + len(word):
                    for kind, share in said.items():
                        made[place, 1 + KINDS.index(kind)] = share
        made[:, 0] = 1 - made.sum(1)
        return pieces, made

    monkeypatch.setattr(closely, "network", lambda: SimpleNamespace(shares=of))


def read(text: str, *found: Finding) -> list[tuple[str, str]]:
    return [(text[item.start : item.end], item.kind) for item in closely.read_closely(view(text), found)]


LONG = " and so on and so on and so on"


def test_words_of_one_class_side_by_side_are_one_finding(monkeypatch) -> None:
    text = f"Seen with Tove Quist in Varde{LONG}"
    pretended(monkeypatch, {"Tove": {"name": 0.4}, "Quist": {"name": 0.9}, "Varde": {"place": 0.8}})
    assert read(text) == [("Tove Quist", "name"), ("Varde", "place")]


def test_what_is_tied_to_a_finding_joins_it_at_a_small_share(monkeypatch) -> None:
    text = f"order QX-5512-7 was sent{LONG}"
    pretended(monkeypatch, {"QX": {"other": 0.8}, "5512": {"other": 0.2}, "7": {"other": 0.1}})
    assert read(text) == [("QX-5512-7", "other")]
    pretended(monkeypatch, {"QX": {"other": 0.8}, "5512": {"other": 0.0}})
    assert read(text) == [("QX", "other")]


def test_numbers_letters_and_short_texts_need_more(monkeypatch) -> None:
    text = f"the 5512 and K went on{LONG}"
    between = (closely.ENOUGH + closely.ENOUGH_NUMBER) / 2
    pretended(
        monkeypatch, {"5512": {"other": between}, "K": {"name": closely.ENOUGH_ALONE - 0.01}, "went": {"name": between}}
    )
    assert read(text) == [("went", "name")]
    pretended(monkeypatch, {"went": {"name": between}})
    assert read("and he went on") == []
    pretended(monkeypatch, {"5512": {"other": 0.9}, "K": {"name": 0.9}})
    assert read(text) == [("5512", "other"), ("K", "name")]


def test_what_rules_found_is_taken_back_where_nothing_is_likely(monkeypatch) -> None:
    text = f"the Addison value 4471 rose{LONG}"
    rules = (Finding(4, 11, "name", "a rule", 0.8), Finding(18, 22, "mrn", "a rule", 0.8))
    pretended(monkeypatch, {"Addison": {"name": closely.DOUBTED / 2}, "4471": {"mrn": closely.DOUBTED / 2}})
    assert read(text, *rules) == []
    pretended(monkeypatch, {"Addison": {"name": closely.DOUBTED + 0.05}, "4471": {"mrn": closely.DOUBTED + 0.05}})
    assert read(text, *rules) == [("Addison", "name"), ("4471", "mrn")]


def test_a_class_that_the_network_is_sure_of_stands(monkeypatch) -> None:
    text = f"call 555-0142 now{LONG}"
    rule = Finding(5, 13, "phone", "a rule", 0.8)
    pretended(monkeypatch, {"555-0142": {"fax": 0.9}})
    assert read(text, rule) == [("555-0142", "fax")]
    pretended(monkeypatch, {"555-0142": {"fax": 0.4, "phone": 0.3}})
    assert read(text, rule) == [("555-0142", "phone")]


def test_a_class_that_cannot_be_is_not_given(monkeypatch) -> None:
    text = f"at 601 E Street, call 1-202-842-4444 now{LONG}"
    rules = (Finding(3, 15, "place", "a rule", 0.8), Finding(22, 36, "phone", "a rule", 0.8))
    pretended(monkeypatch, {"601 E Street": {"name": 0.9}, "1-202-842-4444": {"date": 0.9, "phone": 0.05}})
    assert read(text, *rules) == [("601 E Street", "place"), ("1-202-842-4444", "phone")]
    assert read(text)[-1] == ("1-202-842-4444", "phone")


def test_what_juts_out_of_another_finding_has_no_marks_at_its_ends(monkeypatch) -> None:
    text = f"at 601 E Street, NW Varde now{LONG}"
    pretended(monkeypatch, {"601 E Street, NW Varde": {"place": 0.9}})
    assert read(text, Finding(3, 15, "place", "a rule", 0.9)) == [("601 E Street", "place"), ("NW Varde", "place")]
