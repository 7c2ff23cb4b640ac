"""benchmarks/cost.py: its configurations, its file over several runs, and its two systems, which learn the same."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from medlms.bench.result import read
from medlms.bench.worker import TooSlow, Worker, WorkerFailed

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
spec = importlib.util.spec_from_file_location("bench_cost", BENCHMARKS / "cost.py")
cost = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = cost  # dataclasses look their module up
spec.loader.exec_module(cost)


class Pretended:
    """Answers as the worker does: seconds and memory follow from what is asked, the peer's from its padded tokens."""

    def __init__(self, name, log, fails):
        self.name, self.log, self.fails = name, log, fails

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self, message, *, seconds=None):
        if "lengths" in message:
            self.start = message
            if message["system"] != "prepare":
                self.log.append(self.name)
            return {"dtype": "bfloat16", "attention_share": 0.1, "loaded_memory_bytes": 1_300_000_000, "parameters": 9}
        if self.name in self.fails:
            raise self.fails[self.name]
        lengths = self.start["lengths"]
        if self.start["system"] == "plain_padded":
            work = at_once = len(lengths) * max(lengths)
        else:
            work, at_once = sum(lengths), min(sum(lengths), self.start["micro_tokens"])
        took, peak = 1 + 0.5 * work, 1_000_000_000 + 1_000_000 * at_once + 1000 * self.start["lora"]["r"]
        return {"seconds": took, "tokens": sum(lengths), "loss": 1.0, "peak_memory_bytes": peak}


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setattr(cost, "busy_share", lambda seconds: 0.0)

    def go(*words, fails=None):
        log = []
        monkeypatch.setattr(cost, "worker", lambda name, scratch, options: Pretended(name, log, fails or {}))
        code = cost.main(["--out", str(tmp_path / "cost.json"), *words])
        return code, read(tmp_path / "cost.json"), log

    return go


@pytest.mark.parametrize("sizes", [cost.FULL, cost.QUICK], ids=["full", "quick"])
def test_what_an_axis_holds_fixed_is_fixed(sizes):
    axes = cost.axes_of(sizes)
    ours = {axis: [case for _, case in points if case.system == "ours"] for axis, points in axes.items()}
    for axis in ("length", "micro_tokens", "rank", "longest"):
        assert len({case.tokens for case in ours[axis]}) == 1, axis
    assert {case.micro_tokens for case in ours["length"]} == {ours["length"][0].tokens}
    assert len({(case.lengths[0], case.micro_tokens) for case in ours["rows"]}) == 1
    assert [len(case.lengths) for case in ours["rows"]] == list(sizes.rows)
    assert len({len(case.lengths) for case in ours["longest"]}) == 1
    assert all(max(case.lengths) == x == case.lengths[0] for x, case in axes["longest"])
    for axis, points in axes.items():
        mine = {x: case for x, case in points if case.system == "ours"}
        peers = {x: case for x, case in points if case.system != "ours"}
        assert set(peers) == set(sizes.padded.get(axis, ()))
        assert all(mine[x].lengths == case.lengths for x, case in peers.items())
    cases = {case for points in axes.values() for _, case in points}
    assert len({case.name for case in cases}) == len(cases)


def test_the_whole_run_and_its_lines(run, capsys):
    code, value, log = run()
    names = {case.name for points in cost.axes_of(cost.FULL).values() for _, case in points}
    assert code == 0 and value["complete"] and not value["failed"] and not value["warnings"]
    assert sorted(log) == sorted(names) and log != sorted(log)
    fit = value["fits"]["seconds over tokens of a step"]
    assert (fit["slope"], fit["intercept"], fit["r2"]) == pytest.approx((0.5, 1.0, 1.0))
    assert value["fits"]["memory over tokens read at once"]["slope"] == pytest.approx(1e6)
    # Only where a step has more tokens than are read at once: there memory is flat.
    flat = value["fits"]["memory over tokens of a step, where more than are read at once"]
    assert flat["slope"] == pytest.approx(0) and flat["n"] == 4
    long = {point["system"]: point for point in value["axes"]["longest"] if point["x"] == 832}
    assert long["ours"]["seconds"]["median"] == pytest.approx(1 + 0.5 * 1024)
    assert long["plain_padded"]["seconds"]["median"] == pytest.approx(1 + 0.5 * 4 * 832)
    assert long["plain_padded"]["training_memory_bytes"] > 2 * long["ours"]["training_memory_bytes"]
    # Loading took more than a small step: it counts for the process, and not for the step.
    small = next(point for point in value["axes"]["micro_tokens"] if point["x"] == 256)
    assert small["training_memory_bytes"] == pytest.approx(1.256e9, rel=1e-4) and small["peak_memory_bytes"] == 1.3e9
    assert "R² 1.0000" in capsys.readouterr().out


def test_what_stands_in_the_file_is_not_measured_again(run):
    _, first, _ = run("--quick")
    code, second, log = run("--quick")
    assert code == 0 and not log and second["rows"] == first["rows"] and second["fits"] == first["fits"]
    assert run("--quick", "--again")[2]


def test_when_time_is_up_the_same_command_goes_on(run, capsys):
    code, value, log = run("--quick", "--minutes", "0")
    assert code == 0 and not value["complete"] and not log
    assert {point["missing"] for points in value["axes"].values() for point in points} == {"not measured yet"}
    assert "goes on" in capsys.readouterr().out
    assert run("--quick")[1]["complete"]


