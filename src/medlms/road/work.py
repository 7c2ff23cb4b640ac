"""What the stages of one run share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from medlms.config import Config
from medlms.road.rows import Rows
from medlms.road.talk import Talk
from medlms.run import Run
from medlms.types import Prediction


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

    def address(self) -> str:
        """What other tools' ``from_pretrained`` takes for the base: a hub id where there is one."""
        from medlms.models.known import KNOWN

        spec = KNOWN.get(self.config.model)
        return self.loaded.located.hub or (spec.original if spec else "") or self.config.model
