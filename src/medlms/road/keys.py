"""Keys that came to the config later: left out of fingerprints where they mean what their absence meant, so that runs begun
before them go on.
"""

from __future__ import annotations

import copy
from typing import Any

# What each means where it is missing; not what its default may become.
LATER: dict[str, Any] = {
    "split.seed": None,
    "method": "lora",
    "lora.plus_ratio": 16,
    "soft_prompt": {"length": 100, "init": "instruction"},
    "train.optimiser": "adamw",
    "train.best_by": "dev_loss",
    "train.early_stopping": None,
    "train.checkpoint_gradients": "auto",
    "evaluate.examples": 3,
    "evaluate.exams": [],
    "evaluate.exam": {
        "ask": ["letters", "options"],
        "prompt": "auto",
        "shots": 0,
        "examples": "fixed",
        "examples_from": None,
        "permutations": 1,
        "rows": None,
        "max_new_tokens": 64,
        "coverages": [0.8, 0.5],
    },
    "evaluate.strategies": [],
    "evaluate.strategy_rows": None,
    "evaluate.prompt_rows": 32,
    "evaluate.similarity": "auto",
    "evaluate.cache": True,
    "clean": dict.fromkeys(
        (
            "white_space",
            "escapes",
            "html",
            "question_marks",
            "chat",
            "boilerplate",
            "links",
            "repeated_question",
            "cut_off",
        ),
        True,
    ),
    "mix": {"temperature": None, "most_repeats": 10},
    "exclude": [],
}
# The same for the keys of each source.
LATER_OF_SOURCES: dict[str, Any] = {
    "rows": None,
    "repeats": 1,
    "files": None,
    "licence": None,
    "columns": dict.fromkeys(("question", "answer", "messages", "topic", "kind", "document", "id")),
}


def without_later(settings: dict[str, Any]) -> dict[str, Any]:
    """A copy of dumped settings without the keys of ``LATER`` that are as if they were not there."""
    settings = copy.deepcopy(settings)
    for path, missing in LATER.items():
        *parents, last = path.split(".")
        here: Any = settings
        for part in parents:
            here = here.get(part, {})
        if last in here and here[last] == missing:
            del here[last]
    for source in settings.get("data", []):
        for key, missing in LATER_OF_SOURCES.items():
            if isinstance(source, dict) and key in source and source[key] == missing:
                del source[key]
    return settings
