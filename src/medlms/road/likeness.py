"""Measures how alike answers and references are, where the sentence model is on this machine or may be fetched."""

from __future__ import annotations

from medlms.errors import FetchError, ModelError
from medlms.evaluate.likeness import add_similarity
from medlms.road.work import Work


def measure(work: Work) -> None:
    """Add the similarity to the predictions of every system; left out, and said, where there is no sentence model."""
    wanted = work.config.evaluate.similarity
    if wanted == "off" or not work.predictions:
        return
    from medlms.engines._minilm import LONGEST, embedder

    try:
        model = embedder(fetch=wanted == "fetch", say=work.talk.say)
    except (FetchError, ModelError) as error:
        work.talk.say(f"similarity is left out: {error} {error.hint}".strip())
        return
    for system, items in work.predictions.items():
        with work.talk.bar(f"similarity of {system}'s answers") as advance:
            work.predictions[system] = add_similarity(
                model, work.run, system, [item.id for item in items], progress=advance
            )
    work.paths["similarity"] = (
        f"all-MiniLM-L6-v2 in fp32, mean over word pieces, cosine; the first {LONGEST} word pieces of a text are read"
        f"{f' ({model.cut:,} of the texts were longer)' if model.cut else ''}"
    )
