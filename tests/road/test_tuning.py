"""Which epoch is kept and when to stop, and what a run does when its learning rate explodes, memory or disk run out."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from road_runs import Stopper, essence, lines

import medlms
from medlms import errors
from medlms.road import grading
from medlms.road.reporting import best_epoch
from medlms.run import Run


@pytest.fixture
def small(config: dict[str, Any]) -> dict[str, Any]:
    """A run that grades little: training is what is looked at."""
    evaluate = {**config["evaluate"], "systems": ["tuned"], "max_new_tokens": 2, "latency_rows": 0, "rows": 2}
    return {**config, "evaluate": evaluate, "prompts": []}


@pytest.fixture
def short(small: dict[str, Any]) -> dict[str, Any]:
    """A run of six steps."""
    return {**small, "split": {"train": 9, "dev": 2, "eval": 2}}


def with_training(config: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {**config, "train": {**config["train"], **settings}}


def graded(monkeypatch: pytest.MonkeyPatch, **values: list[float]) -> None:
    """Grades of epochs 0, 1, ... as given; those not given stay."""
    plain = grading.epoch_scores

    def epoch_scores(run: Any, config: Any, rows: Any, engine: Any, epoch: int, **rest: Any) -> dict[str, Any]:
        record = plain(run, config, rows, engine, epoch, **rest)
        for name, series in values.items():
            record[name] = {**record[name], "value": series[epoch]}
        return record

    monkeypatch.setattr(grading, "epoch_scores", epoch_scores)


def epochs(*losses: float, f1: tuple[float, ...] = ()) -> list[dict[str, Any]]:
    return [
        {"epoch": number, "dev_loss": {"value": loss}, "token_f1": {"value": f1[number] if f1 else 0.0}}
        for number, loss in enumerate(losses)
    ]


# Which epoch


def test_the_best_epoch() -> None:
    assert best_epoch([]) is None
    assert best_epoch(epochs(1.0)) is None, "epoch 0 is not tuned"
    assert best_epoch(epochs(1.0, 3.0, 2.0, 2.0)) == 2, "the first of equals"
    assert best_epoch(epochs(1.0, 3.0, 2.0, 2.5, f1=(0.9, 0.2, 0.1, 0.2)), by="token_f1") == 1


def test_the_adapter_of_the_best_epoch_by_a_metric_is_kept(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file

    graded(monkeypatch, dev_loss=[9, 8, 7, 6], token_f1=[0.9, 0.2, 0.4, 0.4])
    three = with_training(small, epochs=3)
    by_loss = medlms.train({**three, "run": "loss"})
    by_f1 = medlms.train({**with_training(three, best_by="token_f1"), "run": "f1"})
    assert by_loss.report["training"]["best_epoch"] == 3
    assert by_f1.report["training"]["best_epoch"] == 2
    found = [load_file(result.run.folder / "adapter/adapter_model.safetensors") for result in (by_loss, by_f1)]
    assert any(not found[0][name].equal(found[1][name]) for name in found[0])
    best = load_file(by_f1.run.folder / "checkpoints/best/state.safetensors")
    assert sorted(value.sum().item() for value in best.values()) == sorted(
        value.sum().item() for value in found[1].values()
    )


def test_it_stops_early_and_says_so(small: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    graded(monkeypatch, dev_loss=[1, 5, 4, 4.5, 4.2, 1])
    talk = Stopper()
    result = medlms.train(with_training(small, epochs=5, early_stopping=2), talk=talk)
    assert "stopped early, after epoch 4 of 5: by dev_loss none was better than epoch 2 since" in talk.said
    steps = lines(result.run.folder / "steps.jsonl")
    assert len(steps) == 40
    assert result.report["training"]["epochs"] == 4
    assert result.report["training"]["best_epoch"] == 2
    assert [row["epoch"] for row in lines(result.run.folder / "epochs.jsonl")] == [1, 2, 3, 4]
    # Resumed when it is done, it does not go on.
    (result.run.folder / "report.json").unlink()
    again = medlms.train(resume=result.run.folder)
    assert len(lines(again.run.folder / "steps.jsonl")) == 40
    assert again.report["training"] == result.report["training"]


def test_the_last_epoch_is_no_early_stop(small: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    graded(monkeypatch, dev_loss=[1, 4, 5])
    talk = Stopper()
    medlms.train(with_training(small, early_stopping=1), talk=talk)
    assert not any("stopped early" in text for text in talk.said)


@pytest.mark.parametrize("at", [13, 20, 25])
def test_a_stopped_run_stops_early_as_one_that_was_not(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    graded(monkeypatch, rougeL=[0.9, 0.5, 0.1, 0.4, 0.8])
    config = with_training(small, epochs=4, early_stopping=2, best_by="rougeL")
    whole = medlms.train({**config, "run": "whole"}).run.folder
    assert len(lines(whole / "steps.jsonl")) == 30
    with pytest.raises(errors.Interrupted):
        medlms.train(config, talk=Stopper("training", at))
    assert essence(medlms.train(resume="a").run.folder) == essence(whole)


# Optimisers, blocks, layers that run again


def test_a_stopped_run_with_8_bit_moments_ends_the_same(short: dict[str, Any]) -> None:
    pytest.importorskip("bitsandbytes")
    config = {**with_training(short, optimiser="adamw_8bit", checkpoint_gradients="on"), "lora": {"r": 64, "alpha": 8}}
    whole = medlms.train({**config, "run": "whole"}).run.folder
    with pytest.raises(errors.Interrupted):
        medlms.train(config, talk=Stopper("training", 4))
    assert essence(medlms.train(resume="a").run.folder) == essence(whole)


def test_layers_that_run_again_change_nothing(short: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.models import plan, recompute

    ran: list[bool] = []
    needs: list[int] = []
    plain, reckon = recompute.recompute, plan.training_bytes

    def noted(model: Any, *, on: bool) -> Any:
        ran.append(on)
        return plain(model, on=on)

    def noting(*args: Any, **settings: Any) -> int:
        needs.append(reckon(*args, **settings))
        return needs[-1]

    monkeypatch.setattr(recompute, "recompute", noted)
    monkeypatch.setattr(plan, "training_bytes", noting)
    short = with_training(short, micro_tokens=100)
    runs = [medlms.train({**with_training(short, checkpoint_gradients="on"), "run": "on"}).run.folder]
    enough = max(needs)  # with layers that run again
    runs.append(medlms.train({**short, "run": "auto"}).run.folder)
    assert ran == [True, False], "memory suffices"
    talk = Stopper()
    monkeypatch.setattr(plan, "available_memory", lambda: enough)
    runs.append(medlms.train({**short, "run": "tight"}, talk=talk).run.folder)
    assert ran[2:] == [True]
    assert any("with activations made again in the backward pass" in text for text in talk.said)
    with pytest.raises(errors.ResourceError, match="Training needs about"):
        medlms.train({**with_training(short, checkpoint_gradients="off"), "run": "off"})
    for folder in runs[1:]:
        assert essence(folder) == essence(runs[0])


def one_lack_of_memory(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Memory runs out once, on the first block of several rows that is read from the step ``at`` on."""
    from medlms.train import loop

    plain, past = loop.train, {"step": 0, "done": False}
    block_loss = loop.block_loss

    def train(*args: Any, **settings: Any) -> Any:
        past["step"] = settings["start"]
        for step in plain(*args, **settings):
            past["step"] = step.step
            yield step

    def short(model: Any, block: Any) -> Any:
        if past["step"] >= at - 1 and len(block) > 1 and not past["done"]:
            past["done"] = True
            raise MemoryError
        return block_loss(model, block)

    monkeypatch.setattr(loop, "train", train)
    monkeypatch.setattr(loop, "block_loss", short)


