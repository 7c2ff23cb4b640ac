"""Keys that came to the config later: left out of fingerprints at their defaults, so that runs begun before them go on."""

from __future__ import annotations

import copy
from typing import Any

from medlms.config import Config, Evaluate, Lora, SoftPrompt

NEW: dict[str, Any] = {
    "method": Config.model_fields["method"].default,
    "soft_prompt": SoftPrompt().model_dump(),
    "lora.plus_ratio": Lora().plus_ratio,
    "evaluate.examples": Evaluate().examples,
}


def without_new(settings: dict[str, Any]) -> dict[str, Any]:
    """A copy of dumped settings without the keys of ``NEW`` that have their defaults."""
    settings = copy.deepcopy(settings)
    for path, default in NEW.items():
        *parents, last = path.split(".")
        here: Any = settings
        for part in parents:
            here = here.get(part, {})
        if last in here and here[last] == default:
            del here[last]
    return settings
