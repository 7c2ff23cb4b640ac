"""Does a model of this size really go the whole way here? Tried with random weights of its exact shape, no download.

Weights are made, steps trained by the real loop, an answer written by the real engine, all saved, read again and compared;
memory and seconds of every stage are measured and set beside what the plan foretold.
"""

from __future__ import annotations

import gc
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from medlms.bench import result
from medlms.bench.estimates import median
from medlms.bench.machine import machine
from medlms.catalogue import near
from medlms.config import Config, Lora, Train
from medlms.errors import AskedWrongly, ModelError, ResourceError, UnknownName
from medlms.road.talk import Silent, Talk
from medlms.types import Message, Reply, Request, Step, Tokens

NEW_TOKENS = 16
DECK = Lora(r=16, alpha=16, dropout=0.25, targets="all-linear")
QUESTION = "What is asthma?"
REFERENCE = "Asthma is a condition that a doctor can name after asking a few questions."


@dataclass
class Stage:
    """One part of the way: its wall time and the most memory that the process held meanwhile."""

    name: str
    seconds: float
    peak_memory_bytes: int


@dataclass
class Proof:
    """What was found. ``differences`` lists what did not agree after reading again; empty is good."""

    model: str
    shape: dict[str, Any]
    parameters: int
    trainable: int
    four_bit: bool
    precision: str
    path: str
    tokens: int
    predicted: dict[str, float]
    measured: dict[str, float]
    stages: list[Stage] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    new_tokens: int = 0
    reread: str = ""
    differences: list[str] = field(default_factory=list)

    def value(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def shape_of(name: str) -> Mapping[str, Any]:
    """The shape of a known model, or of the config.json in a folder; nothing is fetched."""
    from medlms.models.known import KNOWN

    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        try:
            found: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        except ValueError as error:
            raise ModelError(f"{folder / 'config.json'}: not readable as JSON: {error}.") from None
        if not isinstance(found, dict) or "model_type" not in found:
            raise ModelError(f"{folder / 'config.json'}: names no model_type.")
        return {key: value for key, value in found.items() if key not in ("quantization_config", "architectures")}
    shapes = {key: dict(spec.shape) for key, spec in KNOWN.items()}
    if shapes.get(name):
        return shapes[name]
    having = [key for key, shape in shapes.items() if shape]
    raise UnknownName(
        f"model: no shape of {name!r} is known.",
        hint=near(name, having) or f"With a shape: {', '.join(having) or 'none'}; or a folder with a config.json.",
    )


def prove(
    name: str,
    *,
    shape: Mapping[str, Any] | None = None,
    steps: int = 2,
    tokens: int = 64,
    four_bit: bool = True,
    precision: str = "auto",
    seed: int = 13,
    folder: Path | None = None,
    talk: Talk | None = None,
) -> Proof:
    """Take a model of this shape the whole way on this processor; see the module's first lines.

    ``tokens`` is the length of a training row, one row a step; ``folder`` is where weights are written for a while (the
    system's folder for such files when empty). ResourceError, before the work starts, when memory will not suffice.
    """
    talk = talk or Silent()
    if steps < 1 or tokens < 8:
        raise AskedWrongly("prove needs at least one step, of at least 8 tokens.")
    work = _Work(talk, time.perf_counter())
    shape = dict(shape if shape is not None else shape_of(name))
    from medlms import testing
    from medlms.models import heap, random_weights

    dtype, why = random_weights.in_working_precision(precision, str(shape["model_type"]))
    model = random_weights.skeleton(shape, dtype)
    sizes = random_weights.sizes(model)
    four_bit = four_bit and sizes.linear > 0
    why += "; base weights in NF4" if four_bit else ""
    tokenizer = testing.tiny_tokenizer("llama")
    loaded = random_weights.loaded(model, name, dtype, why, tokenizer)
    _check(loaded, tokens, vocabulary=int(model.config.vocab_size), smallest=len(tokenizer))
    foretold = predicted(loaded, four_bit=four_bit, tokens=tokens)
    work.say(f"{name}: {(sizes.linear + sizes.other) / 1e9:.2f} billion weights; {why}")
    _check_memory(work, foretold)

    with work.stage("build"), talk.bar("drawing weights") as advance:
        random_weights.fill(model, dtype=dtype, four_bit=four_bit, seed=seed, progress=advance)
    heap.trim()  # what drawing has freed, as the road does before it trains
    proof = Proof(
        model=name,
        shape=shape,
        parameters=loaded.parameters,
        trainable=0,
        four_bit=four_bit,
        precision=why,
        path="",
        tokens=tokens,
        predicted=foretold,
        measured={},
        stages=work.stages,
    )
    with _scratch(folder) as held:
        base = _save_base(work, loaded, Path(held) / "base", foretold["base_bytes"])
        before = random_weights.checksum(model)
        _train(work, proof, loaded, steps=steps, seed=seed, adapter=Path(held) / "adapter")
        if random_weights.checksum(model) != before:
            proof.differences.append("training changed the base weights")
        first = _answer(work, "generate", loaded)
        proof.new_tokens, proof.path = first.new_tokens, f"{proof.path}; {first.path}"
        loaded.adapted = loaded.model = model = None  # the second model must not lie beside the first
        gc.collect()
        heap.trim()
        again = _again(work, proof, base, shape, dtype=dtype, four_bit=four_bit, seed=seed, name=name, why=why)
        if _weights(again) != before:
            proof.differences.append("the base weights read again are not those that were written")
        from medlms.models import adapters

        adapters.attach(again, Path(held) / "adapter")
        second = _answer(work, "generate again", again)
    if second.text != first.text:
        proof.differences.append("the answer after reading again is another one")
    if second.logprob != first.logprob:
        proof.differences.append(f"log-probability of a reference: {first.logprob} before, {second.logprob} after")
    _measure(work, proof)
    return proof


def predicted(loaded: Any, *, four_bit: bool, tokens: int) -> dict[str, float]:
    """What the plan says of such a step: bytes at the peak and seconds. The one place at which the plan is asked."""
    from medlms.models import plan

    config = Config(model="random weights", data=["none"], load_in_4bit=four_bit, lora=DECK, max_length=max(tokens, 16))
    return plan.one_step(loaded, config, tokens=tokens)


def table(proof: Proof) -> str:
    """The proof for a person: stages, then what was measured beside what the plan foretold."""
    lines = [["stage", "seconds", "peak memory"]]
    lines += [[stage.name, f"{stage.seconds:.1f}", _gigabytes(stage.peak_memory_bytes)] for stage in proof.stages]
    compared = [["", "plan", "measured"]]
    for key, title, show in (
        ("peak_memory_bytes", "peak memory", _gigabytes),
        ("step_seconds", "seconds a step", lambda value: f"{value:.2f}"),
        ("trainable", "adapter weights", lambda value: f"{value:,.0f}"),
    ):
        compared.append([title, show(proof.predicted[key]), show(proof.measured[key])])
    agree = "outputs agree after saving and reading again" if not proof.differences else "; ".join(proof.differences)
    return "\n\n".join([result.table(lines), result.table(compared), f"{agree} ({proof.reread})"])


def write(proof: Proof, path: Path, *, command: str) -> None:
    """Put the proof into a results file, in place of an older one of the same model; other models' rows stay."""
    held = result.read(path) if path.is_file() else {}
    found = result.Result(machine(), command)
    found.rows = [
        result.Row(**row) for row in held.get("rows", []) if row.get("settings", {}).get("model") != proof.model
    ]
    settings = {"model": proof.model, "tokens": proof.tokens, "four_bit": proof.four_bit, "precision": proof.precision}
    found.add("ours", "seconds", median([step.seconds for step in proof.steps]), {**settings, "what": "training step"})
    for stage in proof.stages:
        where = {**settings, "what": stage.name}
        found.add("ours", "seconds", median([stage.seconds]), where)
        found.add("ours", "peak_memory_bytes", median([float(stage.peak_memory_bytes)]), where)
    found.add("ours", "peak_memory_bytes", median([proof.measured["peak_memory_bytes"]]), {**settings, "what": "all"})
    for metric, key in (("seconds", "step_seconds"), ("peak_memory_bytes", "peak_memory_bytes")):
        found.add("plan", metric, median([proof.predicted[key]]), {**settings, "what": "predicted"})
    proofs = [item for item in held.get("proofs", []) if item.get("model") != proof.model]
    found.extra = {"proofs": [*proofs, proof.value()]}
    found.complete = True
    found.write(path)


@dataclass
class _Answered:
    text: str
    new_tokens: int
    logprob: float
    path: str


@dataclass
class _Work:
    talk: Talk
    began: float
    stages: list[Stage] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.talk.say(f"[{time.perf_counter() - self.began:7.1f} s] {text}")

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        _forget_peak()
        began = time.perf_counter()
        yield
        self.stages.append(Stage(name, time.perf_counter() - began, _peak()))
        self.say(f"{name}: {self.stages[-1].seconds:.1f} s, peak {_gigabytes(self.stages[-1].peak_memory_bytes)}")


def _check(loaded: Any, tokens: int, *, vocabulary: int, smallest: int) -> None:
    if tokens > loaded.context:
        raise AskedWrongly(
            f"A row of {tokens} tokens was asked for; this model reads at most {loaded.context}.",
            hint=f"Use --tokens {loaded.context}.",
        )
    if vocabulary < smallest:
        raise ModelError(f"A vocabulary of {vocabulary} is too small for the tokenizer of the trial ({smallest}).")


def _check_memory(work: _Work, foretold: Mapping[str, float]) -> None:
    from medlms.models.load import available_memory

    needed, free = foretold["peak_memory_bytes"], available_memory()
    work.say(
        f"it needs about {_gigabytes(needed)} of memory ({_gigabytes(free)} are free), "
        f"and {_gigabytes(foretold['base_bytes'])} of disk for a while"
    )
    if free and needed > free:
        raise ResourceError(
            f"About {_gigabytes(needed)} of memory are needed, {_gigabytes(free)} are free.",
            hint="Close other programs, or use a smaller model.",
        )


def _scratch(folder: Path | None) -> tempfile.TemporaryDirectory[str]:
    """A folder for a while, inside ``folder``, which is made when it is not there; ResourceError when it can't be."""
    try:
        if folder is not None:
            folder.expanduser().mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix="medlms-prove-", dir=folder and folder.expanduser())
    except OSError as error:
        raise ResourceError(
            f"{folder}: nothing can be written there: {error.strerror}.", hint="Name another folder with --folder."
        ) from None


