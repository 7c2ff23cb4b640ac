"""benchmarks/training.py from its command line to its JSON, with systems that only pretend to compute."""

import importlib.util
import json
import math
import sys
from pathlib import Path

import pytest

from medlms.bench.result import read
from medlms.bench.worker import TooSlow, WorkerFailed

spec = importlib.util.spec_from_file_location(
    "bench_training_pretended", Path(__file__).parents[2] / "benchmarks" / "training.py"
)
training = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = training
spec.loader.exec_module(training)

# tokens/s; those left out run at 50
RATES = {"ours": 200.0, "plain_1_answer_head": 120.0, "trl_1x8": 110.0, "trl_default": 40.0}
STEPS = [600, *[2000 + 10 * number for number in range(9)]]


class Pretended:
    """Answers as the worker does; a step's seconds follow from its tokens and the system's rate."""

    alive = 0

    def __init__(self, name, fails=(), rates=RATES):
        self.name, self.fails, self.rates, self.steps = name, fails, rates, []

    def __enter__(self):
        Pretended.alive += 1
        return self

    def __exit__(self, *_):
        Pretended.alive -= 1

    def kill(self):
        pass

    def peak_memory(self):
        return 9_000_000_000

    def ask(self, message, *, seconds=None):
        if "system" in message:
            if self.name in self.fails:
                raise WorkerFailed(f"{self.name}: ValueError: not on this processor")
            self.steps = list(message.get("steps", []))
            return {
                "prepare": {
                    "steps": STEPS,
                    "dev_rows": 3,
                    "learned_share": 0.8,
                    "tokens_per_row": 250.0,
                    "longest_row": 900,
                },
                "roofline": {"dtype": "bfloat16"},
            }.get(message["system"], {"adapters": 10.0 + message.get("seed", 0)})
        if message["do"] == "measure":
            return {
                "matrices": [
                    {"name": "w", "rows": 100, "columns": 100, "count": 1, "adapters": 1, "head": False, "gflops": 1.0}
                ]
            }
        if message["do"] == "loss":
            return {"dev_loss": 2.0 if self.name == "ours" else 2.01}
        tokens = sum(STEPS[self.steps.pop(0)] for _ in range(message["count"]))
        took = tokens / self.rates.get(self.name, 50.0)
        if seconds is not None and took > seconds:
            raise TooSlow(f"{self.name}: no answer within {seconds:.0f} s")
        return {"tokens": tokens, "seconds": took, "peak_memory_bytes": 2_000_000_000}


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setattr(training, "busy_share", lambda: 0.0)

    def go(*words, fails=(), rates=RATES):
        monkeypatch.setattr(training, "worker", lambda _bench, settings: Pretended(settings["name"], fails, rates))
        code = training.main(["--out", str(tmp_path / "training.json"), *words])
        assert Pretended.alive == 0
        return code, read(tmp_path / "training.json")

    return go


def rows(value, metric, phase):
    return {
        row["system"]: row for row in value["rows"] if row["metric"] == metric and row["settings"]["phase"] == phase
    }


def test_the_whole_run(run, capsys):
    code, value = run()
    assert code == 0 and value["complete"] and not value["failed"] and not value["warnings"]
    speeds = rows(value, "tokens_per_second", "rounds")
    # The second peer lies within a tenth of the best and is measured in the rounds too.
    assert set(speeds) == {"ours", "best_peer", "trl_1x8", "trl_default"}
    assert speeds["best_peer"]["settings"]["name"] == "plain_1_answer_head"
    assert speeds["ours"]["median"] == pytest.approx(200) and speeds["ours"]["n"] == 8
    assert speeds["trl_default"]["n"] == 4
    ratios = {(item["b"], item["metric"]): item["value"] for item in value["ratios"]}
    assert ratios["best_peer", "tokens_per_second"] == pytest.approx(200 / 120)
    assert ratios["trl_default", "tokens_per_second"] == pytest.approx(5)
    assert ratios["trl_default", "peak_memory_bytes"] == pytest.approx(1)
    assert set(rows(value, "dev_loss", "dev_loss")) == {"ours", "best_peer"}
    assert [found["seed"] for found in value["dev_loss"]["seeds"]] == [0, 1, 2]
    assert value["dev_loss"]["steps"] == 4 and value["dev_loss"]["tokens"] == sum(STEPS[:4])
    table = capsys.readouterr().out
    assert "best_peer (plain_1_answer_head)" in table and "1.67x" in table


