"""`medlms models plan`: will a model and a config fit this machine, how long will it take, and what would fit instead."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from medlms.catalogue import near
from medlms.config import Config, load
from medlms.errors import AskedWrongly, MedLMsError, ModelError, ResourceError

DEPARTMENTS = (1, 10)
CHARACTERS = 4.0  # in a token of English, about
WORDINGS = 5  # that best_prompt tries
FRAME = 30  # tokens of instruction and template around a question
# What would be changed, least loss first; each is tried alone, then with those before it that are named together.
CHANGES: tuple[tuple[str, ...], ...] = (
    ("train.micro_tokens=512",),
    ("train.micro_tokens=256",),
    ("train.checkpoint_gradients=on",),
    ("evaluate.batch=8",),
    ("train.micro_tokens=256", "evaluate.batch=4"),
    ("train.micro_tokens=256", "evaluate.batch=4", "max_length=512"),
    ("method=lora",),
    ("method=lora", "load_in_4bit=true"),
    ("method=lora", "load_in_4bit=true", "train.micro_tokens=256", "evaluate.batch=4"),
    ("load_in_4bit=true",),
    ("load_in_4bit=true", "train.micro_tokens=256", "evaluate.batch=4"),
    ("load_in_4bit=true", "train.micro_tokens=256", "evaluate.batch=4", "max_length=256"),
)


@dataclass(frozen=True)
class Machine:
    """What the plan needs to know of this machine; rates are None where they are not measured."""

    device: str
    free: int
    element: int
    why: str
    flops: float | None = None
    bytes_per_second: float | None = None
    fp16: bool = False


def plan(
    name: str,
    config: str | Path | None = None,
    overrides: Sequence[str] = (),
    *,
    machine: Machine | None = None,
) -> dict[str, Any]:
    """What a model under a config needs of this machine, as JSON-able values; ``fits`` is the verdict.

    ConfigError for a bad config; UnknownName, FetchError or ModelError when the model's config can't be read.
    """
    from medlms.models import costs, peek, shapes

    source: Any = config if config is not None else {"data": ["starter"]}
    checked, notes = load(source, overrides, model=name)
    seen = peek.peek(name)
    shape = shapes.shape_of(seen.config)
    _check_targets(shape, checked)
    machine = machine or measured(checked, seen.config)
    rows, assumed = _rows(checked, given=config is not None)
    work = _work(shape, checked, rows, machine, seen.stored)
    worst = costs.peak(work)
    fits = not machine.free or worst.needed <= machine.free
    found: dict[str, Any] = {
        "model": name,
        "read_from": seen.source,
        "type": shape.kind,
        "type_known": shape.sure,
        "parameters": shape.parameters,
        "precision": machine.why,
        "weights": work.weights,
        "device": machine.device,
        "block_tokens": work.block,
        "fits": fits,
        "peak_phase": worst.name,
        "needed_bytes": worst.needed,
        "resident_bytes": costs.resident_peak(work),
        "free_bytes": machine.free,
        "phases": [_phase(phase) for phase in costs.phases(work)],
        "methods": [asdict(method) for method in costs.methods(work)],
        "adapters": [
            {"departments": count, "bytes": 4 * work.adapter * count, "trainable": work.adapter}
            for count in DEPARTMENTS
        ],
        "trainable_share": work.adapter / shape.parameters,
        "disk_bytes": costs.disk_bytes(work),
        "seconds": _seconds(work, checked, machine),
        "rows": asdict(rows),
        "notes": [
            *notes,
            *assumed,
            *_recomputed(work, shape, checked, rows, machine, seen.stored),
            *_warnings(work, checked, machine),
        ],
        "advice": [],
    }
    if not fits:
        found["advice"] = _advice(shape, checked, rows, machine, seen.stored)
    return found


def refuse(found: dict[str, Any]) -> None:
    """Raise ResourceError with what would fit, when the plan says that this does not."""
    if found["fits"]:
        return
    raise ResourceError(
        f"{found['model']} needs about {found['needed_bytes'] / 1e9:.1f} GB of memory while {found['peak_phase']}, "
        f"{found['free_bytes'] / 1e9:.1f} GB are free.",
        hint=" ".join(found["advice"]),
    )


def measured(config: Config, model: Mapping[str, Any]) -> Machine:
    """What this machine has for a model with this config, in half a second. AskedWrongly for a precision that it lacks."""
    from medlms.models.load import choose_device, choose_dtype
    from medlms.models.plan import free_memory, matmul_flops, weight_rate

    device = choose_device()
    dtype, why = choose_dtype(config.precision, device, _family(model))
    return Machine(
        device=str(device),
        free=free_memory(device),
        element=dtype.itemsize,
        why=why,
        fp16=str(dtype) == "torch.float16",
        flops=matmul_flops(dtype, device),
        bytes_per_second=weight_rate(dtype, device),
    )


def _check_targets(shape: Any, config: Config) -> None:
    """AskedWrongly, with the nearest names, where a target is none of the model's layers."""
    if isinstance(config.lora.targets, str) or config.method in ("full", "soft_prompt"):
        return
    names = list(dict.fromkeys(matrix.name for matrix in shape.matrices))
    missing = [target for target in config.lora.targets if target.rpartition(".")[2] not in names]
    if missing:
        near_ones = dict.fromkeys(filter(None, (near(target, names) for target in missing)))
        raise AskedWrongly(
            f"lora.targets: this model has no module {', '.join(missing)}.",
            hint=" ".join([*near_ones, f"It has: {', '.join(names)}."]),
        )


