"""Stopped at any moment, by Ctrl-C or kill -9, and resumed: the run ends the same as one that was never stopped."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from road_runs import Stopper, essence, lines

import medlms
from medlms import errors
from medlms.config import dump, load


@pytest.mark.parametrize(
    ("title", "at"),
    [
        ("reading the data", 0),
        ("base answers", 2),
        ("training", 7),
        ("epoch 1: answers", 1),
        ("tuned reads references", 3),
    ],
)
def test_ctrl_c_leaves_a_run_that_ends_the_same(finished: Path, config: dict[str, Any], title: str, at: int) -> None:
    stopper = Stopper(title, at)
    with pytest.raises(errors.Interrupted) as caught:
        medlms.train(config, talk=stopper)
    assert stopper.title == "", "it was not reached"
    assert caught.value.exit_code == 130
    assert caught.value.hint == f"Go on with: medlms train --resume {Path('runs/a')}"
    if title == "training":
        assert [row["step"] for row in lines(Path("runs/a/steps.jsonl"))] == list(range(1, 8)), (
            "the step in hand is ended"
        )
    assert not Path("runs/a/report.json").exists()
    result = medlms.train(resume="a")
    assert essence(result.run.folder) == essence(finished)


def test_the_command_line_leaves_with_130(
    config: dict[str, Any], here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from medlms.cli import _show, main

    (here / "c.yaml").write_text(dump(load(config)[0]))
    stopper = Stopper("training", 2)
    monkeypatch.setattr(_show.Terminal, "bar", lambda self, title: stopper.bar(title))
    with pytest.raises(SystemExit) as left:
        main(["train", "c.yaml", "evaluate.systems=[tuned]"])
    assert left.value.code == 130
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.endswith(f"hint: Go on with: medlms train --resume {Path('runs/a')}\n")
    assert "Traceback" not in said.err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "Ctrl-C is given back"


def test_a_stopped_fp16_run_keeps_its_loss_scale(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.train import scaling

    monkeypatch.setattr(
        scaling, "scale_for", lambda dtype: scaling.LossScale(2.0**24)
    )  # so high that steps are skipped
    config = {**config, "precision": "fp16", "evaluate": {**config["evaluate"], "systems": ["tuned"]}}
    whole = medlms.train({**config, "run": "whole"}).run.folder
    steps = lines(whole / "steps.jsonl")
    skipped = [row["step"] for row in steps if row["skipped"]]
    assert skipped[:1] == [1]
    assert 1 < len(skipped) < len(steps)
    assert all((row["grad_norm"] is None) == row["skipped"] for row in steps)
    stopper = Stopper("training", 2)
    with pytest.raises(errors.Interrupted):
        medlms.train(config, talk=stopper)
    assert any("step 1 was skipped" in text for text in stopper.said)
    result = medlms.train(resume="a")
    assert essence(result.run.folder) == essence(whole)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_kill_9_at_a_random_step_leaves_a_run_that_ends_the_same(
    finished: Path, config: dict[str, Any], here: Path
) -> None:
    (here / "c.yaml").write_text(dump(load(config)[0]))
    source = str(Path(medlms.__file__).parents[1])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": source}
    code = "import torch; torch.set_num_threads(1); import medlms; medlms.train('c.yaml')"
    wanted = random.Random().randrange(1, 17)
    steps = here / "runs/a/steps.jsonl"
    with (here / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=log, stderr=log)
        try:
            until = time.monotonic() + 300
            while process.poll() is None and time.monotonic() < until:
                if steps.is_file() and steps.read_bytes().count(b"\n") >= wanted:
                    break
                time.sleep(0.002)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == -signal.SIGKILL, (here / "log").read_text()
    assert not (here / "runs/a/report.json").exists(), "it was done before it was killed"
    result = medlms.train(resume="a")
    assert essence(result.run.folder) == essence(finished), f"killed after step {wanted}"


def test_a_full_disk_leaves_a_run_that_ends_the_same(
    finished: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from medlms.run import Run

    append = Run.append

    def full(self: Run, name: str, rows: Any) -> None:
        if name == "steps.jsonl" and rows[0]["step"] == 4:
            with self.path(name).open("a") as file:
                file.write('{"step": 4, "lo')
            raise errors.ResourceError("the disk is full")
        append(self, name, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "append", full)
        with pytest.raises(errors.ResourceError):
            medlms.train(config)
    result = medlms.train(resume=Path("runs/a"))
    assert essence(result.run.folder) == essence(finished)


def test_a_finished_run_resumed_writes_its_report_again(finished: Path, config: dict[str, Any], here: Path) -> None:
    import shutil

    shutil.copytree(finished, here / "runs/a")
    (here / "runs/a/report.json").unlink()
    talk = Stopper()
    medlms.train(resume="a", talk=talk)
    assert "resuming after step 20 of 20" in talk.said
    assert essence(here / "runs/a") == essence(finished)


def test_a_changed_config_is_refused(finished: Path, here: Path) -> None:
    import shutil

    shutil.copytree(finished, here / "runs/a")
    path = here / "runs/a/config.yaml"
    text = path.read_text()
    for change in ("learning_rate: 0.01", "r: 2", "dev: 4", "seed: 13", "max_new_tokens: 6"):
        assert change in text
        path.write_text(text.replace(change, change.partition(":")[0] + ": 5"))
        with pytest.raises(errors.AskedWrongly, match="was changed after the run began") as caught:
            medlms.train(resume="a")
        assert caught.value.hint.startswith("Start a new run with it")
    path.write_text(text.replace("checkpoint_minutes: 0.0", "checkpoint_minutes: 9"))
    assert path.read_text() != text
    medlms.train(resume="a")


def test_a_resumed_run_takes_no_settings(finished: Path) -> None:
    for words in ({"overrides": ["seed=1"]}, {"source": "c.yaml"}, {"seed": 1}):
        with pytest.raises(errors.AskedWrongly, match="keeps its own config"):
            medlms.train(resume=finished, **words)  # type: ignore[arg-type]
