import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some

from medlms.data import runs

TEXTS = some.lists(some.text("ab ", max_size=60), max_size=8)


@settings(max_examples=100, deadline=None)
@given(TEXTS, some.integers(1, 9))
def test_equal_hashes_mean_equal_runs_of_words(texts: list[str], width: int) -> None:
    words = runs.Words(texts)
    found, of = words.runs(0, len(words), width)
    split = [text.split() for text in texts]
    wanted = [(number, tuple(w[at : at + width])) for number, w in enumerate(split) for at in range(len(w) - width + 1)]
    assert of.tolist() == [number for number, _ in wanted]
    by_hash = dict(zip(found.tolist(), [run for _, run in wanted], strict=True))
    assert [by_hash[value] for value in found.tolist()] == [run for _, run in wanted]
    assert len(by_hash) == len({run for _, run in wanted})


@settings(max_examples=60, deadline=None)
@given(some.lists(some.text("xyé世", max_size=80), max_size=5), some.sampled_from([1, 2, 3, 7, 50]))
def test_runs_of_characters(texts: list[str], width: int) -> None:
    symbols, starts = runs.characters(texts)
    places, of = runs.within(starts, width)
    found = runs.windows(symbols, width)[places]
    wanted = [text[at : at + width] for text in texts for at in range(len(text) - width + 1)]
    assert len(found) == len(wanted)
    assert len(set(found.tolist())) == len(set(wanted)) == len(set(zip(found.tolist(), wanted, strict=True)))
    assert [texts[text][place - starts[text] :][:width] for place, text in zip(places, of, strict=True)] == wanted


def test_blocks_hold_every_text_once() -> None:
    words = runs.Words(["a b c", "", "d " * 10, "e", "f g"])
    for size in (1, 2, 3, 5, 100):
        bounds = list(words.blocks(size))
        assert [text for first, last in bounds for text in range(first, last)] == list(range(5))
        whole, of = words.runs(0, 5, 2)
        parts = [words.runs(first, last, 2) for first, last in bounds]
        assert np.concatenate([found for found, _ in parts]).tolist() == whole.tolist()
        assert np.concatenate([text for _, text in parts]).tolist() == of.tolist()
    assert list(runs.Words([]).blocks(5)) == []


def test_hashes_are_the_same_in_every_process() -> None:
    code = "from medlms.data import runs; print(runs.Words(['one two three four']).runs(0, 1, 3)[0].tolist())"
    said = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
        ).stdout
        for _ in range(2)
    ]
    assert said[0] == said[1] != "[]\n"


def environment() -> dict[str, str]:
    import os

    return {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}
