"""What a study's numbers say, in plain words: tuned against base at each point, then the points against each other.

A difference is a finding when its 95 % interval leaves out zero and its p-value, adjusted (Holm) over all comparisons of
the report, is below 0.05. "No measurable difference" is a finding too, said with the largest one seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from medlms.catalogue import find
from medlms.evaluate.family import adjusted, apart, sure
from medlms.evaluate.phrases import listed, title
from medlms.types import Comparison

METRICS = ("token_f1", "rougeL")
LIKELIHOOD = "bits_per_byte"
SHOWN = 6  # comparisons spelled out in one sentence


@dataclass(frozen=True, slots=True)
class Found:
    """A comparison with its adjusted p-value; ``sure`` when it is a finding."""

    item: Comparison
    adjusted: float

    @property
    def sure(self) -> bool:
        """Interval without zero, adjusted p below the level."""
        return sure(self.item, self.adjusted)

    @property
    def apart(self) -> bool:
        """Whether the interval leaves out zero."""
        return apart(self.item)


def findings(
    against_base: Sequence[Comparison],
    against_floor: Sequence[Comparison],
    between: Sequence[Comparison],
    *,
    titles: Mapping[str, str],
    seeds: Sequence[int],
    against_shots: Sequence[Comparison] = (),
) -> list[str]:
    """Sentences, most important first. Comparisons are tuned minus base, tuned minus the lookup, and point minus point;
    where the base was asked with examples too, tuned minus that.

    ``titles`` names the ``a`` and ``b`` of a comparison; ``seeds`` counts the runs behind each point.
    """
    known = judged((*against_base, *against_shots, *against_floor, *between))
    metrics, family = (*METRICS, LIKELIHOOD), [found.item for found in known.values()]

    def of(items: Sequence[Comparison], metric: str) -> list[Found]:
        return [known[item.a, item.b, item.metric] for item in items if item.metric == metric]

    sentences = []
    for metric in METRICS:
        sentences += _against(of(against_base, metric), "its base", titles, len(family))
    sentences += _likelihood(of(against_base, LIKELIHOOD), titles, len(family))
    for metric in METRICS:
        sentences += _against(of(against_shots, metric), "the base with examples in its prompt", titles, len(family))
    for metric in METRICS:
        sentences += _against(of(against_floor, metric), "looking an answer up", titles, len(family))
    for metric in metrics:
        sentences += _between(of(between, metric), titles, len(family))
    return [*sentences, *_seeds(seeds, bool(between)), *_size(family)]


def judged(comparisons: Sequence[Comparison]) -> dict[tuple[str, str, str], Found]:
    """All comparisons, adjusted as one family, by (a, b, metric)."""
    known = adjusted(comparisons)
    return {(item.a, item.b, item.metric): Found(item, known[item.a, item.b, item.metric]) for item in comparisons}


def _against(items: Sequence[Found], other: str, titles: Mapping[str, str], family: int) -> list[str]:
    if not items:
        return []
    measure = title(items[0].item.metric)
    sentences = []
    won, lost = ([found for found in items if found.sure and _better(found.item) == sign] for sign in (True, False))
    for found, verb in ((won, "beats"), (lost, "is worse than")):
        if found:
            where = _where(found, items, titles)
            sentences.append(f"Tuned {verb} {other} on {measure} {where}.")
    rest = [found for found in items if not found.sure]
    if rest and (won or lost or len(items) > 1):
        sentences.append(f"No measurable difference from {other} on {measure} {_where(rest, items, titles, family)}.")
    elif rest:
        span = f"{_span(rest[0].item)}{_chance(rest, family)}"
        sentences.append(f"No measurable difference from {other} on {measure}: {span}.")
    return sentences


def _where(found: Sequence[Found], all_: Sequence[Found], titles: Mapping[str, str], family: int | None = None) -> str:
    spans = [f"{titles.get(item.item.a, item.item.a)} {_span(item.item)}" for item in found]
    place = "at every point" if len(found) == len(all_) > 1 else "at"
    shown = listed(spans) if len(spans) <= SHOWN else f"{listed(spans[:SHOWN])} and {len(spans) - SHOWN} more"
    chance = _chance(found, family) if family else ""
    return f"{place}{': ' if place.endswith('point') else ' '}{shown}{chance}"


def _chance(found: Sequence[Found], family: int) -> str:
    """What to add to comparisons that are no findings, where some have an interval without zero all the same."""
    near = sum(item.apart for item in found)
    if not near:
        return ""
    who = f"{near} of them {'has' if near == 1 else 'have'} an" if len(found) > 1 else "its"
    return f"; {who} interval {'leaves out' if who == 'its' else 'without'} zero, which may be chance among {family} comparisons"


def _likelihood(items: Sequence[Found], titles: Mapping[str, str], family: int) -> list[str]:
    if not items:
        return []
    better, worse = (
        [found for found in items if found.sure and (found.item.difference < 0) == sign] for sign in (True, False)
    )
    sentences = []
    for found, words in ((better, "better"), (worse, "worse")):
        if found:
            sentences.append(
                f"The reference answers fit tuned {words} than its base (bits per byte) {_where(found, items, titles)}."
            )
    if rest := [found for found in items if not found.sure]:
        sentences.append(
            "No measurable difference in how well the reference answers fit tuned and base (bits per byte) "
            f"{_where(rest, items, titles, family)}."
        )
    return sentences


def _between(items: Sequence[Found], titles: Mapping[str, str], family: int) -> list[str]:
    if not items:
        return []
    measure = title(items[0].item.metric)
    sure = [found for found in items if found.sure]
    sentences = []
    if sure:
        turned = [found.item if _better(found.item) else _turned(found.item) for found in sure]
        shown = [f"{_name(item.a, titles)} over {_name(item.b, titles)} by {_span(item)}" for item in turned[:SHOWN]]
        more = f" and {len(sure) - SHOWN} more" if len(sure) > SHOWN else ""
        sentences.append(f"Between points, better on {measure}: {listed(shown)}{more}.")
    rest = [found for found in items if not found.sure]
    if rest:
        largest = max(rest, key=lambda found: abs(found.item.difference))
        ahead = largest.item if largest.item.difference >= 0 else _turned(largest.item)
        one, other = _name(ahead.a, titles), _name(ahead.b, titles)
        span = f"{_span(ahead)}{_chance(rest, family)}"
        sentences.append(
            f"No measurable difference on {measure} {_among(items, rest, titles)}; the largest is {one} minus {other}, {span}."
            if len(rest) > 1
            else f"No measurable difference on {measure} between {one} and {other}: {span}."
        )
    return sentences


def _among(items: Sequence[Found], rest: Sequence[Found], titles: Mapping[str, str]) -> str:
    """Between which points: all pairs of them, one with each of the others, or only some pairs (other tests)."""
    known = list(dict.fromkeys(name for found in items for name in (found.item.a, found.item.b)))
    every = len(rest) == len(items)
    which = "the points" if every else "the other pairs of points"
    if len(items) == len(known) * (len(known) - 1) // 2:
        names = ", ".join(_name(name, titles) for name in known)
        return f"between {which}{f' ({names})' if every and len(known) <= SHOWN else ''}"
    firsts = {found.item.b for found in items}
    if len(firsts) == 1:
        first = _name(firsts.pop(), titles)
        return f"between {first} and the {'' if every else 'other '}points it was compared with"
    return f"between {which} that answered the same questions"


def _seeds(seeds: Sequence[int], several: bool) -> list[str]:
    if not seeds or not several:
        return []
    if max(seeds) < 2:
        return [
            "Each point was trained once, so intervals hold the choice of questions and not the luck of training: a "
            "difference between points may not come again with another seed."
        ]
    counts = f"{seeds[0]}" if len(set(seeds)) == 1 else f"{min(seeds)} to {max(seeds)}"
    single = " Of points that were trained once they hold the choice of questions alone." if min(seeds) == 1 else ""
    return [
        f"{counts} seeds a point; intervals of differences hold both the choice of questions and the luck of training.{single}"
    ]


def _size(family: Sequence[Comparison]) -> list[str]:
    sizes = sorted({item.n for item in family})
    if not sizes:
        return []
    shown = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    return [
        f"The comparisons rest on {shown} questions; square brackets hold 95 % intervals, and a difference counts when "
        f"it stands up to all {len(family)} comparisons made here (Holm)."
    ]


def _better(item: Comparison) -> bool:
    higher: bool = find("metrics", item.metric).HIGHER_IS_BETTER is not False
    return (item.difference > 0) == higher


def _turned(item: Comparison) -> Comparison:
    return replace(item, a=item.b, b=item.a, difference=-item.difference, low=-item.high, high=-item.low)


def _name(name: str, titles: Mapping[str, str]) -> str:
    return titles.get(name, name)


def _span(item: Comparison) -> str:
    if math.isnan(item.low):
        return f"{item.difference:+.3f} (no interval)".replace("-", "−")
    return f"{item.difference:+.3f} [{item.low:+.3f}, {item.high:+.3f}]".replace("-", "−")
