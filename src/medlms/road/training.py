"""The whole way of one run, read top to bottom: prepare, grade the base, tune, grade the tuned model, report.

Every stage looks in the run's folder for what is already done, so that a stopped run goes on where it was and ends the
same as one that was never stopped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from medlms.catalogue import near
from medlms.config import Config, dump, load
from medlms.errors import AskedWrongly, DataError, Interrupted, MedLMsError, ResourceError, TrainingError
from medlms.road import grading, many, overlap, reporting, rows
from medlms.road.manifest import manifest
from medlms.road.talk import Silent, Talk
from medlms.run import CONFIG, EVALUATION, MANIFEST, STEPS, Run
from medlms.types import QA, Prediction, Step, Tokens

NO_LEARNING = "The held-out loss rose in every epoch: the tuned model is worse than its base on new topics."


_IS_TUNED = "{} is itself a tuned model."
_GIVE_ITS_BASE = "Give its base as model; tuning on top of an adapter is not supported."


@dataclass
class Result:
    """A finished run: its folder, and what report.json holds."""

    run: Run
    report: dict[str, Any]


@dataclass
class _Work:
    """What the stages of one run share."""

    run: Run
    config: Config
    talk: Talk
    rows: rows.Rows
    loaded: Any
    template: Any
    weights: dict[str, str]
    predictions: dict[str, list[Prediction]] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    prompts: dict[str, list[str]] = field(default_factory=dict)
    trainable: int = 0

    def engine(self, name: str, model: Any = None) -> Any:
        from medlms.engines.local import LocalEngine

        return LocalEngine(self.loaded, self.template, model=model, name=name, batch=self.config.evaluate.batch)


def train(
    source: str | Path | dict[str, Any] | Config | None = None,
    overrides: Sequence[str] = (),
    *,
    resume: str | Path | None = None,
    talk: Talk | None = None,
    **keys: Any,
) -> Result:
    """Fine-tune and grade as a config says (a YAML file, a mapping, a Config, or keys), or go on with a stopped run.

    Returns the run and its report. Raises ConfigError, DataError, ModelError, FetchError, ResourceError, TrainingError,
    and Interrupted when stopped by Ctrl-C (the run can be resumed). Under torchrun or ``accelerate launch`` every process
    calls this and gets the same result.
    """
    if not many.is_first():
        return Result(*many.follow())
    with many.leading():
        result = _train(source, overrides, resume, talk or Silent(), keys)
        many.finish(result.run, result.report)
    return result


def _train(
    source: Any, overrides: Sequence[str], resume: str | Path | None, talk: Talk, keys: dict[str, Any]
) -> Result:
    if resume is not None:
        run = Run.open(resume)
        if run.is_evaluation():
            raise AskedWrongly(
                f"{run.folder}: is an evaluation, nothing is trained in it.",
                hint=f"Go on with: medlms evaluate --resume {run.folder}",
            )
        config, _ = load(run.folder / CONFIG)
        if source is not None or overrides or keys:
            raise AskedWrongly(
                "A resumed run keeps its own config.", hint="Leave the config and key=value away, or start a new run."
            )
        same_config(run, config)
        talk.say(f"going on with {run.folder}")
    else:
        config, notes = load(source if source is not None else {}, overrides, **keys)
        for note in notes:
            talk.say(note)
        run = _new(config)
        talk.say(f"the run's folder is {run.folder}")
    try:
        return _road(run, config, talk)
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped. What was done is in {run.folder}.", hint=f"Go on with: medlms train --resume {run.folder}"
        ) from None
    except MedLMsError:
        _leave_nothing(run)
        raise


def _leave_nothing(run: Run) -> None:
    """Remove the folder of a run that failed before anything was learned: its name is free for the next try."""
    if not run.begun():
        with suppress(MedLMsError):
            run.erase()


def same_config(run: Run, config: Config) -> None:
    """AskedWrongly when a run's config was changed after it began."""
    held = run.read_json(MANIFEST).get("config_sha256") if (run.folder / MANIFEST).is_file() else None
    if held and held != _config_hash(config):
        raise AskedWrongly(
            f"{run.folder / CONFIG}: was changed after the run began, so it can't go on.",
            hint=f"Start a new run with it: medlms {run.verb()} {run.folder / CONFIG}",
        )


