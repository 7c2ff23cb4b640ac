"""The whole way of one run, read top to bottom: prepare, grade the base, tune, grade the tuned model, report.

Every stage looks in the run's folder for what is already done, so that a stopped run goes on where it was and ends the
same as one that was never stopped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from medlms import data
from medlms.config import Config, dump, load
from medlms.data import mix
from medlms.data.found import LIST
from medlms.errors import AskedWrongly, ConfigError, DataError, Interrupted, MedLMsError, ResourceError
from medlms.road import (
    accounts,
    beside,
    exams,
    grading,
    identified,
    keys,
    likeness,
    many,
    overlap,
    reporting,
    rows,
    strategies,
    tuning,
)
from medlms.road.manifest import manifest
from medlms.road.talk import Silent, Talk, stages
from medlms.road.work import Work
from medlms.run import CONFIG, EVALUATION, MANIFEST, Run
from medlms.types import QA, Tokens

NO_LEARNING = "The held-out loss rose in every epoch: the tuned model is worse than its base on new topics."


_IS_TUNED = "{} is itself a tuned model."
_GIVE_ITS_BASE = "Give its base as model; tuning on top of an adapter is not supported."


@dataclass
class Result:
    """A finished run: its folder, and what report.json holds."""

    run: Run
    report: dict[str, Any]


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
    """Remove the folder of a run that failed before anything was learned: its name is free for the next try.

    A list of identifiers that ended the run stays.
    """
    if not run.begun() and not (run.folder / LIST).is_file():
        with suppress(MedLMsError):
            run.erase()


def same_config(run: Run, config: Config) -> None:
    """AskedWrongly when a run's config was changed after it began."""
    held = run.read_json(MANIFEST).get("config_sha256") if (run.folder / MANIFEST).is_file() else None
    if held and held != config_hash(config):
        raise AskedWrongly(
            f"{run.folder / CONFIG}: was changed after the run began, so it can't go on.",
            hint=f"Start a new run with it: medlms {run.verb()} {run.folder / CONFIG}",
        )


def config_hash(config: Config) -> str:
    """sha256 of the settings that a run keeps: all but what may change when it goes on."""
    settings = config.model_dump(exclude={"train": {"checkpoint_minutes"}, "trackers": True})
    return hashlib.sha256(json.dumps(keys.without_later(settings), sort_keys=True).encode()).hexdigest()


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
    from medlms.models import methods

    began = time.perf_counter()
    if not config.data:
        raise ConfigError(["data: must hold at least 1 to train on (found [])."])
    papers = exams.begin(run, config, talk)
    strategies.begin(config, papers, talk)
    work = _prepared(run, config, talk)
    work.papers = papers
    tokens = _tokenised(work)
    _check_fit(work, tokens)
    _check_questions(work)
    _grade(work, "base")
    exams.sit(work, "base")
    strategies.sit(work, "base")
    if not exams.alone(config):
        beside.grade(work)
    model = tuning.tune(work, tokens)
    _grade(work, "tuned", model, learned=methods.saved(run.folder))
    exams.sit(work, "tuned", model)
    strategies.sit(work, "tuned", model)
    report = _report(work, command=f"medlms train {run.folder / CONFIG}")
    talk.say(f"done in {(time.perf_counter() - began) / 60:.1f} minutes; the report is {run.folder / 'report.html'}")
    return Result(run, report)


def grade_only(
    config: Config, *, adapter: Path | None, held: Run | None, talk: Talk, begun: Run | None = None
) -> Result:
    """Grade without training; ``held`` is a run whose split rows are taken over, ``adapter`` the adapter to grade.

    ``begun`` is an evaluation to go on with.
    """
    from medlms.models import fetch, methods

    many.only_alone("Grading")
    located = fetch.locate(config.model, say=talk.say)
    if adapter is None and located.adapter is not None:
        adapter = located.adapter
    if held is not None and not exams.alone(config):
        rows.read(held)  # what it lacks is said before a run is made
    run = begun or Run.create(config.run)
    if begun is None:
        run.write_json(EVALUATION, {"held": str(held.folder) if held else "", "adapter": str(adapter or "")})
        run.write(CONFIG, dump(config))
    talk.say(f"the run's folder is {run.folder}")
    if held is not None and not rows.there(run):
        run.write_json("data_report.json", held.read_json("data_report.json"))
        for part in rows.PARTS if not exams.alone(config) else ():
            run.write(f"splits/{part}.jsonl", (held.folder / "splits" / f"{part}.jsonl").read_text(encoding="utf-8"))
    try:
        papers = exams.begin(run, config, talk)
        strategies.begin(config, papers, talk)
        work = _prepared(run, config, talk, rows.NONE if exams.alone(config) else None)
        work.papers = papers
        work.account()
        if adapter is not None:
            work.warnings += overlap.warnings(adapter, work.rows.eval[: config.evaluate.rows])
            work.warnings += _other_width(config, located.bits or fetch.bits_of(fetch.record_of(adapter)))
            for sentence in work.warnings:
                talk.say(f"warning: {sentence}")
        _check_questions(work)
        _grade(work, "base")
        exams.sit(work, "base")
        strategies.sit(work, "base")
        if not exams.alone(config):
            beside.grade(work)
        if adapter is not None:
            model = methods.attach(work.loaded, adapter)
            _grade(work, "tuned", model, learned=adapter)
            exams.sit(work, "tuned", model)
            strategies.sit(work, "tuned", model)
        return Result(run, _report(work, command=f"medlms evaluate {run.folder / CONFIG}"))
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped. The answers so far are in {run.folder / 'predictions'}.",
            hint=f"Go on with: medlms evaluate --resume {run.folder}",
        ) from None
    except MedLMsError:
        _leave_nothing(run)
        raise


