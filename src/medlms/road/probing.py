"""How a run computes its steps on this machine: as the run began, as was measured here before, or measured now.

What is chosen (threads, path of attention, tokens read at once) changes no result but by rounding. It is said, and stands in
the run's manifest before the first step; a resumed run keeps it.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from medlms.bench import probed, quiet
from medlms.bench.probed import Probed
from medlms.config import USUAL_TOKENS, Config
from medlms.errors import DataError, MedLMsError, ResourceError
from medlms.road import many
from medlms.road.talk import Silent, Talk
from medlms.road.work import Work
from medlms.run import MANIFEST, STEPS, now
from medlms.types import Tokens

BLOCKS = (512, 1024, 2048)
BUDGET = 6.0
"""Seconds that a measurement may take, beside loading."""
WORTH = 50
"""A run must be foretold to take this many times the budget, five minutes, to be worth a measurement."""
SMALL = 20_000
"""Tokens of all epochs below which not even the run's time is foretold."""
BUSY = 0.25
"""Share of the processors that others may use while something is measured."""
CHOSEN = "step"
"""The key of the manifest."""
SHAPE = (
    "model_type",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "vocab_size",
    "sliding_window",
)
"""What a model's config says that a finding holds for."""
SET = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def way_of(work: Work, model: Any, tokens: Sequence[Tokens]) -> Any:
    """How this run computes its steps (``train.probe.Way``); said, and written into its manifest."""
    manifest = work.run.read_json(MANIFEST) if (work.run.folder / MANIFEST).is_file() else {}
    if CHOSEN in manifest:
        return _as_begun(manifest[CHOSEN], work)
    way, why, found = _chosen(work, model, tokens)
    threads = way.threads or _threads()
    said = {"threads": threads, "attention": way.attention, "micro_tokens": way.micro_tokens}
    manifest[CHOSEN] = {**said, "native": _native(work.loaded, work.config), "why": why}
    if found is not None:
        manifest[CHOSEN] |= {"measured": found.date, "seconds": found.ways, "layers": found.layers}
    work.run.write_json(MANIFEST, manifest)
    work.talk.say(f"steps: {in_words(way, threads)}; {why}")
    return way


def settled(config: Config, way: Any) -> Config:
    """The config with the tokens read at once in place of ``auto``."""
    return config.model_copy(update={"train": config.train.model_copy(update={"micro_tokens": way.micro_tokens})})


def probe(name: str, *, talk: Talk | None = None) -> Probed:
    """Measure anew for a model with the default settings, and keep what was found.

    Raises what loading a model raises, and ResourceError where nothing can be found out here.
    """
    from medlms.models import fetch, load, methods

    talk = talk or Silent()
    config = Config(model=name, data=["none"])
    loaded = load.load(fetch.locate(name, say=talk.say), say=talk.say)
    with talk.bar("measuring the training step") as advance:
        advance(0, 1)
        model = methods.create(loaded, config)
        found = _measured(loaded, model, config)
        advance(1, 1)
    if isinstance(found, str):
        raise ResourceError(f"Nothing was measured: {found}.", hint="Try again when the machine is quiet.")
    if not probed.keep(found):
        talk.say("what was found could not be kept: MEDLMS_HOME can't be written")
    return found


def in_words(way: Any, threads: int) -> str:
    """A way as a part of a sentence; ``threads`` is what they are where the way leaves them."""
    threads = way.threads or threads
    parts = [f"{threads} thread{'s' if threads != 1 else ''}", f"blocks of up to {way.micro_tokens:,} tokens"]
    parts += [f"{way.attention} attention"] if way.attention else []
    return ", ".join(parts)


def line(found: Probed) -> str:
    """A finding as `medlms doctor` shows it."""
    speeds = ", ".join(
        f"{name.replace('float', 'fp').replace('bfp', 'bf')} {flops / 1e9:.0f} GFLOP/s"
        for name, flops in found.matrix_flops.items()
    )
    return (
        f"training {found.model} ({found.key['method']}, rank {found.key['rank']}, {found.key['dtype']}) here: "
        f"{in_words(_best(found), found.default_threads)}; {speeds}; measured on {found.date[:10]}"
    )


