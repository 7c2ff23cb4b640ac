"""What the numbers say, in plain words: the floor first where it wins, then tuned against base, then the caveats."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from medlms.evaluate.family import LEVEL, adjusted
from medlms.evaluate.phrases import capital, listed, title
from medlms.evaluate.power import detectable, items_needed
from medlms.evaluate.rivals import rivals, sentence
from medlms.types import Comparison, Score

MAIN = ("token_f1", "rougeL")
"""The metrics a verdict rests on."""

SHOTS = "few_shot"
BESIDE = (SHOTS, "best_prompt")
"""The base in other prompts."""

COPIED = "sentence"
LENGTHS_APART, FEW = 1.5, 30
LOOPING = 0.1
"""Share of answers that repeat themselves from which on the verdict says so."""

Outcome = Literal["won", "leads", "level", "trails", "lost", "unknown"]
ORDER: tuple[Outcome, ...] = ("won", "lost", "leads", "trails", "level", "unknown")


def verdict(
    scores: Mapping[str, Sequence[Score]],
    comparisons: Sequence[Comparison],
    *,
    tuned: str = "tuned",
    base: str = "base",
    floor: str = "nearest",
    endings: Mapping[str, Mapping[str, int]] | None = None,
) -> list[str]:
    """Sentences, most important first, for the systems that are there. ``endings`` counts how answers of a system ended.

    One system beats another on a metric when the 95 % interval of the paired difference leaves out zero and the
    p-value, adjusted (Holm) over all ``comparisons``, is below 0.05. If the floor is ahead of
    ``tuned`` on any main metric, measurably or not, the first sentence says so.
    """
    against_floor = _between(comparisons, tuned, floor)
    against_base = _between(comparisons, tuned, base)
    shown = [
        item for name in BESIDE for item in (*_between(comparisons, tuned, name), *_between(comparisons, name, base))
    ]
    outcomes = _outcomes(comparisons)
    ahead, rest = _floor_first(against_floor, outcomes)
    sentences = [
        *ahead,
        *_sentences(against_base, outcomes),
        *against_best(scores, comparisons, tuned=tuned, base=base, floor=floor),
        *(
            line
            for name in BESIDE
            for pair in ((tuned, name), (name, base))
            for line in _sentences(_between(comparisons, *pair), outcomes)
        ),
        *_sentences(rest, outcomes),
        *_likelihood(comparisons, scores, outcomes, tuned, base),
    ]
    if not against_floor and not against_base and not shown:
        sentences += [_alone(name, found) for name, found in scores.items()]
    return [*sentences, *_loops(endings or {}), *_lengths(scores), *_size(scores)]


def against_best(
    scores: Mapping[str, Sequence[Score]],
    comparisons: Sequence[Comparison],
    *,
    tuned: str = "tuned",
    base: str = "base",
    floor: str = "nearest",
) -> list[str]:
    """Tuned against the best of the other systems, a sentence each main metric; none with fewer than two others."""
    outcomes = _outcomes(comparisons)
    found = []
    for rival in rivals(scores, MAIN, tuned=tuned):
        item = next(iter(_between(comparisons, tuned, rival.name, (rival.metric,))), None)
        outcome = outcomes.get((tuned, rival.name, rival.metric), ("unknown", 1.0))[0]
        shown = _turned(item) if item is not None and outcome in ("lost", "trails") else item
        span = _span(shown) if shown is not None else ""
        found.append(sentence(rival, item, outcome, title=title(rival.metric), span=span, tuned=tuned))
    return found


def _between(comparisons: Sequence[Comparison], a: str, b: str, metrics: Sequence[str] = MAIN) -> list[Comparison]:
    """Comparisons ``a - b``, turned round where they were made the other way, in the order of ``metrics``."""
    found = {}
    for item in comparisons:
        if (item.a, item.b) == (a, b):
            found[item.metric] = item
        elif (item.a, item.b) == (b, a):
            found[item.metric] = _turned(item)
    return [found[name] for name in metrics if name in found]


def _turned(item: Comparison) -> Comparison:
    return replace(item, a=item.b, b=item.a, difference=-item.difference, low=-item.high, high=-item.low)


def _outcomes(comparisons: Sequence[Comparison]) -> dict[tuple[str, str, str], tuple[Outcome, float]]:
    """For each (a, b, metric), either way round: how ``a`` did, and the p-value adjusted over all comparisons."""
    known = adjusted(comparisons)
    both = [*comparisons, *map(_turned, comparisons)]
    found = {(item.a, item.b, item.metric): known[item.a, item.b, item.metric] for item in both}
    return {
        (item.a, item.b, item.metric): (
            _outcome(item, found[item.a, item.b, item.metric]),
            found[item.a, item.b, item.metric],
        )
        for item in both
    }


def _outcome(item: Comparison, adjusted: float) -> Outcome:
    if math.isnan(item.low) or math.isnan(item.high):
        return "unknown"
    if item.low <= 0 <= item.high:
        return "level"
    if item.low > 0:
        return "won" if adjusted < LEVEL else "leads"
    return "lost" if adjusted < LEVEL else "trails"


def _floor_first(
    comparisons: Sequence[Comparison], outcomes: Mapping[tuple[str, str, str], tuple[Outcome, float]]
) -> tuple[list[str], list[Comparison]]:
    """The sentence that opens a verdict when the floor is ahead, and the comparisons it leaves for later."""
    ahead = [item for item in comparisons if item.difference < 0]
    if not ahead:
        return [], list(comparisons)
    sure = [item for item in ahead if outcomes[item.a, item.b, item.metric][0] == "lost"]
    tuned, floor = ahead[0].a, ahead[0].b
    subject = f"Copying the answer of the most similar training question ({floor})"
    if sure:
        end = f": on this test {tuned} is no better than looking an answer up."
        first = f"{subject} beats {tuned} {_by([_turned(item) for item in sure])}{end}"
        return [first], [item for item in comparisons if item not in sure]
    end = f"; that may be chance, but {tuned} is not shown to be better than looking an answer up."
    first = f"{subject} scores higher than {tuned} {_by([_turned(item) for item in ahead])}{end}"
    return [first], [item for item in comparisons if item not in ahead]


def _sentences(
    comparisons: Sequence[Comparison], outcomes: Mapping[tuple[str, str, str], tuple[Outcome, float]]
) -> list[str]:
    sorts: dict[Outcome, list[Comparison]] = {}
    for item in comparisons:
        sorts.setdefault(outcomes[item.a, item.b, item.metric][0], []).append(item)
    sentences = []
    for outcome in ORDER:
        if items := sorts.get(outcome):
            worst = max(outcomes[item.a, item.b, item.metric][1] for item in items)
            sentences.append(_sentence(outcome, items, worst, len(outcomes) // 2))
            sentences += _power(items) if outcome == "level" else []
    return sentences


def _power(items: Sequence[Comparison]) -> list[str]:
    """What the test could have seen where it saw nothing, and how many questions would show so small a difference."""
    seen = [(item, size) for item in items if (size := detectable(item.low, item.high))]
    if not seen:
        return []
    shown = listed([f"{_two(size)} ({title(item.metric)})" for item, size in seen])
    sizes = [items_needed(item.difference, item.low, item.high, item.n) for item, _ in seen]
    wanted = [f"{_about(size)} ({title(item.metric)})" for (item, _), size in zip(seen, sizes, strict=True) if size]
    more = f"; to see ones as small as those measured, about {listed(wanted)} would be needed" if wanted else ""
    return [f"With these questions a difference of {shown} would be seen four times in five{more}."]


def _about(size: int) -> str:
    """A number of questions in two figures."""
    if size > 1_000_000:
        return "more than a million"
    unit = 10 ** max(0, len(str(size)) - 2)
    return f"{-(-size // unit) * unit:,}"


def _two(size: float) -> str:
    return _numbers(size, math.nan, math.nan)


def _sentence(outcome: Outcome, items: Sequence[Comparison], adjusted: float, family: int) -> str:
    if outcome in ("lost", "trails"):
        items = [_turned(item) for item in items]
    first, second = (name.replace("_", "-") for name in (items[0].a, items[0].b))
    if outcome in ("won", "lost"):
        return f"{capital(first)} beats {second} {_by(items)}."
    if outcome in ("leads", "trails"):
        chance = f"among {family} comparisons that may be chance (adjusted p = {adjusted:.2f})"
        return f"{capital(first)} is ahead of {second} {_by(items)}, but {chance}."
    if outcome == "level":
        shown = listed([f"{title(item.metric)} ({_span(item)})" for item in items])
        return f"There is no measurable difference between {first} and {second} on {shown}."
    shown = listed([title(item.metric) for item in items])
    return f"Whether {first} or {second} is better on {shown} can't be told: all questions belong to one group."


def _likelihood(
    comparisons: Sequence[Comparison],
    scores: Mapping[str, Sequence[Score]],
    outcomes: Mapping[tuple[str, str, str], tuple[Outcome, float]],
    tuned: str,
    base: str,
) -> list[str]:
    """How well the reference answers fit: perplexity, where both systems were scored."""
    found = _between(comparisons, tuned, base, ("perplexity",))
    left, right = _value(scores, tuned, "perplexity"), _value(scores, base, "perplexity")
    if not found or left is None or right is None or math.isnan(found[0].low):
        return []
    values = f"perplexity {left:.3g} against {right:.3g}"
    if outcomes[tuned, base, "perplexity"][0] not in ("won", "lost"):
        return [f"No measurable difference in how well the reference answers fit {tuned} and {base} ({values})."]
    better, worse = (tuned, base) if found[0].difference < 0 else (base, tuned)
    shown = values if better == tuned else f"perplexity {right:.3g} against {left:.3g}"
    return [f"The reference answers fit {better} better than {worse} ({shown})."]


def _alone(name: str, scores: Sequence[Score]) -> str:
    main = [item for item in scores if item.metric in MAIN]
    if not main:
        return f"{capital(name)} has no score."
    shown = [f"{title(item.metric)} {_numbers(item.value, item.low, item.high)}" for item in main]
    return f"{capital(name)} has {listed(shown)}; there is nothing to compare it with."


def _loops(endings: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A warning where many answers repeat themselves: overlap scores forgive what a reader does not."""
    shares = {name: (counts.get("repeats itself", 0), sum(counts.values())) for name, counts in endings.items()}
    found = {name: share for name, share in shares.items() if share[0]}
    if not any(count >= LOOPING * total for count, total in found.values()):
        return []
    return [f"Answers that repeat themselves: {listed([f'{n} {c} of {t}' for n, (c, t) in found.items()])}."]


