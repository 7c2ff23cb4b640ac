"""What the stages of one run share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medlms.config import Config
from medlms.evaluate.known import Known, beside
from medlms.road.papers import Paper
from medlms.road.rows import Rows
from medlms.road.talk import Talk
from medlms.run import EVALUATION, Run
from medlms.types import Prediction

_ANSWERS = 1  # to be counted up with every change of how answers are written that may change them


@dataclass
class Work:
    """A run that is under way: its folder and config, its rows, the model in memory, and what was found so far."""

    run: Run
    config: Config
    talk: Talk
    rows: Rows
    loaded: Any
    template: Any
    weights: dict[str, str]
    predictions: dict[str, list[Prediction]] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    prompts: dict[str, list[str]] = field(default_factory=dict)
    trainable: int = 0
    papers: list[Paper] = field(default_factory=list)
    fresh: bool = False
    """Whether this process prepared the rows; else the run had them."""
    account: Callable[[], None] = lambda: None
    """Waits for the account of the rows, says its sentences and writes it. DataError where the split leaks."""
    pages: Callable[[], Any] = lambda: None
    """Waits until the pages of the account are written."""

    def engine(self, name: str, model: Any = None) -> Any:
        """What answers for the base, or for ``model`` tuned on it."""
        from medlms.engines.local import LocalEngine

        asked = self.config.evaluate
        return LocalEngine(
            self.loaded,
            self.template,
            model=model,
            name=name,
            batch=asked.batch,
            kind="int8" if asked.int8 else None,
        )

    def known(self, engine: Any, learned: Path | None = None) -> Known | None:
        """Where answers of this engine may be taken from; nowhere with ``evaluate.cache: false``.

        ``learned`` is the folder of the adapter (or of the weights) that answers.
        """
        if not self.config.evaluate.cache:
            return None
        from medlms.models.fetch import model_hashes

        answers_by = [
            _ANSWERS,
            self.weights,
            model_hashes(self.loaded.located.folder, weights=False),
            model_hashes(learned) if learned else {},
            self.template.hash,
            sorted(self.loaded.stops),
            str(self.loaded.device.type),
            engine.path,
            [(turn.role, turn.text) for turn in getattr(engine, "turns", ())],
        ]
        return Known(json.dumps(answers_by), self._runs())

    def _runs(self) -> list[Path]:
        """The run that an evaluation grades again, and all runs that lie beside this one."""
        held = str(self.run.read_json(EVALUATION).get("held") or "") if self.run.is_evaluation() else ""
        return [*([Path(held)] if held else []), *beside(self.run.folder)]

    def address(self) -> str:
        """What other tools' ``from_pretrained`` takes for the base: a hub id where there is one."""
        from medlms.models.known import KNOWN

        spec = KNOWN.get(self.config.model)
        return self.loaded.located.hub or (spec.original if spec else "") or self.config.model