def _config_hash(config: Config) -> str:
    settings = config.model_dump(exclude={"train": {"checkpoint_minutes"}, "trackers": True})
    if settings["split"]["seed"] is None:  # runs begun before this key was there go on
        del settings["split"]["seed"]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _new(config: Config) -> Run:
    from medlms.models.fetch import locate

    if config.model.startswith("/") or Path(config.model).exists():
        located = locate(config.model, fetch=False)  # a bad folder is refused before a run is made
        if located.adapter is not None:
            raise AskedWrongly(_IS_TUNED.format(config.model), hint=_GIVE_ITS_BASE)
    if config.trackers:
        from medlms.train import trackers

        trackers.check(config.trackers)
    run = Run.create(config.run)
    run.write(CONFIG, dump(config))
    return run


def _road(run: Run, config: Config, talk: Talk) -> Result:
    began = time.perf_counter()
    work = _prepared(run, config, talk)
    tokens = _tokenised(work)
    _check_fit(work, tokens)
    _check_questions(work)
    _grade(work, "base")
    if "nearest" in config.evaluate.systems:
        _nearest(work)
    model = _tune(work, tokens)
    _grade(work, "tuned", model)
    report = _report(work, command=f"medlms train {run.folder / CONFIG}")
    talk.say(f"done in {(time.perf_counter() - began) / 60:.1f} minutes; the report is {run.folder / 'report.html'}")
    return Result(run, report)


def grade_only(
    config: Config, *, adapter: Path | None, held: Run | None, talk: Talk, begun: Run | None = None
) -> Result:
    """Grade without training; ``held`` is a run whose split rows are taken over, ``adapter`` the adapter to grade.

    ``begun`` is an evaluation to go on with.
    """
    from medlms.models import adapters, fetch

    many.only_alone("Grading")
    located = fetch.locate(config.model, say=talk.say)
    if adapter is None and located.adapter is not None:
        adapter = located.adapter
    if held is not None:
        rows.read(held)  # what it lacks is said before a run is made
    run = begun or Run.create(config.run)
    if begun is None:
        run.write_json(EVALUATION, {"held": str(held.folder) if held else "", "adapter": str(adapter or "")})
        run.write(CONFIG, dump(config))
    talk.say(f"the run's folder is {run.folder}")
    if held is not None and not rows.there(run):
        run.write_json("data_report.json", held.read_json("data_report.json"))
        for part in rows.PARTS:
            run.write(f"splits/{part}.jsonl", (held.folder / "splits" / f"{part}.jsonl").read_text(encoding="utf-8"))
    try:
        work = _prepared(run, config, talk)
        if adapter is not None:
            work.warnings += overlap.warnings(adapter, work.rows.eval[: config.evaluate.rows])
            for sentence in work.warnings:
                talk.say(f"warning: {sentence}")
        _check_questions(work)
        _grade(work, "base")
        if "nearest" in config.evaluate.systems:
            _nearest(work)
        if adapter is not None:
            _grade(work, "tuned", adapters.attach(work.loaded, adapter))
        return Result(run, _report(work, command=f"medlms evaluate {run.folder / CONFIG}"))
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped. The answers so far are in {run.folder / 'predictions'}.",
            hint=f"Go on with: medlms evaluate --resume {run.folder}",
        ) from None
    except MedLMsError:
        _leave_nothing(run)
        raise


