"""Systems beside the model, asked the same: the base in its best wording and with examples, and what copying text achieves."""

from __future__ import annotations

from typing import Any

from medlms.road import grading, shots, wordings
from medlms.road.work import Work


def grade(work: Work) -> None:
    """Grade those that the config names; each is left out, and said, where it can't be had."""
    asked = work.config.evaluate.systems
    if "best_prompt" in asked:
        engine = wordings.engine(work, work.engine("base"))
        if engine is not None:
            worded = engine.wording.worded
            _model(work, engine, "best_prompt", render=lambda turns: grading.plain(worded(turns)))
    if "few_shot" in asked:
        _model(work, shots.engine(work.config, work.rows, work.engine("base")), "few_shot")
    if "nearest" in asked:
        from medlms.engines.nearest import NearestEngine

        _copy(work, NearestEngine(work.rows.train), "nearest")
    if "sentence" in asked:
        from medlms.engines.sentence import SentenceEngine

        _copy(work, SentenceEngine(work.rows.train), "sentence")


def _model(work: Work, engine: Any, system: str, **more: Any) -> None:
    work.paths[system] = engine.path
    asked = {"scores": True, "talk": work.talk, "known": work.known(engine), **more}
    work.predictions[system] = grading.grade(work.run, work.config, work.rows, engine, system, **asked)
    grading.latency(work.run, work.config, work.rows, engine, system, talk=work.talk)


def _copy(work: Work, engine: Any, system: str) -> None:
    work.paths[system] = engine.path
    work.predictions[system] = grading.grade(
        work.run, work.config, work.rows, engine, system, scores=False, talk=work.talk
    )
