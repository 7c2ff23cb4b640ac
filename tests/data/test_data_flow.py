"""No row is lost or counted twice between the files and the tokens, and an account that says otherwise is refused."""

from __future__ import annotations

import copy
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medlms import config, data
from medlms.data import duplicates, flow, lengths

# A busy machine is slow, which is no fault of the rows.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
PARTS = ("train", "dev", "eval", "not_drawn")
FATES = [("reading", "empty answer"), ("cleaning", "empty question"), ("repeated rows", duplicates.REASON)]
rows = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([*FATES, *PARTS])), min_size=1, max_size=60)


def account(made: list[tuple[str, Any]]) -> dict[str, Any]:
    """The account of rows, each a source with the part that it went to or the step and reason that dropped it."""
    sources = {}
    for name in sorted({name for name, _ in made}):
        fates = [fate for source, fate in made if source == name]
        steps: dict[str, Counter[str]] = {}
        for fate in fates:
            if isinstance(fate, tuple):
                steps.setdefault(fate[0], Counter())[fate[1]] += 1
        dropped = sum(steps.values(), Counter[str]())
        sources[name] = {
            "rows_in": len(fates),
            "kept": len(fates) - dropped.total(),
            "dropped": dict(dropped),
            "dropped_by_step": {step: dict(found) for step, found in steps.items()},
            **{part: fates.count(part) for part in PARTS},
        }
    totals = {key: sum(item[key] for item in sources.values()) for key in ("rows_in", "kept", *PARTS)}
    return {"sources": sources, "totals": totals}


@PATIENT
@given(rows)
def test_the_way_of_random_rows_adds_up(made: list[tuple[str, Any]]) -> None:
    found = flow.follow(account(made))
    assert found.rows_in == len(made)
    assert found.rows_in - sum(sum(stage.dropped.values()) for stage in found.stages) == found.kept
    assert found.kept == sum(found.parts.values()) == sum(isinstance(fate, str) for _, fate in made)
    assert [stage.step for stage in found.stages] == [s for s in flow.STEPS if any(f[0] == s for _, f in made)]
    before = found.rows_in
    for stage in found.stages:
        assert (stage.before, stage.left) == (before, before - sum(stage.dropped.values()))
        before = stage.left
    each = [flow.follow(account(made), name) for name in sorted({name for name, _ in made})]
    assert sum(item.rows_in for item in each) == found.rows_in
    assert {part: sum(item.parts[part] for item in each) for part in PARTS} == found.parts


@PATIENT
@given(rows, st.data(), st.sampled_from([-1, 1]))
def test_one_row_more_or_less_anywhere_is_refused(made: list[tuple[str, Any]], draw: Any, change: int) -> None:
    wrong = copy.deepcopy(account(made))
    source = wrong["sources"][draw.draw(st.sampled_from(sorted(wrong["sources"])))]
    key = draw.draw(st.sampled_from(["rows_in", "kept", *PARTS, *source["dropped"]]))
    held = source["dropped"] if key in source["dropped"] else source
    held[key] += change
    with pytest.raises(ArithmeticError, match=r"does not add up|fewer than no rows"):
        flow.follow(wrong)


def test_tokens_must_add_up_too() -> None:
    good = account([("a", "train")] * 5 + [("a", "eval")])
    fault = {"place": "f:1", "reason": "x", "detail": ""}
    good["tokens"] = {"rows": 4, "tokens": 90, "learned_tokens": 30, "cut": [fault], "dropped": [fault]}
    good["tokens"]["lengths"] = {"bins": lengths.histogram([5, 6, 7, 30, 40], limit=20)}
    found = flow.follow(good)
    assert (found.whole, found.cut, found.too_long) == (3, 1, 1)
    for key, value in (("rows", 5), ("cut", [fault] * 5), ("learned_tokens", 91), ("dropped", [])):
        with pytest.raises(ArithmeticError):
            flow.check({**good, "tokens": {**good["tokens"], key: value}})
    for sizes in ([5, 6, 7, 30], [5, 6, 7, 8, 40]):
        off = {"lengths": {"bins": lengths.histogram(sizes, limit=20)}}
        with pytest.raises(ArithmeticError):
            flow.check({**good, "tokens": {**good["tokens"], **off}})


def test_an_account_of_an_older_version_is_read() -> None:
    old = account([("a", ("reading", "empty answer")), ("a", "train")])
    del old["sources"]["a"]["dropped_by_step"], old["totals"]
    (stage,) = flow.follow(old).stages
    assert (stage.step, stage.dropped) == ("dropped", {"empty answer": 1})


@settings(PATIENT, max_examples=15)
@given(st.lists(st.sampled_from(["good", "no question", "no answer", "twice", "only a question"]), max_size=30))
def test_every_row_of_a_random_file_is_used_or_named_once(kinds: list[str]) -> None:
    made = [{"question": f"What is it {n}?", "answer": f"It is number {n}."} for n in range(12)]
    for number, kind in enumerate(kinds, len(made)):
        made.append(
            {
                "good": {"question": f"What is it {number}?", "answer": f"It is number {number}."},
                "no question": {"question": " ", "answer": "Yes."},
                "no answer": {"question": f"And {number}?", "answer": ""},
                "twice": made[number % 12],
                "only a question": {"question": f"Why {number}?", "answer": "What was that again?"},
            }[kind]
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in made))
        read = config.load(
            {"model": "x", "data": [str(path)], "split": {"dev": 2, "eval": 2}}, ["identifier_scan=quick"]
        )[0]
        prepared = data.prepare(read)
    found = flow.follow(prepared.report)
    assert found.rows_in == len(made)
    assert found.rows_in - found.kept == len(prepared.dropped) == sum(kind != "good" for kind in kinds)
    assert found.parts["not_drawn"] == 0
    used = [row.place for row in (*prepared.train, *prepared.dev, *prepared.eval)]
    lines = sorted(int(place.rpartition(":")[2]) for place in [*used, *(row["place"] for row in prepared.dropped)])
    assert lines == list(range(1, len(made) + 1))
    assert all(row["reason"] and row["step"] in flow.STEPS and not row["used"] for row in prepared.dropped)
