"""The account of a prepared set: rows in = kept + dropped by reason, kept = train + dev + eval + not drawn, by source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from medlms.config import Config
from medlms.data import flow, language, lengths, terms
from medlms.data.flow import PARTS as SIDES
from medlms.data.split import Parts
from medlms.datasets import Loaded, before, exchanges
from medlms.types import QA, Fault

EXAMPLES = 3  # shown of each reason


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
    read = faults_of(loaded)
    reasons: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for name, fault in dropped:
        reasons[name][flow.step_of(fault.reason, read=id(fault) in read)][fault.reason] += 1
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
    flow.check({"sources": sources, "totals": totals})
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
        "languages": language.account(kept),
        "lengths": _lengths(sides["train"]),
        "licences": (licences := _licences(loaded, sides)),
        "terms": terms.adapter({item["licence"]: item["sources"] for item in licences}),
        "split": {**config.split.model_dump(), "seed": config.split_seed},
    }


def _source(
    item: Loaded,
    kept: int,
    steps: Mapping[str, Counter[str]],
    sides: Mapping[str, Sequence[QA]],
    name: str,
    weight: float,
    changed: Mapping[str, int],
) -> dict[str, Any]:
    counts = {side: sum(row.source == name for row in rows) for side, rows in sides.items()}
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
        "cleaned": {step: count for step, count in changed.items() if count},
        **counts,
        "not_drawn": kept - sum(counts.values()),
        "said": list(item.said),
    }


def faults_of(loaded: Mapping[str, Loaded]) -> set[int]:
    """Identities of the faults that were found on reading; all others belong to later steps."""
    return {id(fault) for item in loaded.values() for fault in item.faults}


def _lengths(rows: Sequence[QA]) -> dict[str, Any]:
    """Words of questions and answers by source, and of whole training rows as a histogram."""
    words: defaultdict[str, dict[str, list[int]]] = defaultdict(lambda: {"question": [], "answer": []})
    whole = []
    for row in rows:
        counts = [(len(question.split()), len(answer.split())) for question, answer in exchanges(row)]
        for field, number in (("question", 0), ("answer", 1)):
            words[row.source][field] += [pair[number] for pair in counts]
        whole.append(sum(map(sum, counts)))
    return {
        "unit": "words",
        "sources": {
            name: {field: lengths.numbers(found) for field, found in fields.items()} for name, fields in words.items()
        },
        "rows": lengths.numbers(whole),
        "bins": lengths.histogram(whole),
    }


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


def dropped_rows(dropped: Sequence[tuple[str, Fault]], loaded: Mapping[str, Loaded]) -> list[dict[str, Any]]:
    """Every dropped row as a JSON-able dict: source, step, place, reason, detail, and ``used``, which is false."""
    read = faults_of(loaded)
    return [
        {
            "source": name,
            "step": flow.step_of(fault.reason, read=id(fault) in read),
            "place": fault.place,
            "reason": fault.reason,
            "detail": fault.detail,
            "used": False,
        }
        for name, fault in dropped
    ]


def without_quotes(account: dict[str, Any], rows: Sequence[dict[str, Any]], private: Collection[str]) -> None:
    """Take what is quoted of the ``private`` sources out of an account and of the list of dropped rows, in place.

    Their rows go on with surrogates, beside which the words as they were must not stand.
    """
    examples = [item for items in account["dropped_examples"].values() for item in items]
    for item in (*examples, *rows):
        if item["source"] in private:
            item["detail"] = ""
    for name in private:
        for step in account["cleaning"].get(name, ()):
            step["examples"] = []


def _licences(loaded: Mapping[str, Loaded], sides: Mapping[str, Sequence[QA]]) -> list[dict[str, Any]]:
    in_force: defaultdict[str, list[str]] = defaultdict(list)
    for name, item in loaded.items():
        if any(row.source == name for rows in sides.values() for row in rows):
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