def _chosen(work: Work, model: Any, tokens: Sequence[Tokens]) -> tuple[Any, str, Probed | None]:
    from medlms.train.probe import Way

    config, loaded = work.config, work.loaded
    usual = Way(None, None, config.train.at_once)
    if any(work.run.rows(STEPS)) or (work.run.folder / "checkpoints" / "last").exists():
        return usual, "as the run began", None
    if many.launched() > 1:
        return usual, "nothing is measured where several processes share a machine", None
    if why := _not_asked(loaded, config):
        return usual, why, None
    found: Probed | str | None = probed.read(_key(loaded, config))
    if found is None:
        if _foretold(work, tokens) < WORTH * BUDGET:
            return usual, "the run is too short to be worth a measurement", None
        work.talk.say(f"measuring what is fastest here, once, in about {BUDGET:.0f} seconds")
        found = _measured(loaded, model, config)
        if isinstance(found, Probed) and not probed.keep(found):
            work.talk.say("what was found could not be kept: MEDLMS_HOME can't be written")
    if isinstance(found, str):
        return usual, f"nothing was measured: {found}", None
    _advise(work, found)
    way = _best(found)
    size = config.train.micro_tokens
    if size == "auto":
        size = _block(work, found, tokens)
    return Way(way.threads, way.attention, size), f"the fastest of what was measured on {found.date[:10]}", found


def _not_asked(loaded: Any, config: Config) -> str:
    """Why nothing is measured for a model of this kind; empty where it is."""
    if config.method == "full":
        return "nothing is measured where all weights learn"
    if loaded.family is None:
        return "nothing is measured for models of unknown families"
    return ""


def _as_begun(held: Mapping[str, Any], work: Work) -> Any:
    """What a run's manifest says; no more threads than this machine has."""
    from medlms.train.probe import Way

    try:
        threads, attention, size = int(held["threads"]), held["attention"], int(held["micro_tokens"])
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"{work.run.folder / MANIFEST}: its part {CHOSEN!r} is not whole.", hint="Start the run anew."
        ) from None
    there = os.cpu_count() or threads
    if threads > there and many.launched() == 1:
        work.talk.say(f"the run began with {threads} threads; here are {there}, so last digits may differ")
    if bool(held.get("native")) != _native(work.loaded, work.config):
        began, here = ("own code", "torch") if held.get("native") else ("torch", "own code")
        work.talk.say(
            f"between matrix products the run began with {began}; here runs {here}, so last digits may differ"
        )
    # A launcher has given each process its threads.
    way = Way(None if many.launched() > 1 else min(threads, there), attention, size)
    work.talk.say(f"steps: {in_words(way, _threads())}; as the run began")
    return way


def _native(loaded: Any, config: Config) -> bool:
    """Whether steps run through code built here, between their matrix products."""
    from medlms.models import native

    return config.train.native and loaded.device.type == "cpu" and native.built()[0] is not None


def _measured(loaded: Any, model: Any, config: Config) -> Probed | str:
    """A finding, or why there is none."""
    from medlms.models import methods
    from medlms.train.probe import Way, matrix_speed, measure

    busy = quiet.busy_share(0.3)
    if busy is not None and busy > BUSY:
        return f"others use {busy:.0%} of the processors now"
    began = time.perf_counter()
    cpu = loaded.device.type == "cpu"
    with methods.running(model, seed=config.seed, native=config.train.native) as (masks, _):
        timed = measure(
            model,
            masks,
            usual=Way(_threads() if cpu else None, None, USUAL_TOKENS),
            threads=_counts() if cpu else (),
            blocks=BLOCKS,
            longest=_longest(loaded, config),
            seconds=BUDGET,
        )
    if not timed.layers:
        return f"one layer of this model takes too long here for {BUDGET:.0f} seconds of trying"
    return Probed(
        key=_key(loaded, config),
        model=loaded.located.name,
        date=now(),
        layers=timed.layers,
        seconds=round(time.perf_counter() - began, 2),
        default_threads=_threads(),
        ways={
            name: [(way, round(took, 5)) for way, took in rows.items() if math.isfinite(took)]
            for name, rows in (("threads", timed.threads), ("attention", timed.attention), ("blocks", timed.blocks))
        },
        matrix_flops={name: round(flops) for name, flops in matrix_speed(model, loaded.dtype).items()},
    )


def _key(loaded: Any, config: Config) -> dict[str, Any]:
    shape = loaded.model.config.to_dict()
    return probed.key_of(
        device=str(loaded.device.type),
        shape={name: shape.get(name) for name in SHAPE},
        dtype=str(loaded.dtype).removeprefix("torch."),
        bits=4 if config.load_in_4bit else 8 if config.load_in_8bit else 16,
        method=config.method,
        rank=config.soft_prompt.length if config.places else config.lora.r,
        targets=config.lora.targets,
        dropout=0.0 if config.places else config.lora.dropout,
        longest=_longest(loaded, config),
        threads=_counts(),
        native=_native(loaded, config),
    )


