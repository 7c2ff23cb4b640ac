"""Where do systems fail? The items of a test by topic, kind of question, source, and length of question and reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from medlms.types import Prediction

BINS = 4
BY = ("topic", "kind", "source", "question length", "reference length")


def slices(items: Sequence[Prediction], questions: Mapping[str, str]) -> dict[str, list[str]]:
    """For each way to slice, the label of every item; a way that gives one label alone is left out.

    ``questions`` maps ids to the questions asked. Lengths are in words, in up to four bins of about equal size.
    """
    found = {
        "topic": [item.topic or "no topic" for item in items],
        "kind": [item.kind or "no kind" for item in items],
        "source": [item.source or "no source" for item in items],
        "question length": binned([len(questions.get(item.id, item.prompt).split()) for item in items]),
        "reference length": binned([len(item.golds[0].split()) if item.golds else 0 for item in items]),
    }
    return {name: found[name] for name in BY if len(set(found[name])) > 1}


def in_order(by: str, labels: Sequence[str]) -> list[str]:
    """Each label once, bins of lengths from short to long, others as they come."""
    once = list(dict.fromkeys(labels))
    return sorted(once, key=lambda label: int(label.split()[0])) if "length" in by else once


def binned(sizes: Sequence[int]) -> list[str]:
    """Each number's bin, as ``8 to 12 words``; bins follow the quarters of the numbers and never split equal ones."""
    values = np.asarray(sizes)
    edges = np.unique(np.quantile(values, np.arange(1, BINS) / BINS, method="lower")) if len(values) else values
    places = np.searchsorted(edges, values, side="left")
    names = {}
    for place in np.unique(places):
        low, high = int(values[places == place].min()), int(values[places == place].max())
        span = f"{low}" if low == high else f"{low} to {high}"
        names[int(place)] = f"{span} {'word' if high == 1 else 'words'}"
    return [names[int(place)] for place in places]
