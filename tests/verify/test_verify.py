"""A finished run in miniature: all of it follows; and whatever is changed in it is found and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medlms.verify import Ledger, verify

for needed in ("torch", "sacrebleu", "rouge_score", "scipy", "altair"):
    pytest.importorskip(needed)


@pytest.fixture(scope="module")
def finished(tiny_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    import medlms

    folder = tmp_path_factory.mktemp("verify")
    names = ("asthma", "gout", "migraine", "anaemia", "eczema", "rickets", "scurvy", "hay fever", "shingles", "mumps")
    rows = [
        f"{part},{name},What is {name} {part}?,{name.capitalize()} {part} is treated with rest and see a doctor."
        for name in names
        for part in ("care", "signs")
    ]
    table = folder / "my.csv"
    table.write_text("kind,topic,question,answer\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return medlms.train(
        {
            "model": str(tiny_folder("llama")),
            "data": [{"source": str(table)}],
            "identifier_scan": "quick",
            "split": {"dev": 4, "eval": 6},
            "precision": "fp32",
            "max_length": 200,
            "instruction": "Answer.",
            "lora": {"r": 2, "alpha": 4},
            "train": {"epochs": 1, "rows_per_step": 4, "evaluate_rows": 2},
            "evaluate": {"max_new_tokens": 6, "latency_rows": 1, "resamples": 100, "batch": 4},
            "prompts": ["When should I see a doctor?"],
            "run": str(folder / "runs/a"),
        }
    ).run.folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "a"))


def places(ledger: Ledger) -> list[tuple[str, str]]:
    return [(fault.file, fault.key) for fault in ledger.faults]


def change_line(path: Path, number: int, **values: Any) -> dict[str, Any]:
    lines = path.read_text(encoding="utf-8").splitlines()
    held: dict[str, Any] = json.loads(lines[number])
    lines[number] = json.dumps({**held, **values}, ensure_ascii=False)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return held


def test_an_untouched_run_follows(run: Path) -> None:
    ledger = verify(run)
    assert ledger.faults == [] and ledger.notes == []
    assert ledger.checked["values by reference libraries"] > 40
    assert ledger.checked["values of report.json"] > 300
    assert ledger.checked["lines with numbers of pages"] > 100
    assert ledger.checked["hashes"] > 15


def test_a_changed_answer_is_found_by_hash_and_by_numbers(run: Path) -> None:
    gold = json.loads((run / "predictions/tuned.jsonl").read_text(encoding="utf-8").splitlines()[0])["label"]
    change_line(run / "predictions/tuned.jsonl", 0, predict=gold)
    found = places(verify(run, with_pages=False))
    assert ("predictions/tuned.jsonl", "sha256") in found
    assert ("report.json", "systems[tuned].metrics.exact_match.value") in found
    assert ("report.json", "systems[tuned].metrics.rougeL.value") in found
    assert ("report.json", "comparisons[tuned - base, token_f1].difference") in found
    assert not [key for _, key in found if key.startswith("systems[base]")]


def test_a_changed_label_is_named(run: Path) -> None:
    held = change_line(run / "predictions/base.jsonl", 1, label="Rest.", references=["Rest."])
    faults = {(fault.file, fault.key): fault for fault in verify(run, with_pages=False).faults}
    fault = faults["predictions/base.jsonl", f"{held['id']}: label"]
    assert (fault.stated, fault.recomputed) == ("Rest.", held["label"])


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (("systems", 0, "metrics", "bleu", "value"), "systems[base].metrics.bleu.value"),
        (("systems", 2, "metrics", "rouge2", "high"), "systems[tuned].metrics.rouge2.high"),
        (("systems", 2, "metrics", "token_f1", "n"), "systems[tuned].metrics.token_f1.n"),
        (("comparisons", 3, "p_value"), "comparisons[tuned - base, rouge2].p_value"),
        (("comparisons", 1, "items_needed"), "comparisons[tuned - base, token_f1].items_needed"),
        (("systems", 0, "endings", "empty"), "systems[base].endings.empty"),
        (("systems", 0, "speed", "seconds_median", "value"), "systems[base].speed.seconds_median.value"),
        (("training", "tokens"), "training.tokens"),
        (("epochs", 1, "dev_loss", "value"), "epochs[1].dev_loss.value"),
        (("epochs", 0, "bleu", "low"), "epochs[0].bleu.low"),
        (("data", "totals", "eval"), "data.totals.eval"),
    ],
)
def test_a_changed_number_of_the_report_is_named(run: Path, path: tuple[Any, ...], key: str) -> None:
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    place: Any = report
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = changed = (place[path[-1]] or 0) + 0.001
    (run / "report.json").write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
    faults = {(fault.file, fault.key): fault for fault in verify(run, with_pages=False).faults}
    assert faults["report.json", key].stated == changed
    assert ("report.json", "sha256") in faults


@pytest.mark.parametrize("page", ["report.md", "report.html"])
def test_a_changed_number_of_a_page_is_named(run: Path, page: str) -> None:
    text = (run / page).read_text(encoding="utf-8")
    value = json.loads((run / "report.json").read_text(encoding="utf-8"))["systems"][0]["metrics"]["perplexity"][
        "value"
    ]
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    assert shown in text
    (run / page).write_text(text.replace(shown, "1.23", 1), encoding="utf-8")
    found = [fault for fault in verify(run).faults if fault.file == page]
    assert {fault.key for fault in found} > {"sha256"}
    assert any("1.23" in str(fault.stated) and shown in str(fault.recomputed) for fault in found)


def test_a_changed_config_is_found(run: Path) -> None:
    text = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(text.replace("resamples: 100", "resamples: 101"), encoding="utf-8")
    assert {("config.yaml", "sha256 of the settings"), ("config.yaml", "sha256")} <= set(
        places(verify(run, with_pages=False))
    )


@pytest.mark.parametrize("name", ["adapter/adapter_model.safetensors", "splits/train.jsonl", "plots/endings.svg"])
def test_a_changed_file_is_found(run: Path, name: str) -> None:
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    assert (name, "sha256") in places(verify(run, with_pages=False))


def test_a_removed_file_is_found(run: Path) -> None:
    (run / "adapter/adapter_config.json").unlink()
    (run / "predictions/nearest.jsonl").unlink()
    found = places(verify(run, with_pages=False))
    assert {("adapter/adapter_config.json", "sha256"), ("predictions/nearest.jsonl", "file")} <= set(found)


def test_a_removed_line_is_named(run: Path) -> None:
    path = run / "predictions/tuned.jsonl"
    first, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(rest), encoding="utf-8")
    faults = {(fault.file, fault.key): fault for fault in verify(run, with_pages=False).faults}
    assert faults["predictions/tuned.jsonl", json.loads(first)["id"]].recomputed == "no line"


@pytest.mark.parametrize("where", ["end", "middle"])
def test_a_cut_line_is_named(run: Path, where: str) -> None:
    path = run / "predictions/tuned.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    at = len(lines) - 1 if where == "end" else 2
    lines[at] = lines[at][:90] + (b"\n" if where == "middle" else b"")
    path.write_bytes(b"".join(lines))
    assert (f"predictions/tuned.jsonl:{at + 1}", "line") in places(verify(run, with_pages=False))


def test_a_line_that_was_added_or_doubled_is_named(run: Path) -> None:
    path = run / "predictions/tuned.jsonl"
    line = path.read_text(encoding="utf-8").splitlines()[0]
    held = json.loads(line)
    path.write_text(path.read_text(encoding="utf-8") + line + "\n" + json.dumps({**held, "id": "x/1"}) + "\n")
    found = places(verify(run, with_pages=False))
    assert ("predictions/tuned.jsonl:7", held["id"]) in found
    assert ("predictions/tuned.jsonl", "x/1") in found


def test_without_hashes_numbers_still_tell(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    (run / "manifest.json").write_text(json.dumps({k: v for k, v in manifest.items() if k != "files_sha256"}))
    clean = verify(run, with_pages=False)
    assert clean.faults == [] and "no hashes" in clean.notes[0]
    change_line(run / "predictions/tuned.jsonl", 0, predict="see a doctor see a doctor")
    assert ("report.json", "systems[tuned].metrics.rouge1.value") in places(verify(run, with_pages=False))


def test_pages_that_are_written_again_are_sealed_again(run: Path) -> None:
    from medlms.road.again import again

    (run / "report.md").write_text("lost", encoding="utf-8")
    again([str(run)])
    assert verify(run).faults == []


def test_the_command_names_file_key_and_both_values(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from medlms.cli import main

    with pytest.raises(SystemExit) as fine:
        main(["verify", str(run)])
    assert fine.value.code == 0
    assert "all of them follow" in capsys.readouterr().out
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    report["systems"][0]["metrics"]["bleu"]["value"] = 0.9
    (run / "report.json").write_text(json.dumps(report), encoding="utf-8")
    with pytest.raises(SystemExit) as off:
        main(["verify", str(run), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert off.value.code == 1
    assert {"file": "report.json", "key": "systems[base].metrics.bleu.value"}.items() <= said["faults"][1].items()


def test_a_study_is_refused_with_a_hint(run: Path) -> None:
    from medlms.errors import AskedWrongly

    (run / "report.json").write_text(json.dumps({"kind": "study"}), encoding="utf-8")
    with pytest.raises(AskedWrongly, match="study"):
        verify(run, with_pages=False)
