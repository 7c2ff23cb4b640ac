"""The labelled set of planted identifiers: what it promises, that it can't drift, and that it copies nobody's text."""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.identifiers import checks
from tests.identifiers.build import counts, rows, written
from tests.identifiers.carriers import carriers
from tests.identifiers.draw import HERE, Draw, lists
from tests.identifiers.numbers import drawn

# The test and second splits are frozen: rules were written without them. A change here voids every number measured with them.
FROZEN = {
    "second": "f2ab053b5e3e09cb0065f0f1acc0e5397410be361095d9d74ebd57220309282b",
    "test": "7b9b23c6334c23152ed37b9de565e59d8afba6468d5a9839e782e38b0f8047fa",
    "development": "63730d6bdfdfb20be6266f0ab4b2e66a58e08291a525d6f3b80df914011257c9",
}
CLASSES = frozenset(
    """
    name place date phone fax email ssn mrn plan account licence vehicle device url ip other
    """.split()
)
SPLITS = sorted(FROZEN)
MEASURED = ("test", "second")
WINDOW = 10


@cache
def entries(split: str) -> tuple[dict[str, Any], ...]:
    return tuple(rows(split))


def spans(entry: dict[str, Any]) -> list[dict[str, Any]]:
    return [*entry["identifiers"], *entry["negatives"]]


@pytest.mark.parametrize("split", SPLITS)
def test_the_set_is_the_frozen_one(split: str) -> None:
    assert hashlib.sha256(written(entries(split))).hexdigest() == FROZEN[split]