@pytest.mark.parametrize("minutes", [0, 100], ids=["each step is kept", "only epochs are kept"])
def test_a_run_that_lacked_memory_and_was_stopped_ends_the_same(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, minutes: float
) -> None:
    config = with_training(small, checkpoint_minutes=minutes)
    with monkeypatch.context() as patch:
        one_lack_of_memory(patch, 4)
        whole = medlms.train({**config, "run": "whole"}).run.folder
    sizes = [row.get("micro_tokens") for row in lines(whole / "steps.jsonl")]
    assert sizes[:3] == [None] * 3
    assert sizes[3] is not None
    assert sizes[3:] == [sizes[3]] * 17
    with monkeypatch.context() as patch:
        one_lack_of_memory(patch, 4)
        talk = Stopper()
        with patch.context() as killing, pytest.raises(BaseException, match="killed"):
            append = Run.append

            def killed(self: Run, name: str, rows: Any) -> None:
                append(self, name, rows)
                if name == "steps.jsonl" and rows[0]["step"] == 7:
                    raise BaseException("killed")

            killing.setattr(Run, "append", killed)
            medlms.train(config, talk=talk)
    assert sum("memory ran out" in text for text in talk.said) == 1
    # Resumed on a machine with room for all: the blocks stay as they were, also of steps that are done again.
    assert essence(medlms.train(resume="a").run.folder) == essence(whole)


