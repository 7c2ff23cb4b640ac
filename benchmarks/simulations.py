"""Do the intervals hold what they promise? Simulations with known truth, and how long the arithmetic takes.

    python benchmarks/simulations.py [--simulations 1000] [--resamples 2000] [--out benchmarks/results/statistics.json]

Items come in groups of unequal size (1 to 20, most small), and items of a group are alike. Each design draws whole tests from a
population whose true score is known, asks ``evaluate.score`` and ``evaluate.compare`` for intervals and p-values, and counts:

- coverage: how often the 95 % interval of a score, and of a paired difference, holds the truth, for 20, 50 and 100 groups;
  beside it the percentile interval that it replaced;
- false alarms: how often two tests of one system (alike but for chance) are said to differ;
- power: how often a difference that is there is said.

Every draw has a seed of its own, so a repeated run gives the same numbers. --only DESIGN runs the designs of that name and
keeps the others of a results file that is there, so that the whole can be made in pieces.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from medlms.bench.machine import machine  # noqa: E402
from medlms.catalogue import find  # noqa: E402
from medlms.evaluate import compare, score  # noqa: E402
from medlms.evaluate.intervals import percentile, resampled_sums  # noqa: E402
from medlms.evaluate.rows import Rows, by_group  # noqa: E402
from medlms.types import Prediction  # noqa: E402

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]
Draw = Callable[[np.random.Generator, Groups, float], Floats]
"""Rows [items, k] of one system on items of these groups; the number shifts the system's quality."""

GROUPS = (20, 50, 100)
SHIFT = 0.0
POPULATION = 40_000  # groups whose pooled score is taken for the truth


@dataclass(frozen=True)
class Design:
    """One kind of test: the metric whose rows are drawn, and whether the bar on coverage is set for it."""

    name: str
    metric: str
    draw: Draw
    meaning: str
    bar: bool = True


def group_numbers(random: np.random.Generator, count: int) -> Groups:
    """Group of each item [items]: sizes 1 and up, geometric, one group in twelve much larger; at most 20."""
    sizes = np.minimum(
        random.geometric(0.35, count) + (random.random(count) < 0.08) * random.integers(3, 12, count), 20
    )
    return np.repeat(np.arange(count), sizes)


def right_or_wrong(random: np.random.Generator, group: Groups, shift: float) -> Floats:
    """Exact match or accuracy: the chance of a right answer differs between groups."""
    hardness = _of_groups(random, group, 1)[:, 0]
    chance = 1 / (1 + np.exp(-(hardness * 0.8 - 0.6 + shift)))
    return np.column_stack([(random.random(len(group)) < chance).astype(float), np.ones(len(group))])


def overlap(random: np.random.Generator, group: Groups, shift: float) -> Floats:
    """Token F1 or ROUGE: skewed to the right, one in five 0, groups alike."""
    centre = 0.18 / (1 + np.exp(-0.7 * _of_groups(random, group, 1)[:, 0])) + 0.05 * shift + 0.05
    found = random.beta(6 * centre, 6 * (1 - centre)) * (random.random(len(group)) < 0.8)
    return np.column_stack([found, np.ones(len(group))])


def likelihood(random: np.random.Generator, group: Groups, shift: float, spread: float = 0.3) -> Floats:
    """Bits and bytes of references: a ratio of sums, long references weigh more, spread log-normally."""
    size = random.integers(30, 900, len(group)).astype(float)
    each = np.exp(spread * _of_groups(random, group, 1)[:, 0] + spread * random.normal(size=len(group)) + 0.1 * shift)
    return np.column_stack([each * size, size])


def heavy(random: np.random.Generator, group: Groups, shift: float) -> Floats:
    """The same with a spread twice as large: a few groups decide."""
    return likelihood(random, group, shift, 0.6)


def corpus(random: np.random.Generator, group: Groups, shift: float) -> Floats:
    """BLEU's ten counts: lengths log-normal, the share of words that match differs between groups."""
    count = len(group)
    said, gold = (np.floor(random.lognormal(4, 0.6, count)) + 5 for _ in range(2))
    match = 1 / (1 + np.exp(-(0.7 * _of_groups(random, group, 1)[:, 0] - 0.9 + 0.3 * shift)))
    every = np.maximum(said[:, None] - np.arange(4), 0)
    matched = [random.binomial(every[:, 0].astype(int), match * np.minimum(1, gold / said))]
    for order in range(1, 4):
        matched.append(random.binomial(np.minimum(matched[-1], every[:, order]).astype(int), 0.35))
    return np.column_stack([said, gold, *matched, every]).astype(float)