def _save_base(work: _Work, loaded: Any, folder: Path, size: float) -> Path | None:
    """The folder of the base weights; None where the disk has no room, which is said."""
    from medlms.models import random_weights

    free = shutil.disk_usage(folder.parent).free
    if free < 1.2 * size + 1e9:
        work.say(f"base weights are not saved: {_gigabytes(size)} are needed, {_gigabytes(free)} of disk are free")
        return None
    with work.stage("save base"):
        random_weights.save(loaded.model, loaded.tokenizer, folder)
    return folder


def _train(work: _Work, proof: Proof, loaded: Any, *, steps: int, seed: int, adapter: Path) -> None:
    from medlms.models import adapters
    from medlms.models.fast_lora import fast_lora
    from medlms.train import loop, scaling

    config = Train(epochs=1, rows_per_step=1, micro_tokens=proof.tokens, evaluate_every="never")
    rows = _rows(steps, proof.tokens, int(loaded.model.config.vocab_size), seed)
    with work.stage("adapters"):
        model = adapters.create(loaded, DECK, seed=seed)
    proof.trainable = sum(tensor.numel() for tensor in adapters.tensors(model).values())
    with work.stage("train"), fast_lora(model, seed=seed) as (masks, path):
        proof.path = f"{path}; {loaded.attention.said}"
        for step in loop.train(
            model,
            rows,
            loop.plan(rows, config, seed=seed),
            config,
            optimiser=loop.optimiser(model, config),
            masks=masks,
            seed=seed,
            scale=scaling.scale_for(loaded.dtype),
        ):
            proof.steps.append(step)
            work.say(f"step {step.step} of {steps}: loss {step.loss:.3f}, {step.seconds:.2f} s")
    model.eval()
    model.zero_grad(set_to_none=True)
    with work.stage("save adapter"):
        extra = {"base_model": proof.model, "base_note": "random weights"}
        adapters.save(model, loaded.tokenizer, adapter, extra=extra)