def test_the_command_in_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    out = tmp_path / "set.jsonl"
    command = [sys.executable, "-m", "tests.identifiers.build", "--split", "development", "--out", str(out)]
    done = subprocess.run(
        command, cwd=HERE.parent.parent, env=os.environ | {"PYTHONHASHSEED": "5"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == written(entries("development"))
    assert FROZEN["development"] in done.stderr


@pytest.mark.parametrize("split", SPLITS)
def test_spans_lie_in_their_text_and_never_overlap(split: str) -> None:
    for entry in entries(split):
        text = entry["text"]
        clinical = [span for span in entry["clinical"] if span not in entry["negatives"]]
        marked = sorted([*spans(entry), *clinical], key=lambda span: span["start"])
        ends = [0, *(span["end"] for span in marked)]
        for before, span in zip(ends, marked, strict=False):
            assert before <= span["start"] < span["end"] <= len(text), (entry["id"], span)
            said = text[span["start"] : span["end"]]
            assert said == said.strip() and re.search(r"\w", said), (entry["id"], said)
        assert not re.search(r"\{[\w:+-]|\[\[|\]\]|¤|<<", text), entry["id"]


@pytest.mark.parametrize("split", SPLITS)
def test_spans_hold_what_their_class_says(split: str) -> None:
    digits = {"phone", "fax", "ssn", "mrn", "plan", "account", "licence", "vehicle", "device"}
    for entry in entries(split):
        for span in entry["identifiers"]:
            said = entry["text"][span["start"] : span["end"]]
            assert span["class"] in CLASSES
            assert span["tag"] and not span["tag"].startswith("*")
            if span["class"] in digits and "spoken" not in span["tag"]:
                assert re.search(r"\d", said), (entry["id"], span, said)
            if span["class"] == "name":
                assert span["culture"] and not re.search(r"\d", said), (entry["id"], said)
            if span["tag"] == "age":
                assert int(said) > 89


@pytest.mark.parametrize("split", MEASURED)
def test_every_class_has_two_hundred_identifiers(split: str) -> None:
    found = counts(entries(split))
    assert set(found["classes"]) == CLASSES
    assert min(found["classes"].values()) >= 200, found["classes"]
    assert found["tags"]["date/age"] + found["tags"]["date/age_word"] >= 200
    assert sum(found["classes"].values()) >= 3500
    assert sum(found["negatives"].values()) >= 1500
    assert len(found["cultures"]) >= 15 and min(found["cultures"].values()) >= 35
    assert len(found["tags"]) >= 200
    assert len(found["negatives"]) >= 40 and sum(found["clinical"].values()) >= 3000
    assert set(found["styles"]) == {"plain", "lower", "upper", "wrapped", "transcript"}
    assert len(carriers(split)) >= 120


def test_the_second_set_is_wide_and_mostly_in_ordinary_case() -> None:
    found = counts(entries("second"))
    assert len(carriers("second")) >= 300 and len(found["genres"]) >= 100
    assert len(found["cultures"]) >= 40
    rows_in_all = sum(found["styles"].values())
    assert 0.7 < found["styles"]["plain"] / rows_in_all < 0.85
    assert sum(not entry["identifiers"] for entry in entries("second")) / rows_in_all > 0.08
    assert len({carrier.name for carrier in carriers("second")}) == len(carriers("second"))


@pytest.mark.parametrize("split", MEASURED)
def test_identifiers_vary(split: str) -> None:
    said: dict[str, Counter[str]] = {}
    for entry in entries(split):
        for span in entry["identifiers"]:
            said.setdefault(span["class"], Counter())[entry["text"][span["start"] : span["end"]]] += 1
    varied = CLASSES - {"name", "place", "date"}
    few = {kind: len(said[kind]) / sum(said[kind].values()) for kind in varied}
    assert min(few.values()) > 0.7, few
    assert len(said["name"]) > 800 and len(said["place"]) > 250 and len(said["date"]) > 700


def test_the_development_split_is_small_and_differs() -> None:
    share = sum(counts(entries("development"))["classes"].values()) / sum(counts(entries("test"))["classes"].values())
    assert 0.1 < share < 0.2
    assert set(counts(entries("development"))["classes"]) == CLASSES


@pytest.mark.parametrize("pair", [("test", "development"), ("second", "test"), ("second", "development")])
def test_no_two_splits_share_carriers_names_places_or_clinical_lists(pair: tuple[str, str]) -> None:
    assert not {carrier.text for carrier in carriers(pair[0])} & {carrier.text for carrier in carriers(pair[1])}
    for name in ("names", "places"):
        one, other = (
            {
                item.casefold()
                for items in lists(split, name).values()
                for item in items
                if name == "names" or ";" in item
            }
            for split in pair
        )
        assert not one & other, (name, one & other)
    for key in ("eponym_dx", "eponym_sign", "eponym_thing", "drug", "drug_namelike", "gene", "variant", "phrase"):
        assert not set(lists(pair[0], "negatives")[key]) & set(lists(pair[1], "negatives")[key]), key
    for key in ("dx", "finding", "symptom", "procedure"):
        assert not set(lists(pair[0], "clinical")[key]) & set(lists(pair[1], "clinical")[key]), key
    streets = [set(lists(split, "places")["us streets"]) for split in pair]
    assert not streets[0] & streets[1]
    windows = [{window for entry in carriers(split) for window in shingles(entry.text)} for split in pair]
    assert not windows[0] & windows[1]


@pytest.mark.parametrize("split", SPLITS)
def test_every_trap_and_every_list_item_kind_exists(split: str) -> None:
    # A slot that names no list, or a list that no slot names, would be a silent gap.
    used = {hit for carrier in carriers(split) for hit in re.findall(r"\{-([\w.]+)\}", carrier.text)}
    unused = set(lists(split, "negatives")) - used
    assert used <= set(lists(split, "negatives"))
    assert split == "development" or not unused, unused


def test_check_digits_against_published_examples() -> None:
    assert checks.luhn("7992739871") == "3"
    assert checks.luhn("80840123456789") == "3"  # the NPI handbook's 1234567893
    assert checks.dea("123456") == "3"
    assert checks.gtin("400638133393") == "1"
    assert checks.nhs("943476591") == "9"
    assert checks.vin("1M8GDM9A_KP042788".replace("_", "0")) == "1M8GDM9AXKP042788"
    assert checks.verhoeff("236") == "3"
    assert checks.iban("GB", "WEST12345698765432") == "82"
    assert checks.iban("DE", "370400440532013000") == "89"
    assert checks.pesel("4405140135") == "9"
    assert checks.kvnr("A12345678") == "0"


@pytest.mark.parametrize(
    ("pattern", "length"),
    [
        ("!npi", 10),
        ("!dea", 9),
        ("!vin", 17),
        ("!nhs", 10),
        ("!kvnr", 10),
        ("!pesel", 11),
        ("!personnummer", 11),
        ("!aadhaar", 14),
        ("!mbi -", 13),
        ("!ssn [-]", 11),
    ],
)
def test_numbers_have_the_length_of_their_kind(pattern: str, length: int) -> None:
    draw = Draw("test", "lengths")
    assert {len(drawn(draw, pattern)) for _ in range(50)} == {length}


def test_ibans_cards_and_phones_have_their_digits() -> None:
    lengths = {"iban_de": 22, "iban_gb": 22, "card": 16, "card_dash": 16, "imei": 15, "sin": 9, "iban": 27}
    lengths |= {"iban_nl": 18, "iban_fr": 27, "card_plain": 16, "card_space": 16, "amex": 15}
    weighed = {"card", "card_dash", "card_plain", "card_space", "amex", "imei", "sin"}
    for split in SPLITS:
        for entry in entries(split):
            for span in entry["identifiers"]:
                said = re.sub(r"[^0-9A-Za-z]", "", entry["text"][span["start"] : span["end"]])
                if span["tag"] in lengths and span["class"] != "licence":
                    assert len(said) == lengths[span["tag"]], (span, said)
                    if span["tag"] in weighed:
                        assert checks.luhn(said[:-1]) == said[-1]


def test_no_sentence_comes_from_the_public_dialogues_and_notes() -> None:
    ours = {window for split in SPLITS for entry in entries(split) for window in shingles(entry["text"])}
    assert len(ours) > 10_000
    for text in public_texts():
        shared = ours & shingles(text)
        assert not shared, sorted(shared)[:3]


def shingles(text: str) -> set[str]:
    """All runs of ten words, normalised."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {" ".join(words[start : start + WINDOW]) for start in range(len(words) - WINDOW + 1)}


def public_texts() -> Iterator[str]:
    """Dialogues and notes of ACI-Bench and MTS-Dialog, where MEDLMS_DATA has them."""
    folder = Path(os.environ.get("MEDLMS_DATA") or "/nowhere")
    files = [path for name in ("aci_bench", "mts_dialog") for path in sorted((folder / name).glob("*.csv.gz"))]
    if not files:
        pytest.skip("the original data sets are not here (set MEDLMS_DATA)")
    csv.field_size_limit(10_000_000)
    for path in files:
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
            for record in csv.DictReader(file):
                yield "\n".join(value for value in record.values() if value)
