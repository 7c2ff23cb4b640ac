"""One run in several processes: the first one walks the whole road, the others lend their hands for the steps.

torchrun and ``accelerate launch`` start the same command several times. The first process prepares, grades, writes and
talks as if it were alone. The others touch no file of the run: they are sent the settings, the tokens and the state, make
the steps with it, and wait in between, however long grading takes. So all processes stop, fail and resume as one.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medlms.config import Config
from medlms.errors import AskedWrongly, MedLMsError
from medlms.road.talk import Talk
from medlms.run import Run
from medlms.types import Tokens

TRAIN, DONE, FAILED = "train", "done", "failed"
_team: Any = None


def launched() -> int:
    """How many processes a launcher has started, this one among them; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE") or 1) if "RANK" in os.environ else 1


def is_first() -> bool:
    """Whether this process is the one that writes and talks."""
    return launched() == 1 or os.environ.get("RANK") == "0"


def team() -> Any:
    """The processes of this run (``train.processes``), asked for once; without a launcher there is one."""
    from medlms.train.processes import ALONE, Team

    global _team
    if launched() == 1:
        return ALONE
    if _team is None:
        if _switch("ACCELERATE_USE_DEEPSPEED"):
            raise AskedWrongly(
                "DeepSpeed is not supported: it would take over the optimiser and the backward pass.",
                hint="FSDP parts weights as its stage 3 does: accelerate launch --use_fsdp --fsdp_version 2.",
            )
        sharded = _switch("ACCELERATE_USE_FSDP")
        with _without("ACCELERATE_USE_FSDP"):  # the switch is ours to act on: see train/sharding.py
            _team = Team(sharded=sharded)
    return _team


def only_alone(what: str) -> None:
    """AskedWrongly where a launcher has started several processes."""
    if launched() > 1:
        raise AskedWrongly(f"{what} runs in one process.", hint="Start it without torchrun or accelerate launch.")


@contextmanager
def silent() -> Iterator[None]:
    """What went wrong in the first process is said there alone: the others leave with its exit code and no words."""
    try:
        yield
    except MedLMsError as error:
        if type(error).__name__ == "Elsewhere":
            _team.wait_until_gone()
            raise SystemExit(error.exit_code) from None
        raise


@contextmanager
def leading() -> Iterator[None]:
    """The first process's road: how it ends is told to the others. One process alone tells nobody."""
    if launched() == 1:
        yield
        return
    members = team()
    try:
        yield
    except BaseException as error:
        members.tell_if_heard(FAILED, getattr(error, "exit_code", 130 if isinstance(error, KeyboardInterrupt) else 1))
        raise


def finish(run: Run, report: dict[str, Any]) -> None:
    """Tell the others that the run is done, and what came out."""
    if launched() > 1:
        team().tell(DONE, (str(run.folder.resolve()), report))


def follow() -> tuple[Run, dict[str, Any]]:
    """What every process but the first does. Returns the run and its report; raises Elsewhere when the run failed."""
    from medlms.train.processes import Elsewhere

    members = team()
    with _signals_held():
        while True:
            word, value = members.hear()
            if word == TRAIN:
                _lend_a_hand(members, value)
            elif word == DONE:
                return Run(Path(value[0])), value[1]
            elif word == FAILED:
                raise Elsewhere(value)


@contextmanager
def work(
    config: Config,
    tokens: Sequence[Tokens],
    model: Any,
    optimiser: Any,
    *,
    start: int,
    scale: Any,
    again: bool,
    room: Any,
    talk: Talk,
) -> Iterator[Any]:
    """The first process's side of training: the others get what they need and stand ready; at the end they are let go.

    ``again`` says whether layers run again in the backward pass, ``room`` how many tokens are read at once. Yields what the
    steps are made with (``train.share.Worker``): the run's own model, or a copy that is sharded.
    """
    from medlms.train import processes, share

    members = team()
    if members.count == 1:
        yield share.Worker(model, optimiser, members)
        return
    order = {
        "config": config,
        "tokens": list(tokens),
        "start": start,
        "scale": scale.notes() if scale else None,
        "again": again,
        "micro_tokens": room.notes(),
    }
    members.listening = False
    with _signals_held() as heard:
        members.tell(TRAIN, order)
        with members.together():
            share.check(model, members, config)  # the others load the model meanwhile
        worker = share.take(members, model, optimiser, config)
        members.listening = True
    try:
        if heard:
            raise KeyboardInterrupt
        for sentence in _said(members, tokens, config):
            talk.say(sentence)
        yield worker
    finally:
        members.tell_if_heard(processes.END)
        members.release()


def _lend_a_hand(members: Any, order: dict[str, Any]) -> None:
    """A process's share in the training that the first one leads."""
    from medlms.models import fetch, heap, methods
    from medlms.models import load as loading
    from medlms.models.recompute import recompute
    from medlms.train import loop, memory, scaling, seeds, share

    config, tokens = order["config"], order["tokens"]
    with members.together():
        loaded = loading.load(
            fetch.locate(config.model),
            precision=config.precision,
            load_in_4bit=config.load_in_4bit,
            load_in_8bit=config.load_in_8bit,
        )
        seeds.seed_all(config.seed)
        model = methods.create(loaded, config)
    scale = scaling.scale_for(loaded.dtype)
    if scale is not None:
        scale.restore(order["scale"])
    worker = share.take(members, model, None, config)
    room, gaps = memory.Room(tokens, config.train.at_once), heap.Gaps()
    room.restore(order["micro_tokens"])
    with (
        worker.layers(config.seed, native=config.train.native) as (masks, _),
        recompute(worker.model, on=order["again"]) as layers,
    ):
        if config.train.checkpoint_gradients == "auto":
            room.spare = layers.turn_on
        for _ in loop.train(
            worker.model,
            tokens,
            loop.plan(tokens, config.train, seed=config.seed),
            config.train,
            optimiser=worker.optimiser,
            masks=masks,
            seed=config.seed,
            start=order["start"],
            scale=scale,
            room=room,
            processes=members,
        ):
            gaps.after_step()
        members.wait_for_the_end()
    members.release()


def _said(members: Any, tokens: Sequence[Tokens], config: Config) -> Iterator[str]:
    from medlms.train import loop

    how = "weights sharded among them, FSDP2" if members.sharded else "all weights in each, DDP"
    yield f"{members.count} processes share each step ({how}, {members.backend} on {members.device})"
    most = max(len(step.blocks) for step in loop.plan(tokens, config.train, seed=config.seed))
    if most < members.count:
        yield (
            f"warning: no step has more than {most} block{'s' if most > 1 else ''}, so some processes have nothing to do: "
            "raise train.tokens_per_step or lower train.micro_tokens"
        )


def _switch(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("true", "1", "yes")


@contextmanager
def _without(name: str) -> Iterator[None]:
    held = os.environ.pop(name, None)
    try:
        yield
    finally:
        if held is not None:
            os.environ[name] = held


@contextmanager
def _signals_held() -> Iterator[list[int]]:
    """A launcher passes Ctrl-C on to all processes: the first one decides what comes of it, once the others stand ready to
    hear it. Yields what was heard; a second one stops at once.
    """
    heard: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def note(number: int, frame: Any) -> None:
        if heard:
            raise KeyboardInterrupt
        heard.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