def _other_width(config: Config, tuned_on: int) -> list[str]:
    """A sentence where an adapter is graded on base weights of another width than it was tuned on."""
    here = 4 if config.load_in_4bit else 8 if config.load_in_8bit else 16
    if tuned_on in (0, here):
        return []
    settings = f"load_in_4bit={str(tuned_on == 4).lower()} load_in_8bit={str(tuned_on == 8).lower()}"
    widths = {bits: f"in {bits} bit" if bits < 16 else "that are not quantised" for bits in (4, 8, 16)}
    return [
        f"The adapter was tuned on base weights {widths[tuned_on]} and is graded on weights {widths[here]}: "
        f"its grades are not those of the model that was tuned. As it was tuned: {settings}."
    ]


def _check_length(config: Config, name: str, context: int) -> None:
    places = config.places
    if config.max_length + places > context:
        behind = f" behind {places} vectors" if places else ""
        raise AskedWrongly(
            f"max_length is {config.max_length}{behind}, but {name} reads at most {context} tokens.",
            hint=f"Set max_length to {context - places}." if context > places + 16 else "Lower soft_prompt.length.",
        )


def _prepared(run: Run, config: Config, talk: Talk, given: rows.Rows | None = None) -> Work:
    """The rows (unless they are ``given``) and the model."""
    from medlms.models.known import KNOWN

    if config.model in KNOWN and given is None:  # said before gigabytes are fetched
        _check_length(config, config.model, KNOWN[config.model].context)
    prepared = None
    files: Mapping[str, str] = {}
    if given is not None:
        split = given
    elif rows.there(run) and (run.folder / accounts.DATA).is_file():
        split = rows.read(run)
    else:
        with talk.bar("reading the data") as advance:
            prepared = data.prepare(config, progress=stages(talk, advance))
        if prepared.stops:  # what was read stands beside the list of what was found
            run.write_json(accounts.DATA, {**prepared.report, "said": prepared.said})
        identified.enforce(prepared, run)
        run.keep_rows(accounts.DROPPED, prepared.dropped)
        split = rows.write(run, prepared)
        files = prepared.files
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
    if given is None:
        _check_length(config, located.name, loaded.context)
    template = template_of(loaded.tokenizer)
    note = f" ({located.note})" if located.note else ""
    talk.say(
        f"{located.name}: {loaded.parameters / 1e6:.0f} million parameters{note}; {loaded.why}; template: {template.name}"
    )
    weights = loading.weights_hashes(located)
    if not (run.folder / MANIFEST).is_file():
        made_with = manifest(seed=config.seed, files=files, template=template.hash, weights=weights)
        made_with |= {"attention": loaded.attention.said, "config_sha256": config_hash(config)}
        run.write_json(MANIFEST, made_with)
    work = Work(run, config, talk, split, loaded, template, weights)
    if prepared is not None:
        work.fresh = True
        work.account = partial(_accounted, work, prepared)
    return work


def _accounted(work: Work, prepared: data.Prepared) -> None:
    """The account that was made of the rows while the model was loaded and they were tokenised."""
    with work.talk.bar("comparing the rows") as advance:
        advance(0, 1)
        account = {**prepared.report, "said": prepared.said}
        advance(1, 1)
    for sentence in prepared.said:
        work.talk.say(sentence)
    work.run.write_json(accounts.DATA, account)


def _tokenised(work: Work) -> list[Tokens]:
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
    work.account()
    accounts.of_training(work, made)
    if made.cut or made.dropped:
        work.talk.say(
            f"{len(made.cut)} rows were cut at {work.config.max_length} tokens, {len(made.dropped)} rows dropped; "
            f"all are listed in {accounts.DROPPED}"
        )
    return mix.repeated(made.rows, work.rows.times)


