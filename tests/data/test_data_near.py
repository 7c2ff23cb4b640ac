import importlib.util
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from medlms.data import near


def slow_pairs(texts: list[str]) -> list[tuple[int, int]]:
    """All near copies, by comparing each text with each."""
    sets = []
    for text in texts:
        words = text.split()
        runs = {tuple(words[at : at + near.WIDTH]) for at in range(len(words) - near.WIDTH + 1)}
        sets.append(runs if len(words) >= near.SHORTEST else set())
    return [
        (a, b)
        for b in range(len(texts))
        for a in range(b)
        if sets[a] and sets[b] and near.OF * len(sets[a] & sets[b]) >= near.SHARED * len(sets[a] | sets[b])
    ]


def slow_clusters(texts: list[str]) -> list[int]:
    first = list(range(len(texts)))
    for a, b in slow_pairs(texts):
        low, high = sorted((first[a], first[b]))
        first = [low if value == high else value for value in first]
    return first


def drawn(seed: int, count: int = 40, kinds: int = 6) -> list[str]:
    """Texts that are changed copies of a few, some of few words that repeat, many near the border."""
    rng = random.Random(seed)
    words = "abcdefghij" if seed % 2 else [str(number) for number in range(3000)]
    base = [[rng.choice(words) for _ in range(rng.randrange(15, 120))] for _ in range(kinds)]
    texts = []
    for _ in range(count):
        text = list(rng.choice(base))
        for _ in range(rng.randrange(5)):
            text[rng.randrange(len(text))] = f"x{rng.randrange(50)}"
        texts.append(" ".join(text))
    return texts


@pytest.mark.parametrize("seed", range(12))
def test_clusters_as_by_comparing_all(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = drawn(seed)
    wanted = slow_clusters(texts)
    assert wanted != list(range(len(texts)))
    assert near.clusters(texts).tolist() == wanted
    monkeypatch.setattr(near, "BLOCK", 50)  # many blocks instead of one
    assert near.clusters(texts).tolist() == wanted


@settings(max_examples=40, deadline=None)
@given(some.integers(0, 10**6), some.integers(0, 12))
def test_pairs_across_as_by_comparing_all(seed: int, border: int) -> None:
    texts = drawn(seed, count=16, kinds=3)
    wanted = sorted((a, b - border) for a, b in slow_pairs(texts) if a < border <= b)
    assert near.across(texts[:border], texts[border:]) == wanted


def test_the_border_is_four_fifths() -> None:
    text = [f"w{number}" for number in range(40)]  # 36 runs
    inside = [*text, *(f"n{number}" for number in range(9))]  # 36 of 45
    outside = [*text, *(f"n{number}" for number in range(10))]  # 36 of 46
    assert near.clusters([" ".join(text), " ".join(inside)]).tolist() == [0, 0]
    assert near.clusters([" ".join(text), " ".join(outside)]).tolist() == [0, 1]
    assert near.jaccard(" ".join(text), " ".join(inside)) == 0.8


def test_short_and_empty_texts_have_no_copies() -> None:
    short = " ".join(f"w{number}" for number in range(near.SHORTEST - 1))
    assert near.clusters([short, short, "", ""]).tolist() == [0, 1, 2, 3]
    assert near.clusters([]).tolist() == []
    assert near.across([], ["a"]) == near.across(["a"], []) == []
    assert near.jaccard("", "") == 0


def test_a_frame_of_thousands_is_no_burden() -> None:
    frame = " ".join(f"frame{number}" for number in range(60))
    texts = [f"{frame} {number} {number + 1}" for number in range(3000)]
    assert set(near.clusters(texts).tolist()) == {0}


def test_leaders_follow_no_chain() -> None:
    words = [f"w{number}" for number in range(60)]
    texts = [" ".join(words[shift : shift + 50]) for shift in (0, 4, 8)]  # 46 runs each, 42 common with the next
    assert near.clusters(texts).tolist() == [0, 0, 0]
    assert near.leaders(texts) == [0, 0, 2]
    assert near.leaders(["short", "short", "other"]) == [0, 0, 2]


@pytest.mark.skipif(importlib.util.find_spec("datasketch") is None, reason="datasketch is not installed")
def test_what_min_hash_finds_is_found() -> None:
    from datasketch import MinHash, MinHashLSH

    texts = drawn(5, count=60)
    lsh = MinHashLSH(num_perm=96, params=(24, 4))
    for number, text in enumerate(texts):
        words = text.split()
        made = MinHash(num_perm=96)
        made.update_batch([" ".join(words[at : at + 5]).encode() for at in range(max(0, len(words) - 4))])
        lsh.insert(str(number), made)
        for other in map(int, lsh.query(made)):
            if near.jaccard(text, texts[other]) >= 0.8 and min(len(words), len(texts[other].split())) >= near.SHORTEST:
                clusters = near.clusters(texts)
                assert clusters[number] == clusters[other]