def _best(found: Probed) -> Any:
    """The fastest of each: what was varied and has no clear winner stays as it is."""
    from medlms.train.probe import Way, best

    ways = {name: dict(rows) for name, rows in found.ways.items()}
    attention = ways["attention"]
    return Way(
        best(ways["threads"], found.default_threads) if ways["threads"] else None,
        best(attention, next(iter(attention))) if attention else None,
        best(ways["blocks"], USUAL_TOKENS),
    )


def _block(work: Work, found: Probed, tokens: Sequence[Tokens]) -> int:
    """The fastest block that leaves half of the free memory."""
    from medlms.models import plan
    from medlms.train.probe import best

    config = work.config
    lengths = [len(row.ids) for row in tokens]
    mean = sum(lengths) / len(lengths)
    step = config.train.rows_per_step * mean if config.train.rows_per_step else config.train.tokens_per_step
    free = plan.free_memory(work.loaded.device)

    def fits(size: int) -> bool:
        if size <= USUAL_TOKENS:
            return True
        block = min(size, math.ceil(step))  # no block is larger than its step
        block += round(config.places * block / mean)
        with suppress(MedLMsError):
            return 2 * plan.training_bytes(
                work.loaded, trainable=work.trainable, block_tokens=block, config=config, longest=max(lengths)
            ) <= (free or math.inf)
        return False  # memory can't be foretold for this kind

    return int(best({size: took for size, took in found.ways["blocks"] if fits(size)}, USUAL_TOKENS))


def _advise(work: Work, found: Probed) -> None:
    """Say where the other number format is clearly faster here; it would change results, so it is not taken unasked."""
    flops = found.matrix_flops
    if work.config.precision != "auto" or not {"bfloat16", "float32"} <= set(flops):
        return
    if found.key["dtype"] == "bfloat16" and flops["float32"] > 1.2 * flops["bfloat16"]:
        work.talk.say(
            f"fp32 products run at {flops['float32'] / 1e9:.0f} GFLOP/s here, bf16 ones at {flops['bfloat16'] / 1e9:.0f}: "
            "precision=fp32 would be faster, in twice the memory"
        )
    if found.key["dtype"] == "float32" and flops["bfloat16"] > 1.2 * flops["float32"]:
        work.talk.say(
            f"bf16 products run at {flops['bfloat16'] / 1e9:.0f} GFLOP/s here, fp32 ones at {flops['float32'] / 1e9:.0f}: "
            "precision=bf16 would be faster, in half the memory"
        )


def _foretold(work: Work, tokens: Sequence[Tokens]) -> float:
    """Seconds of training, foretold; 0 for a run of a few rows."""
    from medlms.models import plan

    config = work.config
    lengths = [len(row.ids) + config.places for row in tokens]
    if sum(lengths) * config.train.epochs < SMALL:
        return 0.0
    learned = sum(sum(row.learn) for row in tokens)
    whole = plan.training_range(
        work.loaded, lengths, learned=learned, epochs=config.train.epochs, trainable=work.trainable
    )
    return whole.middle


def _longest(loaded: Any, config: Config) -> int:
    from medlms.train.probe import LENGTHS

    return int(min(max(LENGTHS), config.max_length, loaded.context - config.places))


def _threads() -> int:
    from medlms.train.probe import threads_now

    return threads_now()


def _counts() -> tuple[int, ...]:
    """Numbers of threads worth trying: one, the cores, what the system shows, what it grants; none where someone has set it."""
    usual = _threads()
    if any(os.environ.get(name) for name in SET):
        return (usual,)
    shown = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    counts = {1, usual, shown, max(1, shown // _siblings()), min(shown, _granted() or shown)}
    return tuple(sorted(counts))


def _siblings(path: Path = Path("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")) -> int:
    """Logical processors of a core."""
    try:
        text = path.read_text(encoding="ascii").strip()
        ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
    except (OSError, ValueError):
        return 1
    return max(1, sum(part[-1] - part[0] + 1 for part in ends))


def _granted(path: Path = Path("/sys/fs/cgroup/cpu.max")) -> int | None:
    """Processors that a container may use at a time, by its quota; None without one."""
    try:
        quota, period = path.read_text(encoding="ascii").split()[:2]
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return None
