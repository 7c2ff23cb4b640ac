"""What a run computes its steps with: measured once, kept, said, written down before the first step, kept by a resume."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from road_runs import Stopper, essence

import medlms
from medlms import errors
from medlms.bench import probed, quiet
from medlms.bench.probed import Probed
from medlms.config import Config, load
from medlms.models import native, plan
from medlms.road import many, probing
from medlms.run import home
from medlms.types import Tokens


@pytest.fixture
def short(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A run of six steps that grades little, worth a measurement on a quiet machine."""
    monkeypatch.setattr(probing, "WORTH", 0)
    monkeypatch.setattr(quiet, "busy_share", lambda seconds: 0.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    evaluate = {**config["evaluate"], "systems": ["tuned"], "max_new_tokens": 2, "latency_rows": 0, "rows": 2}
    return {**config, "evaluate": evaluate, "prompts": [], "split": {"train": 9, "dev": 2, "eval": 2}}


def chosen(folder: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(folder) / "manifest.json").read_text())["step"]
    return found


def never(*args: Any) -> Any:
    raise AssertionError("measured again")


def finding(key: Any = None, **ways: list[tuple[Any, float]]) -> Probed:
    ways = {"threads": [], "attention": [], "blocks": [], **ways}
    flops = {"bfloat16": 4.3e11, "float32": 1.2e11}
    key = key or {"method": "lora", "rank": 16, "dtype": "bfloat16"}
    return Probed(key, "tiny", "2026-11-22T10:00:00+00:00", 2, 1.5, 1, ways, flops)


def test_a_short_run_is_not_measured(finished: Path) -> None:
    found = chosen(finished)
    assert (found["micro_tokens"], found["attention"], found["native"]) == (1024, None, native.built()[0] is not None)
    assert found["why"] == "the run is too short to be worth a measurement"
    assert "measured" not in found
    assert load(finished / "config.yaml")[0].train.micro_tokens == "auto"