def _prepared(run: Run, config: Config, talk: Talk) -> _Work:
    from medlms import data

    if not rows.there(run):
        with talk.bar("reading the data") as advance:
            prepared = data.prepare(config, progress=lambda title, done, wanted: advance(done, wanted))
        for sentence in prepared.said:
            talk.say(sentence)
        run.write_json("data_report.json", {**prepared.report, "said": prepared.said})
        split = rows.write(run, prepared)
        files = prepared.files
    else:
        split = rows.read(run)
        files = {}
    from medlms.models import fetch
    from medlms.models import load as loading
    from medlms.text.template import template_of

    located = fetch.locate(config.model, say=talk.say)
    with talk.bar("loading the model") as advance:
        advance(0, 1)
        loaded = loading.load(
            located,
            precision=config.precision,
            load_in_4bit=config.load_in_4bit,
            load_in_8bit=config.load_in_8bit,
            say=talk.say,
        )
        advance(1, 1)
    if config.max_length > loaded.context:
        raise AskedWrongly(
            f"max_length is {config.max_length}, but {located.name} reads at most {loaded.context} tokens.",
            hint=f"Set max_length to {loaded.context}.",
        )
    template = template_of(loaded.tokenizer)
    note = f" ({located.note})" if located.note else ""
    talk.say(
        f"{located.name}: {loaded.parameters / 1e6:.0f} million parameters{note}; {loaded.why}; template: {template.name}"
    )
    weights = loading.weights_hashes(loaded)
    if not (run.folder / MANIFEST).is_file():
        made_with = manifest(seed=config.seed, files=files, template=template.hash, weights=weights)
        run.write_json(MANIFEST, {**made_with, "config_sha256": _config_hash(config)})
    return _Work(run, config, talk, split, loaded, template, weights)


def _tokenised(work: _Work) -> list[Tokens]:
    from medlms.text.tokenise import tokenise

    task = grading.task_of(work.config)

    def said(examples: Sequence[QA]) -> Iterator[tuple[str, str, Any, str]]:
        for row in examples:
            yield row.id, row.place, task.messages(row, instruction=work.config.instruction), task.answer(row)

    made = tokenise(
        work.loaded.tokenizer,
        work.template,
        said(work.rows.train),
        max_length=work.config.max_length,
        stops=work.loaded.stops,
    )
    if not made.rows:
        raise DataError(
            "No training row is left: every question alone is longer than max_length.", hint="Raise max_length."
        )
    account = work.run.read_json("data_report.json")
    account["tokens"] = {
        "rows": len(made.rows),
        "tokens": made.tokens,
        "learned_tokens": made.learned_tokens,
        "learned_share": round(made.learned_tokens / made.tokens, 4),
        "longest_row": max(len(row.ids) for row in made.rows),
        "cut": [asdict(fault) for fault in made.cut],
        "dropped": [asdict(fault) for fault in made.dropped],
    }
    work.run.write_json("data_report.json", account)
    if made.cut or made.dropped:
        work.talk.say(
            f"{len(made.cut)} answers were cut at {work.config.max_length} tokens, {len(made.dropped)} rows dropped; "
            "all are listed in data_report.json"
        )
    return made.rows


def _check_fit(work: _Work, tokens: list[Tokens]) -> None:
    """Say before the work starts what would stop it later: a tuned model as base, wrong modules, memory, disk."""
    from medlms.models import plan

    loaded, lora = work.loaded, work.config.lora
    if loaded.located.adapter is not None:
        raise AskedWrongly(_IS_TUNED.format(work.config.model), hint=_GIVE_ITS_BASE)
    shapes = {
        # 4-bit weights lie packed: their layers tell the true shape.
        name: (module.in_features, module.out_features) if hasattr(module, "in_features") else module.weight.shape
        for name, module in loaded.model.named_modules()
        if getattr(module, "weight", None) is not None and module.weight.dim() == 2
    }
    leaves = {name.rpartition(".")[2] for name in shapes}
    targets = leaves if isinstance(lora.targets, str) else {target.rpartition(".")[2] for target in lora.targets}
    if missing := sorted(targets - leaves):
        hints = dict.fromkeys(filter(None, (near(target, leaves) for target in missing)))
        own = loaded.family.modules if loaded.family else sorted(leaves)
        raise AskedWrongly(
            f"lora.targets: this model has no module {', '.join(missing)}.",
            hint=" ".join([*hints, f"It has: {', '.join(own)}."]),
        )
    adapter = lora.r * sum(sum(shape) for name, shape in shapes.items() if name.rpartition(".")[2] in targets)
    longest = max(len(row.ids) for row in tokens)
    block = max(longest, work.config.train.micro_tokens)
    plan.check_memory(loaded, trainable=adapter, block_tokens=block, config=work.config, longest=longest)
    # Two checkpoints with moments while one replaces the other, the best one, and the adapter; and answers and plots.
    needed, free = 32 * adapter + 50_000_000, shutil.disk_usage(work.run.folder).free
    if free < needed:
        raise ResourceError(
            f"{work.run.folder}: a run needs about {needed / 1e6:.0f} MB of disk, {free / 1e6:.0f} MB are free.",
            hint="Free some space, or name a folder on a larger disk with run=/path/to/folder.",
        )


