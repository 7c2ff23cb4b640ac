"""The few-shot system: which training rows the base is shown before every question.

They are drawn once, by the seed of the split, from training rows alone. A row that is longer than its share of the room that
``max_length`` leaves beside the longest question is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from medlms.config import Config
from medlms.engines.few_shot import FewShotEngine
from medlms.errors import AskedWrongly
from medlms.road.grading import task_of
from medlms.road.rows import Rows
from medlms.types import QA, Message

_STREAM = 0x5407  # apart from the other uses of the seed


def engine(config: Config, rows: Rows, base: Any, *, count: int | None = None) -> FewShotEngine:
    """The base's engine (a LocalEngine) behind ``count`` examples (``evaluate.examples`` by default).

    AskedWrongly when too few training rows fit.
    """
    from medlms.text.tokenise import conversation, prompt_ids

    task, loaded = task_of(config), base.loaded

    def turns(row: QA) -> tuple[Message, ...]:
        return tuple(task.messages(row, instruction=config.instruction))

    def size(row: QA) -> int:
        ids, _ = conversation(loaded.tokenizer, base.template, turns(row), task.answer(row), stops=loaded.stops)
        return len(ids)

    asked = [*rows.eval[: config.evaluate.rows]]
    longest = max((len(prompt_ids(loaded.tokenizer, base.template, turns(row))) for row in asked), default=0)
    room = min(config.max_length, loaded.context - config.evaluate.max_new_tokens) - longest
    shown = choose(rows.train, count or config.evaluate.examples, seed=config.split_seed, size=size, room=room)
    said = [
        turn
        for row in shown
        for turn in (
            *(turn for turn in turns(row) if turn.role != "system"),
            Message("assistant", task.answer(row)),
        )
    ]
    names = ", ".join(row.id for row in shown)
    return FewShotEngine(base, said, said=f"with {len(shown)} training rows before each question ({names})")


def choose(train: Sequence[QA], count: int, *, seed: int, size: Callable[[QA], int], room: int) -> list[QA]:
    """``count`` rows in an order drawn by ``seed``, none of more than ``room / count`` tokens (``size``).

    Raises AskedWrongly when there are not so many.
    """
    known = sorted(train, key=lambda row: row.id)
    found: list[QA] = []
    for place in np.random.default_rng([seed, _STREAM]).permutation(len(known)):
        row = known[int(place)]
        if size(row) * count <= room:
            found.append(row)
        if len(found) == count:
            return found
    raise AskedWrongly(
        f"few_shot: {len(found)} of {len(known):,} training rows are short enough to stand before the longest question, "
        f"{count} are wanted.",
        hint="Lower evaluate.examples, raise max_length, or leave few_shot out of evaluate.systems.",
    )
