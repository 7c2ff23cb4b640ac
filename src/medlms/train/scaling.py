"""Loss scaling for fp16: small gradients are lifted into its range; where they leave it at the top, a step is skipped.

The state is two plain numbers, kept in the checkpoint, so that a resumed run scales and skips as one that never stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from medlms.errors import TrainingError

GROWS_AFTER = 200  # good steps in a row; the runs of this program have hundreds of steps, not hundreds of thousands
LARGEST = 2.0**24


@dataclass
class LossScale:
    """The loss is multiplied by ``scale`` before the backward pass; ``good`` counts steps since it last changed."""

    scale: float = 2.0**16
    good: int = 0

    def after(self, finite: bool) -> None:
        """Note a step: halve when its gradient overflowed, double after many good ones. TrainingError when none is left."""
        if not finite:
            self.scale, self.good = self.scale / 2, 0
            if self.scale < 1:
                raise TrainingError(
                    "The gradient is not a number at any loss scale: this model can't be trained in fp16 here.",
                    hint="Use precision: fp32, or bf16 where the hardware has it.",
                )
            return
        self.good += 1
        if self.good == GROWS_AFTER:
            self.scale, self.good = min(self.scale * 2, LARGEST), 0

    def notes(self) -> dict[str, Any]:
        """The state as JSON for a checkpoint."""
        return asdict(self)

    def restore(self, notes: Mapping[str, Any]) -> None:
        """Take over the state of a checkpoint."""
        self.scale, self.good = float(notes["scale"]), int(notes["good"])


def scale_for(dtype: torch.dtype) -> LossScale | None:
    """A loss scale for base weights of this type; None where the range needs none."""
    return LossScale() if dtype == torch.float16 else None