def test_a_run_is_measured_once_and_the_next_one_takes_what_was_found(
    short: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Stopper()
    medlms.train({**short, "run": "one"}, talk=talk)
    assert any(text.startswith("measuring what is fastest here, once") for text in talk.said)
    found = chosen("runs/one")
    assert set(dict(found["seconds"]["blocks"])) == set(probing.BLOCKS)
    assert set(dict(found["seconds"]["attention"])) == {"fused", "packed", "rows"}
    assert found["seconds"]["threads"] == [], "somebody has set them"
    assert found["micro_tokens"] in probing.BLOCKS
    (file,) = (home() / "probes").iterdir()
    monkeypatch.setattr(probing, "_measured", never)
    again = Stopper()
    medlms.train({**short, "run": "two"}, talk=again)
    assert chosen("runs/two") == found
    said = [[text for text in who.said if text.startswith("steps: ")] for who in (talk, again)]
    assert said[0] == said[1]
    assert "the fastest of what was measured on" in said[0][0]
    assert essence(Path("runs/one")) == essence(Path("runs/two"))
    file.write_text("{}")  # a file that is no finding counts as none
    with pytest.raises(AssertionError, match="measured again"):
        medlms.train({**short, "run": "three"})


def test_a_resumed_run_keeps_what_it_began_with(short: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    ways: dict[str, Any] = {"attention": [("fused", 1.0), ("rows", 0.5)], "blocks": [(512, 0.5), (1024, 1.0)]}
    monkeypatch.setattr(
        probing, "_measured", lambda loaded, model, config: finding(probing._key(loaded, config), **ways)
    )
    medlms.train({**short, "run": "whole"})
    assert (chosen("runs/whole")["attention"], chosen("runs/whole")["micro_tokens"]) == ("rows", 512)
    with pytest.raises(errors.Interrupted):
        medlms.train(short, talk=Stopper("training", 2))
    (file,) = (home() / "probes").iterdir()
    other = json.loads(file.read_text())
    other["ways"] = {"threads": [], "attention": [["fused", 0.5], ["rows", 1.0]], "blocks": [[512, 1.0], [1024, 0.5]]}
    file.write_text(json.dumps(other))
    talk = Stopper()
    result = medlms.train(resume="a", talk=talk)
    assert any(text.endswith("blocks of up to 512 tokens, rows attention; as the run began") for text in talk.said)
    assert any("by torch's own, called once for each row" in text for text in talk.said)
    assert essence(result.run.folder) == essence(Path("runs/whole"))
    new = medlms.train({**short, "run": "new"})
    assert (chosen(new.run.folder)["attention"], chosen(new.run.folder)["micro_tokens"]) == ("fused", 1024)


def test_what_stands_in_the_config_is_kept(short: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    ways: dict[str, Any] = {"blocks": [(512, 0.5), (1024, 1.0)]}
    monkeypatch.setattr(
        probing, "_measured", lambda loaded, model, config: finding(probing._key(loaded, config), **ways)
    )
    medlms.train({**short, "train": {**short["train"], "micro_tokens": 700}})
    assert chosen("runs/a")["micro_tokens"] == 700


def test_a_busy_machine_is_not_measured(short: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "busy_share", lambda seconds: 0.6)
    medlms.train(short)
    assert chosen("runs/a")["why"] == "nothing was measured: others use 60% of the processors now"
    assert not (home() / "probes").exists()
    with pytest.raises(errors.ResourceError, match="Nothing was measured: others use 60%"):
        probing.probe(short["model"])


@pytest.mark.parametrize(
    ("settings", "free", "wanted"),
    [
        ({}, 10**12, 2048),
        ({}, 1, 1024),  # larger blocks must leave half of the free memory
        ({"tokens_per_step": 1024}, 10**12, 2048),  # a block never holds more than its step
        ({"rows_per_step": 9}, 10**12, 2048),
        ({"rows_per_step": 11}, 10**12, 2048),
    ],
)
def test_which_block(
    tiny_folder: Any, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], free: int, wanted: int
) -> None:
    from medlms.models.fetch import locate
    from medlms.models.load import load as load_model

    monkeypatch.setattr(plan, "available_memory", lambda: free)
    rows = [Tokens("r", tuple(range(200)), (True,) * 200)]
    work = SimpleNamespace(
        config=Config(model="tiny", data=["none"], train=settings),  # type: ignore[arg-type,list-item]
        loaded=load_model(locate(str(tiny_folder("llama"))), precision="fp32"),
        trainable=1000,
    )
    found = finding(blocks=[(512, 1.0), (1024, 0.99), (2048, 0.8)])
    assert probing._block(work, found, rows) == wanted  # type: ignore[arg-type]


def test_another_format_is_named_and_not_taken() -> None:
    talk = Stopper()
    work: Any = SimpleNamespace(config=Config(model="tiny", data=["none"]), talk=talk)  # type: ignore[list-item]
    probing._advise(work, finding())
    assert talk.said == []
    slow = Probed(**{**vars_of(finding()), "matrix_flops": {"bfloat16": 1e11, "float32": 2e11}})
    probing._advise(work, slow)
    assert "precision=fp32 would be faster" in talk.said[0]


def vars_of(found: Probed) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(found)


def test_a_run_of_several_processes_takes_the_usual_way(short: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    work: Any = SimpleNamespace(
        config=load(short)[0], loaded=None, run=SimpleNamespace(rows=lambda name: [], folder=Path())
    )
    monkeypatch.setattr(many, "launched", lambda: 2)
    way, why, found = probing._chosen(work, None, [])
    assert (way.threads, way.attention, way.micro_tokens, found) == (None, None, 1024, None)
    assert "several processes" in why


def test_doctor_shows_what_was_measured(
    short: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from medlms.cli import main

    def doctor(*words: str) -> str:
        with pytest.raises(SystemExit):
            main(["doctor", *words])
        return capsys.readouterr().out

    assert json.loads(doctor("--json"))["measured"] == []
    (item,) = json.loads(doctor("--json", "--probe", short["model"]))["measured"]
    assert item["layers"] == 2
    assert item["key"]["rank"] == 16
    (line,) = [text for text in doctor().splitlines() if text.startswith("= ")]
    assert line == f"= {item['said']}"
    assert "1 thread, blocks of up to " in line
    assert "GFLOP/s, " in line
    assert f"measured on {item['date'][:10]}" in line
    with monkeypatch.context() as patch:
        patch.setattr(probed, "machine", lambda: {"processor": "another", "cores": 2, "torch": "2"})
        assert probed.of_this_machine() == []


def test_doctor_does_not_look_at_models(capsys: pytest.CaptureFixture[str]) -> None:
    from medlms.cli import main

    with pytest.raises(SystemExit) as left:
        main(["doctor", "some"])
    assert left.value.code == 2
    assert "medlms doctor --probe some" in capsys.readouterr().err


def test_how_many_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in probing.SET:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(probing.os, "sched_getaffinity", lambda process: range(16), raising=False)
    monkeypatch.setattr(probing, "_threads", lambda: 16)
    monkeypatch.setattr(probing, "_siblings", lambda: 2)
    monkeypatch.setattr(probing, "_granted", lambda: 3)
    assert probing._counts() == (1, 3, 8, 16)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert probing._counts() == (16,)


@pytest.mark.parametrize(("text", "wanted"), [("0,8\n", 2), ("0-1\n", 2), ("0\n", 1), ("?\n", 1)])
def test_threads_of_a_core(tmp_path: Path, text: str, wanted: int) -> None:
    path = tmp_path / "list"
    path.write_text(text)
    assert probing._siblings(path) == wanted
    assert probing._siblings(tmp_path / "none") == 1


@pytest.mark.parametrize(("text", "wanted"), [("200000 100000\n", 2), ("50000 100000\n", 1), ("max 100000\n", None)])
def test_a_containers_quota(tmp_path: Path, text: str, wanted: int | None) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(text)
    assert probing._granted(path) == wanted
    assert probing._granted(tmp_path / "none") is None
