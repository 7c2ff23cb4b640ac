"""A run's folder: names that are taken, files that are whole, rows that a crash cut, and erasing nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from pathlib import Path

import pytest

from medlms import run as run_module
from medlms.errors import AskedWrongly, DataError, ResourceError
from medlms.run import CONFIG, Run, write_whole


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(name: str = "a") -> Run:
    run = Run.create(name)
    run.write(CONFIG, "model: m\n")
    return run


def test_a_name_that_is_taken_gets_the_next_number() -> None:
    assert [Run.create("a").name for _ in range(3)] == ["a", "a-2", "a-3"]
    assert Run.create("./b/c/").folder == Path("b/c")
    assert Run.create("b/c").folder == Path("b/c-2")


def test_a_taken_name_may_be_a_file() -> None:
    Path("runs").mkdir()
    Path("runs/a").write_text("mine")
    assert Run.create("a").name == "a-2"
    assert Path("runs/a").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_the_folder_is_private() -> None:
    before = os.umask(0)
    try:
        folder = Run.create("a").folder
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_home_folder_is_meant_by_its_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Run.create("~/x").folder == tmp_path / "x"
    made("~/y")
    assert Run.open("~/y").folder == tmp_path / "y"


@pytest.mark.parametrize("name", ["", ".", "..", "/", "./", "../..", "a b", "-a", ".hidden", "a\nb", "x/.."])
def test_names_that_are_no_names_are_refused(here: Path, name: str) -> None:
    with pytest.raises(AskedWrongly, match="can't be a folder's name"):
        Run.create(name)
    assert list(here.iterdir()) == []


def test_a_folder_that_can_not_be_made_is_told_and_not_tried_for_ever() -> None:
    Path("file").write_text("")
    with pytest.raises(ResourceError, match="file: can't be made: a file has that name"):
        Run.create("file/a")
    Path("runs").write_text("")
    with pytest.raises(ResourceError, match="runs: can't be made: a file has that name"):
        Run.create("a")
    Path("runs").unlink()
    with pytest.raises(ResourceError, match="can't be made"):
        Run.create("a" * 300)


def test_a_run_is_opened_by_folder_or_name() -> None:
    made()
    assert Run.open("a").folder == Run.open("runs/a").folder == Path("runs/a")
    with contextlib.chdir("runs/a"):
        assert Run.open(".").name == Run.open("").name == "a"
    Path("runs/empty").mkdir()
    for name in ("b", "empty", "runs"):
        with pytest.raises(AskedWrongly, match="no run lies here"):
            Run.open(name)


def test_a_file_is_written_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    run = made()
    run.write("report.md", "old")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_module.os, "fsync", full)
    with pytest.raises(ResourceError, match="No space left"):
        run.write("report.md", "new")
    with pytest.raises(ResourceError, match="No space left"):
        run.append("steps.jsonl", [{"step": 1}])
    assert Path("runs/a/report.md").read_text() == "old"
    assert not list(Path("runs/a").glob("*.part"))


def test_a_file_is_replaced_in_one_move(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("x.txt")
    path.write_text("old")
    seen = []
    replace = Path.replace

    def look(self: Path, target: Path) -> Path:
        seen.append((path.read_text(), self.read_text()))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", look)
    write_whole(path, b"new")
    assert seen == [("old", "new")]
    assert path.read_text() == "new"


def test_json_goes_in_and_comes_out() -> None:
    run = made()
    value = {"b": "Müdigkeit", "a": [1, None]}
    run.write_json("sub/x.json", value)
    assert run.read_json("sub/x.json") == value
    assert "Müdigkeit" in Path("runs/a/sub/x.json").read_text(encoding="utf-8")
    with pytest.raises(DataError, match=r"report\.json: missing"):
        run.read_json("report.json")
    Path("runs/a/report.json").write_bytes(b'{"a": ')
    with pytest.raises(DataError, match="not readable as JSON"):
        run.read_json("report.json")
    Path("runs/a/report.json").write_bytes(b'"\xff"')
    with pytest.raises(DataError, match="not readable as JSON"):
        run.read_json("report.json")


def test_rows_leave_out_a_last_line_that_a_crash_cut() -> None:
    run = made()
    run.append("steps.jsonl", [{"step": 1}, {"step": 2, "text": "a\u2028b\x85c"}])
    path = Path("runs/a/steps.jsonl")
    whole = path.read_bytes()
    for cut in (b'{"step": 3', '{"t": "ü'.encode()[:-1], b"{"):
        path.write_bytes(whole + cut)
        assert [row["step"] for row in run.rows("steps.jsonl")] == [1, 2]
    assert list(run.rows("none.jsonl")) == []


@pytest.mark.parametrize("length", [3, 4095, 4096, 4097, 20000])
def test_a_cut_line_is_gone_before_the_next_is_added(length: int) -> None:
    run = made()
    run.append("steps.jsonl", [{"step": 1}])
    with Path("runs/a/steps.jsonl").open("ab") as file:
        file.write(b"{" + b"x" * (length - 1))
    run.append("steps.jsonl", [{"step": 2}])
    assert [row["step"] for row in run.rows("steps.jsonl")] == [1, 2]
    Path("runs/a/epochs.jsonl").write_bytes(b"x" * length)
    run.append("epochs.jsonl", [{"epoch": 0}])
    assert list(run.rows("epochs.jsonl")) == [{"epoch": 0}]


def test_a_broken_line_inside_is_told_with_its_number() -> None:
    run = made()
    Path("runs/a/steps.jsonl").write_bytes(b'{"step": 1}\n{"step"\n{"step": 3}\n')
    with pytest.raises(DataError, match=r"steps\.jsonl:2: not a JSON line"):
        list(run.rows("steps.jsonl"))


def test_kept_rows_replace_all_others() -> None:
    run = made()
    run.append("steps.jsonl", [{"step": number} for number in range(5)])
    run.keep_rows("steps.jsonl", [{"step": 9}])
    assert [json.loads(line) for line in Path("runs/a/steps.jsonl").read_text().splitlines()] == [{"step": 9}]


def test_erasing_takes_the_run_and_nothing_else() -> None:
    made()
    made("b")
    run = Run.open("a")
    run.append("predictions/base.jsonl", [{"id": "x"}])
    run.erase()
    assert [path.name for path in Path("runs").iterdir()] == ["b"]


def test_a_folder_with_other_files_is_not_erased(here: Path) -> None:
    (here / CONFIG).write_text("model: m\n")
    (here / "thesis.docx").write_text("years of work")
    with pytest.raises(AskedWrongly, match=r"not a run's, such as thesis\.docx") as caught:
        Run.open(".").erase()
    assert caught.value.hint.startswith("Nothing was deleted.")
    assert (here / "thesis.docx").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_linked_run_is_erased_behind_its_link() -> None:
    made("elsewhere/a")
    Path("runs").mkdir()
    Path("runs/a").symlink_to(Path("elsewhere/a").resolve())
    Run.open("a").erase()
    assert not Path("runs/a").is_symlink()
    assert not Path("elsewhere/a").exists()


def test_a_run_has_begun_once_something_was_answered_or_learned() -> None:
    assert not made().begun()
    run = made("b")
    run.append("predictions/base.jsonl", [])
    assert run.begun()
