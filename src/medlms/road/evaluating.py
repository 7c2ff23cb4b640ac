"""Grades without training: a model against the floor, or a finished run again, into a run folder of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medlms.config import Config, load
from medlms.errors import AskedWrongly
from medlms.road import training
from medlms.road.talk import Silent, Talk
from medlms.road.training import Result
from medlms.run import CONFIG, EVALUATION, Run


def evaluate(
    source: str | Path | dict[str, Any] | Config | None = None,
    overrides: Sequence[str] = (),
    *,
    resume: str | Path | None = None,
    talk: Talk | None = None,
    **keys: Any,
) -> Result:
    """Grade the systems of a config, or of a finished run (its folder), on held-out rows. Nothing is trained.

    A config whose ``model`` is a run's folder grades that run's adapter as ``tuned`` beside its base; any other model is
    graded as ``base``. Rows are split by the config's seed, so a run's folder is graded on the rows it held out; where
    an adapter is graded on rows that it was tuned on, the report warns. ``resume`` goes on with a stopped evaluation.
    """
    talk = talk or Silent()
    if resume is not None:
        if source is not None or overrides or keys:
            raise AskedWrongly(
                "A resumed evaluation keeps its own config.", hint="Leave the config and key=value away, or start anew."
            )
        return _resumed(Run.open(resume), talk)
    if source is None:
        raise AskedWrongly("evaluate: there is neither a config nor a run.", hint="Give one, or resume.")
    if isinstance(source, str | Path) and Path(source).suffix not in (".yaml", ".yml"):
        run = Run.open(source)
        if "run" not in keys and not any(item.partition("=")[0].strip() == "run" for item in overrides):
            keys["run"] = str(run.folder.with_name(f"{run.name}-evaluated"))
        config, notes = load(run.folder / CONFIG, overrides, **keys)
        adapter: Path | None = _learned(run)
        held = run
    else:
        config, notes = load(source, overrides, **keys)
        adapter, held = None, None
    for note in notes:
        talk.say(note)
    return training.grade_only(config, adapter=adapter, held=held, talk=talk)


def _learned(run: Run) -> Path:
    """The folder of what the run has learned; AskedWrongly where there is none yet."""
    from medlms.models import methods

    found = methods.saved(run.folder)
    if found is None:
        raise AskedWrongly(f"{run.folder}: has no adapter.", hint=f"Go on with: medlms train --resume {run.folder}")
    return found


def _resumed(run: Run, talk: Talk) -> Result:
    if not run.is_evaluation():
        raise AskedWrongly(
            f"{run.folder}: is no evaluation that was stopped.", hint=f"Grade it again: medlms evaluate {run.folder}"
        )
    config, _ = load(run.folder / CONFIG)
    training.same_config(run, config)
    begun_with = run.read_json(EVALUATION)
    held, adapter = begun_with.get("held"), begun_with.get("adapter")
    return training.grade_only(
        config,
        adapter=Path(adapter) if adapter else None,
        held=Run.open(held) if held else None,
        talk=talk,
        begun=run,
    )
