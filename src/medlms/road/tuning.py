"""One run's tuning: steps, checkpoints, an epoch's grades, and what was learned that is kept.

What it does is decided elsewhere: what learns by ``models.methods``, the steps by ``train.loop``, what a checkpoint holds by
``train.checkpoint``, which epoch is best by ``reporting.best_epoch``. Here is the order of things, and what is said about them.
"""

from __future__ import annotations

import hashlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medlms.errors import AskedWrongly, ModelError, ResourceError, TrainingError
from medlms.road import grading, keys, many, probing, reporting
from medlms.road.work import Work
from medlms.run import STEPS
from medlms.types import Step, Tokens

EPOCHS = "epochs.jsonl"


def tune(work: Work, tokens: list[Tokens]) -> Any:
    """Train to the end from where the run stands; returns the model to grade, with the best epoch's weights, which are saved.

    AskedWrongly for a checkpoint of something else; TrainingError and ResourceError when it can't go on, with the last
    good state on disk.
    """
    from medlms.models import adapters, attention_paths, heap, methods, plan
    from medlms.models.recompute import recompute
    from medlms.train import loop, memory, probe, scaling, seeds, trackers, watch

    config, talk = work.config, work.talk
    seeds.seed_all(config.seed)
    model = methods.create(work.loaded, config)
    work.trainable = sum(tensor.numel() for tensor in adapters.tensors(model).values())
    way = probing.way_of(work, model, tokens)
    config = work.config = probing.settled(config, way)
    planned = loop.plan(tokens, config.train, seed=config.seed)
    state = _State(
        work,
        _fingerprint(work, tokens),
        model,
        loop.optimiser(model, config.train, methods.groups(model, config)),
        scaling.scale_for(work.loaded.dtype),
        memory.Room(tokens, config.train.at_once, talk.say),
        watch.Watch(),
    )
    start = state.resume(len(planned))
    heap.trim()  # what grading the base has freed
    lengths = [len(row.ids) + config.places for row in tokens]
    sizes: dict[str, Any] = {
        "trainable": work.trainable,
        "block_tokens": max(sum(lengths[row] for row in block) for step in planned for block in step.blocks),
        "longest": max(len(row.ids) for row in tokens),
    }
    again = plan.checkpoints_gradients(work.loaded, config=config, **sizes)
    _announce(work, tokens, len(planned), start, plan.check_memory(work.loaded, config=config, **sizes), again)

    with (
        many.work(
            config,
            tokens,
            model,
            state.optimiser,
            start=start,
            scale=state.scale,
            again=again,
            room=state.room,
            talk=talk,
        ) as worker,
        worker.layers(config.seed, native=config.train.native) as (masks, path),
        probe.running(worker.model, way),
        recompute(worker.model, on=again) as layers,
        trackers.tracked(config.trackers, work.run.folder, run=work.run.name, settings=config.model_dump()) as log,
    ):
        state.gather, state.log = worker.gather, log
        if config.train.checkpoint_gradients == "auto":
            state.room.spare = layers.turn_on
        work.paths["training"] = f"{path}; {attention_paths.SAID.get(way.attention or '', work.loaded.attention.said)}"
        talk.say(work.paths["training"])
        over = bool(start) and planned[start - 1].ends_epoch and _after_epoch(state, planned, start)
        gaps = heap.Gaps()
        with talk.bar("training") as advance, _stop_between_steps() as stopped, _last_good(state):
            advance(start, len(planned))
            for step in loop.train(
                worker.model,
                tokens,
                planned if not over else planned[:start],
                config.train,
                optimiser=worker.optimiser,
                masks=masks,
                seed=config.seed,
                start=start,
                scale=state.scale,
                room=state.room,
                processes=worker.processes,
            ):
                _note(state, step, [tokens[row].id for block in planned[step.step - 1].blocks for row in block])
                advance(step.step, len(planned))
                gaps.after_step()
                ends = planned[step.step - 1].ends_epoch
                if ends or stopped() or state.due():
                    state.save(step.step)
                if stopped():
                    raise KeyboardInterrupt
                if ends and _after_epoch(state, planned, step.step):
                    break
                if ends:
                    heap.trim()
    state.take_best()
    return methods.finished(work.loaded, model, _save(work, model))