def _check_questions(work: _Work) -> None:
    """Every question that will be asked leaves the model room for an answer: said now, not in the middle of grading."""
    from medlms.text.tokenise import prompt_ids

    task, config, loaded = grading.task_of(work.config), work.config, work.loaded
    asked = [*work.rows.eval[: config.evaluate.rows], *work.rows.dev[: config.train.evaluate_rows]]
    for row in [*asked, *_prompt_rows(config)]:
        messages = task.messages(row, instruction=config.instruction)
        size = len(prompt_ids(loaded.tokenizer, work.template, messages))
        if size >= loaded.context:
            raise AskedWrongly(
                f"{row.place}: the question has {size:,} tokens with its instruction, {loaded.located.name} reads "
                f"{loaded.context:,}, so no room is left for an answer.",
                hint="Shorten the question or leave it out.",
            )


def _prompt_rows(config: Config) -> list[QA]:
    return [
        QA(
            id=f"prompt-{number}",
            source="config",
            licence="",
            place=f"prompts[{number - 1}]",
            question=text,
            answer="(ungraded)",
        )
        for number, text in enumerate(config.prompts, 1)
    ]


def _grade(work: _Work, system: str, model: Any = None) -> None:
    if system not in work.config.evaluate.systems:
        return
    engine = work.engine(system, model)
    work.paths[system] = engine.path
    work.predictions[system] = grading.grade(
        work.run, work.config, work.rows, engine, system, scores=True, talk=work.talk
    )
    grading.latency(work.run, work.config, work.rows, engine, system, talk=work.talk)
    if system == "base" and work.config.train.evaluate_every == "epoch" and work.rows.dev:
        _epoch(work, engine, 0)
    _ask_prompts(work, engine, system)


def _nearest(work: _Work) -> None:
    from medlms.engines.nearest import NearestEngine

    engine = NearestEngine(work.rows.train)
    work.paths["nearest"] = engine.path
    work.predictions["nearest"] = grading.grade(
        work.run, work.config, work.rows, engine, "nearest", scores=False, talk=work.talk
    )


def _epoch(work: _Work, engine: Any, epoch: int) -> None:
    if any(record["epoch"] == epoch for record in work.run.rows("epochs.jsonl")):
        return
    record = grading.epoch_scores(work.run, work.config, work.rows, engine, epoch, talk=work.talk)
    work.run.append("epochs.jsonl", [record])
    loss, f1, rouge = (record[name]["value"] for name in ("dev_loss", "token_f1", "rougeL"))
    work.talk.say(f"epoch {epoch}: held-out loss {loss:.3f}, token F1 {f1:.3f}, ROUGE-L {rouge:.3f}")


def _ask_prompts(work: _Work, engine: Any, system: str) -> None:
    """Extra questions, ungraded; kept in predictions like all answers."""
    if not work.config.prompts:
        return
    from medlms.evaluate.ask import ask

    with work.talk.bar(f"{system} answers your prompts") as advance:
        ask(
            engine,
            _prompt_rows(work.config),
            task=grading.task_of(work.config),
            instruction=work.config.instruction,
            references={},
            run=work.run,
            system=f"prompts/{system}",
            max_new_tokens=work.config.evaluate.max_new_tokens,
            batch=work.config.evaluate.batch,
            progress=advance,
        )


