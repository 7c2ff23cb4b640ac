"""What a written answer names: the usual ways to say it, and every way not to."""

import pytest

from medlms.tasks._said import DISAGREE, EMPTY, NONE, OUTSIDE, REFUSED, SEVERAL, option_named

DRUGS = ("Aspirin", "Vitamin K", "Heparin", "Low-dose aspirin with heparin")
YES = ("yes", "no", "maybe")
TYPES = ("Type 1 diabetes", "Diabetes", "Hepatitis A", "Hepatitis B")

READ = [
    ("B", 1), ("b", 1), ("B.", 1), ("(B)", 1), ("[B]", 1), ("b)", 1), ("B)", 1), ("B:", 1), ("**B**", 1), ("**B.**", 1),
    ("\n\nB\n", 1), ("B. Vitamin K", 1), ("(B) Vitamin K", 1), ("B - Vitamin K", 1), ("B Vitamin K", 1), ("`C`", 2),
    ("The answer is (B)", 1), ("The answer is B.", 1), ("the answer is b.", 1), ("Answer: C", 2), ("**Answer:** C", 2),
    ("**Answer: (C)**", 2), ("Answer: C. Heparin", 2), ("The correct answer is **D**.", 3), ("The correct option is C", 2),
    ("The right answer is: A", 0), ("The answer is A", 0), ("The answer is A because of the platelets.", 0),
    ("The answer is option B", 1), ("Option B is correct.", 1), ("C is the correct answer", 2), ("I choose D", 3),
    ("I would go with B.", 1), (r"The final answer is $\boxed{B}$.", 1), (r"\boxed{C}", 2), (r"\boxed{\text{D}}", 3),
    ("Clots need thrombin. So the answer is C.", 2),
    ("First I thought the answer is A.\nFinal answer: C", 2),
    ("The answer is B.\n\nThe answer is B.\n\nThe answer is B.", 1),
    ("Vitamin K", 1), ("vitamin k.", 1), ("It is reversed by Vitamin K.", 1), ("The answer is Vitamin K.", 1),
    ("Low-dose aspirin with heparin", 3), ("One gives low dose aspirin with heparin here.", 3),
    ("Aspirin. It is an old drug.", 0), ("A patient like this needs Heparin.", 2), ("I think Heparin", 2),
    ("Because of the lungs (C) it must be", 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "index"), READ)
def test_one_option_is_read(text: str, index: int) -> None:
    assert option_named(text, DRUGS) == (index, "")


UNREAD = [
    ("", EMPTY), (" \n\t", EMPTY), ("**", EMPTY),
    ("A or B", SEVERAL), ("A, B", SEVERAL), ("A and C", SEVERAL), ("(A) or (C)", SEVERAL), ("B/C", SEVERAL),
    ("A. Aspirin\nB. Vitamin K\nC. Heparin", SEVERAL), ("The answer is A. The answer is B.", SEVERAL),
    ("Both Vitamin K and Heparin help.", SEVERAL), ("Perhaps (A), perhaps (B).", SEVERAL),
    ("E", OUTSIDE), ("The answer is F.", OUTSIDE), ("(Z)", OUTSIDE),
    ("B. Heparin", DISAGREE), ("The answer is (A) Vitamin K", DISAGREE),
    ("I'm sorry, but I can't answer this.", REFUSED), ("As an AI I can not give advice.", REFUSED),
    ("I cannot provide medical advice.", REFUSED), ("I don't know.", REFUSED),
    ("A patient should see a doctor.", NONE), ("I think so", NONE), ("The answer is a matter of taste", NONE), ("42", NONE),
    ("Question: Which drug?", NONE), ("ha ha ha " * 200, NONE), ("🤒", NONE),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), UNREAD)
def test_what_can_not_be_read_is_named(text: str, problem: str) -> None:
    assert option_named(text, DRUGS) == (None, problem)


@pytest.mark.parametrize(
    ("text", "index"),
    [("Yes", 0), ("No.", 1), ("maybe", 2), ("Yes, there is no doubt.", 0), ("**No** - it did not", 1), ("The answer is yes.", 0),
     ("A", 0), ("C. maybe", 2), ("Answer: no", 1)],
)  # fmt: skip
def test_yes_no_and_maybe(text: str, index: int) -> None:
    assert option_named(text, YES) == (index, "")


def test_yes_and_no_in_one_sentence_are_two() -> None:
    assert option_named("It may be yes or no", YES) == (None, SEVERAL)


def test_options_inside_options_and_letters_inside_options() -> None:
    assert option_named("Type 1 diabetes", TYPES) == (0, "")
    assert option_named("Diabetes", TYPES) == (1, "")
    assert option_named("This is hepatitis B", TYPES) == (3, "")
    assert option_named("The answer is Hepatitis A", TYPES) == (2, "")


@pytest.mark.parametrize("count", [2, 3, 4, 10, 26])
def test_every_letter_of_every_number_of_options(count: int) -> None:
    options = [f"thing number {n}" for n in range(count)]
    for index in range(26):
        letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[index]
        for form in ("{}", "({})", "{}.", "The answer is ({}).", "**{}**", "Answer: {}"):
            found = option_named(form.format(letter), options)
            assert found == ((index, "") if index < count else (None, OUTSIDE)), (form, letter)
        if index < count:
            assert option_named(f"It is {options[index]}.", options) == (index, "")


def test_a_very_long_answer_is_read_quickly() -> None:
    import time

    began = time.perf_counter()
    option_named("the answer is the correct the right " * 5000, DRUGS)
    option_named("aspirin heparin " * 5000, DRUGS)
    assert time.perf_counter() - began < 5