DESIGNS = (
    Design("right or wrong", "exact_match", right_or_wrong, right_or_wrong.__doc__ or ""),
    Design("overlap", "token_f1", overlap, overlap.__doc__ or ""),
    Design("bits per byte", "bits_per_byte", likelihood, likelihood.__doc__ or ""),
    Design("perplexity", "perplexity", likelihood, likelihood.__doc__ or ""),
    Design("BLEU", "bleu", corpus, corpus.__doc__ or ""),
    Design("bits per byte, heavy tails", "bits_per_byte", heavy, heavy.__doc__ or "", bar=False),
)


def truth(design: Design) -> float:
    """The score of a population of 40,000 groups."""
    random = np.random.default_rng([99, DESIGNS.index(design)])
    total = sum(design.draw(random, group_numbers(random, 4000), SHIFT).sum(axis=0) for _ in range(POPULATION // 4000))
    return float(find("metrics", design.metric).value(np.asarray(total)))


def scores(design: Design, groups: int, *, simulations: int, resamples: int) -> dict[str, Any]:
    """Coverage of the interval of one score, and of the percentile interval on the same redrawn tests."""
    wanted, found, plain, widths = truth(design), [], [], []
    for number in range(simulations):
        random = np.random.default_rng([1, DESIGNS.index(design), groups, number])
        group = group_numbers(random, groups)
        table = _rows(design, design.draw(random, group, SHIFT))
        problems = np.zeros(len(group), dtype=bool)
        item = score.of_rows([table], group, problems, resamples=resamples, seed=number)[0]
        found.append(_side(wanted, item.low, item.high))
        widths.append(item.high - item.low)
        redrawn = resampled_sums(by_group(table.values, group), resamples=resamples, seed=number)
        plain.append(_side(wanted, *percentile(table.metric.value(redrawn), groups=groups)))
    return {
        **_coverage(found),
        "percentile": _coverage(plain)["coverage"],
        "width": float(np.median(widths)),
        "truth": wanted,
    }


def differences(design: Design, groups: int, *, simulations: int, resamples: int, apart: float = 0.0) -> dict[str, Any]:
    """Two systems on the same items: how often the interval holds the true difference, and how often they are said to differ.

    ``apart`` 0: one system asked twice. A difference is said where the interval leaves out zero and p is below 0.05.
    """
    wanted = _true_difference(design, apart)
    found, said, small = [], 0, 0
    for number in range(simulations):
        random = np.random.default_rng([2, DESIGNS.index(design), groups, number, round(apart * 100)])
        group = group_numbers(random, groups)
        a, b = _pair(design, random, group, apart)
        item = compare.of_rows(
            "a", "b", [(_rows(design, a), _rows(design, b))], group, resamples=resamples, seed=number
        )[0]
        found.append(_side(wanted, item.low, item.high))
        small += item.p_value < 0.05
        said += item.p_value < 0.05 and not item.low <= 0 <= item.high
    return {
        **_coverage(found),
        "said_to_differ": said / simulations,
        "p_below_0.05": small / simulations,
        "truth": wanted,
    }


def speed(items: int = 1273) -> dict[str, float]:
    """Seconds for the intervals, and for the rows, of every metric of the task on ``items`` answers, each a group of its own."""
    names = list(find("tasks", "answer").METRICS)
    one, other = (answers(items, seed) for seed in (1, 2))
    from medlms.evaluate.rows import groups as groups_of
    from medlms.evaluate.rows import rows

    begun = time.perf_counter()
    left = [rows(name, one) for name in names]
    reading = time.perf_counter() - begun
    right = [rows(name, other) for name in names]
    group, problems = groups_of(one), np.zeros(items, dtype=bool)
    begun = time.perf_counter()
    score.of_rows(left, group, problems)
    scoring = time.perf_counter() - begun
    begun = time.perf_counter()
    compare.of_rows("a", "b", list(zip(left, right, strict=True)), group)
    comparing = time.perf_counter() - begun
    return {"items": items, "metrics": len(names), "rows": reading, "intervals": scoring, "comparison": comparing}


def answers(count: int, seed: int) -> list[Prediction]:
    """Made-up answers of some 80 words from a made-up language of 3,000 words."""
    texts, random = np.random.default_rng(1), np.random.default_rng([3, seed])
    words = ["".join(texts.choice(list("abcdefghiklmnoprstu"), size=texts.integers(2, 11))) for _ in range(3000)]
    found = []
    for number in range(count):
        gold = texts.choice(words, size=max(3, int(texts.lognormal(4.3, 0.5))))
        said = np.where(random.random(len(gold)) < 0.3, gold, random.choice(words, size=len(gold)))
        found.append(
            Prediction(f"p{number}", f"g{number}", "", " ".join(said), (" ".join(gold),),
                       reference_logprob=-float(random.gamma(3, 20)), reference_tokens=len(gold))
        )  # fmt: skip
    return found


def _of_groups(random: np.random.Generator, group: Groups, width: int) -> Floats:
    """Normal numbers that the items of a group share [items, width]."""
    return random.normal(size=(int(group.max()) + 1, width))[group]


def _pair(design: Design, random: np.random.Generator, group: Groups, apart: float) -> tuple[Floats, Floats]:
    """Rows of two systems that find the same groups hard, since their group effects are drawn alike."""
    seed = int(random.integers(2**62))
    one, other = (np.random.default_rng(seed) for _ in range(2))
    hard = design.draw(one, group, SHIFT + apart)
    soft = design.draw(other, group, SHIFT)
    # Half of the items again by themselves, so that the two differ by more than the shift; the same way for both.
    again = [design.draw(random, group, SHIFT + apart), design.draw(random, group, SHIFT)]
    mixed = [
        np.where((random.random(len(group)) < 0.5)[:, None], new, old)
        for new, old in zip(again, (hard, soft), strict=True)
    ]
    return mixed[0], mixed[1]


def _true_difference(design: Design, apart: float) -> float:
    if not apart:
        return 0.0
    value = find("metrics", design.metric).value
    random = np.random.default_rng([98, DESIGNS.index(design)])
    pairs = [_pair(design, random, group_numbers(random, 4000), apart) for _ in range(POPULATION // 4000)]
    return float(value(sum(a.sum(axis=0) for a, _ in pairs)) - value(sum(b.sum(axis=0) for _, b in pairs)))


def _rows(design: Design, values: Floats) -> Rows:
    return Rows(find("metrics", design.metric), values, np.ones(len(values), dtype=np.bool_))


def _side(wanted: float, low: float, high: float) -> int:
    """0 where the interval holds ``wanted``, -1 where it lies above it, 1 where it lies below."""
    return -1 if wanted < low else 1 if wanted > high else 0


def _coverage(sides: Sequence[int]) -> dict[str, float]:
    count = len(sides)
    return {"coverage": sides.count(0) / count, "above": sides.count(-1) / count, "below": sides.count(1) / count}


def _kinds(design: Design, groups: int, settings: dict[str, int]) -> dict[str, dict[str, Any]]:
    """All that is simulated of one design."""
    return {
        "score": scores(design, groups, **settings),
        "one system twice": differences(design, groups, **settings),
        "two systems": differences(design, groups, **settings, apart=0.5),
    }


def _known(path: Path | None, settings: dict[str, int]) -> list[dict[str, Any]]:
    """Rows of a results file that was made with the same settings."""
    if path is None or not path.is_file():
        return []
    held = json.loads(path.read_text(encoding="utf-8"))
    return list(held["rows"]) if held["settings"] == settings else []


def _date(path: Path | None) -> str:
    """When the simulations of a results file were run."""
    return str(json.loads(path.read_text(encoding="utf-8"))["date"]) if path and path.is_file() else ""


def main() -> None:
    """Run all designs and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--only", default="", help="one design; a name that none has (speed): the seconds alone")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    settings = {"simulations": asked.simulations, "resamples": asked.resamples}
    known = _known(asked.out, settings)
    today = datetime.now(UTC).isoformat(timespec="seconds")
    simulated = _date(asked.out) if asked.only not in ("", *(design.name for design in DESIGNS)) else ""
    took, rows = speed(), []
    print(json.dumps(took), flush=True)
    for design in DESIGNS:
        if asked.only and asked.only != design.name:
            rows += [row for row in known if row["design"] == design.name]
            continue
        for groups in GROUPS:
            for kind, measured in _kinds(design, groups, settings).items():
                row = {"design": design.name, "bar": design.bar, "groups": groups, "kind": kind, **measured}
                rows.append(row)
                print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}), flush=True)
    if asked.out:
        result = {
            "machine": machine(),
            "command": "python benchmarks/simulations.py --out benchmarks/results/statistics.json",
            "date": simulated or today,
            "settings": settings,
            "error_of_a_coverage": round(math.sqrt(0.95 * 0.05 / asked.simulations), 4),
            "designs": {design.name: design.meaning for design in DESIGNS},
            "seconds": {**took, "date": today},
            "rows": rows,
        }
        asked.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