def _tune(work: _Work, tokens: list[Tokens]) -> Any:
    from medlms.models import adapters, heap, plan
    from medlms.train import checkpoint, loop, scaling, trackers

    config, talk, run = work.config, work.talk, work.run
    model = adapters.create(work.loaded, config.lora, seed=config.seed)
    work.trainable = sum(tensor.numel() for tensor in adapters.tensors(model).values())
    planned = loop.plan(tokens, config.train, seed=config.seed)
    mark = _fingerprint(work, tokens)
    last, best = run.folder / "checkpoints" / "last", run.folder / "checkpoints" / "best"
    optimiser = loop.optimiser(model, config.train)
    scale = scaling.scale_for(work.loaded.dtype)
    start = 0
    if checkpoint.exists(last):
        held = checkpoint.restore(last, model, optimiser)
        if held["plan"] != mark:
            raise AskedWrongly(
                f"{last}: belongs to other rows, other settings or another model.", hint="Start a new run."
            )
        start = int(held["step"])
        if scale is not None:
            scale.restore(held["loss_scale"])
        talk.say(f"resuming after step {start} of {len(planned)}")
    run.keep_rows(STEPS, [row for row in run.rows(STEPS) if row["step"] <= start])
    heap.trim()  # what grading the base has freed
    largest = max(sum(len(tokens[row].ids) for row in block) for step in planned for block in step.blocks)
    longest = max(len(row.ids) for row in tokens)
    need = plan.check_memory(
        work.loaded, trainable=work.trainable, block_tokens=largest, config=config, longest=longest
    )
    guess = plan.training_range(
        work.loaded,
        [len(row.ids) for row in tokens],
        learned=sum(sum(row.learn) for row in tokens),
        epochs=config.train.epochs,
        trainable=work.trainable,
    ) * (1 - start / len(planned))
    talk.say(
        f"training {work.trainable / 1e6:.1f} million adapter weights on {sum(len(row.ids) for row in tokens):,} tokens"
        f" x {config.train.epochs} in {len(planned)} steps: {need}; roughly {guess}, without grading"
    )

    def save(step: int) -> None:
        worker.gather()
        state = {"loss_scale": scale.notes()} if scale is not None else {}
        checkpoint.save(last, model, optimiser, {"step": step, "plan": mark, **state})

    def after_epoch(step: int) -> None:
        if config.train.evaluate_every == "never" or not work.rows.dev:
            return
        epoch = planned[step - 1].epoch
        _epoch(work, work.engine("tuned", model), epoch)
        for record in run.rows("epochs.jsonl"):
            if record["epoch"] == epoch:
                log(record, step)
        if reporting.best_epoch(list(run.rows("epochs.jsonl"))) == epoch:
            checkpoint.save(best, model, None, {"step": step, "plan": mark, "epoch": epoch})

    with (
        many.work(config, tokens, model, optimiser, start=start, scale=scale, talk=talk) as worker,
        worker.layers(config.seed) as (masks, path),
        trackers.tracked(config.trackers, run.folder, run=run.name, settings=config.model_dump()) as log,
    ):
        work.paths["training"] = path
        talk.say(path)
        if start and planned[start - 1].ends_epoch:
            after_epoch(start)
        saved = time.monotonic()
        with talk.bar("training") as advance, _stop_between_steps() as stopped:
            advance(start, len(planned))
            try:
                for step in loop.train(
                    worker.model,
                    tokens,
                    planned,
                    config.train,
                    optimiser=worker.optimiser,
                    masks=masks,
                    seed=config.seed,
                    start=start,
                    scale=scale,
                    processes=worker.processes,
                ):
                    run.append(STEPS, [_line(step)])
                    log(_line(step), step.step)
                    if step.skipped:
                        talk.say(
                            f"step {step.step} was skipped: its gradient left the range of fp16 at a loss scale of "
                            f"{step.loss_scale:g}; the scale is halved"
                        )
                    advance(step.step, len(planned))
                    ends = planned[step.step - 1].ends_epoch
                    due = time.monotonic() - saved >= 60 * config.train.checkpoint_minutes
                    if ends or due or stopped():
                        save(step.step)
                        saved = time.monotonic()
                    if stopped():
                        raise KeyboardInterrupt
                    if ends:
                        after_epoch(step.step)
                        heap.trim()
            except TrainingError as error:
                raise TrainingError(str(error), hint=f"{error.hint} The last good state is in {last}.") from None
    if checkpoint.exists(best):
        checkpoint.restore(best, model, None)
    model.eval()
    _save_adapter(work, model)
    return model


