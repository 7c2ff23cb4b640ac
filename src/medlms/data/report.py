"""The account of a prepared set: rows in = kept + dropped by reason, kept = train + dev + eval + not drawn, by source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medlms.config import Config
from medlms.data.split import Parts
from medlms.datasets import Loaded, before
from medlms.types import QA, Fault

EXAMPLES = 3  # shown of each reason
SIDES = ("train", "dev", "eval")


def build(
    config: Config,
    loaded: Mapping[str, Loaded],
    weights: Mapping[str, float],
    dropped: Sequence[tuple[str, Fault]],
    changed: Mapping[str, Mapping[str, int]],
    kept: Sequence[QA],
    parts: Parts,
    named: int,
    compared: Mapping[str, int],
) -> dict[str, Any]:
    """The report as a JSON-able dict; raises ArithmeticError when it does not add up."""
    sides = {"train": parts.train, "dev": parts.dev, "eval": parts.eval}
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, fault in dropped:
        reasons[name][fault.reason] += 1
    kept_by = Counter(row.source for row in kept)
    sources = {
        name: _source(item, kept_by[name], reasons[name], sides, name, weights[name], changed.get(name, {}))
        for name, item in loaded.items()
    }
    totals = {
        key: sum(int(source[key]) for source in sources.values())
        for key in ("rows_in", "kept", "dropped_rows", *SIDES, "not_drawn")
    }
    totals["dropped"] = dict(sum((Counter(source["dropped"]) for source in sources.values()), Counter()))  # type: ignore[assignment]
    _adds_up({**sources, "all sources": totals})
    sizes = Counter(row.group for row in kept)
    return {
        "sources": sources,
        "totals": totals,
        "mixture": _mixture(sides, weights),
        "groups": {
            "all": len(sizes),
            "largest_rows": max(sizes.values(), default=0),
            **{side: len({row.group for row in rows}) for side, rows in sides.items()},
            "rows_per_group_in_eval_at_most": parts.per_group,
            "topics_found_in_questions": named,
            "joined_by": "document, topic, question, and concept codes found in at most five documents",
        },
        "passed_over": dict(parts.passed_over),
        "overlaps": {"on_two_sides": 0, "values_compared": dict(compared)},
        "repeated_questions": _repeats(kept),
        "dropped_examples": _shown(dropped),
        "licences": _licences(loaded, sides),
        "split": {**config.split.model_dump(), "seed": config.split_seed},
    }


def _source(
    item: Loaded,
    kept: int,
    reasons: Counter[str],
    sides: Mapping[str, Sequence[QA]],
    name: str,
    weight: float,
    changed: Mapping[str, int],
) -> dict[str, Any]:
    counts = {side: sum(row.source == name for row in rows) for side, rows in sides.items()}
    return {
        "title": item.source.title,
        "licence": item.source.licence,
        "citation": item.source.citation,
        "address": item.source.address,
        "public": item.source.public,
        "weight": weight,
        "files": _without_place(item.files),
        "rows_in": item.rows_in,
        "kept": kept,
        "dropped_rows": sum(reasons.values()),
        "dropped": dict(reasons.most_common()),
        "cleaned": {step: count for step, count in changed.items() if count},
        **counts,
        "not_drawn": kept - sum(counts.values()),
        "said": list(item.said),
    }


def _adds_up(sources: Mapping[str, Mapping[str, Any]]) -> None:
    for name, source in sources.items():
        parts = source["kept"] + sum(source["dropped"].values())
        drawn = sum(source[side] for side in SIDES) + source["not_drawn"]
        if source["rows_in"] != parts or source["kept"] != drawn or source["not_drawn"] < 0:
            raise ArithmeticError(
                f"{name}: {source['rows_in']} rows in, {parts} kept or dropped; {source['kept']} kept, {drawn} given out"
            )


def _mixture(sides: Mapping[str, Sequence[QA]], weights: Mapping[str, float]) -> dict[str, dict[str, float]]:
    total = sum(weights.values())
    shares = {"asked": {name: round(weight / total, 4) for name, weight in weights.items()}}
    for side, rows in sides.items():
        counts = Counter(row.source for row in rows)
        shares[side] = {name: round(counts[name] / len(rows), 4) if rows else 0.0 for name in weights}
    return shares


def _repeats(kept: Sequence[QA]) -> dict[str, int]:
    # Rows of one normalised question share their group, so counting inside groups is not needed here.
    counts = Counter(tuple(text.casefold() for text in before(row)) for row in kept)
    again = [count for count in counts.values() if count > 1]
    return {"questions_with_several_answers": len(again), "rows_in_them": sum(again)}


def _shown(dropped: Sequence[tuple[str, Fault]]) -> dict[str, list[dict[str, str]]]:
    shown: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for name, fault in dropped:
        if len(shown[fault.reason]) < EXAMPLES:
            shown[fault.reason].append({"source": name, "place": fault.place, "detail": fault.detail})
    return dict(shown)


def _licences(loaded: Mapping[str, Loaded], sides: Mapping[str, Sequence[QA]]) -> list[dict[str, Any]]:
    in_force: defaultdict[str, list[str]] = defaultdict(list)
    for name, item in loaded.items():
        if any(row.source == name for rows in sides.values() for row in rows):
            in_force[item.source.licence].append(name)
    return [{"licence": licence, "sources": names} for licence, names in in_force.items()]


def _without_place(files: Mapping[str, str]) -> dict[str, str]:
    """Files by their last two parts, or as many more as tell them apart: reports are passed on, places are not."""
    names: dict[str, str] = {}
    for count in range(2, 1 + max((len(Path(file).parts) for file in files), default=1) + 1):
        names = {file: "/".join(Path(file).parts[-count:]) for file in files}
        if len(set(names.values())) == len(files):
            break
    return {name: files[file] for file, name in names.items()}
