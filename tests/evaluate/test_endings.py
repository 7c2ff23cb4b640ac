"""Labels of how answers ended."""

import pytest

from medlms.evaluate.endings import endings, repeats
from medlms.types import Prediction

PLAIN = (
    "A sprain is a stretched ligament. Rest the joint, cool it, and keep it raised. See a doctor if you can't put weight "
    "on it. Swelling goes down within days. Most sprains heal within six weeks. Start to move the joint again early."
)


def prediction(said, finish_reason="stop"):
    return Prediction("x", "g", "", said, ("y",), finish_reason=finish_reason)


def test_labels_and_their_order():
    loop = "Take it twice a day. " * 9
    assert endings(prediction(" \n")) == "empty"
    assert endings(prediction("", "length")) == "empty"
    assert endings(prediction(PLAIN)) == "complete"
    assert endings(prediction(PLAIN, "length")) == "cut by length"
    assert endings(prediction(loop)) == "repeats itself"
    assert endings(prediction(loop, "length")) == "repeats itself"


@pytest.mark.parametrize(
    "text",
    [
        "no " * 10,
        "The symptoms of this rare disease are: " + "fever, cough, and a rash on the arms, " * 4,
        "- See your doctor soon.\n" * 3,
        "See a doctor now. Rest. See a doctor now! Drink. SEE A DOCTOR NOW.",
        PLAIN + " " + PLAIN + " " + PLAIN,
        ("one two three four five six seven eight " + "pad " * 3 + "x y z ") * 3,
    ],
)
def test_repeating(text):
    assert repeats(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PLAIN,
        PLAIN + " " + PLAIN,
        "no " * 9,
        "See a doctor now. Rest. See a doctor now.",
        "Yes. Yes. Yes.",
        "\n".join(f"{number}. This may be a sign of problem {number}." for number in range(20)),
    ],
)
def test_not_repeating(text):
    assert not repeats(text)


def test_far_apart_is_not_repeating():
    filler = " ".join(f"word{number}" for number in range(70))
    run = "one two three four five six seven eight"
    far = " ".join([run, filler, run, filler.replace("word", "other"), run])
    near = " ".join([run, "then", run, "and", run])
    assert not repeats(far)
    assert repeats(near)