def epoch(work: Work, engine: Any, number: int) -> None:
    """Grade the development rows after an epoch (0: before the first), once."""
    if any(record["epoch"] == number for record in work.run.rows(EPOCHS)):
        return
    record = grading.epoch_scores(work.run, work.config, work.rows, engine, number, talk=work.talk)
    work.run.append(EPOCHS, [record])
    loss, f1, rouge = (record[name]["value"] for name in ("dev_loss", "token_f1", "rougeL"))
    work.talk.say(f"epoch {number}: held-out loss {loss:.3f}, token F1 {f1:.3f}, ROUGE-L {rouge:.3f}")


@dataclass
class _State:
    """All that a checkpoint holds, and the checkpoints: the last resumable state, and the best epoch's weights."""

    work: Work
    mark: str
    model: Any
    optimiser: Any
    scale: Any
    room: Any
    watch: Any
    saved: float = 0.0
    gather: Callable[[], None] = lambda: None
    log: Callable[[Mapping[str, Any], int], None] = lambda values, step: None

    @property
    def last(self) -> Path:
        return self.work.run.folder / "checkpoints" / "last"

    @property
    def best(self) -> Path:
        return self.work.run.folder / "checkpoints" / "best"

    def resume(self, steps: int) -> int:
        """Take over the last checkpoint, if there is one; returns the step that it stands behind."""
        from medlms.train import checkpoint

        run, start = self.work.run, 0
        done = list(run.rows(STEPS))
        if checkpoint.exists(self.last):
            start = self._take_over(checkpoint.notes(self.last), steps)
            checkpoint.restore(self.last, self.model, self.optimiser)
            self.work.talk.say(f"resuming after step {start} of {steps}")
        # Steps behind the checkpoint are done again, in the blocks that they had.
        for row in done:
            if row.get("micro_tokens") and row["micro_tokens"] != self.room.at(row["step"]):
                self.room.changes[row["step"]] = row["micro_tokens"]
        kept = [row for row in done if row["step"] <= start]
        run.keep_rows(STEPS, kept)
        for row in kept:
            self.watch.see(row["step"], row["loss"], row["learning_rate"])
        self.saved = time.monotonic()
        return start

    def _take_over(self, notes: dict[str, Any], steps: int) -> int:
        if notes.get("plan") != self.mark:
            raise AskedWrongly(
                f"{self.last}: belongs to other rows, other settings or another model.", hint="Start a new run."
            )
        start = notes.get("step")
        if not isinstance(start, int) or not 0 <= start <= steps or (self.scale and "loss_scale" not in notes):
            raise ModelError(f"{self.last}: its notes are not whole.", hint="Start the run anew.")
        if self.scale is not None:
            self.scale.restore(notes["loss_scale"])
        self.room.restore(notes.get("micro_tokens", {}))
        return start

    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self.saved >= 60 * self.work.config.train.checkpoint_minutes

    def save(self, step: int) -> None:
        """Save what can be resumed, unless the loss is just climbing away: the last good state then stays."""
        from medlms.train import checkpoint

        self.gather()  # also for the grades that follow
        if not self.watch.calm:
            return
        notes: dict[str, Any] = {"step": step, "plan": self.mark}
        notes |= {"loss_scale": self.scale.notes()} if self.scale is not None else {}
        notes |= {"micro_tokens": self.room.notes()} if self.room.changes else {}
        checkpoint.save(self.last, self.model, self.optimiser, notes)
        self.saved = time.monotonic()

    def save_best(self, step: int, number: int) -> None:
        """Keep what was learned up to an epoch as the best so far."""
        from medlms.train import checkpoint

        checkpoint.save(self.best, self.model, None, {"step": step, "plan": self.mark, "epoch": number})

    def take_best(self) -> None:
        """Put the best epoch's weights into the model, where epochs were graded."""
        from medlms.train import checkpoint

        if checkpoint.exists(self.best):
            checkpoint.restore(self.best, self.model, None)


def _announce(work: Work, tokens: list[Tokens], steps: int, start: int, need: str, again: bool) -> None:
    from medlms.models import methods, plan

    config = work.config
    guess = plan.training_range(
        work.loaded,
        [len(row.ids) + config.places for row in tokens],
        learned=sum(sum(row.learn) for row in tokens),
        epochs=config.train.epochs,
        trainable=work.trainable,
        full=config.method == "full",
        recomputed=again,
    ) * (1 - start / steps)
    work.talk.say(
        f"training {methods.count_in_words(work.trainable, config)} on {sum(len(row.ids) for row in tokens):,} tokens"
        f" x {config.train.epochs} in {steps} steps: {need}; roughly {guess}, without grading"
    )


