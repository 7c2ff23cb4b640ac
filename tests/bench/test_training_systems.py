"""Every system of benchmarks/training.py learns the same from the same rows, so that its speed may be compared."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from medlms.bench.worker import Worker
from medlms.text.pack import plan_steps
from medlms.text.template import template_of
from medlms.text.tokenise import tokenise
from medlms.types import Message

pytestmark = pytest.mark.slow
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
pytest.importorskip("peft")


def harness():
    spec = importlib.util.spec_from_file_location("bench_training", BENCHMARKS / "training.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


TRAINING = harness()
HAS_TRL = importlib.util.find_spec("trl") is not None
# One setting for each way through the worker's code; packs hold other rows in a step and adapters in bf16 round.
NAMES = ("plain_4_flattened_answer_head", "plain_1_full_logits", "trl_4x2_padding_free", "trl_default")
ALIKE = [settings for settings in (*TRAINING.SEARCH, TRAINING.TRL_DEFAULT) if settings["name"] in NAMES]


@pytest.fixture(scope="module")
def job(tiny_folder, tmp_path_factory):
    """Rows of the miniature model as the worker's ``prepare`` writes them: a warm-up step and three others."""
    from medlms.models.fetch import locate
    from medlms.models.load import load
    from medlms.testing import tiny_rows

    folder = tiny_folder("llama")
    loaded = load(locate(str(folder)), precision="fp32")
    said = ((row.id, row.place, (Message("user", row.question),), row.answer) for row in tiny_rows(24))
    rows = tokenise(loaded.tokenizer, template_of(loaded.tokenizer), said, max_length=256, stops=loaded.stops).rows
    lengths = [len(row.ids) for row in rows[:16]]
    planned = plan_steps(lengths, epochs=1, tokens_per_step=1, rows_per_step=4, block_tokens=200, seed=1)
    steps = [
        {"blocks": [list(block) for block in step.blocks], "rows": [row for block in step.blocks for row in block]}
        for step in planned
    ]
    found = [{"id": row.id, "ids": list(row.ids), "learn": [int(learn) for learn in row.learn]} for row in rows]
    path = tmp_path_factory.mktemp("job") / "job.json"
    path.write_text(json.dumps({"rows": found[:16], "steps": steps, "dev": found[16:]}), encoding="utf-8")
    return folder, path


def learn(settings, job, tmp_path, **changed):
    folder, path = job
    start = {key: value for key, value in settings.items() if key not in ("name", "system")}
    start |= {
        "system": settings["system"],
        "model": str(folder),
        "job": str(path),
        "precision": "fp32",
        "steps": [0, 1, 2, 3],
        "rows_per_step": 4,
        "lora": {"r": 4, "alpha": 8, "dropout": 0.0},
        "learning_rate": 0.01,
        "seed": 3,
        **changed,
    }
    if "batch" in start:
        start["batch"] = min(start["batch"], 4)
    environment = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(BENCHMARKS.parent / "src")}
    command = [sys.executable, str(BENCHMARKS / "training_worker.py")]
    with Worker(settings["name"], command, log=tmp_path / "log.txt", environment=environment) as process:
        ready = process.ask(start, seconds=900)
        untrained = process.ask({"do": "loss"}, seconds=900)["dev_loss"]
        first = process.ask({"do": "step", "count": 1}, seconds=900)
        more = process.ask({"do": "step", "count": 3}, seconds=900)
        loss = process.ask({"do": "loss"}, seconds=900)["dev_loss"]
    return {
        "adapters": ready["adapters"],
        "untrained": untrained,
        "tokens": [first["tokens"], more["tokens"]],
        "memory": more["peak_memory_bytes"],
        "loss": loss,
    }


@pytest.fixture(scope="module")
def ours(job, tmp_path_factory):
    found = learn(TRAINING.OURS, job, tmp_path_factory.mktemp("ours"))
    # Otherwise the comparisons below would hold for systems that learn nothing.
    assert found["loss"] < found["untrained"] - 0.1
    assert found["memory"] > 100e6
    return found


@pytest.mark.parametrize("settings", ALIKE, ids=lambda settings: settings["name"])
def test_a_peer_learns_what_ours_learns(settings, job, ours, tmp_path):
    if settings["system"] == "trl" and not HAS_TRL:
        pytest.skip("TRL is not installed (pip install 'medlms[bench]')")
    found = learn(settings, job, tmp_path, precision="fp32")
    assert found["adapters"] == ours["adapters"]
    assert found["tokens"] == ours["tokens"]
    assert found["untrained"] == pytest.approx(ours["untrained"], abs=1e-5)
    assert found["loss"] == pytest.approx(ours["loss"], abs=2e-4)