def _check_fit(work: Work, tokens: list[Tokens]) -> None:
    """Say before the work starts what would stop it later: a tuned model as base, wrong modules, memory, disk."""
    from medlms.models import plan

    if work.loaded.located.adapter is not None:
        raise AskedWrongly(_IS_TUNED.format(work.config.model), hint=_GIVE_ITS_BASE)
    trainable, places = _trainable(work), work.config.places
    longest = max(len(row.ids) for row in tokens)
    block = max(longest, work.config.train.at_once)
    block += places * max(1, block * len(tokens) // sum(len(row.ids) for row in tokens))
    plan.check_memory(work.loaded, trainable=trainable, block_tokens=block, config=work.config, longest=longest)
    # Two checkpoints with moments while one replaces the other, the best one, and the adapter; and answers and plots.
    needed, free = 32 * trainable + 50_000_000, shutil.disk_usage(work.run.folder).free
    if free < needed:
        raise ResourceError(
            f"{work.run.folder}: a run needs about {needed / 1e6:.0f} MB of disk, {free / 1e6:.0f} MB are free.",
            hint="Free some space, or name a folder on a larger disk with run=/path/to/folder.",
        )


def _trainable(work: Work) -> int:
    """Weights that will learn; AskedWrongly for modules that the model has not got."""
    from medlms.models import adapters

    loaded, config = work.loaded, work.config
    if config.method == "full":
        return int(loaded.parameters)
    if config.places:
        return config.places * int(loaded.model.get_input_embeddings().embedding_dim)
    shapes = [
        # 4-bit weights lie packed: their layers tell the true shape.
        (module.in_features, module.out_features) if hasattr(module, "in_features") else tuple(module.weight.shape)
        for module in adapters.layers_of(loaded, config.lora.targets).values()
    ]
    sizes = sum(out for _, out in shapes) if config.method == "dora" else 0
    return config.lora.r * sum(map(sum, shapes)) + sizes


def _check_questions(work: Work) -> None:
    """Every question that will be asked leaves the model room for an answer: said now, not in the middle of grading."""
    from medlms.text.tokenise import prompt_ids

    task, config, loaded = grading.task_of(work.config), work.config, work.loaded
    asked = [*work.rows.eval[: config.evaluate.rows], *work.rows.dev[: config.train.evaluate_rows]]
    for row in [*asked, *_prompt_rows(config)]:
        messages = task.messages(row, instruction=config.instruction)
        size = len(prompt_ids(loaded.tokenizer, work.template, messages)) + config.places
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


def _grade(work: Work, system: str, model: Any = None, *, learned: Path | None = None) -> None:
    if system not in work.config.evaluate.systems:
        return
    if exams.alone(work.config):
        return _without_answers(work, system, model, learned)
    engine = work.engine(system, model)
    work.paths[system] = engine.path
    asked: dict[str, Any] = {"scores": True, "talk": work.talk, "known": work.known(engine, learned)}
    work.predictions[system] = grading.grade(work.run, work.config, work.rows, engine, system, **asked)
    grading.latency(work.run, work.config, work.rows, engine, system, talk=work.talk)
    if system == "base" and work.config.train.evaluate_every == "epoch" and work.rows.dev:
        tuning.epoch(work, engine, 0)
    _ask_prompts(work, engine, system, learned)


def _without_answers(work: Work, system: str, model: Any, learned: Path | None) -> None:
    """What is done with a system when only exams are graded: before training, the held-out loss; and the user's questions."""
    engine = work.engine(system, model)
    work.paths[system] = engine.path
    if system == "base" and work.config.train.evaluate_every == "epoch" and work.rows.dev:
        tuning.epoch(work, engine, 0)
    _ask_prompts(work, engine, system, learned)


def _ask_prompts(work: Work, engine: Any, system: str, learned: Path | None) -> None:
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
            progress=advance,
            known=work.known(engine, learned),
            say=work.talk.say,
        )


def _report(work: Work, *, command: str) -> dict[str, Any]:
    config, run = work.config, work.run
    work.pages()
    likeness.measure(work)
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
        exams=exams.summary(work),
        strategies=strategies.summary(work),
    )


def _model(work: Work) -> dict[str, Any]:
    from medlms.models.known import KNOWN

    located = work.loaded.located
    spec = KNOWN.get(work.config.model)
    return {
        "name": located.name,
        "note": located.note,
        "licence": located.licence,
        "address": work.address(),
        "package": spec.package if spec else "",
        "member": spec.member if spec else "",
        "parts": [list(part) for part in spec.parts] if spec else [],
        "gguf_file": located.gguf,
        "parameters": work.loaded.parameters,
        "trainable": work.trainable or None,
        "precision": work.loaded.why,
        "device": str(work.loaded.device),
        "path": "; ".join(f"{name}: {path}" for name, path in work.paths.items() if name not in grading.NO_MODEL),
    }


def _prompt_answers(work: Work) -> list[dict[str, Any]]:
    from medlms.evaluate.endings import endings
    from medlms.evaluate.lines import read_predictions

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
