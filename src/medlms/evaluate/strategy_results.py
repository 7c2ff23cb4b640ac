"""What a prompting strategy achieved and what it took: scores, unread answers, agreement, and tokens a question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from medlms.evaluate.score import as_json, score
from medlms.evaluate.strategies import Told

EXAM_METRICS = ("accuracy",)
OPEN_METRICS = ("token_f1", "rougeL", "bleu", "length_words")


def results(
    told: Sequence[Told], *, system: str, strategy: str, metrics: Sequence[str], resamples: int, seed: int
) -> dict[str, Any]:
    """One system asked by one strategy, as report.json holds it. ``cut`` is the share of the single answers written that the
    limit cut, ``agreement`` the mean over questions, None where each has one answer only; tokens are means over questions.
    """
    predictions = [item.prediction for item in told]
    drafts = [draft for item in told for draft in item.drafts]
    written = [draft for draft in drafts if draft.finish_reason != "too long"]
    unread = Counter(item.problem for item in predictions if item.problem)
    several = len(drafts) > len(told)
    return {
        "system": system,
        "strategy": strategy,
        "metrics": {
            item.metric: {**as_json(item), "maximum": None}
            for item in score(predictions, metrics, resamples=resamples, seed=seed)
        },
        "unread": sum(unread.values()),
        "unread_why": dict(unread.most_common()),
        "cut": sum(draft.finish_reason == "length" for draft in written) / max(len(written), 1),
        "agreement": sum(item.agreement for item in told) / len(told) if several else None,
        "answers": len(written) / len(told),
        "prompt_tokens": sum(draft.prompt_tokens for draft in drafts) / len(told),
        "new_tokens": sum(draft.new_tokens for draft in drafts) / len(told),
    }
