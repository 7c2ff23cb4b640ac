"""Looks at a file of questions and answers and says what it holds and what is possible, before any config exists."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from medlms import datasets
from medlms.data import clean, copies, duplicates, split, topics
from medlms.datasets import before, normalised
from medlms.types import Dialogue

TAIL = 12  # rows: fewer can't be split and graded in any useful way


def look(path: str | Path) -> dict[str, Any]:
    """What the file holds, as a JSON-able dict.

    Lengths are in words; a dialogue's question is all that comes before its last answer. ``suggested_split`` is None when
    the rows can't be split; ``possible`` says so in words. Raises DataError when the file can't be read at all.
    """
    loaded = datasets.check(path, to_the_end=False)
    cleaned = clean.clean(loaded.examples)
    rows, repeated = duplicates.drop(cleaned.examples)
    rows, _ = topics.name(rows)
    rows = split.grouped(rows)
    faults = [*loaded.faults, *cleaned.dropped, *(fault for _, fault in repeated)]
    sizes = Counter(row.group for row in rows)
    questions = Counter(normalised(row.question) for row in rows)
    clusters = copies.find(rows)
    unfit = copies.apart(rows, clusters)
    refused = 2 * len(loaded.faults) > loaded.rows_in  # as in datasets.load
    fits = split.suggest(rows, unfit=unfit) if len(rows) >= TAIL and not refused else None
    suggested = None
    if fits:
        parts = split.parts(rows, fits, weights={}, seed=13, unfit=unfit)
        suggested = {"train": len(parts.train), "dev": fits.dev, "eval": fits.eval, "per_group": parts.per_group}
    found = {
        "file": str(path),
        "source": loaded.source.name,
        "licence": loaded.source.licence,
        "rows": loaded.rows_in,
        "usable": len(rows),
        "faults": dict(Counter(fault.reason for fault in faults).most_common()),
        "first_faults": [{"place": item.place, "reason": item.reason, "detail": item.detail} for item in faults[:5]],
        "columns": {} if loaded.source.public else _columns(Path(path).expanduser()),
        "dialogues": sum(isinstance(row, Dialogue) for row in rows),
        "question_words": _lengths([" ".join(before(row)) for row in rows]),
        "answer_words": _lengths([row.answer for row in rows]),
        "repeated_questions": sum(count - 1 for count in questions.values()),
        "near_copies": len({id for item in clusters if item.texts > 1 for id in item.rows}),
        "topics": len({normalised(row.topic) for row in rows if row.topic}),
        "rows_without_topic": sum(not row.topic for row in rows),
        "groups": len(sizes),
        "largest_group": max(sizes.values(), default=0),
        "suggested_split": suggested,
        "said": list(loaded.said),
    }
    return {**found, "possible": _refusal(loaded) if refused else _possible(found)}


def _refusal(loaded: datasets.Loaded) -> list[str]:
    return [f"can't be trained on: {len(loaded.faults):,} of {loaded.rows_in:,} rows can't be used, more than half"]


def _columns(path: Path) -> dict[str, Any]:
    """Which column serves as what, all columns, the file's format, and ``kind``: columns, instruction or chat.

    Only for ``columns`` do question and answer each stand in one column that a config can name.
    """
    shape, names, form = datasets.columns(path)
    used = {name: getattr(shape, name) for name in shape.__slots__ if getattr(shape, name)}
    kind = "chat" if shape.chat else "instruction" if shape.instruction else "columns"
    return {"kind": kind, "format": form, "used": used, "found": names}


def _lengths(texts: list[str]) -> dict[str, int]:
    counts = sorted(len(text.split()) for text in texts)
    if not counts:
        return {"median": 0, "p95": 0, "max": 0}
    last = len(counts) - 1
    return {"median": counts[last // 2], "p95": counts[round(0.95 * last)], "max": counts[-1]}


def _possible(found: dict[str, Any]) -> list[str]:
    rows, groups, fits = found["usable"], found["groups"], found["suggested_split"]
    if not fits:
        why = f"{rows:,} usable rows in {groups:,} groups of related rows"
        return [f"too small to train and grade: {why}; at least {TAIL} rows in three groups are needed"]
    said = [f"train on {fits['train']:,} rows and grade on {fits['eval']:,} that the model has not seen"]
    if fits["eval"] < 30:
        said.append(f"grades from {fits['eval']:,} questions have wide intervals: treat small differences as none")
    if fits["per_group"] > 1:
        said.append("few topics: several graded questions share one, so intervals count topics and not questions")
    if not found["topics"]:
        said.append("no topic column: only equal questions are kept together, so grades may come out too well")
    if found["answer_words"]["median"] < 4:
        said.append("most answers are a few words: exact match and token F1 say more about them than ROUGE")
    if found["licence"] == "not stated":
        said.append("the file states no licence: whether a model tuned on it may be passed on is for you to find out")
    return said
