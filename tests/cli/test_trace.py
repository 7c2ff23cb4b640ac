"""`medlms data trace`: back to the file, forward to what was made; over runs that were written without training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medlms import data
from medlms.config import dump, load
from medlms.road import rows
from medlms.run import Run

Medlms = Callable[..., Any]
ROWS = [
    {"question": f"What is illness {n}?", "answer": f"Illness {n} lasts {n} days.", "patient": f"P{n // 2}"}
    for n in range(40)
]


def write(path: Path, records: list[dict[str, str]]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def made(name: str, *sources: str, adapter: bytes = b"", model: str = "m", **settings: Any) -> Any:
    """A run as training leaves it, but for the weights; returns what was prepared."""
    config, _ = load({"model": model, "data": list(sources), "split": {"dev": 4, "eval": 6}, **settings})
    run = Run.create(name)
    run.write("config.yaml", dump(config))
    prepared = data.prepare(config)
    rows.write(run, prepared)
    run.write_json("manifest.json", {"weights_sha256": {}})
    if adapter:
        run.path("adapter", "adapter_model.safetensors").write_bytes(adapter)
        run.write_json("report.json", {})
    return prepared


def proof(folder: Path, adapter: bytes, weights: str = "") -> None:
    folder.mkdir(parents=True)
    files = {"model.safetensors": {"bytes": 1, "sha256": weights}} if weights else {}
    (folder / "proof.json").write_text(
        json.dumps({"adapter_sha256": hashlib.sha256(adapter).hexdigest(), "files": files})
    )


@pytest.fixture
def first(here: Path) -> Any:
    """Run a, tuned on 30 of 40 rows (one of 41 can't be read), merged inside its folder and exported elsewhere."""
    prepared = made("a", write(here / "my.jsonl", [*ROWS, {"question": "", "answer": "x"}]), adapter=b"one")
    proof(here / "runs/a/merged", b"one", "abc")
    proof(here / "runs/a/export/f16", b"one")
    proof(here / "runs/out", b"one")
    return prepared


def things(done: Any, key: str = "retrain") -> set[str]:
    return {thing["path"] for thing in json.loads(done.out)[key]}


ALL = {"runs/a/adapter", "runs/a/merged", "runs/a/export/f16", "runs/out"}


def test_a_row_is_traced_back_and_forward(medlms: Medlms, first: Any) -> None:
    row = first.train[0]
    done = medlms("data", "trace", row.id)
    assert done.code == 0
    assert done.out.startswith(f"{row.id}\n")
    line = int(row.place.rpartition(":")[2])
    assert f"my.jsonl:{line}\n" in done.out and ROWS[line - 1]["question"] == row.question
    assert "(still the same)" in done.out and "licence: not stated" in done.out
    assert "runs/a: in train" in done.out
    found = medlms("data", "trace", f"my.jsonl:{line}", "--json")
    assert things(found) == ALL
    assert json.loads(found.out)["rows"] == [row.id]
    assert things(medlms("data", "trace", row.id, "--json"), "regrade") == {"runs/a/report.json"}


def test_a_changed_file_is_told(medlms: Medlms, first: Any, here: Path) -> None:
    write(here / "my.jsonl", ROWS[::-1])
    assert "changed since" in medlms("data", "trace", first.train[0].id).out
    (here / "my.jsonl").unlink()
    assert "sha256 " in medlms("data", "trace", first.train[0].id).out


def test_dropped_rows_and_held_rows_have_taught_nothing(medlms: Medlms, first: Any) -> None:
    done = medlms("data", "trace", "my.jsonl:41")
    assert done.code == 0
    assert "it could not be read" in done.out and "dropped: empty question" in done.out
    assert "nothing that was looked at has learned from these rows" in done.out
    done = medlms("data", "trace", first.dev[0].id, "--json")
    assert not things(done)
    assert things(done, "choose_anew") == ALL - {"runs/out"}
    done = medlms("data", "trace", first.eval[0].id, "--json")
    assert not things(done) and not things(done, "choose_anew")
    assert things(done, "regrade") == {"runs/a/report.json"}


def test_an_id_that_nobody_has_read(medlms: Medlms, first: Any) -> None:
    done = medlms("data", "trace", first.train[0].id[:-1])
    assert (done.code, done.out) == (2, "")
    assert f"Did you mean {first.train[0].id}" in done.err
    assert medlms("data", "trace", "--source", "mi").code == 2
    done = medlms("data", "trace", "x", "--in", "none")
    assert done.code == 2 and "no run lies in none" in done.err
    for words in ((), ("x", "--source", "my")):
        done = medlms("data", "trace", *words)
        assert done.code == 2 and "give one of ID" in done.err


def test_a_patient_is_taken_out_for_good(medlms: Medlms, first: Any, here: Path) -> None:
    patient = next(link for link in first.train[0].links).rpartition("/")[2]
    done = medlms("data", "trace", "--group", patient, "--write", "gone.jsonl")
    assert done.code == 1, "something has learned from them"
    assert "2 rows, in 1 of 1 runs" in done.out and "runs/a/adapter (holds the rows in training)" in done.out
    assert "exclude: [gone.jsonl]" in done.err
    assert medlms("data", "trace", "--group", patient, "--write", "gone.jsonl").code == 2
    again = made("b", "my.jsonl", adapter=b"two", exclude=["gone.jsonl"])
    assert again.report["excluded"]["rows_left_out"] == 2
    done = medlms("data", "trace", "--ids", "gone.jsonl", "--in", "runs/b", "--json")
    assert done.code == 0 and not things(done)
    (held,) = json.loads(done.out)["runs"]
    assert held["counts"] == {"train": 0, "dev": 0, "eval": 0, "not drawn": 0, "dropped": 2}
    done = medlms("data", "trace", "--ids", "gone.jsonl", "--json")
    assert done.code == 1 and things(done) == ALL


def test_sources_files_and_lists(medlms: Medlms, first: Any, here: Path) -> None:
    assert things(medlms("data", "trace", "--source", "my", "--json")) == ALL
    assert things(medlms("data", "trace", "--file", "my.jsonl", "--json")) == ALL
    (here / "copy.jsonl").write_bytes((here / "my.jsonl").read_bytes())
    assert things(medlms("data", "trace", "--file", "copy.jsonl", "--json")) == ALL, "the same content"
    (here / "ids.txt").write_text(f"{first.train[0].id}\nmy/none\n")
    done = medlms("data", "trace", "--ids", "ids.txt")
    assert done.code == 1 and "read by no run: my/none" in done.out
    (here / "ids.txt").write_text("my/none\n")
    assert medlms("data", "trace", "--ids", "ids.txt").code == 2


def test_the_same_text_under_another_id(medlms: Medlms, first: Any, here: Path) -> None:
    line = int(first.train[0].place.rpartition(":")[2])
    others = [{**row, "question": row["question"].replace("illness", "pain")} for row in ROWS]
    other = made("b", write(here / "other.jsonl", [*others, {**ROWS[line - 1], "patient": "x"}]), adapter=b"two")
    copy = next(record for record in other.lineage if record["place"].endswith(":41"))
    done = medlms("data", "trace", first.train[0].id)
    assert f"runs/b: the same text as {copy['id']}" in done.out
    found = things(medlms("data", "trace", first.train[0].id, "--json"))
    assert ("runs/b/adapter" in found) == (copy["part"] == "train")
    assert "runs/b/adapter" not in things(medlms("data", "trace", "--source", "my", "--json"))


def test_what_was_tuned_or_graded_on_top(medlms: Medlms, first: Any, here: Path) -> None:
    others = write(here / "other.jsonl", [{**row, "question": row["answer"]} for row in ROWS])
    made("b", others, adapter=b"two", model="runs/a/merged")
    made("c", others, adapter=b"three")
    Run(Path("runs/c")).write_json("manifest.json", {"weights_sha256": {"model.safetensors": "abc"}})
    made("d", others, adapter=b"four")
    made("e", others)
    Run(Path("runs/e")).write_json("evaluation.json", {"held": "", "adapter": "runs/a/adapter"})
    Run(Path("runs/e")).write_json("report.json", {})
    done = medlms("data", "trace", first.train[0].id, "--json")
    assert things(done) == ALL | {"runs/b/adapter", "runs/c/adapter"}
    assert things(done, "regrade") == {f"runs/{name}/report.json" for name in "abce"}


def test_runs_without_lineage_and_broken_ones(medlms: Medlms, first: Any, here: Path) -> None:
    path = here / "runs/a" / rows.LINEAGE
    path.write_bytes(path.read_bytes()[:50])
    done = medlms("data", "trace", first.train[0].id)
    assert done.code == 1 and "could not be looked into: runs/a" in done.out
    path.unlink()
    done = medlms("data", "trace", first.train[0].id)
    assert done.code == 0 and "runs/a: in train" in done.out and "mended" not in done.out
