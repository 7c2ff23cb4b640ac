"""Compares runs, or systems of runs, item by item, and writes a page of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from medlms import __version__
from medlms.errors import AskedWrongly
from medlms.evaluate import compare, score
from medlms.evaluate.endings import endings
from medlms.evaluate.family import adjusted
from medlms.evaluate.intervals import finite
from medlms.evaluate.item_by_item import Items, furthest_ahead, of_items, tally, worst
from medlms.evaluate.side_findings import side_findings
from medlms.evaluate.slices import in_order, slices
from medlms.report import sides as pages
from medlms.road.sides import Side, metrics_of, on_one_test, sides_of
from medlms.run import Run, now

SHOWN = 20
"""Rows that are shown of each kind."""
LEADS = ("accuracy", "token_f1")
"""What rows are ordered by unless a metric is named."""
PAIRS = 5  # sides up to which each is compared with each; more are compared with the first


def compare_runs(
    words: Sequence[str], *, metric: str | None = None, shared: bool = False, resamples: int = 2000, seed: int = 13
) -> dict[str, Any]:
    """What ``medlms compare`` says of sides named RUN or RUN:SYSTEM (see ``sides``): a mapping that can be written as JSON.

    ``metric`` orders the rows that are shown. ``shared`` compares different tests on the questions that all have answered.
    """
    sides, left_out = on_one_test(sides_of(words), shared=shared)
    names = [name for name in metrics_of(sides) if name != "perplexity" or len({_model(side) for side in sides}) == 1]
    items = {side.name: {name: of_items(name, side.predictions) for name in names} for side in sides}
    judged = [name for name in names if all(items[side.name][name].better for side in sides)]
    lead = _lead(metric, judged)
    settings = {"resamples": resamples, "seed": seed}
    found = [
        item
        for a, b in _pairs(sides)
        for item in compare.compare(a.name, a.predictions, b.name, b.predictions, judged, **settings)
    ]
    known = adjusted(found)
    comparisons = [
        {
            **compare.as_json(item),
            "p_adjusted": finite(known[item.a, item.b, item.metric]),
            **_tallied(items[item.a][item.metric], items[item.b][item.metric]),
        }
        for item in found
    ]
    first = sides[0]
    return {
        "kind": "comparison",
        "date": now(),
        "command": " ".join(["medlms compare", *words, *(["--shared"] if shared else [])]),
        "version": __version__,
        "metric": lead,
        "items": len(first.predictions),
        "groups": len({item.group or item.id for item in first.predictions}),
        "left_out": left_out,
        "verdict": side_findings(comparisons, lead),
        "systems": [_system(side, names, settings) for side in sides],
        "comparisons": comparisons,
        "slices": _slices(sides, items, lead),
        "apart": [part for a, b in _pairs(sides) for part in _apart(sides, items, a, b, lead)],
        "worst": [
            {"side": side.name, "rows": _rows(sides, items, worst(items[side.name][lead], SHOWN), lead)}
            for side in sides
        ],
    }


def written(found: dict[str, Any], to: str) -> list[Path]:
    """Write comparison.json, comparison.html and comparison.md into ``runs/TO`` (a taken name gets -2, -3); their paths."""
    run = Run.create(to)
    return [
        run.write("comparison.html", pages.html(found)),
        run.write("comparison.md", pages.markdown(found)),
        run.write_json("comparison.json", found),
    ]


def _lead(asked: str | None, judged: Sequence[str]) -> str:
    if not judged:
        raise AskedWrongly(
            "These systems share no metric.", hint="Grade both again with one version: medlms evaluate RUN."
        )
    if asked is None:
        return next((name for name in LEADS if name in judged), judged[0])
    if asked not in judged:
        raise AskedWrongly(f"--metric: the sides do not share {asked!r}.", hint=f"They share {', '.join(judged)}.")
    return asked


def _pairs(sides: Sequence[Side]) -> list[tuple[Side, Side]]:
    return list(combinations(sides, 2)) if len(sides) <= PAIRS else [(side, sides[0]) for side in sides[1:]]


def _model(side: Side) -> str:
    return str((side.report.get("model") or {}).get("name"))


def _tallied(a: Items, b: Items) -> dict[str, int]:
    found = tally(a, b)
    return {"wins": found.wins, "losses": found.losses, "ties": found.ties}


def _system(side: Side, names: Sequence[str], settings: dict[str, int]) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for item in side.predictions:
        counts[endings(item)] = counts.get(endings(item), 0) + 1
    return {
        "name": side.name,
        "title": f"{side.run.name}: {side.record.get('title') or side.system}",
        "note": side.record.get("note") or "",
        "run": side.run.name,
        "system": side.system,
        "model": "" if side.system == "nearest" else _model(side),
        "metrics": {item.metric: score.as_json(item) for item in score.score(side.predictions, names, **settings)},
        "endings": counts,
    }


def _slices(sides: Sequence[Side], items: dict[str, dict[str, Items]], lead: str) -> list[dict[str, Any]]:
    """The lead metric of every side by slice, over the slice's items as over all."""
    first = sides[0]
    found = []
    for by, labels in slices(first.predictions, first.questions).items():
        marks = np.array(labels)
        for label in in_order(by, labels):
            part = np.flatnonzero(marks == label)
            values = {
                side.name: finite(score.score([side.predictions[int(at)] for at in part], [lead], resamples=2)[0].value)
                if np.isfinite(items[side.name][lead].values[part]).any()
                else None
                for side in sides
            }
            one, other = (_only(items[side.name][lead], part) for side in sides[:2])
            found.append({"by": by, "label": label, "n": len(part), "values": values, **_tallied(one, other)})
    return found


def _only(items: Items, part: np.ndarray) -> Items:
    return Items(items.metric, items.values[part], items.better, items.yes_no)


def _apart(
    sides: Sequence[Side], items: dict[str, dict[str, Items]], a: Side, b: Side, lead: str
) -> list[dict[str, Any]]:
    """The rows on which either of two sides is furthest ahead of the other."""
    return [
        {"better": one.name, "worse": other.name, "rows": _rows(sides, items, furthest, lead)}
        for one, other in ((a, b), (b, a))
        for furthest in [furthest_ahead(items[one.name][lead], items[other.name][lead], SHOWN)]
    ]


def _rows(
    sides: Sequence[Side], items: dict[str, dict[str, Items]], places: Sequence[int], lead: str
) -> list[dict[str, Any]]:
    found = []
    for at in places:
        item = sides[0].predictions[at]
        found.append(
            {
                "id": item.id,
                "topic": item.topic,
                "kind": item.kind,
                "source": item.source,
                "question": sides[0].questions.get(item.id) or item.prompt,
                "reference": item.golds[0] if item.golds else "",
                "answers": {
                    side.name: {
                        "text": side.predictions[at].said,
                        "ending": endings(side.predictions[at]),
                        "value": finite(float(items[side.name][lead].values[at])),
                    }
                    for side in sides
                },
            }
        )
    return found
