"""`medlms train` in two processes (gloo, on the CPU): one run folder comes out, equal to that of one process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from road_runs import Stopper, lines
from safetensors.torch import load_file

import medlms
from medlms import errors
from medlms.config import dump, load
from medlms.road import many

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "medlms"]
ACCELERATE = ["-m", "accelerate.commands.launch", "--num_machines", "1", "--num_processes", "2"]
ACCELERATE += ["--mixed_precision", "no", "--dynamo_backend", "no"]


@pytest.fixture(scope="session")
def small(config: dict[str, Any]) -> dict[str, Any]:
    """Settings of a run whose steps have several blocks."""
    train = {**config["train"], "micro_tokens": 60, "epochs": 1}
    asked = {**config["evaluate"], "systems": ["tuned"], "latency_rows": 0}
    return {**config, "train": train, "evaluate": asked, "prompts": []}


@pytest.fixture(scope="session")
def alone(small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same run in one process."""
    return medlms.train({**small, "run": str(tmp_path_factory.mktemp("many") / "runs/a")}).run.folder


def environment(**more: str) -> dict[str, str]:
    source = str(Path(medlms.__file__).parents[1])
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": source, **more}


def run(launcher: list[str], *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *launcher, *words], env=environment(**more), capture_output=True, text=True, timeout=300
    )


def pair(*words: str) -> list[subprocess.Popen[str]]:
    """The two processes that a launcher would start, without one: nobody but they themselves sees to their end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "medlms", *words],
            env=environment(RANK=rank, LOCAL_RANK=rank, **shared),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]


def ended(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Exit code, stdout and stderr of each, which must end by themselves."""
    try:
        said = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [(process.returncode, *words) for process, words in zip(processes, said, strict=True)]


