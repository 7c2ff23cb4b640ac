"""Votes and the nearest text, on cases counted by hand, and against a plain twin."""

import random
from collections import Counter

import pytest

from medlms.evaluate.votes import likeness, nearest, plurality
from medlms.verify.strategies import winner


@pytest.mark.parametrize(
    ("votes", "place"),
    [
        ([1, 2, 2], 1),
        ([3, 1, 1, 3], 0),  # a tie: 3 was named first
        ([None, 2, 0, 0, 2], 1),
        ([None, None, 1], 2),
        ([None, None], None),
        ([], None),
    ],
)
def test_most_votes_and_of_equal_ones_the_first_named(votes, place):
    assert plurality(votes) == place


def test_the_vote_is_its_twin():
    draw = random.Random(1)
    for _ in range(500):
        votes = [draw.choice([None, 0, 1, 2]) for _ in range(draw.randrange(8))]
        place = plurality(votes)
        assert (None if place is None else votes[place]) == winner(votes)
        if place is not None:
            assert Counter(votes)[votes[place]] == max(n for v, n in Counter(votes).items() if v is not None)


def test_the_nearest_text_is_the_one_the_others_share_most_with():
    texts = ["rest and fluids", "call a doctor", "rest fluids and a doctor", ""]
    assert nearest(texts) == 2
    # rest, and, fluids against rest, fluids, and, doctor: 2 * 3 / (3 + 4); call, doctor: 2 * 1 / (2 + 4)
    assert likeness(texts, 2) == pytest.approx((6 / 7 + 2 / 6) / 2)
    assert nearest(["same", "same", "other"]) == 0
    assert nearest(["", "  "]) is None and nearest([]) is None
    assert nearest(["", "alone"]) == 1 and likeness(["", "alone"], 1) == 1.0
