"""The account of a prepared set with its tokens: what `data prepare` writes, and what a training run leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from road_runs import write_talks

from medlms.config import load
from medlms.data import flow
from medlms.errors import FetchError, ResourceError
from medlms.road import accounts

PARTS = ("train", "dev", "eval")


@pytest.fixture
def talks(tiny_folder: Callable[..., Path], tmp_path: Path) -> dict[str, Any]:
    file = write_talks(tmp_path / "talks.jsonl")
    return {"model": str(tiny_folder("llama")), "data": str(file), "split": {"dev": 3, "eval": 4}, "max_length": 160}


def test_what_is_written_adds_up_to_the_token(talks: dict[str, Any], tmp_path: Path) -> None:
    written = accounts.prepare(load(talks)[0], to=tmp_path / "out")
    account = json.loads((tmp_path / "out/data_report.json").read_text())
    assert account == written.report
    found = flow.follow(account)
    assert found.cut and found.whole is not None
    assert found.whole + found.cut + (found.too_long or 0) == found.parts["train"]
    bins = account["tokens"]["lengths"]["bins"]
    assert sum(item["rows"] for item in bins if item["over"]) == found.cut
    listed = [json.loads(line) for line in (tmp_path / "out/dropped.jsonl").read_text().splitlines()]
    assert [row["place"] for row in listed if row["used"]] == [item["place"] for item in account["tokens"]["cut"]]
    assert len([row for row in listed if row["step"] != "length"]) == found.rows_in - found.kept
    assert all(row["source"] == "talks" and ":" in row["place"] for row in listed)
    for part in PARTS:
        lines = (tmp_path / f"out/splits/{part}.jsonl").read_text().splitlines()
        assert len(lines) == account["totals"][part]
    html = (tmp_path / "out/data_report.html").read_text()
    assert html.count('class="sample row"') == accounts.SAMPLES
    assert '<mark class="learned">' in html and '<del class="cut">' in html


def test_the_samples_are_the_first_rows_and_the_longest() -> None:
    class Row:
        def __init__(self, size: int) -> None:
            self.question, self.answer = "", "x" * size

    rows = [Row(size) for size in (3, 1, 4, 1, 5, 9, 2)]
    assert [len(row.answer) for row in accounts.samples(rows)] == [3, 1, 9]  # type: ignore[arg-type]
    assert [len(row.answer) for row in accounts.samples(rows[:1])] == [3]  # type: ignore[arg-type]
    assert accounts.samples([]) == []


def test_a_training_run_holds_the_same_account(finished: Path, config: dict[str, Any], tmp_path: Path) -> None:
    account = accounts.prepare(load(config)[0], to=tmp_path / "out").report
    trained = json.loads((finished / "data_report.json").read_text())
    assert trained["tokens"] == account["tokens"]
    assert trained["preview"] == account["preview"]
    assert (finished / "dropped.jsonl").read_text() == (tmp_path / "out/dropped.jsonl").read_text()
    page = (finished / "data_report.html").read_text()
    assert "rows read = " in page
    assert '<a href="data_report.html">' in (finished / "report.html").read_text()
    assert "(data_report.html)" in (finished / "report.md").read_text()
    assert "preview" not in json.loads((finished / "report.json").read_text())["data"]


def test_without_a_tokenizer_at_hand_words_are_counted_and_nothing_is_fetched(
    talks: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medlms.models import fetch

    def refuse(name: str, revision: str, say: Any, allowed: bool, *_: Any, **__: Any) -> Path:
        assert not allowed, "the hub was asked"
        raise FetchError(f"{name}: not in the cache.")

    monkeypatch.setattr(fetch, "from_hub", refuse)
    for model in ("llama-3-8b", "no-such-model"):
        written = accounts.prepare(load({**talks, "model": model})[0], to=tmp_path / model)
        assert "tokens" not in written.report
        assert "counted in words" in written.report["said"][-1]
        assert "the model&#x27;s tokenizer was not at hand" in (tmp_path / model / "data_report.html").read_text()


def test_words_when_asked_for_and_the_name_of_the_folder(talks: dict[str, Any]) -> None:
    written = accounts.prepare(load({**talks, "run": "../x/.."})[0], tokens=False)
    assert written.folder == Path("prepared/data")
    assert "tokens" not in written.report
    assert accounts.prepare(load({**talks, "run": "some/mine"})[0], tokens=False).folder == Path("prepared/mine")


def test_a_folder_that_can_not_be_made_is_said(talks: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="can't be made"):
        accounts.prepare(load(talks)[0], to=tmp_path / "file/out", tokens=False)


def test_long_stretches_are_shortened_at_words_and_counted() -> None:
    text = " ".join(f"word{number}" for number in range(400))
    made = accounts._shortened(text)
    assert text.startswith(made["text"] + " ") and text.endswith(" " + made["end"])
    assert len(made["text"]) + made["left_out"] + len(made["end"]) == len(text)
    assert accounts._shortened("short") == {"text": "short"}
    whole = accounts._shortened("x" * 5000)
    assert len(whole["text"]) + whole["left_out"] + len(whole["end"]) == 5000
