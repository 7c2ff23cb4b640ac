"""The command line as a newcomer meets it: help, near names, exit codes, stdout for data, and sentences for faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

VERBS = (
    "demo", "init", "train", "evaluate", "compare", "verify", "ask", "report", "merge", "export", "runs", "data", "models",
    "doctor",
)  # fmt: skip
GROUPS = {
    "data": ("list", "get", "check", "prepare", "preview", "trace"),
    "models": ("list", "get", "plan", "prove"),
    "runs": ("list", "show", "erase"),
}
COMMANDS = [(verb,) for verb in VERBS if verb not in GROUPS]
COMMANDS += [(verb, inner) for verb, names in GROUPS.items() for inner in names]
Medlms = Callable[..., Any]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_and_json(medlms: Medlms, words: tuple[str, ...]) -> None:
    done = medlms(*words, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: medlms {' '.join(words)} ")
    assert "--json" in done.out
    assert medlms(*words, "-h") == done


def test_the_help_lists_every_command_in_the_order_of_use(medlms: Medlms) -> None:
    lines = medlms("--help").out.partition("Commands:")[2].splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "][: len(VERBS)] == list(VERBS)
    for group, names in GROUPS.items():
        text = medlms(group, "--help").out.partition("Commands:")[2]
        assert [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line[2] != " "] == list(
            names
        )


def test_the_version(medlms: Medlms) -> None:
    import medlms as package

    assert medlms("--version").out == f"medlms {package.__version__}\n"


@pytest.mark.parametrize(
    ("words", "near"),
    [(("trian", "c.yaml"), "train"), (("data", "chek", "x"), "check"), (("runs", "ls"), ""), (("xyz",), "")],
)
def test_an_unknown_verb_is_asked_wrongly(medlms: Medlms, words: tuple[str, ...], near: str) -> None:
    done = medlms(*words)
    assert (done.code, done.out) == (2, "")
    assert "No such command" in done.err
    assert (f"Did you mean '{near}'?" in done.err) == bool(near)


def test_settings_written_as_options_are_put_right(medlms: Medlms) -> None:
    done = medlms("train", "c.yaml", "--lora.r=8")
    assert done.code == 2
    assert "hint: Settings are written without dashes: lora.r=VALUE" in done.err
    assert "hint: Settings" in medlms("train", "c.yaml", "--seed", "3").err
    assert "hint: Settings" not in medlms("train", "c.yaml", "--frobnicate").err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("train",), "give a config"),
        (("train", "a.yaml", "b.yaml"), "one config only; b.yaml would be a second"),
        (("train", "none.yaml"), "error: none.yaml: there is no such config file."),
        (("train", "--resume", "none"), "error: none: no run lies here"),
        (("train", "runs/lr=2/c.yaml"), "error: runs/lr=2/c.yaml: there is no such config file."),
        (("evaluate",), "give a config or a run's folder"),
        (("evaluate", "seed=1"), "give a config or a run's folder"),
        (("evaluate", "none"), "error: none: no run lies here"),
        (("report", "none"), "error: none: no run lies here"),
        (("runs", "show", "none"), "error: none: no run lies here"),
        (("runs", "erase", "none", "--yes"), "error: none: no run lies here"),
        (("demo", "c.yaml"), "the demo takes key=value settings only, not 'c.yaml'"),
        (("demo", "foo=1"), "error: foo: unknown key."),
        (("data", "get", "medqad"), "Did you mean medquad or medqa"),
        (("data", "prepare", "none.yaml"), "error: none.yaml: there is no such config file."),
        (("ask",), "Missing argument"),
        (("ask", ""), "error: The question is empty."),
        (("ask", " \n"), "error: The question is empty."),
        (("ask", "\udce4"), "error: The question is not valid UTF-8 text."),
        (("ask", "Why?", "--max-new-tokens", "0"), "error: max_new_tokens must be at least 1."),
        (("ask", "Why?", "--max-new-tokens", "many"), "--max-new-tokens"),
        (("ask", "Why?", "--model", "smollm2-135"), "Did you mean smollm2-135m"),
        (("models", "get", "distilgpt"), "Did you mean distilgpt2"),
    ],
)
def test_asked_wrongly(medlms: Medlms, words: tuple[str, ...], sentence: str) -> None:
    done = medlms(*words)
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err


def test_faults_of_a_config_are_listed_together(medlms: Medlms, here: Path) -> None:
    (here / "c.yaml").write_text("model: m\ndata: d.csv\nlora: {r: x}\nrnu: 1\n")
    done = medlms("train", "c.yaml", "seed=-1")
    assert done.code == 2
    assert done.err.splitlines() == [
        "error: 3 faults",
        "  c.yaml:4: rnu: unknown key. Did you mean run?",
        "  c.yaml:3: lora.r: must be a whole number (found 'x').",
        "  seed: must be at least 0 (found -1).",
        "hint: Every key and its default: `medlms train --keys`.",
    ]
    assert not (here / "runs").exists()


def test_a_config_in_a_folder_named_like_a_setting_is_a_config(medlms: Medlms, here: Path) -> None:
    (here / "lr=2").mkdir()
    (here / "lr=2/c.yaml").write_text("model: m\n")
    assert "lr=2/c.yaml: data is missing" in medlms("train", "lr=2/c.yaml").err


def test_keys_of_the_config(medlms: Medlms) -> None:
    rows = json.loads(medlms("train", "--keys", "--json").out)
    assert {"key": "lora.r", "default": "16", "meaning": "Rank."} in rows
    lines = medlms("train", "--keys").out.splitlines()
    assert len(lines) == len(rows), "one line a key"


@pytest.mark.parametrize("words", [("data", "list"), ("models", "list"), ("runs", "list"), ("doctor",)], ids=" ".join)
def test_what_a_light_command_prints_as_json(medlms: Medlms, words: tuple[str, ...]) -> None:
    done = medlms(*words, "--json")
    assert done.code == 0
    value = json.loads(done.out, parse_constant=pytest.fail)
    if words == ("doctor",):
        assert {"machine", "libraries", "will_run", "measured", "to_fix"} == set(value)
    elif words == ("runs", "list"):
        assert value == []
    else:
        assert all(row["name"] and row["licence"] for row in value)


def test_doctor_tells_what_to_fix(medlms: Medlms, monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.road import health

    monkeypatch.setattr(health, "find_spec", lambda name: None)
    done = medlms("doctor")
    assert done.code == 1
    assert "! some of what tuning and grading need is missing: pip install 'medlms[eval,report,train]'" in done.out
    found = json.loads(medlms("doctor", "--json").out)
    assert len(found["to_fix"]) == 1


def test_a_good_file_is_checked_and_prepared(medlms: Medlms, table: Path) -> None:
    done = medlms("data", "check", "my.csv")
    assert done.code == 0
    assert "my.csv: 40 rows, 40 usable, 0 faults" in done.out.splitlines()
    found = json.loads(medlms("data", "check", "my.csv", "--json").out)
    assert (found["rows_in"], found["usable"], found["faults"]) == (40, 40, [])
    (table.parent / "c.yaml").write_text("model: m\ndata: my.csv\nsplit: {dev: 4, eval: 6}\nidentifier_scan: quick\n")
    done = medlms("data", "prepare", "c.yaml")
    assert done.code == 0
    assert "my: 40 rows in = 40 kept + 0 dropped" in done.out
    report = json.loads(medlms("data", "prepare", "c.yaml", "--json").out)
    assert report["totals"]["train"] == 30
    assert not Path("runs").exists(), "nothing is trained"
    written = {path.name for path in Path("prepared/run").iterdir()}
    assert written == {"data_report.json", "data_report.html", "data_report.md", "dropped.jsonl", "plots", "splits"}
    assert json.loads(Path("prepared/run/data_report.json").read_text()) == report
    assert "lengths are counted in words" in done.out
    done = medlms("data", "prepare", "c.yaml", "--words", "--to", "elsewhere")
    assert "the report: elsewhere/data_report.html" in done.out
    assert len(Path("elsewhere/splits/train.jsonl").read_text().splitlines()) == 30
    assert "- identifiers of people: my: no identifier found in 40 rows." in done.out


def test_faulty_rows_are_all_listed_with_exit_code_1(medlms: Medlms, here: Path) -> None:
    (here / "my.csv").write_text(
        'question,answer\nWhat is it?,A thing that is.\nWhat?,a,b\n,nothing\n"How so?",Like that it is.\n'
    )
    done = medlms("data", "check", "my.csv")
    assert done.code == 1
    assert "my.csv:3: ragged row" in done.out
    assert "my.csv:4: " in done.out
    assert "my.csv: 4 rows, 2 usable, 2 faults" in done.out.splitlines()
    assert [fault["place"] for fault in json.loads(medlms("data", "check", "my.csv", "--json").out)["faults"]] == [
        "my.csv:3",
        "my.csv:4",
    ]


BROKEN = {
    "empty.csv": (b"", "empty.csv: the file is empty"),
    "header.csv": (b"question,answer\n", "header.csv: the file holds no rows"),
    "latin.csv": ("question,answer\nWas für ein Ding?,Dieses da ist es.\n".encode("latin-1"), "latin.csv:2: not UTF-8"),
    "cut.json": (b'[{"question": "a", "answer": "b"}, {"ques', "The file looks cut off."),
    "quote.csv": (b'question,answer\na,"b\n', "quote.csv:2: not a readable table"),
    "columns.csv": (b"frage,antwort\na,b\n", "columns.csv: no column for the question"),
    "what.parquet": (b"PAR1", "what.parquet: not a whole Parquet file"),
    "what.docx": (b"PK", "what.docx: files of this kind can't be read"),
}


CASES = [(("init",), name) for name in (*BROKEN, "none.csv")]
# What spoils a file at one place is a fault among the others to a check.
CASES += [(("data", "check"), name) for _, name in CASES if name not in ("latin.csv", "quote.csv")]


@pytest.mark.parametrize("name", ["latin.csv", "quote.csv"])
def test_a_check_reads_on_behind_what_stops_a_run(medlms: Medlms, here: Path, name: str) -> None:
    (here / name).write_bytes(BROKEN[name][0].replace(b"answer\n", b"answer\nWhy?,So.\n"))
    done = medlms("data", "check", name)
    assert done.code == 1
    assert f"{name}:3: broken " in done.out and "2 rows, 1 usable, 1 fault\n" in done.out


def test_many_faults_are_summed_up_and_all_written_to_a_file(medlms: Medlms, here: Path) -> None:
    (here / "my.csv").write_text("question,answer\n" + "Why?,\n" * 10_000 + "Why?,a,b\n")
    done = medlms("data", "check", "my.csv")
    assert done.code == 1
    assert "10,000 rows: empty answer\n    my.csv:2: empty answer" in done.out
    assert "... and 9,997 more" in done.out and len(done.out.splitlines()) < 20
    written = [json.loads(line) for line in (here / "my.faults.jsonl").read_text().splitlines()]
    assert len(written) == 10_001 and written[-1]["place"] == "my.csv:10002" and not written[-1]["used"]


def test_a_check_takes_columns_by_name(medlms: Medlms, here: Path) -> None:
    (here / "my.csv").write_text("Frage,Antwort,id\nWas?,Das.,1\nWer?,Die.,1\n")
    done = medlms("data", "check", "my.csv", "--column", "question=Frage", "--column", "answer=Antwort")
    assert done.code == 0
    assert "my.csv:3: note: id stands twice" in done.out and "2 usable, 0 faults, 1 note\n" in done.out
    done = medlms("data", "check", "my.csv", "--column", "qestion=Frage")
    assert done.code == 2 and "qestion" in done.err


@pytest.mark.parametrize(("words", "name"), CASES)
def test_a_broken_file_gets_a_sentence(medlms: Medlms, here: Path, name: str, words: tuple[str, ...]) -> None:
    content, sentence = BROKEN.get(name, (b"", "none.csv: there is no such file"))
    if name in BROKEN:
        (here / name).write_bytes(content)
    done = medlms(*words, name)
    assert (done.code, done.out) == (1, "")
    assert sentence in done.err
    assert done.err.startswith("error: ")
    assert " faults\n" not in done.err, "one fault is not counted"
    assert not list(here.glob("*.yaml"))


def test_init_writes_a_config_that_loads(medlms: Medlms, table: Path) -> None:
    from medlms.config import load

    done = medlms("init", "my.csv")
    assert done.code == 0
    assert done.out.startswith("my.csv: 40 rows, 40 usable\n")
    assert done.out.endswith("wrote my.yaml; next: medlms train my.yaml\n")
    config, notes = load("my.yaml")
    assert notes == []
    assert (config.run, config.data[0].source, config.data[0].topic) == ("my", "my.csv", "topic")
    found = json.loads(medlms("init", "my.csv", "--out", "sub/b.yaml", "--json").out)
    assert (found["config"], found["usable"]) == (str(Path("sub/b.yaml")), 40)
    assert json.loads(medlms("data", "prepare", "my.yaml", "--json").out)["totals"]["eval"] == config.split.eval


def test_init_leaves_a_config_that_is_there(medlms: Medlms, table: Path) -> None:
    (table.parent / "my.yaml").write_text("mine")
    done = medlms("init", "my.csv")
    assert done.code == 2
    assert "error: my.yaml exists already.\nhint: Give another name with --out." in done.err
    assert (table.parent / "my.yaml").read_text() == "mine"


def test_init_gives_a_run_a_name_that_a_folder_can_have(medlms: Medlms, table: Path) -> None:
    from medlms.config import load
    from medlms.run import Run

    table.rename("my questions (final).csv")
    assert medlms("init", "my questions (final).csv", "--out", "c.yaml").code == 0
    assert Run.create(load("c.yaml")[0].run).name == "my-questions-final"


def test_init_on_a_small_file_says_how_many_rows_are_needed(medlms: Medlms, table: Path) -> None:
    table.write_text("\n".join(table.read_text().splitlines()[:8]) + "\n")
    done = medlms("init", "my.csv")
    assert done.code == 1
    assert "too small to train and grade: 7 usable rows in 7 groups" in done.err
    assert "hint: Add rows." in done.err
    table.write_text(table.read_text() + "a,b,c,d\n")
    assert "hint: What is wrong with its rows: medlms data check my.csv" in medlms("init", "my.csv").err


def test_init_refuses_a_model_that_no_one_knows(medlms: Medlms, table: Path) -> None:
    done = medlms("init", "my.csv", "--model", "smolm2-135m-instruct")
    assert done.code == 2
    assert "Did you mean smollm2-135m-instruct" in done.err
    assert not (table.parent / "my.yaml").exists()


def test_runs_are_listed_shown_and_erased(medlms: Medlms, here: Path) -> None:
    assert medlms("runs", "list").err == "no runs in runs/\n"
    for name, report in (
        ("done", '{"verdict": ["Tuned is better."]}'),
        ("stopped", None),
        ("odd", "[]"),
        ("cut", '{"ver'),
    ):
        folder = here / "runs" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("model: m\n")
        if report:
            (folder / "report.json").write_text(report)
    rows = {row["run"]: row for row in json.loads(medlms("runs", "list", "--json").out)}
    assert rows["done"] == {"run": "done", "state": "finished", "verdict": "Tuned is better."}
    assert {name for name, row in rows.items() if row["state"] == "unfinished"} == {"stopped", "odd", "cut"}
    assert "medlms train --resume" in rows["stopped"]["verdict"]
    assert len(medlms("runs", "list").out.splitlines()) == 4

    done = medlms("runs", "show", "stopped")
    assert done.code == 1
    assert "report.json: missing" in done.err
    assert medlms("runs", "show", "cut").code == 1

    assert json.loads(medlms("runs", "erase", "runs/done", "--yes", "--json").out) == {"erased": str(Path("runs/done"))}
    assert not (here / "runs/done").exists()
    (here / "runs/odd/letter.txt").write_text("keep me")
    done = medlms("runs", "erase", "odd", "--yes")
    assert done.code == 2
    assert "not a run's, such as letter.txt" in done.err
    assert (here / "runs/odd/letter.txt").exists()


def test_erasing_asks_first(medlms: Medlms, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    (here / "runs/a").mkdir(parents=True)
    (here / "runs/a/config.yaml").write_text("model: m\n")
    for said, left in (("n\n", True), ("", True), ("y\n", False)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(said))
        done = medlms("runs", "erase", "a")
        assert (here / "runs/a").exists() == left
        assert done.code == (130 if left else 0)
        assert "Delete" in done.err, "the question is talk, not data"


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (MemoryError(), 1, "error: This machine ran out of memory."),
        (OSError(28, "No space left on device"), 1, "error: The disk is full."),
        (ModuleNotFoundError("No module named 'peft'", name="peft"), 1, "error: This command needs peft"),
        (KeyboardInterrupt(), 130, "Stopped."),
        (RuntimeError("boom"), 1, "error: MedLMs itself has a fault here: RuntimeError: boom"),
    ],
)
def test_faults_of_the_machine_and_of_ours(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    sentence: str,
) -> None:
    from medlms import datasets
    from medlms.cli import main

    def fail() -> list[str]:
        raise error

    monkeypatch.setattr(datasets, "names", fail)
    with pytest.raises(SystemExit) as left:
        main(["data", "list"])
    said = capsys.readouterr()
    assert left.value.code == code
    assert said.err.startswith(sentence)
    assert "Traceback" not in said.err
    assert ("boom" in sentence) == (here / "home/last-error.txt").exists()


def in_a_process(*words: str, **settings: Any) -> subprocess.CompletedProcess[bytes]:
    source = str(Path(__file__).parents[2] / "src")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH", "")])),
    }
    environment |= settings.pop("environment", {})
    command = [sys.executable, "-m", "medlms", *words]
    return subprocess.run(command, stderr=subprocess.PIPE, check=False, timeout=60, env=environment, **settings)


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    read, write = os.pipe()
    os.close(read)
    done = in_a_process("train", "--keys", stdout=write)
    os.close(write)
    assert b"Traceback" not in done.stderr
    assert b"fault" not in done.stderr


def test_a_terminal_without_our_letters_is_no_fault(here: Path) -> None:
    (here / "c.yaml").write_text("model: m\ndata: d\nzü: 1\n", encoding="utf-8")
    done = in_a_process(
        "train", "c.yaml", environment={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, stdout=subprocess.PIPE
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: c.yaml:3: z?: unknown key.")
