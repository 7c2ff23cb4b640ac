"""A run over rows that name people: it stops with a list, reports, or trains on surrogates, as its config says."""

from __future__ import annotations

import csv
import gzip
import json
import stat
from pathlib import Path
from typing import Any

import pytest

import medlms
from medlms.cli.runs import _summary
from medlms.errors import DataError, IdentifiersFound
from medlms.road.study import study

SECRETS = ("John", "Smith", "03/14/2021", "482-9913")


@pytest.fixture
def notes(here: Path, config: dict[str, Any]) -> dict[str, Any]:
    rows = "".join(
        f"What has patient {n}?,Mr. John Smith was seen on 03/14/2021 for illness {n}. Call 617-482-9913.,illness {n}\n"
        for n in range(40)
    )
    (here / "notes.csv").write_text(f"question,answer,topic\n{rows}")
    return {**config, "data": [{"source": "notes.csv"}]}


def words(run: Path) -> str:
    paths = sorted(run.rglob("*.json*")) + sorted(run.glob("*.md")) + sorted(run.glob("*.html"))
    return "".join(
        (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode() for path in paths
    )


def test_a_run_stops_before_anything_is_trained(notes: dict[str, Any]) -> None:
    with pytest.raises(IdentifiersFound) as stopped:
        medlms.train(notes)
    said = str(stopped.value)
    assert stopped.value.exit_code == 1
    assert "Nothing was trained" in said and "notes.csv:2 (answer)" in said and "runs/a/identifiers.csv" in said
    assert all(
        way in stopped.value.hint for way in ("--write-deidentified", "identifiers=deidentify", "identifiers=report")
    )
    run = Path("runs/a")
    assert sorted(path.name for path in run.iterdir()) == ["config.yaml", "data_report.json", "identifiers.csv"]
    assert _summary(run / "config.yaml")["state"] == "stopped"
    assert stat.S_IMODE((run / "identifiers.csv").stat().st_mode) == 0o600
    listed = list(csv.DictReader((run / "identifiers.csv").open()))
    record = json.loads((run / "data_report.json").read_text())["identifiers"]["by_source"]["notes"]
    assert len(listed) == record["found"] >= 120 and record["rows_with"] == 40
    shown = said + (run / "identifiers.csv").read_text()
    assert not any(secret in shown for secret in SECRETS)


def test_a_study_stops_too(notes: dict[str, Any], here: Path) -> None:
    import yaml

    grid = {**notes, "run": "s", "study": {"vary": {"lora.r": [1, 2]}}}
    (here / "s.yaml").write_text(yaml.safe_dump(grid))
    with pytest.raises(DataError, match="Nothing was trained"):
        study("s.yaml")
    assert not list(here.rglob("steps.jsonl"))


def test_a_run_reports_and_warns(notes: dict[str, Any]) -> None:
    done = medlms.train({**notes, "identifiers": "report"})
    account = done.report["data"]["identifiers"]
    assert account["asked"] == "report" and account["by_class"]["phone"] == 40
    assert any("can repeat them" in warning for warning in done.report["warnings"])
    assert "John Smith" in (done.run.folder / "splits/train.jsonl").read_text()
    page = (done.run.folder / "report.html").read_text() + (done.run.folder / "report.md").read_text()
    assert page.count("Possible identifiers of people") >= 2 and page.count("left as they are") >= 2
    assert (done.run.folder / "identifiers.csv").is_file()


def test_a_run_trains_on_surrogates(notes: dict[str, Any]) -> None:
    done = medlms.train({**notes, "identifiers": "deidentify"})
    record = done.report["data"]["identifiers"]["by_source"]["notes"]
    assert record["policy"] == "deidentify" and record["left"] == 0 and record["replaced"] >= 120
    assert not any("can repeat them" in warning for warning in done.report["warnings"])
    assert not any(secret in words(done.run.folder) for secret in SECRETS)
    assert "replaced by surrogates" in (done.run.folder / "report.md").read_text()
    assert "illness 3" in words(done.run.folder)
    secret = (Path("home") / "surrogates.key").read_bytes()
    assert all(secret not in path.read_bytes() for path in done.run.folder.rglob("*") if path.is_file())
