"""Asking: every reply is kept at once, and a stopped evaluation ends as one that was never stopped."""

import json

import pytest

from medlms.errors import AskedWrongly, CouldNot, DataError
from medlms.evaluate.ask import ask, score_references
from medlms.evaluate.lines import FIELDS, read_predictions
from medlms.run import Run
from medlms.tasks import answer
from medlms.types import QA, Reply

EXAMPLES = [
    QA(
        id=f"q{number}",
        source="ours",
        licence="CC0",
        place=f"here:{number}",
        question="Why " + "so " * (number * 7 % 5) + f"{number}?",
        answer=f"Because {number}, é.",
        topic=f"topic {number % 3}",
        kind="information",
        group=f"g{number % 3}",
    )
    for number in range(10)
]


class Scripted:
    """An engine that says the question; it can be made to crash, and its answers come in an order of its own."""

    name = "scripted"
    path = "made up"

    def __init__(self, crash_after=None):
        self.left = crash_after
        self.asked = []

    def answer(self, requests):
        self.asked += [request.id for request in requests]
        for request in reversed(requests):
            if self.left is not None:
                if not self.left:
                    raise KeyboardInterrupt
                self.left -= 1
            yield Reply(request.id, f"{request.messages[-1].text} é", "stop", 5, 9, 1.0, 0.5)

    def score(self, requests):
        self.asked += [request.id for request in requests]
        for request in requests:
            if self.left is not None:
                if not self.left:
                    raise KeyboardInterrupt
                self.left -= 1
            yield Reply(request.id, "", "scored", 5, 0, 1.0, 1.0, -float(len(request.reference)), 4)


def asked(run, engine, examples=EXAMPLES, **more):
    settings = {
        "task": answer,
        "instruction": "Be truthful.",
        "references": {"q3": ("best", "other")},
        "run": run,
        "system": "tuned",
        "max_new_tokens": 64,
    }
    return ask(engine, examples, **{**settings, **more})


def scored(run, engine, **more):
    return score_references(engine, EXAMPLES, task=answer, instruction="Be truthful.", run=run, system="tuned", **more)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "run")


def lines(run):
    return [json.loads(line) for line in (run.folder / "predictions/tuned.jsonl").read_text("utf-8").splitlines()]


def test_predictions_come_in_the_order_of_the_examples(run):
    told = []
    engine = Scripted()
    found = asked(run, engine, progress=lambda done, wanted: told.append((done, wanted)))
    assert [item.id for item in found] == [example.id for example in EXAMPLES]
    assert found[3].golds == ("best", "other")
    assert found[4].golds == ("Because 4, é.",)
    assert found[4].prompt == "Be truthful.\n\nWhy so so so 4?"
    assert found[4].group == "g1"
    assert told[0] == (0, 10) and told[-1] == (10, 10) and len(told) == 11
    lengths = {example.id: len(example.question) for example in EXAMPLES}
    order = [lengths[key] for key in engine.asked]
    assert order == sorted(order, reverse=True)
    assert all(set(line) == set(FIELDS) for line in lines(run))
    assert sorted(found, key=lambda item: item.id) == read_predictions(run, "tuned")


@pytest.mark.parametrize("crash_after", range(10))
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, crash_after):
    whole = asked(Run(tmp_path / "whole"), Scripted())
    run = Run(tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        asked(run, Scripted(crash_after))
    engine = Scripted()
    assert asked(run, engine) == whole
    assert lines(run) == lines(Run(tmp_path / "whole"))  # to the order of the lines
    assert len(engine.asked) == 10 - crash_after
    assert asked(run, Scripted(crash_after=0)) == whole  # nothing is left to ask


@pytest.mark.parametrize("cut", [1, 2, 30, 200, 400])
def test_line_cut_by_a_crash_is_asked_again(tmp_path, cut):
    whole = asked(Run(tmp_path / "whole"), Scripted())
    run, engine, said = Run(tmp_path / "cut"), Scripted(), []
    asked(run, Scripted())
    path = run.folder / "predictions/tuned.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    left = len(path.read_bytes().split(b"\n")) - 1
    assert asked(run, engine, say=said.append) == whole
    assert lines(run) == lines(Run(tmp_path / "whole"))
    assert len(engine.asked) == 10 - left
    assert f"line {left + 1} can't be read" in said[0] and f"{left} answers stand" in said[0]


def test_file_cut_in_the_middle_is_mended_and_says_so(tmp_path):
    whole = asked(Run(tmp_path / "whole"), Scripted())
    run, engine, said = Run(tmp_path / "cut"), Scripted(), []
    asked(run, Scripted())
    path = run.folder / "predictions/tuned.jsonl"
    kept = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*kept[:3], kept[3][:40], b"[1]", *kept[5:]]))
    with pytest.raises(DataError, match=r"tuned.jsonl:4: can't be read, the file was cut there; 8 other lines can"):
        read_predictions(run, "tuned")
    assert asked(run, engine, say=said.append) == whole
    assert len(engine.asked) == 2 and "2 lines, 4 first, can't be read" in said[0]
    assert said[1] == "tuned: 8 of 10 answers are there already"
    assert lines(run) == lines(Run(tmp_path / "whole"))