def _rows(steps: int, tokens: int, vocabulary: int, seed: int) -> list[Tokens]:
    """One row a step of random ids; the last three quarters are learned, about the share of answers in real rows."""
    drawn = random.Random(seed)
    learn = tuple(place >= tokens // 4 for place in range(tokens))
    return [
        Tokens(f"row-{number}", tuple(drawn.randrange(vocabulary) for _ in range(tokens)), learn)
        for number in range(1, steps + 1)
    ]


def _answer(work: _Work, stage: str, loaded: Any) -> _Answered:
    from medlms.engines.local import LocalEngine
    from medlms.text.template import template_of

    engine = LocalEngine(loaded, template_of(loaded.tokenizer), model=loaded.adapted, name="tuned", batch=1)
    asked = Request("proof", (Message("user", QUESTION),), max_new_tokens=NEW_TOKENS, reference=REFERENCE)
    with work.stage(stage):
        said: Reply = next(engine.answer([asked]))
    with work.stage(f"{stage}: score"):
        scored: Reply = next(engine.score([asked]))
    assert scored.reference_logprob is not None
    return _Answered(said.text, said.new_tokens, scored.reference_logprob, engine.path)


def _again(
    work: _Work,
    proof: Proof,
    base: Path | None,
    shape: Mapping[str, Any],
    *,
    dtype: Any,
    four_bit: bool,
    seed: int,
    name: str,
    why: str,
) -> Any:
    """The base model once more: from disk by the usual way of loading, else drawn anew from the same seed."""
    from medlms import testing
    from medlms.models import fetch, load, random_weights

    with work.stage("read again"):
        if base is not None:
            proof.reread = "base and adapter read from disk"
            found = load.load(fetch.locate(str(base)), precision=_name_of(dtype))
            found.stops = frozenset({found.tokenizer.eos_token_id})  # those of the first model
            return found
        proof.reread = "adapter read from disk, base drawn again from its seed for want of disk space"
        model = random_weights.skeleton(shape, dtype)
        random_weights.fill(model, dtype=dtype, four_bit=four_bit, seed=seed)
        return random_weights.loaded(model, name, dtype, why, testing.tiny_tokenizer("llama"))


def _name_of(dtype: Any) -> str:
    return {"torch.bfloat16": "bf16", "torch.float16": "fp16"}.get(str(dtype), "fp32")


def _weights(loaded: Any) -> int:
    from medlms.models import random_weights

    return random_weights.checksum(loaded.model)


def _measure(work: _Work, proof: Proof) -> None:
    trained = [stage for stage in work.stages if stage.name == "train"]
    proof.measured = {
        "peak_memory_bytes": max(stage.peak_memory_bytes for stage in trained),
        "peak_memory_bytes_of_all": max(stage.peak_memory_bytes for stage in work.stages),
        "step_seconds": min(step.seconds for step in proof.steps),
        "trainable": proof.trainable,
    }


def _forget_peak() -> None:
    """Let the system's count of the most memory held begin anew, where it can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _peak() -> int:
    """The most memory held since ``_forget_peak``, in bytes; since the start where the system can't forget."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    from medlms.train.loop import peak_memory

    return peak_memory()


def _gigabytes(value: float) -> str:
    return f"{value / 1e9:.2f} GB"
