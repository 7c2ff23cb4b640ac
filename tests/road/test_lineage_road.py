"""Rows of real (miniature) runs: traced to what learned from them, left out of a rerun, and read more than once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import medlms
from medlms.data import exclude
from medlms.road import rows, trace
from medlms.run import Run


def test_a_rerun_lacks_the_row_and_says_so(config: dict[str, Any], finished: Path, here: Path) -> None:
    row = rows.read(Run(finished)).train[0]
    found = trace.trace(trace.by_id([row.id]), [finished], names=[row.id])
    (held,) = found.runs
    assert held.records[0]["place"] == row.place and held.records[0]["part"] == "train"
    made = {thing.path for thing in found.made.retrain}
    assert {str(finished / "adapter"), str(finished / "checkpoints/last")} <= made
    (here / "gone.txt").write_text(f"{row.id}\n")
    again = medlms.train({**config, "exclude": "gone.txt"})
    report = again.report
    assert report["data"]["excluded"]["rows_left_out"] == 1
    text = (again.run.folder / "report.md").read_text()
    assert "left out because of gone.txt: 1 rows" in text
    assert any("gone.txt" in name for name in again.run.read_json("manifest.json")["data_sha256"])
    learned = [line for path in (again.run.folder / "splits").glob("*.jsonl") for line in path.read_text().splitlines()]
    assert learned and not any(row.question in line for line in learned)
    traced = trace.trace(trace.by_list(exclude.read(["gone.txt"])), [again.run.folder])
    assert [record["part"] for record in traced.runs[0].records] == ["dropped"] and not traced.made.retrain


def test_rows_that_are_repeated_are_trained_on_so_often(config: dict[str, Any], here: Path, monkeypatch: Any) -> None:
    from medlms.train import loop

    seen: list[Counter[str]] = []
    plan: Callable[..., Any] = loop.plan

    def planned(tokens: Any, *args: Any, **keys: Any) -> Any:
        seen.append(Counter(row.id for row in tokens))
        return plan(tokens, *args, **keys)

    monkeypatch.setattr(loop, "plan", planned)
    source = config["data"][0]["source"]
    (here / "expert.jsonl").write_text(
        "".join(json.dumps({"question": f"Is sign {n} bad?", "answer": f"Sign {n} is fine."}) + "\n" for n in range(20))
    )
    data = [{"source": source, "rows": 12}, {"source": "expert.jsonl", "rows": 5, "repeats": 3}]
    result = medlms.train({**config, "data": data, "train": {**config["train"], "epochs": 1}})
    held = rows.read(result.run)
    assert Counter(Counter(seen[0].values())) == {1: 12, 3: 5}
    assert {name for name, count in seen[0].items() if count == 3} == {r.id for r in held.train if r.source == "expert"}
    mixing = result.report["data"]["mixing"]
    assert mixing["reads"] == 27 and mixing["sources"]["expert"]["share"] == round(15 / 27, 4)
    assert mixing["tokens"] == sum(step["tokens"] for step in result.run.rows("steps.jsonl"))
    text = (result.run.folder / "report.md").read_text()
    assert "What an epoch of training reads of each source." in text and "15" in text
    assert "What an epoch of training reads of each source." in (result.run.folder / "report.html").read_text()
    assert result.run.folder.joinpath("adapter/README.md").read_text().count("Times read") == 1