def _family(model: Mapping[str, Any]) -> Any:
    """The model's family; None where no file covers it."""
    from medlms.models.families import family_of

    try:
        return family_of(model)
    except ModelError:
        return None


def _work(shape: Any, config: Config, rows: Any, machine: Machine, stored: int) -> Any:
    from medlms.models import costs

    cuda = machine.device.startswith("cuda")
    work = costs.work_of(
        shape, config, element=machine.element, rows=rows, stored_element=stored, cuda=cuda, fp16=machine.fp16
    )
    work = replace(work, stored=0) if cuda else work  # on a GPU the file's pages are not the device's
    return costs.settled(work, config, machine.free)


def _phase(phase: Any) -> dict[str, Any]:
    return {
        "name": phase.name,
        "needed_bytes": phase.needed,
        "resident_bytes": phase.resident,
        "parts": phase.parts,
    }


def _rows(config: Config, *, given: bool) -> tuple[Any, list[str]]:
    """Sizes of the rows where the data is a file here or built in, else of usual ones; and what was assumed."""
    from medlms.models.costs import Rows

    usual = Rows(
        train=config.split.train or Rows().train,
        dev=config.split.dev,
        eval=min(config.split.eval, config.evaluate.rows or config.split.eval),
    )
    local = all(item.source == "starter" or Path(item.source).is_file() for item in config.data)
    said = f"rows are taken to be usual ones: {usual.train:,} of {usual.mean:.0f} tokens to train"
    if not given or not local:
        return usual, [said]
    from medlms import data
    from medlms.datasets import exchanges

    try:
        prepared = data.prepare(config, look=False)
    except MedLMsError as error:
        return usual, [f"the data could not be read ({error}); {said}"]
    frame = FRAME + len(config.instruction) / CHARACTERS
    pairs = [exchanges(row) for row in prepared.train for _ in range(prepared.times.get(row.id, 1))]
    answers = [sum(len(answer) for _, answer in row) / CHARACTERS for row in pairs]
    questions = [frame + sum(len(question) for question, _ in row) / CHARACTERS for row in pairs]
    whole = [min(config.max_length, a + q) for a, q in zip(answers, questions, strict=True)]
    rows = Rows(
        train=len(whole),
        dev=len(prepared.dev),
        eval=min(len(prepared.eval), config.evaluate.rows or len(prepared.eval)),
        mean=sum(whole) / len(whole),
        longest=min(config.max_length, round(1.25 * max(whole))),
        learned=min(1.0, sum(answers) / sum(whole)),
        prompt=sum(questions) / len(questions),
        known=True,
    )
    return rows, [f"tokens of the data's rows are estimated from their characters: {rows.mean:.0f} a row"]