def assert_same_run(folder: Path, wanted: Path) -> None:
    """The same steps, adapter and grades, up to the order in which numbers were added."""
    found = {path.name for path in folder.iterdir()}
    assert found == {path.name for path in wanted.iterdir()}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "one run folder"
    own, other = (lines(path / "steps.jsonl") for path in (folder, wanted))
    assert [row["step"] for row in own] == [row["step"] for row in other]
    for one, two in zip(own, other, strict=True):
        assert one["loss"] == pytest.approx(two["loss"], rel=1e-5)
        assert one["grad_norm"] == pytest.approx(two["grad_norm"], rel=1e-4)
        assert (one["tokens"], one["learned_tokens"]) == (two["tokens"], two["learned_tokens"])
    weights = [load_file(path / "adapter/adapter_model.safetensors") for path in (folder, wanted)]
    assert weights[0].keys() == weights[1].keys()
    for name, tensor in weights[0].items():
        assert (tensor - weights[1][name]).abs().max() < 1e-4, name
    losses = [lines(path / "epochs.jsonl")[-1]["dev_loss"]["value"] for path in (folder, wanted)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    reports = [json.loads((path / "report.json").read_text()) for path in (folder, wanted)]
    scores = [report["systems"][0]["metrics"] for report in reports]
    assert scores[0]["perplexity"]["value"] == pytest.approx(scores[1]["perplexity"]["value"], rel=1e-4)
    assert scores[0]["token_f1"] == scores[1]["token_f1"]


@pytest.mark.slow
def test_torchrun(small: dict[str, Any], alone: Path, here: Path) -> None:
    (here / "c.yaml").write_text(dump(load(small)[0]))
    done = run(TORCHRUN, "train", "c.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["systems"][0]["name"] == "tuned", "one report on stdout"
    assert done.stderr.count("the run's folder is") == 1
    assert "2 processes share each step (all weights in each, DDP, gloo on cpu)" in done.stderr
    assert "Warning" not in done.stderr
    assert_same_run(here / "runs/a", alone)


@pytest.mark.slow
def test_accelerate_launch_with_sharded_weights(small: dict[str, Any], alone: Path, here: Path) -> None:
    (here / "c.yaml").write_text(dump(load(small)[0]))
    fsdp = [*ACCELERATE, "--use_fsdp", "--fsdp_version", "2", "-m", "medlms"]
    done = run(fsdp, "train", "c.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert "2 processes share each step (weights sharded among them, FSDP2, gloo on cpu)" in done.stderr
    assert_same_run(here / "runs/a", alone)


@pytest.mark.slow
def test_a_run_stopped_alone_goes_on_in_two_processes(small: dict[str, Any], alone: Path, here: Path) -> None:
    with pytest.raises(errors.Interrupted):
        medlms.train(small, talk=Stopper("training", 4))
    assert len(lines(here / "runs/a/steps.jsonl")) == 4
    results = ended(pair("train", "--resume", "a", "--json"))
    assert [code for code, _, _ in results] == [0, 0], results
    assert "resuming after step 4 of 10" in results[0][2]
    assert results[1][1:] == ("", ""), "the second process says nothing"
    assert_same_run(here / "runs/a", alone)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("victim", [0, 1])
def test_one_killed_ends_all_and_one_process_goes_on(
    small: dict[str, Any], alone: Path, here: Path, victim: int
) -> None:
    (here / "c.yaml").write_text(dump(load(small)[0]))
    processes = pair("train", "c.yaml")
    steps, until = here / "runs/a/steps.jsonl", time.monotonic() + 300
    while all(process.poll() is None for process in processes) and time.monotonic() < until:
        if steps.is_file() and steps.read_bytes().count(b"\n") >= 2:
            break
        time.sleep(0.002)
    processes[victim].kill()
    results = ended(processes)
    assert results[victim][0] == -signal.SIGKILL
    code, _, said = results[1 - victim]
    assert code == 1
    assert said.count("error: ") == 1
    assert "error: Another process of this run can't be reached" in said
    assert "Traceback" not in said
    assert not (here / "runs/a/report.json").exists()
    medlms.train(resume="a")
    assert_same_run(here / "runs/a", alone)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_reaches_all_and_keeps_the_state(small: dict[str, Any], alone: Path, here: Path) -> None:
    (here / "c.yaml").write_text(dump(load(small)[0]))
    processes = pair("train", "c.yaml")
    steps, until = here / "runs/a/steps.jsonl", time.monotonic() + 300
    while all(process.poll() is None for process in processes) and time.monotonic() < until:
        if steps.is_file() and steps.read_bytes().count(b"\n") >= 2:
            break
        time.sleep(0.002)
    began = all(process.poll() is None for process in processes) and steps.is_file()
    for process in processes:
        process.send_signal(signal.SIGINT)
    results = ended(processes)
    assert began, f"no step in the time given: {results}"
    assert [code for code, _, _ in results] == [130, 130], results
    assert results[0][2].count("error: Stopped.") == 1
    assert results[1][1:] == ("", "")
    done = len(lines(steps))
    assert 2 <= done < 10
    medlms.train(resume="a", talk=(talk := Stopper()))
    assert f"resuming after step {done} of 10" in talk.said
    assert_same_run(here / "runs/a", alone)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_while_the_others_make_ready_ends_all(small: dict[str, Any], here: Path) -> None:
    (here / "c.yaml").write_text(dump(load(small)[0]))
    processes = pair("train", "c.yaml")
    assert processes[0].stderr is not None
    for line in processes[0].stderr:
        if line.startswith("training "):  # said before the others are sent what they need
            break
    time.sleep(0.2)
    for process in processes:
        process.send_signal(signal.SIGINT)
    results = ended(processes)
    assert [code for code, _, _ in results] == [130, 130], results
    assert results[0][2].count("error: Stopped.") == 1
    assert results[1][1:] == ("", "")


@pytest.mark.slow
def test_what_is_wrong_is_said_once(small: dict[str, Any], here: Path) -> None:
    (here / "c.yaml").write_text(dump(load(small)[0]))
    results = ended(pair("train", "c.yaml", "lora.targets=q_prj"))
    assert [code for code, _, _ in results] == [2, 2]
    assert results[0][2].count("error: lora.targets: this model has no module q_prj.") == 1
    assert results[1][1:] == ("", "")
    assert not (here / "runs/a").exists()


def test_who_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(key, raising=False)
    assert many.launched() == 1
    assert many.is_first()
    monkeypatch.setenv("WORLD_SIZE", "4")  # said by a scheduler that has started one process
    assert many.launched() == 1
    monkeypatch.setenv("RANK", "3")
    assert many.launched() == 4
    assert not many.is_first()


def test_what_runs_in_one_process_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.road.study import study

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(errors.AskedWrongly, match="A study runs in one process") as caught:
        study({"study": {}})
    assert "torchrun" in caught.value.hint
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(errors.AskedWrongly, match="DeepSpeed") as caught:
        many.team()
    assert "--use_fsdp" in caught.value.hint