def test_memory_that_runs_out_elsewhere_is_a_sentence(small: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def epoch_scores(*args: Any, **settings: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 5 bytes.")

    monkeypatch.setattr(grading, "epoch_scores", epoch_scores)
    with pytest.raises(errors.ResourceError, match="Memory ran out") as caught:
        medlms.train(small)
    assert "evaluate.batch" in caught.value.hint
    assert f"The last good state is in {Path('runs/a/checkpoints/last')}." in caught.value.hint


# A learning rate that explodes


def climbing(monkeypatch: pytest.MonkeyPatch, begin: int) -> None:
    """Losses of steps from ``begin`` on as if the training diverged."""
    import dataclasses

    from medlms.train import loop

    plain = loop.train

    def train(*args: Any, **settings: Any) -> Any:
        for step in plain(*args, **settings):
            yield dataclasses.replace(step, loss=step.loss * 10) if step.step >= begin else step

    monkeypatch.setattr(loop, "train", train)


def test_divergence_stops_the_run_and_leaves_the_last_good_state(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from medlms.train import checkpoint

    climbing(monkeypatch, 8)
    with pytest.raises(
        errors.TrainingError, match=r"Step 17: the training diverges.* since step 8; .* in rows "
    ) as caught:
        medlms.train(small)
    assert "lower train.learning_rate" in caught.value.hint
    assert f"The last good state is in {Path('runs/a/checkpoints/last')}." in caught.value.hint
    assert checkpoint.notes(Path("runs/a/checkpoints/last"))["step"] == 7
    # Gone on with from there, it diverges again in the same place.
    with pytest.raises(errors.TrainingError, match=r"Step 17: .* since step 8"):
        medlms.train(resume="a")


def test_a_run_stopped_while_its_loss_jumps_ends_the_same(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    from medlms.train import loop

    plain = loop.train

    def train(*args: Any, **settings: Any) -> Any:
        for step in plain(*args, **settings):
            yield dataclasses.replace(step, loss=99.0) if 8 <= step.step <= 12 else step

    monkeypatch.setattr(loop, "train", train)
    whole = medlms.train({**small, "run": "whole"}).run.folder
    with pytest.raises(errors.Interrupted):
        medlms.train(small, talk=Stopper("training", 11))
    assert essence(medlms.train(resume="a").run.folder) == essence(whole)


# Checkpoints that are not ours, and disks that are full


@pytest.fixture
def stopped(small: dict[str, Any]) -> Path:
    """A run that was stopped behind step 7."""
    with pytest.raises(errors.Interrupted):
        medlms.train(small, talk=Stopper("training", 7))
    return Path("runs/a")


def test_a_checkpoint_of_another_model_is_refused(small: dict[str, Any], stopped: Path, tiny_folder: Any) -> None:
    with pytest.raises(errors.Interrupted):
        medlms.train({**small, "model": str(tiny_folder("qwen2")), "run": "other"}, talk=Stopper("training", 3))
    shutil.rmtree(stopped / "checkpoints/last")
    shutil.copytree("runs/other/checkpoints/last", stopped / "checkpoints/last")
    with pytest.raises(errors.AskedWrongly, match="belongs to other rows, other settings or another model"):
        medlms.train(resume="a")


@pytest.mark.parametrize("notes", ["{}", "[]", "", '{"step": 7', "null"])
def test_notes_that_are_cut_are_refused(stopped: Path, notes: str) -> None:
    (stopped / "checkpoints/last/state.json").write_text(notes)
    with pytest.raises(errors.MedLMsError):
        medlms.train(resume="a")


@pytest.mark.parametrize("step", [None, -1, 21, "7"])
def test_a_step_that_the_run_has_not_is_refused(stopped: Path, step: Any) -> None:
    path = stopped / "checkpoints/last/state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "step": step}))
    with pytest.raises(errors.ModelError, match="its notes are not whole"):
        medlms.train(resume="a")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_cut_state_is_refused(stopped: Path, share: float) -> None:
    path = stopped / "checkpoints/last/state.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(errors.ModelError, match="can't be read"):
        medlms.train(resume="a")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on a file's size")
def test_a_disk_that_is_full_in_the_middle_of_saving(small: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The system itself refuses to write more of a file: what was saved before is whole, and the run goes on from it."""
    import resource

    from medlms.train import checkpoint

    whole = medlms.train({**small, "run": "whole"}).run.folder
    plain, held = checkpoint.save, resource.getrlimit(resource.RLIMIT_FSIZE)

    def save(folder: Path, model: Any, optimiser: Any, notes: Any) -> None:
        if notes["step"] == 5:
            size = (folder / checkpoint.STATE).stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, held[1]))
        try:
            plain(folder, model, optimiser, notes)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, held)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", save)
        with pytest.raises(errors.ResourceError, match="the checkpoint can't be written") as caught:
            medlms.train(small)
    assert "the previous checkpoint is whole" in caught.value.hint
    assert [path.name for path in Path("runs/a/checkpoints").iterdir()] == ["last"], "half of one is left"
    assert checkpoint.notes(Path("runs/a/checkpoints/last"))["step"] == 4
    assert essence(medlms.train(resume="a").run.folder) == essence(whole)
