"""The metrics of exams equal plain versions of their definitions, and have their limits."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.evaluate.exam_answers import confidences, drawn, softmax

from medlms.evaluate.score import score
from medlms.metrics import ece

PREDICTIONS = drawn(300, 3)


def value(name, predictions=PREDICTIONS):
    (found,) = score(predictions, [name], resamples=100)
    return found.value


def test_accuracy_counts_right_choices_and_unread_ones_as_wrong():
    assert value("accuracy") == sum(p.chosen == p.right for p in PREDICTIONS) / 300
    unread = [replace(p, chosen=None, problem="empty", option_logprobs=()) for p in PREDICTIONS[:30]]
    mixed = [*unread, *PREDICTIONS[30:]]
    (found,) = score(mixed, ["accuracy"], resamples=100)
    assert (found.n, found.unread) == (300, 30)
    assert found.value == sum(p.chosen == p.right for p in PREDICTIONS[30:]) / 300


def plain_macro_f1(predictions):
    f1 = []
    for kind in {p.right for p in predictions} | {p.chosen for p in predictions if p.chosen is not None}:
        hits = sum(p.right == kind and p.chosen == kind for p in predictions)
        said, wanted = sum(p.chosen == kind for p in predictions), sum(p.right == kind for p in predictions)
        precision, recall = hits / said if said else 0.0, hits / wanted if wanted else 0.0
        f1.append(2 * precision * recall / (precision + recall) if hits else 0.0)
    return sum(f1) / len(f1)


def test_macro_f1_is_the_mean_of_the_classes_f1():
    assert value("macro_f1") == pytest.approx(plain_macro_f1(PREDICTIONS), abs=1e-12)
    one_class = [replace(p, chosen=0) for p in PREDICTIONS]
    assert value("macro_f1", one_class) == pytest.approx(plain_macro_f1(one_class), abs=1e-12)
    unread = [replace(p, chosen=None) if n % 3 else p for n, p in enumerate(PREDICTIONS)]
    assert value("macro_f1", unread) == pytest.approx(plain_macro_f1(unread), abs=1e-12)


def test_macro_f1_of_always_yes_by_hand():
    yes = replace(PREDICTIONS[0], chosen=0, option_logprobs=(), options=("yes", "no", "maybe"))
    classes = [0] * 276 + [1] * 169 + [2] * 55
    rows = [replace(yes, id=f"y{number}", group=f"{number}", right=right) for number, right in enumerate(classes)]
    assert value("accuracy", rows) == 0.552
    assert value("macro_f1", rows) == pytest.approx(2 * 276 / (500 + 276) / 3)


def test_scikit_learn_agrees():
    learn = pytest.importorskip("sklearn.metrics")
    right, chosen = [p.right for p in PREDICTIONS], [p.chosen for p in PREDICTIONS]
    assert value("macro_f1") == pytest.approx(learn.f1_score(right, chosen, average="macro"))
    shares = [softmax(p.option_logprobs) for p in PREDICTIONS]
    assert value("log_loss") == pytest.approx(learn.log_loss(right, shares, labels=range(4)))


def test_brier_and_log_loss():
    squares = [
        sum((share - (n == p.right)) ** 2 for n, share in enumerate(softmax(p.option_logprobs))) for p in PREDICTIONS
    ]
    assert value("brier") == pytest.approx(np.mean(squares), abs=1e-12)
    losses = [-math.log(softmax(p.option_logprobs)[p.right]) for p in PREDICTIONS]
    assert value("log_loss") == pytest.approx(np.mean(losses), abs=1e-12)
    even = [replace(p, option_logprobs=(-2.0,) * 4, chosen=0) for p in PREDICTIONS]
    assert value("brier", even) == pytest.approx(0.75)
    assert value("log_loss", even) == pytest.approx(math.log(4))


def test_probabilities_far_below_the_smallest_number_are_still_compared():
    far = [replace(p, option_logprobs=tuple(x - 5000 for x in p.option_logprobs)) for p in PREDICTIONS]
    assert value("log_loss", far) == pytest.approx(value("log_loss"), abs=1e-9)
    sure = [replace(p, option_logprobs=(0.0, -2000.0, -2000.0, -2000.0), chosen=0, right=1) for p in PREDICTIONS]
    assert value("log_loss", sure) == pytest.approx(2000)
    assert value("brier", sure) == pytest.approx(2)
    assert value("ece", sure) == pytest.approx(1)


def plain_ece(pairs, bins=15):
    total = 0.0
    for number in range(bins):
        inside = [(c, hit) for c, hit in pairs if number / bins < c <= (number + 1) / bins]
        if inside:
            total += abs(sum(c for c, _ in inside) / len(inside) - sum(hit for _, hit in inside) / len(inside)) * len(
                inside
            )
    return total / len(pairs)


def test_calibration_error_equals_its_definition():
    for seed in range(5):
        predictions = drawn(200, seed, knows=seed)
        assert value("ece", predictions) == pytest.approx(plain_ece(confidences(predictions)), abs=1e-12)


def test_edges_of_bins():
    assert [ece.bin_of(x) for x in (0.0, 1e-9, 1 / 15, 1 / 15 + 1e-9, 0.5, 1.0, 1.0 + 1e-12)] == [0, 0, 0, 1, 7, 14, 14]


def test_without_probabilities_there_is_no_calibration():
    bare = [replace(p, option_logprobs=()) for p in PREDICTIONS]
    assert [found.metric for found in score(bare, ["accuracy", "brier", "log_loss", "ece"], resamples=100)] == [
        "accuracy"
    ]


def test_answers_that_are_no_exam_have_no_accuracy():
    assert score([replace(PREDICTIONS[0], right=None)], ["accuracy", "macro_f1"], resamples=100) == []
