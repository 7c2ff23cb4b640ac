"""What stands below the results of a run: tuned against the best, how metrics were computed, where answers came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from medlms.evaluate.rows import metric_of
from medlms.evaluate.verdict import against_best
from medlms.run import ASKED, Run
from medlms.types import Comparison, Prediction, Score


def notes(
    run: Run,
    scores: Mapping[str, Sequence[Score]],
    comparisons: Sequence[Comparison],
    predictions: Mapping[str, Sequence[Prediction]],
    *,
    exact: bool,
) -> list[str]:
    """The notes of a report, a sentence each. ``exact``: answers don't depend on what is computed beside them (fp32)."""
    first = next(iter(predictions.values()), ())
    return [
        *against_best(scores, comparisons),
        *_signatures(scores, first),
        *_asked(run, list(predictions), exact=exact),
    ]


def _signatures(scores: Mapping[str, Sequence[Score]], predictions: Sequence[Prediction]) -> list[str]:
    """How BLEU and chrF were computed, as their reference implementation writes it."""
    names = dict.fromkeys(item.metric for found in scores.values() for item in found)
    metrics: list[Any] = [metric_of(name) for name in names]
    return [
        f"{metric.TITLE} is that of sacrebleu: {metric.signature(predictions)}."
        for metric in metrics
        if hasattr(metric, "signature")
    ]


def _asked(run: Run, systems: Sequence[str], *, exact: bool) -> list[str]:
    """Which answers were taken from other runs, and which systems were asked in several goes."""
    lines = [line for line in run.rows(ASKED) if line["system"] in systems]
    cached = [
        f"{line['system']}: {line['cached']:,} of {line['there'] + line['cached'] + line['asked']:,} answers taken from "
        f"{', '.join(line['from'])} (same weights, prompt and settings)"
        for line in lines
        if line["cached"]
    ]
    goes = Counter(line["system"] for line in lines if line["asked"])
    several = [f"{system} in {count} goes" for system, count in goes.items() if count > 1]
    found = [f"{'; '.join(cached)}."] if cached else []
    if several:
        same = (
            "in fp32 the answers are those of a run that was never stopped"
            if exact
            else "below fp32 an answer can depend on those computed beside it where two words are about equally likely, so a "
            "run that was never stopped may differ in single answers"
        )
        found.append(f"Asked in several goes: {', '.join(several)}; {same}.")
    return found