def _seconds(work: Any, config: Config, machine: Machine) -> dict[str, Any] | None:
    from medlms.models import times

    if machine.flops is None or machine.bytes_per_second is None:
        return None
    rates = {"flops": machine.flops, "bytes_per_second": machine.bytes_per_second}
    training = times.training_time(work, flops=machine.flops)
    systems = sum(system not in ("nearest", "sentence") for system in config.evaluate.systems)
    grading = times.grading_time(work, **rates, systems=systems, answers=max(1, work.rows.eval))
    alone = replace(work, batch=1)
    if config.evaluate.latency_rows:
        grading += times.grading_time(alone, **rates, systems=systems, answers=config.evaluate.latency_rows)
    if config.train.evaluate_every == "epoch" and work.rows.dev:
        rounds, answers = work.epochs + 1, min(config.train.evaluate_rows, work.rows.dev)
        grading += times.grading_time(work, **rates, systems=rounds, answers=answers)
    if "best_prompt" in config.evaluate.systems and work.rows.dev:
        answers = min(config.evaluate.prompt_rows, work.rows.dev)
        grading += times.grading_time(work, **rates, systems=WORDINGS, answers=answers)
    tokens = work.rows.train * work.rows.mean * work.epochs
    return {
        "matrix_flops": machine.flops,
        "weight_bytes_per_second": machine.bytes_per_second,
        "training": {**asdict(training), "said": str(training)},
        "training_tokens_per_second": tokens / training.middle,
        "grading": {**asdict(grading), "said": str(grading)},
    }


def _warnings(work: Any, config: Config, machine: Machine) -> list[str]:
    from medlms.models import costs

    said = []
    if not work.shape.sure:
        said.append(f"{work.shape.kind} is not a type known here: it is read as if it were Llama's")
    if config.max_length > work.shape.context:
        said.append(
            f"max_length is {config.max_length}, the model reads at most {work.shape.context} tokens: training refuses "
            f"that; set max_length={work.shape.context}"
        )
    need = costs.peak(work).needed
    if machine.free and need <= machine.free < 1.25 * need:
        said.append("tight: the C library may hold on to memory that was freed; leave a quarter free")
    if machine.flops is not None and hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1):
        said.append("this machine is busy now: times are for as long as it stays so")
    if machine.device.startswith("cuda"):
        said.append("numbers for GPUs come from the same formulas and were not measured")
    return said


def _recomputed(work: Any, shape: Any, config: Config, rows: Any, machine: Machine, stored: int) -> list[str]:
    """What gradient checkpointing costs, and smaller blocks that would do without."""
    if not work.recomputed:
        return []
    said = "activations are made again in the backward pass (train.checkpoint_gradients): up to half more work"
    if config.train.checkpoint_gradients == "auto":
        plain = load(config, ["train.checkpoint_gradients='off'"])[0]
        for change in CHANGES[:2]:
            smaller = _changed(plain, change)
            if smaller is not None and _fits(shape, smaller, rows, machine, stored):
                return [f"{said}; {change[0]} would fit without"]
    return [said]


def _advice(shape: Any, config: Config, rows: Any, machine: Machine, stored: int) -> list[str]:
    """Settings under which this model fits, or known models that do under these settings."""
    for change in CHANGES:
        changed = _changed(config, change)
        if changed is not None and _fits(shape, changed, rows, machine, stored):
            return [f"It would fit with: {' '.join(change)}."]
    smaller = _smaller(shape, config, rows, machine)
    if smaller:
        return [f"No setting makes it fit. These known models fit as configured: {', '.join(smaller)}."]
    return ["No setting makes it fit: use a smaller model, or a machine with more memory."]


def _changed(config: Config, change: Sequence[str]) -> Config | None:
    """The config with these settings; None when one of them would not lower anything."""
    low = {"train.micro_tokens": config.train.at_once, "evaluate.batch": config.evaluate.batch}
    low["max_length"] = config.max_length
    method = "lora" if "method=lora" in change else config.method
    for setting in change:
        key, _, value = setting.partition("=")
        if key in low and int(value) >= low[key]:
            return None
        if key == "method" and config.method != "full":
            return None  # the others need about as much
        if key == "load_in_4bit" and (config.load_in_4bit or method in ("pissa", "full")):
            return None
        if key == "train.checkpoint_gradients" and config.train.checkpoint_gradients != "off":
            return None  # auto has tried it
    return load(config, change)[0]


def _fits(shape: Any, config: Config, rows: Any, machine: Machine, stored: int) -> bool:
    from medlms.models import costs

    return costs.peak(_work(shape, config, rows, machine, stored)).needed <= machine.free


def _smaller(shape: Any, config: Config, rows: Any, machine: Machine) -> list[str]:
    from medlms.models import peek, shapes
    from medlms.models.known import KNOWN

    fitting = []
    for name in KNOWN:
        try:
            seen = peek.peek(name)
            other = shapes.shape_of(seen.config)
        except MedLMsError:
            continue  # one whose config is not here can't be judged
        if other.parameters < shape.parameters and _fits(other, config, rows, machine, seen.stored):
            fitting.append(name)
    return fitting