def _after_epoch(state: _State, planned: Sequence[Any], step: int) -> bool:
    """Grade the epoch that ends with ``step`` and keep its weights if it is the best. True when it is to be the last."""
    work = state.work
    settings, number = work.config.train, planned[step - 1].epoch
    if settings.evaluate_every == "never" or not work.rows.dev:
        return False
    epoch(work, work.engine("tuned", state.model), number)
    for record in work.run.rows(EPOCHS):
        if record["epoch"] == number:
            state.log(record, step)
    best = reporting.best_epoch(list(work.run.rows(EPOCHS)), by=settings.best_by)
    if best == number:
        state.save_best(step, number)
    enough = settings.early_stopping is not None and best is not None and number - best >= settings.early_stopping
    if enough and number < settings.epochs:
        work.talk.say(
            f"stopped early, after epoch {number} of {settings.epochs}: by {settings.best_by} none was better than epoch "
            f"{best} since"
        )
    return enough


def _note(state: _State, step: Step, rows: list[str]) -> None:
    """Write a step down, say what was odd about it, and let the watch see it."""
    state.work.run.append(STEPS, [_line(step)])
    state.log(_line(step), step.step)
    if step.skipped:
        state.work.talk.say(
            f"step {step.step} was skipped: its gradient left the range of fp16 at a loss scale of "
            f"{step.loss_scale:g}; the scale is halved"
        )
    state.watch.see(step.step, step.loss, step.learning_rate, rows)


def _line(step: Step) -> dict[str, Any]:
    """A step as a line of steps.jsonl; what belongs to a loss scale or to lack of memory stands only where there is one."""
    line = asdict(step)
    if step.loss_scale is None:
        del line["loss_scale"], line["skipped"]
    if step.micro_tokens is None:
        del line["micro_tokens"]
    return line


@contextmanager
def _last_good(state: _State) -> Iterator[None]:
    """Say with every error where the last good state is; lack of memory outside a step's blocks is such an error too."""
    from medlms.train import checkpoint, memory

    def kept(hint: str) -> str:
        where = f"The last good state is in {state.last}." if checkpoint.exists(state.last) else ""
        return f"{hint} {where}".strip()

    try:
        yield
    except (TrainingError, ResourceError) as error:
        raise type(error)(str(error), hint=kept(error.hint)) from None
    except (RuntimeError, MemoryError) as error:
        if not memory.out_of_memory(error):
            raise
        raise ResourceError(
            f"Memory ran out: {(str(error).splitlines() or ['no more is known'])[0]}",
            hint=kept("Lower train.micro_tokens or evaluate.batch, or use a smaller model."),
        ) from None


def _save(work: Work, model: Any) -> Path:
    from medlms.models import methods

    located = work.loaded.located
    return methods.save(
        model,
        work.loaded.tokenizer,
        work.run.folder,
        extra={
            "method": work.config.method,
            "base_model": work.config.model,
            "base_model_path": work.address(),
            "base_note": located.note,
            "instruction": work.config.instruction,
            "precision": work.config.precision,
            "load_in_4bit": work.config.load_in_4bit,
            "load_in_8bit": work.config.load_in_8bit,
            "template_hash": work.template.hash,
            "weights_sha256": work.weights,
            "max_length": work.config.max_length,
        },
    )


def _fingerprint(work: Work, tokens: list[Tokens]) -> str:
    """What a checkpoint must have in common with the run that goes on from it."""
    settings = work.config.model_dump(
        include={"model", "lora", "seed", "max_length", "load_in_4bit", "load_in_8bit", "precision"}
        | {"method", "soft_prompt"}
    )
    settings["train"] = work.config.train.model_dump(exclude={"checkpoint_minutes", "evaluate_rows"})
    settings = keys.without_later(settings)
    digest = hashlib.sha256(json.dumps([settings, work.template.hash, work.weights], sort_keys=True).encode())
    for row in tokens:
        digest.update(repr((row.id, row.ids, row.learn)).encode())
    return digest.hexdigest()


@contextmanager
def _stop_between_steps() -> Iterator[Any]:
    """The first Ctrl-C (or a polite kill) waits for the step in hand; a second one stops at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def note(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
