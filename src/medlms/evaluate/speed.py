"""Speed from replies that were measured one at a time, after a warm-up whose replies are not among them.

Only then is ``Reply.seconds`` the time that one question takes. Pure arithmetic: it starts no clock and asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from medlms.evaluate.intervals import Floats, finite, percentile
from medlms.types import Reply

Table = Floats
"""Replies [..., items, 3]: new tokens, seconds, seconds to the first token."""


def speed(replies: Sequence[Reply], *, resamples: int = 2000, seed: int = 13) -> dict[str, dict[str, Any]]:
    """Four quantities, each {"value", "low", "high", "n"} (null where unknown), 95 % bootstrap intervals over replies.

    - ``tokens_per_second``: all new tokens over all seconds, reading the prompt included; unknown when none were made.
    - ``seconds_median``, ``seconds_p95``: seconds from the question to the end of its answer. They also say how many
      answers were ``cut`` by the limit: those would have taken longer.
    - ``first_token_seconds``: median seconds to the first token.

    The p95 of a few replies is close to the slowest one, and its interval can't reach beyond it.
    """
    table = np.array(
        [(reply.new_tokens, reply.seconds, reply.first_token_seconds) for reply in replies], dtype=np.float64
    )
    table = table.reshape(len(replies), 3)
    cut = sum(reply.finish_reason == "length" for reply in replies)
    drawn = table
    if len(replies):
        drawn = table[np.random.default_rng(seed).integers(0, len(replies), size=(resamples, len(replies)))]
    return {
        "tokens_per_second": _estimate(_rate, table, drawn),
        "seconds_median": {**_estimate(lambda part: np.median(part[..., 1], axis=-1), table, drawn), "cut": cut},
        "seconds_p95": {**_estimate(lambda part: np.quantile(part[..., 1], 0.95, axis=-1), table, drawn), "cut": cut},
        "first_token_seconds": _estimate(lambda part: np.median(part[..., 2], axis=-1), table, drawn),
    }


def _rate(table: Table) -> Floats:
    tokens, seconds = table[..., 0].sum(axis=-1), table[..., 1].sum(axis=-1)
    rate: Floats = np.divide(
        tokens, seconds, out=np.full(np.shape(seconds), np.nan), where=(seconds > 0) & (tokens > 0)
    )
    return rate


def _estimate(measure: Callable[[Table], Floats], table: Table, drawn: Table) -> dict[str, Any]:
    if not len(table):
        return {"value": None, "low": None, "high": None, "n": 0}
    low, high = percentile(np.asarray(measure(drawn)), groups=len(table))
    return {"value": finite(float(measure(table))), "low": finite(low), "high": finite(high), "n": len(table)}