def test_rows_are_for_the_user_alone(run):
    asked(run, Scripted())
    assert (run.folder / "predictions/tuned.jsonl").stat().st_mode & 0o777 == 0o600
    scored(run, Scripted())
    assert (run.folder / "predictions/tuned.jsonl").stat().st_mode & 0o777 == 0o600


def test_line_cut_inside_a_character(run):
    whole = asked(run, Scripted())
    path = run.folder / "predictions/tuned.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex("é".encode()) + 1])
    assert asked(run, Scripted()) == whole


@pytest.mark.parametrize(
    "change",
    [{"max_new_tokens": 65}, {"instruction": "Lie."}, {"examples": EXAMPLES[:9]}, {"references": {}}],
    ids=lambda change: next(iter(change)),
)
def test_answers_of_another_test_are_not_mixed_in(run, change):
    asked(run, Scripted())
    with pytest.raises(AskedWrongly, match="another test"):
        asked(run, Scripted(), **change)
    assert len(lines(run)) == 10


def test_engine_must_answer_each_question_once(run):
    class Silent(Scripted):
        def answer(self, requests):
            yield from list(super().answer(requests))[1:]

    class Talkative(Scripted):
        def answer(self, requests):
            for reply in super().answer(requests):
                yield reply
                yield reply

    with pytest.raises(CouldNot, match="got no reply"):
        asked(run, Silent())
    with pytest.raises(CouldNot, match="not asked or is answered"):
        asked(run, Talkative())


def test_faulty_tests_are_refused(run):
    with pytest.raises(DataError, match=r"here:0: the id 'q0' occurs twice"):
        asked(run, Scripted(), examples=[*EXAMPLES, EXAMPLES[0]])
    with pytest.raises(DataError, match=r"here:3: a reference answer of 'q3' is empty"):
        asked(run, Scripted(), references={"q3": ("best", "  ")})
    with pytest.raises(DataError, match="no predictions"):
        read_predictions(run, "tuned")
    assert asked(run, Scripted(), examples=[]) == []


def test_lines_with_missing_fields_are_named(run):
    run.append("predictions/tuned.jsonl", [{"id": "q1", "predict": "x"}])
    with pytest.raises(DataError, match=r"'q1' has no group"):
        read_predictions(run, "tuned")


def test_own_rendering_of_the_prompt_is_kept(run):
    found = asked(run, Scripted(), render=lambda turns: "<s>" + turns[-1].text)
    assert found[0].prompt == "<s>Why 0?"


def test_reference_scores_are_merged_and_not_asked_twice(run):
    asked(run, Scripted())
    engine = Scripted()
    found = scored(run, engine)
    assert [item.id for item in found] == [example.id for example in EXAMPLES]
    assert found[3].reference_logprob == -4.0  # "best", the first of the references
    assert found[4].reference_logprob == -float(len("Because 4, é."))
    assert found[4].reference_tokens == 4
    assert len(engine.asked) == 10
    assert sorted(found, key=lambda item: item.id) == read_predictions(run, "tuned")
    again = Scripted()
    assert scored(run, again) == found and again.asked == []
    assert asked(run, Scripted(crash_after=0)) == found


def test_scoring_goes_on_where_it_was_stopped(run):
    asked(run, Scripted())
    with pytest.raises(KeyboardInterrupt):
        scored(run, Scripted(crash_after=6))
    engine = Scripted()
    found = scored(run, engine)
    assert len(engine.asked) == 4
    assert all(item.reference_logprob is not None for item in found)


def test_scoring_needs_the_answers_first(run):
    with pytest.raises(AskedWrongly, match="10 answers are missing"):
        scored(run, Scripted())
