"""Which graded items training text holds in part, by a data report, and the scores over the others.

It works on ids alone, so on the graded rows of a set as on the questions of an exam.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from medlms.evaluate.score import as_json, score
from medlms.types import Prediction

SHOWN = 200  # hits that a report names; data_report.json has more


def overlaps(data: Mapping[str, Any], ids: Collection[str]) -> dict[str, Any] | None:
    """What a data report says of the graded items ``ids``: which were hit, where, and how many were never compared.

    JSON-able; ``hits`` are the worst one of each item first. None where no item was compared with the training rows, as in
    reports of earlier versions.
    """
    graded, exams = data.get("graded") or {}, data.get("exams") or {}
    known = {*(data.get("sources") or {} if graded else ()), *(exams.get("exams") or {})}
    compared = {id for id in ids if id.partition("/")[0] in known}
    if not compared:
        return None
    hit = {*graded.get("ids", ()), *(id for found in (exams.get("ids") or {}).values() for id in found)} & compared
    hits = [one for found in (graded, exams) for one in found.get("hits", ()) if one["exam_id"] in hit]
    meanings = [
        str(found["meaning"]) for found in (graded, exams) if {one["exam_id"] for one in found.get("hits", ())} & hit
    ]
    return {
        "items": len(ids),
        "hit": len(hit),
        "kept": len(ids) - len(hit),
        "not_compared": len(ids) - len(compared),
        "meaning": meanings,
        "ids": sorted(hit),
        "hits": hits[:SHOWN],
    }


def scores(
    predictions: Sequence[Prediction], hit: Collection[str], metrics: Sequence[str], *, resamples: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Scores with intervals over the items that were not hit, by metric; empty where none is left."""
    left = [item for item in predictions if item.id not in set(hit)]
    if not left:
        return {}
    return {item.metric: as_json(item) for item in score(left, metrics, resamples=resamples, seed=seed)}
