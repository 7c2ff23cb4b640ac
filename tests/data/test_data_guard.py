"""The policy over prepared rows: stop names the sources, report counts, deidentify replaces; public sets are only counted."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from medlms.data import guard, scans
from medlms.data.found import as_csv, as_list, excerpt, in_words, masked, write_private
from medlms.data.identifiers import Finding, scan, scan_closely
from medlms.datasets import dialogue
from medlms.road.talk import stages

KEY = bytes(range(32))


@pytest.fixture
def parts(qa):
    of_one = {"links": ("document:set/7",), "group": "g"}
    notes = [
        qa("1", "Patient: John Smith, MRN: 44719023. Plan?", "Mr. Smith comes back on 03/16/2021.", **of_one),
        qa("2", "How is Mr. Smith on 03/23/2021?", "Better.", **of_one),
        qa("3", "What is anaemia?", "Too few red cells.", topic="Anaemia", group="h"),
    ]  # fmt: skip
    talk = dialogue(replace(notes[2], id="set/4", question="Hello, who are you?"), ("I am Dr. Anne Keller.", "Thanks."))
    return {"train": [*notes[:2], talk], "dev": [], "eval": [notes[2]]}


def run(parts, asked, *, public=False, references=None):
    held = references if references is not None else {"set/3": (parts["eval"][0].answer, "Ask Dr. John Smith.")}
    return guard.guard(parts, held, asked=asked, public={"set": public}, key=lambda: KEY)


@pytest.mark.parametrize("asked", ["stop", "report"])
def test_what_is_found_is_counted_and_listed_masked(parts, asked):
    done = run(parts, asked)
    assert done.parts == {side: list(rows) for side, rows in parts.items()}
    assert done.stops == (["set"] if asked == "stop" else [])
    record = done.account["by_source"]["set"]
    assert record["rows"] == 4 and record["rows_with"] == 4
    assert (
        record["found"] == len(done.found) == sum(record["by_class"].values()) == sum(done.account["by_class"].values())
    )
    assert {"question", "answer", "turn 2", guard.OTHER} == {item.field for item in done.found}
    assert {"set.jsonl:1", "set.jsonl:2", "set.jsonl:3"} >= {item.place for item in done.found}
    said = as_list(done.found).decode()
    assert not any(secret in said for secret in ("John", "Smith", "Keller", "44719023", "2021"))
    json.dumps(done.account)


def test_a_public_set_is_counted_and_nothing_more(parts):
    done = run(parts, "stop", public=True)
    assert (done.stops, done.found, done.said) == ([], [], [])
    assert done.account["by_source"]["set"]["found"] > 0
    assert done.account["by_source"]["set"]["policy"] == "report"
    assert run(parts, "deidentify", public=True).parts == {side: list(rows) for side, rows in parts.items()}


def test_clean_rows_stop_nothing(qa):
    done = guard.guard(
        {"train": [qa("1", "What is anaemia?", "Too few red cells.")]}, {}, asked="stop", public={"set": False}
    )
    assert done.stops == [] and done.account["by_class"] == {}
    assert "no identifier found in 1 rows" in done.account["note"]


def test_surrogates_are_one_for_one_in_a_document_and_references_follow(parts):
    done = run(parts, "deidentify")
    first, second, talk = done.parts["train"]
    assert done.stops == []
    name = first.question.split()[2].rstrip(",")
    assert name != "Smith" and f"Mr. {name} " in first.answer and f"Mr. {name} " in second.question
    everything = json.dumps([[guard.fields(row) for row in rows] for rows in done.parts.values()])
    assert not any(secret in everything for secret in ("John", "Smith", "Keller", "44719023"))
    assert "Smith" not in str(done.references) and done.references["set/3"][0] == done.parts["eval"][0].answer
    assert len(done.references["set/3"]) == 2
    assert talk.between[1] == "Thanks." and talk.between[0] != "I am Dr. Anne Keller."
    assert all(row.links == () for row in done.parts["train"])
    record = done.account["by_source"]["set"]
    assert record["left"] == 0 and record["replaced"] >= record["found"] > 0
    assert 0 < record["characters_replaced"] < record["characters"]
    again = run(parts, "deidentify")
    assert again.parts == done.parts


def test_no_secret_is_made_where_nothing_is_replaced(qa):
    def key():
        raise AssertionError("asked for")

    rows = {"train": [qa("1", "What is anaemia?", "Too few red cells.")]}
    assert guard.guard(rows, {}, asked="deidentify", public={"set": False}, key=key).parts == rows


def test_masks():
    assert masked("Smith") == "S****" and masked("12/03/2020") == "**/**/****" and masked("Al") == "**"
    text = "x" * 50 + " Dr. Keller saw John Smith. " + "y" * 50
    found = scan(text)
    shown = [excerpt(text, found, item) for item in found]
    assert shown and not any("Keller" in line or "Smith" in line for line in shown)
    assert all(line.startswith("...") and line.endswith("...") for line in shown)
    assert in_words({"name": 1, "date": 1, "email": 2}) == "1 name, 1 date or age over 89, 2 e-mail addresses"


def test_tables_of_findings_are_no_formulas_and_private(tmp_path):
    path = tmp_path / "list.csv"
    write_private(path, as_csv(("a",), [("=1+1",), ("+1 617",), ("plain",)]))
    assert path.read_text() == "a\n'=1+1\n'+1 617\nplain\n"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write_private(path, b"other", replace=False)
    assert path.read_text().startswith("a\n") and list(tmp_path.iterdir()) == [path]


def test_scans_of_public_texts_are_remembered_and_others_leave_no_trace(tmp_path, monkeypatch):
    text = "Dr. John Smith was here. " * 10
    slow = scan(text)
    once = scans.Scans(tmp_path / "kept.json")
    assert once.look(text, public=True) == slow
    assert once.look(text + "more") == scan_closely(text + "more")
    once.keep()
    assert (
        "John" not in (tmp_path / "kept.json").read_text()
        and len(json.loads((tmp_path / "kept.json").read_text())) == 1
    )
    for name in ("scan", "scan_closely"):
        monkeypatch.setattr(scans, name, lambda text: [Finding(0, 1, "name", "new", 1.0)])
    again = scans.Scans(tmp_path / "kept.json")
    assert again.look(text, public=True) == slow
    assert again.look(text + "more") != slow
    (tmp_path / "kept.json").write_text("not json")
    assert scans.Scans(tmp_path / "kept.json").look(text, public=True)[0].rule == "new"
    assert len(scans.rules()) == 16


def told_apart(monkeypatch):
    """Scans that say which of them it was."""
    for name in ("scan", "scan_closely"):
        monkeypatch.setattr(scans, name, lambda text, name=name: [Finding(0, 1, "name", name, 1.0)])


def test_texts_of_ones_own_are_scanned_closely_and_public_ones_quickly(tmp_path, monkeypatch):
    told_apart(monkeypatch)
    held = scans.Scans(tmp_path / "kept.json")
    for text in ("Short.", "Long. " * 100):
        assert [held.look(text, public=free)[0].rule for free in (False, True, False)] == [
            "scan_closely", "scan", "scan_closely",
        ]  # fmt: skip
        assert scans.Scans(tmp_path / "kept.json", quick=True).look(text)[0].rule == "scan"
    assert held.said() == []


def test_texts_too_long_to_read_closely_are_scanned_quickly_and_this_is_said(parts, monkeypatch):
    told_apart(monkeypatch)
    monkeypatch.setattr(scans, "LONGEST", 30)
    done = run(parts, "report")
    assert any("scanned quickly alone" in line and line.startswith("WARNING: ") for line in done.said)
    held = scans.Scans(quick=True)
    assert held.look("x" * 31)[0].rule == "scan" and held.said() == []


@pytest.mark.parametrize(
    ("quick", "public", "said"), [(False, False, "close"), (True, False, "quick"), (False, True, "quick")]
)
def test_the_account_says_how_texts_were_scanned(parts, quick, public, said):
    done = guard.guard(parts, {}, asked="report", public={"set": public}, quick=quick, key=lambda: KEY)
    assert done.account["by_source"]["set"]["scan"] == said


def test_reading_that_takes_long_is_announced_once(parts, monkeypatch):
    said, shown = [], []
    listener = SimpleNamespace(say=said.append)
    monkeypatch.setattr(scans, "PACE", 1)
    for quick, public in ((False, False), (True, False), (False, True)):
        guard.guard(
            parts, {}, asked="report", public={"set": public}, quick=quick, key=lambda: KEY,
            progress=stages(listener, lambda done, wanted: shown.append((done, wanted))),
        )  # fmt: skip
    assert len(said) == 1 and "closely" in said[0] and "identifier_scan: quick" in said[0]
    assert shown == [(number, 4) for number in (1, 2, 3, 4)] * 3
    guard.guard(
        parts, {}, asked="deidentify", public={"set": False}, quick=True, key=lambda: KEY,
        progress=stages(listener, lambda done, wanted: shown.append((done, wanted))),
    )  # fmt: skip
    assert shown == [(number, 4) for number in (1, 2, 3, 4)] * 5 and len(said) == 1