def _lengths(scores: Mapping[str, Sequence[Score]]) -> list[str]:
    """A warning for systems whose answers differ much in length, since overlap scores then compare lengths too."""
    found = {name: value for name in scores if (value := _value(scores, name, "length_words")) is not None}
    if not found or max(found.values()) <= LENGTHS_APART * min(found.values()):
        return []
    shown = listed([f"{name} {words:.0f}" for name, words in found.items()])
    return [
        f"Mind the lengths: mean words an answer are {shown}; overlap scores depend on length, "
        "so part of a difference may be length alone."
    ]


def _size(scores: Mapping[str, Sequence[Score]]) -> list[str]:
    counts = [item.n for found in scores.values() for item in found]
    if not counts:
        return []
    n = max(counts)
    few = " That is few: only large differences can be seen." if n < FEW else ""
    return [f"The test has {n:,} question{'' if n == 1 else 's'}; square brackets hold 95 % intervals.{few}"]


def _value(scores: Mapping[str, Sequence[Score]], system: str, metric: str) -> float | None:
    return next((item.value for item in scores.get(system, ()) if item.metric == metric), None)


def _by(items: Sequence[Comparison]) -> str:
    return listed([f"on {title(item.metric)} by {_span(item)}" for item in items])


def _span(item: Comparison) -> str:
    return _numbers(item.difference, item.low, item.high)


def _numbers(value: float, low: float, high: float) -> str:
    """``0.05 [0.03, 0.07]`` with as many digits (2 to 4) as keep a number that isn't zero from looking like it."""
    shown = [number for number in (value, low, high) if math.isfinite(number)]
    digits = next((n for n in (2, 3) if all(number == 0 or abs(number) >= 0.5 * 10**-n for number in shown)), 4)
    if len(shown) < 3:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