def _line(step: Step) -> dict[str, Any]:
    """A step as a line of steps.jsonl; what belongs to a loss scale stands only where there is one."""
    line = asdict(step)
    return (
        line if step.loss_scale is not None else {k: v for k, v in line.items() if k not in ("loss_scale", "skipped")}
    )


def _save_adapter(work: _Work, model: Any) -> None:
    from medlms.models import adapters

    located = work.loaded.located
    adapters.save(
        model,
        work.loaded.tokenizer,
        work.run.folder / "adapter",
        extra={
            "base_model": work.config.model,
            "base_model_path": _address(work),
            "base_note": located.note,
            "instruction": work.config.instruction,
            "precision": work.config.precision,
            "template_hash": work.template.hash,
            "weights_sha256": work.weights,
            "max_length": work.config.max_length,
        },
    )


def _fingerprint(work: _Work, tokens: list[Tokens]) -> str:
    """What a checkpoint must have in common with the run that goes on from it."""
    settings = work.config.model_dump(
        include={"model", "lora", "seed", "max_length", "load_in_4bit", "load_in_8bit", "precision"}
    )
    settings["train"] = work.config.train.model_dump(exclude={"checkpoint_minutes", "evaluate_rows"})
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


def _report(work: _Work, *, command: str) -> dict[str, Any]:
    config, run = work.config, work.run
    order = [system for system in config.evaluate.systems if system in work.predictions]
    warnings = [*work.warnings]
    epochs = list(run.rows("epochs.jsonl"))
    tried = [record["dev_loss"]["value"] for record in epochs if record["epoch"] > 0]
    if tried and epochs[0]["epoch"] == 0 and min(tried) > epochs[0]["dev_loss"]["value"]:
        warnings.append(NO_LEARNING)
    return reporting.build(
        run,
        config,
        work.rows,
        {system: work.predictions[system] for system in order},
        model=_model(work),
        prompts=_prompt_answers(work),
        warnings=warnings,
        paths=work.paths,
        command=command,
    )


def _address(work: _Work) -> str:
    """What other tools' ``from_pretrained`` takes for the base: a hub id where there is one."""
    from medlms.models.known import KNOWN

    spec = KNOWN.get(work.config.model)
    return work.loaded.located.hub or (spec.original if spec else "") or work.config.model


def _model(work: _Work) -> dict[str, Any]:
    from medlms.models.known import KNOWN

    located = work.loaded.located
    spec = KNOWN.get(work.config.model)
    return {
        "name": located.name,
        "note": located.note,
        "licence": located.licence,
        "address": _address(work),
        "package": spec.package if spec else "",
        "member": spec.member if spec else "",
        "gguf_file": located.gguf,
        "parameters": work.loaded.parameters,
        "trainable": work.trainable or None,
        "precision": work.loaded.why,
        "device": str(work.loaded.device),
        "path": "; ".join(f"{name}: {path}" for name, path in work.paths.items() if name != "nearest"),
    }


def _prompt_answers(work: _Work) -> list[dict[str, Any]]:
    from medlms.evaluate.ask import read_predictions
    from medlms.evaluate.endings import endings

    if not work.config.prompts:
        return []
    said = {
        system: {item.id: item for item in read_predictions(work.run, f"prompts/{system}")}
        for system in ("base", "tuned")
        if (work.run.folder / "predictions" / "prompts" / f"{system}.jsonl").is_file()
    }
    return [
        {
            "question": text,
            "answers": {
                system: {"text": found[f"prompt-{number}"].said, "ending": endings(found[f"prompt-{number}"])}
                for system, found in said.items()
            },
        }
        for number, text in enumerate(work.config.prompts, 1)
    ]
