"""The account of a prepared set: rows in = kept + dropped by reason, kept = train + dev + eval + not drawn, by source."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medlms.config import Config
from medlms.data import flow, language, lengths, terms
from medlms.data.flow import PARTS as SIDES
from medlms.data.keys import Keys
from medlms.data.origin import Taken
from medlms.data.split import Parts
from medlms.datasets import before, exchanges
from medlms.types import QA

EXAMPLES = 3  # shown of each reason


def build(
    config: Config,
    taken: Mapping[str, Taken],
    weights: Mapping[str, float],
    dropped: Sequence[Mapping[str, Any]],
    kept: Sequence[QA],
    parts: Parts,
    named: int,
    compared: Mapping[str, int],
) -> dict[str, Any]:
    """The report as a JSON-able dict; ``dropped`` as ``dropped_row`` makes them. ArithmeticError when it does not add up."""
    sides = {"train": parts.train, "dev": parts.dev, "eval": parts.eval}
    reasons: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for record in dropped:
        reasons[record["source"]][record["step"]][record["reason"]] += 1
    everything = _counted(kept)
    counted = {side: _counted(rows) for side, rows in sides.items()}
    of_sides = {side: found.sources for side, found in counted.items()}
    sources = {
        name: _source(item, everything.sources[name], reasons[name], of_sides, name, weights[name])
        for name, item in taken.items()
    }
    totals = {
        key: sum(int(source[key]) for source in sources.values())
        for key in ("rows_in", "kept", "dropped_rows", *SIDES, "not_drawn")
    }
    totals["dropped"] = dict(sum((Counter(source["dropped"]) for source in sources.values()), Counter()))  # type: ignore[assignment]
    flow.check({"sources": sources, "totals": totals})
    return {
        "sources": sources,
        "totals": totals,
        "mixture": _mixture(of_sides, weights),
        "groups": {
            "all": everything.groups.distinct(),
            "largest_rows": int(everything.groups.times().max(initial=0)),
            **{side: found.groups.distinct() for side, found in counted.items()},
            "rows_per_group_in_eval_at_most": parts.per_group,
            "topics_found_in_questions": named,
            "joined_by": "document, topic, question, and concept codes found in at most five documents",
        },
        "passed_over": dict(parts.passed_over),
        "overlaps": {"on_two_sides": 0, "values_compared": dict(compared)},
        "repeated_questions": _repeats(kept),
        "dropped_examples": _shown(dropped),
        "languages": language.account(kept),
        "lengths": _lengths(sides["train"]),
        "licences": (licences := _licences(taken, of_sides)),
        "terms": terms.adapter({item["licence"]: item["sources"] for item in licences}),
        "split": {**config.split.model_dump(), "seed": config.split_seed},
    }


@dataclass(frozen=True, slots=True)
class _Counted:
    """Rows by source, and their groups."""

    sources: Counter[str]
    groups: Keys


def _counted(rows: Iterable[QA]) -> _Counted:
    found = _Counted(Counter(), Keys())
    for row in rows:
        found.sources[row.source] += 1
        found.groups.add(row.group)
    return found


def _source(
    item: Taken,
    kept: int,
    steps: Mapping[str, Counter[str]],
    sides: Mapping[str, Counter[str]],
    name: str,
    weight: float,
) -> dict[str, Any]:
    counts = {side: found[name] for side, found in sides.items()}
    reasons = sum(steps.values(), Counter[str]())
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
        "dropped_by_step": {step: dict(found.most_common()) for step, found in steps.items()},
        "cleaned": {step: count for step, count in item.changed.items() if count},
        **counts,
        "not_drawn": kept - sum(counts.values()),
        "said": list(item.said),
    }


def _lengths(rows: Sequence[QA]) -> dict[str, Any]:
    """Words of questions and answers by source, and of whole training rows as a histogram."""
    words: defaultdict[str, dict[str, array[int]]] = defaultdict(lambda: {"question": array("i"), "answer": array("i")})
    whole = array("i")
    for row in rows:
        counts = [(len(question.split()), len(answer.split())) for question, answer in exchanges(row)]
        for field, number in (("question", 0), ("answer", 1)):
            words[row.source][field].extend(pair[number] for pair in counts)
        whole.append(sum(map(sum, counts)))
    return {
        "unit": "words",
        "sources": {
            name: {field: lengths.numbers(found) for field, found in fields.items()} for name, fields in words.items()
        },
        "rows": lengths.numbers(whole),
        "bins": lengths.histogram(whole),
    }


def _mixture(sides: Mapping[str, Counter[str]], weights: Mapping[str, float]) -> dict[str, dict[str, float]]:
    total = sum(weights.values())
    shares = {"asked": {name: round(weight / total, 4) for name, weight in weights.items()}}
    for side, counts in sides.items():
        rows = counts.total()
        shares[side] = {name: round(counts[name] / rows, 4) if rows else 0.0 for name in weights}
    return shares


def _repeats(kept: Sequence[QA]) -> dict[str, int]:
    # Rows of one normalised question share their group, so counting inside groups is not needed here.
    asked = Keys()
    for row in kept:
        asked.add(*(text.casefold() for text in before(row)))
    times = asked.times()
    rows = int(np.count_nonzero(times > 1))
    return {"questions_with_several_answers": asked.distinct() - (len(times) - rows), "rows_in_them": rows}


def _shown(dropped: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, str]]]:
    shown: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for record in dropped:
        if len(shown[record["reason"]]) < EXAMPLES:
            shown[record["reason"]].append({key: record[key] for key in ("source", "place", "detail")})
    return dict(shown)


def without_quotes(account: dict[str, Any], private: Collection[str]) -> None:
    """Take what is quoted of the ``private`` sources out of an account, in place.

    Their rows go on with surrogates, beside which the words as they were must not stand.
    """
    for item in (item for items in account["dropped_examples"].values() for item in items):
        if item["source"] in private:
            item["detail"] = ""
    for name in private:
        for step in account["cleaning"].get(name, ()):
            step["examples"] = []


def _licences(taken: Mapping[str, Taken], sides: Mapping[str, Counter[str]]) -> list[dict[str, Any]]:
    in_force: defaultdict[str, list[str]] = defaultdict(list)
    for name, item in taken.items():
        if any(counts[name] for counts in sides.values()):
            in_force[item.source.licence].append(name)
    return [{"licence": licence, "sources": names, "terms": terms.of(licence)} for licence, names in in_force.items()]


def _without_place(files: Mapping[str, str]) -> dict[str, str]:
    """Files by their last two parts, or as many more as tell them apart: reports are passed on, places are not."""
    names: dict[str, str] = {}
    for count in range(2, 1 + max((len(Path(file).parts) for file in files), default=1) + 1):
        names = {file: "/".join(Path(file).parts[-count:]) for file in files}
        if len(set(names.values())) == len(files):
            break
    return {name: files[file] for file, name in names.items()}
