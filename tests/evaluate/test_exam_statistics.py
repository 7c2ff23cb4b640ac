"""Floors, places, calibration and selective answering, each against a plain version or a known truth."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.evaluate.exam_answers import at_places, confidences, drawn

from medlms.evaluate.calibration import equal_mass_error, reliability
from medlms.evaluate.chance import Floor, floor, verdict
from medlms.evaluate.exam_results import by_bytes, results, ways
from medlms.evaluate.places import places
from medlms.evaluate.score import score
from medlms.evaluate.selective import perfect, selective
from medlms.evaluate.sitting import Answered, orders
from medlms.types import Score

RIGHT = {"resamples": 200, "seed": 1}


def test_the_floor_of_pubmedqa_is_always_yes():
    base = drawn(1, 0)[0]
    rows = [replace(base, options=("yes", "no", "maybe"), right=right) for right in [0] * 276 + [1] * 169 + [2] * 55]
    assert floor(rows) == Floor(pytest.approx(1 / 3), 0.552, "yes")


def test_the_floor_of_mixed_numbers_of_options():
    rows = [*drawn(10, 0, options=4), *drawn(30, 1, options=5)]
    found = floor(rows)
    assert found.chance == pytest.approx((10 / 4 + 30 / 5) / 40)
    most = max(sum(item.right == place for item in rows) for place in range(5))
    assert found.majority == most / 40
    assert found.answer in "ABCDE"


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.6, 0.7, "better than chance (33.3 %) and than always yes (55.2 %)"), (0.4, 0.5, "but worse than always yes"),
     (0.4, 0.6, "but no better than always yes"), (0.3, 0.4, "no better than chance"), (0.1, 0.2, "worse than chance"),
     (math.nan, math.nan, "too few questions")],
)  # fmt: skip
def test_verdicts(low, high, words):
    found = verdict(Score("accuracy", (low + high) / 2, low, high, 100), Floor(1 / 3, 0.552, "yes"))
    assert words in found


def test_guessing_is_called_no_better_than_chance_nearly_always():
    said = []
    for seed in range(100):
        rows = drawn(200, seed, knows=0.0)
        (accuracy,) = score(rows, ["accuracy"], resamples=100)
        said.append("no better than chance" in verdict(accuracy, floor(rows)))
    assert 88 <= sum(said) <= 99


def test_orders_put_every_option_at_every_place_once():
    for count in (2, 3, 4, 10):
        shown = orders(count, 26)
        assert shown[0] == tuple(range(count))
        assert len(shown) == len(set(shown)) == count
        assert all(sorted(order[place] for order in shown) == list(range(count)) for place in range(count))
    assert orders(4, 2) == ((0, 1, 2, 3), (3, 0, 1, 2))


def test_someone_who_always_takes_the_first_place_is_found_out():
    found = places(at_places(lambda order, right, draw: order[0]), **RIGHT)
    assert found["chosen"] == [1, 0, 0, 0]
    assert found["right"] == pytest.approx([0.25] * 4)
    assert found["bias"] == pytest.approx(0.75)
    assert found["over_orders"]["value"] == pytest.approx(0.25)
    assert (found["always_right"], found["same_choice"]) == (0, 0)
    assert found["right_at"] == [1, 0, 0, 0]


def test_someone_who_knows_survives_every_order():
    found = places(at_places(lambda order, right, draw: right), **RIGHT)
    assert (found["bias"], found["always_right"], found["same_choice"]) == (0, 1, 1)
    assert found["right_at"] == [1] * 4


def test_someone_who_is_wrong_in_the_same_way_is_steady_but_not_right():
    found = places(at_places(lambda order, right, draw: (right + 1) % 4), **RIGHT)
    assert (found["always_right"], found["same_choice"]) == (0, 1)


def test_unread_answers_take_no_place():
    found = places(at_places(lambda order, right, draw: None), **RIGHT)
    assert found["bias"] is None and found["chosen"] == [None] * 4
    half = places(at_places(lambda order, right, draw: right if order[0] == 0 else None, turns=2), **RIGHT)
    assert half["over_orders"]["value"] == 0.5 and half["same_choice"] == 0


def test_reliability_adds_up_to_the_calibration_error():
    predictions = drawn(400, 5)
    rows = reliability(predictions)
    assert sum(row["n"] for row in rows) == 400
    apart = sum(row["n"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / 400
    assert apart == pytest.approx(score(predictions, ["ece"], resamples=100)[0].value)
    assert all(row["from"] < row["confidence"] <= row["to"] for row in rows)
    assert all(row["low"] <= row["accuracy"] <= row["high"] for row in rows)


def test_equal_mass_error_equals_a_plain_version():
    predictions = drawn(150, 6)
    pairs = sorted(confidences(predictions))
    plain = sum(abs(sum(c - hit for c, hit in pairs[n : n + 10])) for n in range(0, 150, 10)) / 150
    assert equal_mass_error(predictions) == pytest.approx(plain)
    assert equal_mass_error([replace(item, option_logprobs=()) for item in predictions]) is None


def plain_area(pairs):
    """Mean over all numbers of answers of the share of errors among the surest so many; no two are equally sure."""
    wrong = [1 - hit for _, hit in sorted(pairs, key=lambda pair: -pair[0])]
    return sum(sum(wrong[:k]) / k for k in range(1, len(wrong) + 1)) / len(wrong)


def test_area_of_risk_and_accuracies_equal_plain_versions():
    for seed in range(4):
        predictions = drawn(121, seed)
        pairs = confidences(predictions)
        found = selective(predictions, [0.8, 0.5, 1.0], **RIGHT)
        assert found["area"]["value"] == pytest.approx(plain_area(pairs))
        surest = sorted(pairs, key=lambda pair: -pair[0])
        for point in found["at"]:
            count = math.ceil(point["coverage"] * 121)
            assert point["n"] == count
            assert point["value"] == pytest.approx(sum(hit for _, hit in surest[:count]) / count)
            assert point["confidence"] == pytest.approx(surest[count - 1][0])
        assert found["curve"][-1] == {"coverage": 1.0, "risk": pytest.approx(1 - sum(hit for _, hit in pairs) / 121)}
        assert found["area"]["low"] <= found["area"]["value"] <= found["area"]["high"]


def test_a_perfect_confidence_has_the_smallest_area():
    predictions = [
        replace(item, option_logprobs=(0.0, -9.0, -9.0, -9.0), chosen=0, right=0) if n < 70 else
        replace(item, option_logprobs=(0.0, -0.1, -9.0, -9.0), chosen=0, right=1)
        for n, item in enumerate(drawn(100, 1))
    ]  # fmt: skip
    found = selective(predictions, [0.7], **RIGHT)
    assert found["area"]["value"] == pytest.approx(perfect(100, 30)) == pytest.approx(found["perfect"])
    assert found["at"][0]["value"] == 1
    assert found["random"] == pytest.approx(0.3)


def test_equal_confidences_do_not_depend_on_the_order_of_the_file():
    predictions = [replace(item, option_logprobs=(0.0, -1.0, -1.0, -1.0), chosen=0) for item in drawn(60, 2)]
    there, back = (selective(rows, [0.5], **RIGHT) for rows in (predictions, predictions[::-1]))
    assert there["area"]["value"] == pytest.approx(back["area"]["value"]) == pytest.approx(there["random"])
    assert there["at"][0]["value"] == pytest.approx(1 - there["random"])


def test_what_can_not_be_answered_is_never_covered():
    predictions = drawn(100, 3)
    cut = [replace(item, option_logprobs=(), chosen=None, problem="too long") if n < 40 else item
           for n, item in enumerate(predictions)]  # fmt: skip
    found = selective(cut, [0.8, 0.5], **RIGHT)
    assert found["at"][0]["value"] is None and found["at"][0]["n"] == 80
    assert found["at"][1]["n"] == 50
    assert found["curve"][-1]["coverage"] == pytest.approx(0.6)
    assert selective([replace(item, option_logprobs=()) for item in predictions], [0.5], **RIGHT) is None


def test_options_by_bytes_choose_by_the_mean():
    for item in drawn(50, 8):
        found = by_bytes(item)
        means = [value / size for value, size in zip(item.option_logprobs, item.option_bytes, strict=True)]
        assert found.chosen == int(np.argmax(means))
        assert found.option_logprobs == ()
    bare = replace(item, option_logprobs=(), option_bytes=(), chosen=None)
    assert by_bytes(bare) == bare
    alone = [Answered(((0, 1, 2, 3),), (item,))]
    assert list(ways("options", alone)) == ["options", "options_bytes"]
    assert list(ways("letters", alone)) == ["letters"]


def test_results_hold_every_part_and_count_what_is_unread():
    answered = [Answered(((0, 1, 2, 3),), (item,)) for item in drawn(40, 1)]
    answered[3] = Answered(
        ((0, 1, 2, 3),), (replace(answered[3].first, chosen=None, problem="too long", option_logprobs=()),)
    )
    found = results(answered, system="base", way="letters", coverages=[0.5], **RIGHT)
    assert (found["unread"], found["unread_why"]) == (1, {"too long": 1})
    assert found["metrics"]["accuracy"]["n"] == 40 and found["metrics"]["brier"]["n"] == 39
    assert found["topics"] == {}
    one = results(answered[:1], system="base", way="letters", coverages=[0.5], **RIGHT)
    assert one["metrics"]["accuracy"]["n"] == 1


def test_topics_are_told_apart():
    answered = [Answered(((0, 1, 2, 3),), (replace(item, topic="ab"[n % 2]),)) for n, item in enumerate(drawn(40, 1))]
    found = results(answered, system="base", way="letters", coverages=[0.5], **RIGHT)["topics"]
    assert {name: score["n"] for name, score in found.items()} == {"a": 20, "b": 20}
    right = [item.first.chosen == item.first.right for item in answered]
    assert found["a"]["value"] == np.mean(right[::2])