def test_losses_alone_are_put_into_the_file_that_is_there(run):
    _, whole = run("--seeds", "1")
    code, value = run("--losses-only")
    assert code == 0
    assert [found["seed"] for found in value["dev_loss"]["seeds"]] == [0, 1, 2]
    assert value["dev_loss"]["made"]["command"].endswith("--losses-only")
    assert value["dev_loss"]["difference"]["value"] == pytest.approx(-0.01)
    assert {key: value[key] for key in ("ratios", "roofline", "command", "date")} == {
        key: whole[key] for key in ("ratios", "roofline", "command", "date")
    }
    assert len(value["rows"]) == len(whole["rows"])


def test_losses_of_other_rows_are_not_put_beside_them(run, monkeypatch):
    _, whole = run("--seeds", "1")
    monkeypatch.setattr(sys.modules[__name__], "STEPS", [500, *STEPS[1:]])
    code, value = run("--losses-only")
    assert code == 2 and value == whole


def test_slow_settings_are_stopped_and_still_listed(run):
    _, value = run()
    speeds, memory = rows(value, "tokens_per_second", "search"), rows(value, "peak_memory_bytes", "search")
    assert len(speeds) == len(training.SEARCH)
    stopped = speeds["trl_1x8_fp32"]
    assert stopped["median"] is None and stopped["high"] == pytest.approx(120 / training.PATIENCE)
    assert "slower than" in stopped["settings"]["stopped"]
    assert memory["trl_1x8_fp32"]["low"] == 9_000_000_000


def test_a_setting_that_fails_is_recorded_and_skipped(run):
    code, value = run(fails=("plain_1_answer_head",))
    assert code == 0
    assert [(item["system"], item["phase"]) for item in value["failed"]] == [("plain_1_answer_head", "search")]
    assert "not on this processor" in value["failed"][0]["error"]
    assert rows(value, "tokens_per_second", "rounds")["best_peer"]["settings"]["name"] == "trl_1x8"


@pytest.mark.parametrize("fails", [("ours",), tuple(settings["name"] for settings in training.SEARCH)])
def test_nothing_to_compare_is_no_success(run, fails):
    code, value = run(fails=fails)
    assert code == 1
    assert not [item for item in value["ratios"] if item["b"] == "best_peer"]


def test_a_rate_above_the_ceiling_is_a_warning(run):
    _, value = run(rates=RATES | {"ours": 30_000.0})
    assert value["roofline"]["tokens_per_second"] < 30_000
    assert any("ours reaches 30000 tokens/s, above the ceiling" in warning for warning in value["warnings"])


def test_other_work_on_the_machine_is_a_warning(run, monkeypatch):
    monkeypatch.setattr(training, "busy_share", lambda: 0.5)
    _, value = run("--search", "trl_1x8")
    assert any("other work used 50 %" in warning for warning in value["warnings"])
    assert all(phase["busy"] == 0.5 for phase in value["phases"])


def test_a_stopped_run_leaves_what_it_found(run, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "rounds", stop)
    code, value = run()
    assert code == 130 and not value["complete"]
    assert rows(value, "tokens_per_second", "search")["trl_1x8"]["median"] == pytest.approx(110)


@pytest.mark.parametrize("words", [["--rows", "9"], ["--search", "nothing"], ["--rows", "0"]])
def test_wrong_words_are_refused(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        training.main(words)
    assert stopped.value.code == 2
    assert "--" in capsys.readouterr().err


def test_no_path_of_this_machine_is_written(run, tmp_path):
    _, value = run("--model", "/some/where/model")
    text = json.dumps(value)
    assert "/some/where" not in text and str(tmp_path) not in text
    assert math.isfinite(value["machine"]["threads"])


def test_its_names_are_unlike_and_its_systems_known():
    names = [settings["name"] for settings in training.SEARCH]
    assert len(set(names)) == len(names) and not {"ours", "trl_default", "best_peer"} & set(names)
    assert {settings["system"] for settings in training.SEARCH} == {"plain", "trl"}
