"""The answer task: one place makes both the prompt that is trained on and the one that is tested with."""

from dataclasses import fields, replace

from medlms import catalogue
from medlms.tasks import answer
from medlms.types import QA, Dialogue, Message, Reply

EXAMPLE = QA(
    id="a1",
    source="ours",
    licence="CC-BY-4.0",
    place="here:1",
    question="What is a sprain?",
    answer="A stretched ligament.",
    topic="sprain",
    kind="information",
    group="g1",
)
REPLY = Reply(
    "a1", "  A torn ligament.\n", "length", prompt_tokens=9, new_tokens=5, seconds=2.0, first_token_seconds=0.5
)


def test_messages_are_instruction_then_question():
    assert answer.messages(EXAMPLE, instruction="Be truthful.") == (
        Message("system", "Be truthful."),
        Message("user", "What is a sprain?"),
    )
    assert answer.messages(EXAMPLE, instruction=" ") == (Message("user", "What is a sprain?"),)
    assert answer.answer(EXAMPLE) == "A stretched ligament."


def test_read_carries_everything_over():
    found = answer.read(EXAMPLE, REPLY, references=("x", "y"), prompt="the prompt")
    assert (found.id, found.group, found.prompt, found.said, found.golds) == (
        "a1",
        "g1",
        "the prompt",
        "A torn ligament.",
        ("x", "y"),
    )
    assert (found.problem, found.finish_reason, found.tokens, found.seconds, found.first_token_seconds) == (
        "",
        "length",
        5,
        2.0,
        0.5,
    )
    assert (found.topic, found.kind, found.source) == ("sprain", "information", "ours")


def test_blank_reply_is_a_problem():
    found = answer.read(EXAMPLE, replace(REPLY, text=" \n\t"), references=("x",), prompt="")
    assert found.problem == "empty"
    assert found.said == ""


def test_every_metric_of_the_task_exists():
    assert {name.partition(".")[0] for name in answer.METRICS} <= set(catalogue.names("metrics"))
    assert len(set(answer.METRICS)) == len(answer.METRICS)


TALK = Dialogue(
    **{field.name: getattr(EXAMPLE, field.name) for field in fields(QA)}, between=("A tear.", "How is it treated?")
)


def test_a_dialogue_is_asked_for_its_last_answer_given_all_before_it():
    assert answer.messages(TALK, instruction="Be truthful.") == (
        Message("system", "Be truthful."),
        Message("user", "What is a sprain?"),
        Message("assistant", "A tear."),
        Message("user", "How is it treated?"),
    )
    assert answer.answer(TALK) == EXAMPLE.answer
    assert answer.read(TALK, REPLY, references=("x",), prompt="").golds == ("x",)


def test_what_was_asked_is_shown_to_people():
    assert answer.question(EXAMPLE) == "What is a sprain?"
    assert answer.question(TALK) == "Question: What is a sprain?\n\nAnswer: A tear.\n\nQuestion: How is it treated?"
