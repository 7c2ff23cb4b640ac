"""The metrics once more, by other people's code: rouge_score, sacrebleu, scipy, and SQuAD's rules written out anew.

Nothing here is shared with ``medlms.metrics``: a mistake there would be found.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from medlms.types import Prediction

Items = Sequence[Prediction]


def values(name: str, items: Items) -> list[float] | None:
    """The metric of each item where it is a mean over items; None where no reference is known for it."""
    if name in ("rouge1", "rouge2", "rougeL"):
        return _rouge(name, items)
    each = {"exact_match": _exact, "token_f1": _f1}.get(name)
    if each is None:
        return None
    return [max((each(item.said, gold) for gold in item.golds), default=0.0) for item in items]


def whole(name: str, items: Items) -> float | None:
    """A metric of all items at once; None where it is none of these, or applies to no item."""
    measure: Callable[[Items], float | None] | None = {
        "bleu": _bleu,
        "chrf": _chrf,
        "perplexity": _perplexity,
        "bits_per_byte": _bits,
    }.get(name)
    return measure(items) if measure else None


def wilson(right: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval, by scipy."""
    from scipy.stats import binomtest

    found = binomtest(right, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(found.low), float(found.high)


def mcnemar(more: int, fewer: int) -> float:
    """McNemar's exact test of items that only one of two systems has right, by scipy's binomial test."""
    from scipy.stats import binomtest

    return float(binomtest(more, more + fewer).pvalue) if more + fewer else 1.0


def _rouge(name: str, items: Items) -> list[float]:
    from rouge_score import rouge_scorer

    scorer = rouge_scorer.RougeScorer([name], use_stemmer=True)
    return [
        max((float(scorer.score(gold, item.said)[name].fmeasure) for gold in item.golds), default=0.0) for item in items
    ]


def _squad(text: str) -> list[str]:
    letters = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", letters).split()


def _exact(said: str, gold: str) -> float:
    return float(_squad(said) == _squad(gold))


def _f1(said: str, gold: str) -> float:
    left, right = _squad(said), _squad(gold)
    shared = sum((Counter(left) & Counter(right)).values())
    return 2 * shared / (len(left) + len(right)) if shared else 0.0


def _corpus(metric: Any, items: Items) -> float | None:
    asked = [item for item in items if item.golds]
    if not asked:
        return None
    most = max(len(item.golds) for item in asked)
    references = [[item.golds[at] if at < len(item.golds) else None for item in asked] for at in range(most)]
    return float(metric.corpus_score([item.said for item in asked], references).score) / 100


def _bleu(items: Items) -> float | None:
    from sacrebleu.metrics.bleu import BLEU

    return _corpus(BLEU(force=True), items)


def _chrf(items: Items) -> float | None:
    from sacrebleu.metrics.chrf import CHRF

    return _corpus(CHRF(), items)


def _perplexity(items: Items) -> float | None:
    scored = [item for item in items if item.reference_logprob is not None and item.reference_tokens]
    tokens = sum(item.reference_tokens for item in scored)
    return math.exp(-math.fsum(item.reference_logprob or 0.0 for item in scored) / tokens) if tokens else None


def _bits(items: Items) -> float | None:
    scored = [item for item in items if item.reference_logprob is not None and item.golds and item.golds[0]]
    size = sum(len(item.golds[0].encode("utf-8", "surrogatepass")) for item in scored)
    return -math.fsum(item.reference_logprob or 0.0 for item in scored) / math.log(2) / size if size else None
