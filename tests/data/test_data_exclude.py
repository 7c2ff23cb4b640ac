"""Rows that a list names stay out, with whatever says the same, however the file is sorted or named."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medlms import config, data
from medlms.datasets import mark
from medlms.errors import DataError


def records(count: int = 60) -> list[dict[str, str]]:
    return [
        {"question": f"What is illness {n}?", "answer": f"Illness {n} lasts {n} days.", "patient": f"P{n // 2}"}
        for n in range(count)
    ]


def prepare(*files: str, exclude: Any = ()) -> Any:
    settings = {"model": "m", "data": list(files), "split": {"dev": 4, "eval": 6}, "exclude": exclude}
    settings["identifier_scan"] = "quick"
    return data.prepare(config.load(settings)[0])


def everywhere(prepared: Any) -> set[str]:
    return {row.question for side in (prepared.train, prepared.dev, prepared.eval) for row in side}


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., str]:
    def write(*lines: str) -> str:
        path = tmp_path / "list.txt"
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    return write


def test_ids_stay_when_rows_move_and_come(table: Any) -> None:
    rows = records()
    before = prepare(table("a.jsonl", rows))
    random.Random(1).shuffle(rows)
    more = [{"question": "What is new?", "answer": "This is.", "patient": "new"}, *rows]
    after = prepare(table("a.jsonl", more))
    first, second = ({record["mark"]: record["id"] for record in found.lineage} for found in (before, after))
    assert len(first) == 60 and len(second) == 61
    assert first.items() <= second.items()
    assert len({row.id for row in (*before.dev, *before.eval)} & {row.id for row in (*after.dev, *after.eval)}) >= 9


def test_files_of_one_name_keep_their_names_when_they_change_places(table: Any, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    one, two = (
        table("a.jsonl", records(40)),
        table("x/a.jsonl", [{**row, "question": row["answer"]} for row in records(30)]),
    )
    ids = [{row["place"]: row["id"] for row in prepare(*files).lineage} for files in ((one, two), (two, one))]
    assert ids[0] == ids[1] and len(ids[0]) == 70


def test_a_row_a_patient_and_all_that_says_the_same(table: Any, listed: Any) -> None:
    rows = records()
    path = table("a.jsonl", [*rows, {**rows[7], "answer": rows[7]["answer"].upper(), "patient": "other"}])
    before = prepare(path)
    id_of = {record["place"].rpartition(":")[2]: record["id"] for record in before.lineage}
    prepared = prepare(path, exclude=listed("# by hand", "", id_of["8"], "document:a/P10"))
    gone = {rows[n]["question"] for n in (7, 20, 21)}
    assert everywhere(before) - everywhere(prepared) == gone & everywhere(before) == gone
    account = prepared.report["excluded"]
    assert (account["rows_left_out"], account["repeats_left_out"], account["by_source"]) == (3, 1, {"a": 4})
    assert account["entries_that_name_no_row"] == 0
    assert prepared.report["sources"]["a"]["dropped"] == {
        "listed in exclude": 3,
        "says what a row listed in exclude says": 1,
    }
    assert any("left out because of list.txt: 3 rows, and 1 that say the same" in text for text in prepared.said)
    assert any(name.endswith("list.txt") for name in prepared.files)
    assert not {id_of["8"], id_of["21"], id_of["22"], id_of["61"]} & {
        row.id for side in (prepared.train, prepared.dev, prepared.eval) for row in side
    }


def test_a_mark_finds_the_row_under_another_name(table: Any, listed: Any) -> None:
    rows = records()
    before = prepare(table("a.jsonl", rows))
    (record,) = [record for record in before.lineage if record["place"].endswith(":8")]
    entry = json.dumps({"id": record["id"], "mark": record["mark"]})
    renamed = table("b.jsonl", rows[::-1])
    assert rows[7]["question"] not in everywhere(prepare(renamed, exclude=listed(entry)))
    by_id = prepare(renamed, exclude=listed(record["id"]))
    assert rows[7]["question"] in everywhere(by_id), "an id alone does not know the new name"
    assert by_id.report["excluded"]["first_of_these"] == [record["id"]]
    assert any("1 of 1 entries of these lists name no row" in text for text in by_id.said)


def test_the_sides_of_other_rows_do_not_change_where_groups_stay(table: Any, listed: Any) -> None:
    path = table("a.jsonl", records(200))
    before = prepare(path)
    prepared = prepare(path, exclude=listed(before.train[0].id))
    held = {row.id for row in (*before.dev, *before.eval)}
    assert {row.id for row in (*prepared.dev, *prepared.eval)} == held


@pytest.mark.parametrize(
    ("line", "sentence"),
    [('{"id": 3}', "list.txt:1: neither an id"), ("{broken", "list.txt:1: neither"), ('{"row": "a/1"}', "list.txt:1")],
)
def test_broken_lists(table: Any, listed: Any, line: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        prepare(table("a.jsonl", records()), exclude=listed(line))


def test_a_list_that_is_not_there_stops_everything(table: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file") as error:
        prepare(table("a.jsonl", records()), exclude=str(tmp_path / "none.txt"))
    assert "would come back" in error.value.hint
    (tmp_path / "latin.txt").write_bytes("Mutterkorn-Übel".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        prepare(table("a.jsonl", records()), exclude=[str(tmp_path / "latin.txt")])


def test_lineage_holds_every_row_once_with_its_file_and_its_end(table: Any) -> None:
    import hashlib

    rows = [*records(), {"question": "", "answer": "x"}, records()[3], {"question": "What  is ours ?", "answer": "It."}]
    path = table("a.jsonl", rows)
    prepared = prepare(path)
    lineage = prepared.lineage
    assert sorted(int(record["place"].rpartition(":")[2]) for record in lineage) == list(range(1, 64))
    assert {record["sha256"] for record in lineage} == {hashlib.sha256(Path(path).read_bytes()).hexdigest()}
    sides = {"train": prepared.train, "dev": prepared.dev, "eval": prepared.eval}
    for side, held in sides.items():
        assert {record["id"] for record in lineage if record["part"] == side} == {row.id for row in held}
    by_place = {record["place"].rpartition(":")[2]: record for record in lineage}
    assert (by_place["61"]["part"], by_place["61"]["reason"]) == ("dropped", "empty question")
    assert by_place["62"]["reason"] == "question and answer repeat another row"
    assert by_place["62"]["id"] == f"{by_place['4']['id']}~2" and by_place["62"]["mark"] == by_place["4"]["mark"]
    assert by_place["63"]["cleaned"] == ["white space", "space before the question mark"]
    assert by_place["1"]["links"] == ["document:a/P0"] and "cleaned" not in by_place["1"]


def test_a_mark_is_of_the_text_alone(qa: Any) -> None:
    one, two = qa("1", "What  is it?", "A thing.\n"), qa("2", "What is it?", "A thing.", topic="t")
    assert mark(one) == mark(two) != mark(qa("3", "What is it", "? A thing."))


def test_a_topic_leaves_with_the_rows_that_name_it_only_in_their_question(table: Any, listed: Any) -> None:
    rows = [
        {"question": f"Can illness {n} be treated?", "answer": f"{n} can.", "topic": f"ailment {n}"} for n in range(40)
    ]
    bare = [{"question": "How long does ailment 7 last?", "answer": "For two weeks."}]
    files = [table("a.jsonl", rows), table("b.jsonl", bare)]
    gone = {rows[7]["question"], bare[0]["question"]}
    before, after = prepare(*files), prepare(*files, exclude=listed("topic:ailment 7"))
    assert everywhere(before) & gone and not everywhere(after) & gone
    account = after.report["excluded"]
    assert (account["rows_left_out"], account["entries_that_name_no_row"]) == (2, 0)
    only = prepare(*files, exclude=listed("topic:ailment 7", "topic:nothing"))
    assert only.report["excluded"]["first_of_these"] == ["topic:nothing"]