def test_another_model_is_not_mixed_in(run, tmp_path, capsys):
    run("--quick")
    before = (tmp_path / "cost.json").read_bytes()
    assert run("--quick", "--model", "other")[0] == 2
    assert "--again" in capsys.readouterr().err
    assert (tmp_path / "cost.json").read_bytes() == before


def test_a_peer_that_meets_a_limit_is_a_finding(run):
    slow, large = "plain_padded_4x16", "plain_padded_1x32"
    fails = {
        slow: TooSlow(f"{slow}: no answer within 90 s"),
        large: WorkerFailed(f"{large}: stopped at the limit of 19 GB"),
    }
    code, value, _ = run("--quick", fails=fails)
    assert code == 0 and value["complete"] and {item["settings"]["case"] for item in value["failed"]} == {slow, large}
    assert [p["missing"] for p in value["axes"]["length"] if p["case"] == large] == ["stopped at the limit of 19 GB"]
    assert not run("--quick")[2]


def test_ours_failing_is_no_success_and_is_tried_again(run):
    name = "ours_4x16_micro_32_r16"
    code, value, _ = run("--quick", fails={name: WorkerFailed(f"{name}: ValueError: odd")})
    assert code == 1 and not value["complete"]
    code, value, log = run("--quick")
    assert code == 0 and value["complete"] and log == [name] and not value["failed"]


def test_other_work_on_the_machine_is_a_warning(run, monkeypatch):
    monkeypatch.setattr(cost, "busy_share", lambda seconds: 0.5)
    value = run("--quick")[1]
    assert len(value["warnings"]) == len({row["settings"]["case"] for row in value["rows"]})
    assert run("--quick")[1]["warnings"] == value["warnings"]


def test_no_path_of_this_machine_is_written(run, tmp_path):
    _, value, _ = run("--quick", "--model", "/some/where/model")
    assert "/some/where" not in json.dumps(value) and str(tmp_path) not in json.dumps(value)


def worker(name, tmp_path):
    environment = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(BENCHMARKS.parent / "src")}
    command = [sys.executable, str(BENCHMARKS / "cost_worker.py")]
    return Worker(name, command, log=tmp_path / f"{name}.txt", environment=environment)


def start(folder, case, **changed):
    options = cost.arguments(["--model", str(folder), "--precision", "fp32"])
    return cost.message(options, case, steps=4) | {"learning_rate": 0.01, "warm_up": 0} | changed


@pytest.mark.slow
def test_the_padded_peer_learns_what_ours_learns(tiny_folder, tmp_path):
    """Uneven rows in two blocks against one padded batch, without dropout, which each draws for itself."""
    pytest.importorskip("peft")
    found = {}
    for system in ("ours", "plain_padded"):
        case = cost.Case((24, 9, 8, 8), 30, rank=4, system=system)
        with worker(system, tmp_path) as process:
            lora = {"r": 4, "alpha": 8, "dropout": 0.0}
            ready = process.ask(start(tiny_folder("llama"), case, lora=lora), seconds=300)
            before = process.ask({"do": "loss"}, seconds=300)
            step = process.ask({"do": "step", "count": 4}, seconds=300)
            after = process.ask({"do": "loss"}, seconds=300)
        assert step["tokens"] == 4 * case.tokens
        assert after["dev_loss"] < before["dev_loss"] - 0.1  # else the comparison would hold for what learns nothing
        assert ready["loaded_memory_bytes"] > 100e6
        found[system] = ready["adapters"], before["dev_loss"], after["dev_loss"]
    assert found["ours"][0] == found["plain_padded"][0]
    assert found["ours"][1:] == pytest.approx(found["plain_padded"][1:], abs=2e-4)


@pytest.mark.slow
def test_a_real_run_over_three_configurations(tiny_folder, tmp_path, monkeypatch):
    pytest.importorskip("bitsandbytes")
    rows = (16,) * 4
    cases = [cost.Case(rows, 32), cost.Case(rows, 32, four_bit=True), cost.Case(rows, 0, system="plain_padded")]
    empty = {key: [] for key in ("length", "rows", "micro_tokens", "rank", "longest")}
    monkeypatch.setattr(cost, "axes_of", lambda sizes: empty | {"precision": [(64, case) for case in cases]})
    out = tmp_path / "cost.json"
    assert cost.main(["--quick", "--threads", "1", "--model", str(tiny_folder("llama")), "--out", str(out)]) == 0
    value = read(out)
    assert value["complete"] and not value["failed"]
    points = value["axes"]["precision"]
    assert all(p["seconds"]["median"] > 0 and p["peak_memory_bytes"] > 100e6 for p in points)
    assert [p["attention_share"] is not None and 0 < p["attention_share"] < 1 for p in points] == [True, True, False]
    assert len({p["attention_share"] for p in points[:2]}) == 1  # packed weights are counted as what they stand for


@pytest.mark.slow
def test_a_process_that_holds_too_much_is_ended(tiny_folder, tmp_path):
    case = cost.Case((8, 8), 16)
    with worker("ours", tmp_path) as process, pytest.raises(WorkerFailed, match=r"stopped at the limit of 0\.1 GB"):
        process.ask(start(tiny_folder("llama"), case, most_bytes=100_000_000), seconds=300)
