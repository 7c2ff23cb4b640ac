"""Studies in miniature: the grid, bad files, one folder a point, nothing done twice, and one report that says only what holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from road_runs import Stopper, essence, lines

import medlms
from medlms import errors
from medlms.road.points import describe, is_study, read_study
from medlms.road.study import study

CONFIGS = Path(__file__).parents[2] / "configs"
LEAST = {"model": "smollm2-135m-instruct-q4_1", "data": "starter"}


def of(part: Any, **more: Any) -> dict[str, Any]:
    return {**LEAST, **more, "study": part}


def titles(source: Any, *overrides: str) -> list[str]:
    return [point.title for point in read_study(source, overrides).points]


def faults(folder: Path, text: str, *overrides: str) -> list[str]:
    path = folder / "s.yaml"
    path.write_text(text)
    with pytest.raises(errors.ConfigError) as caught:
        read_study(path, overrides)
    assert caught.value.exit_code == 2
    return [fault.replace(f"{path}:", "") for fault in caught.value.faults]


def test_a_grid_is_every_combination_in_the_order_of_the_file() -> None:
    found = read_study(of({"name": "s", "vary": {"lora.r": [4, 8], "seed": [1, 2]}}))
    assert [point.title for point in found.points] == [
        "r = 4, seed = 1", "r = 4, seed = 2", "r = 8, seed = 1", "r = 8, seed = 2",
    ]  # fmt: skip
    assert [point.name for point in found.points][:2] == ["r-4_seed-1", "r-4_seed-2"]
    assert [point.group for point in found.points] == ["r = 4", "r = 4", "r = 8", "r = 8"]
    assert [(point.config.lora.r, point.config.seed) for point in found.points] == [(4, 1), (4, 2), (8, 1), (8, 2)]


def test_listed_points_meet_every_combination() -> None:
    part = {
        "points": [{"name": "Small", "lora": {"r": 4, "alpha": 8}}, {"max_length": 1024, "lora.r": 8}],
        "vary": {"lora": {"dropout": [0.0, 0.5]}},
    }
    assert titles(of(part)) == [
        "Small, dropout = 0", "Small, dropout = 0.5", "length = 1024, r = 8, dropout = 0",
        "length = 1024, r = 8, dropout = 0.5",
    ]  # fmt: skip
    assert [point.config.lora.alpha for point in read_study(of(part)).points] == [8, 8, 16, 16]


def test_names_of_folders_are_plain_and_different() -> None:
    part = {"vary": {"lora.targets": [["q_proj", "v_proj"], "all-linear"], "load_in_4bit": [False, True]}}
    found = read_study(of(part))
    names = [point.name for point in found.points]
    assert names[0] == "targets-q_proj-v_proj_4-bit-no"
    assert len(set(names)) == 4
    same = read_study(of({"points": [{"name": "a", "lora.r": 4}, {"name": "a", "lora.r": 8}]}))
    assert [point.name for point in same.points] == ["a", "a-2"]


def test_all_seeds_of_a_study_share_their_rows() -> None:
    assert [point.config.split_seed for point in read_study(of({"vary": {"seed": [1, 2]}})).points] == [13, 13]
    own = of({"vary": {"seed": [1, 2]}}, seed=5)
    assert [point.config.split_seed for point in read_study(own).points] == [5, 5]
    rows = of({"vary": {"seed": [1, 2], "split.seed": [7, 8]}})
    assert [point.config.split_seed for point in read_study(rows).points] == [7, 8, 7, 8]
    assert [point.config.split_seed for point in read_study(of({"vary": {"lora.r": [1, 2]}}, seed=5)).points] == [5, 5]


def test_settings_of_the_command_line_hold_for_every_point_and_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(of({"name": "s", "vary": {"lora.r": [4, 8]}})))
    words = ["train.epochs=3", "study.vary.lora.r=[2, 6, 9]", "run=else/where"]
    found = read_study(path, words)
    assert found.run == "else/where"
    assert [(point.config.lora.r, point.config.train.epochs) for point in found.points] == [(2, 3), (6, 3), (9, 3)]
    path.write_text(found.text)
    assert read_study(path).points == found.points


def test_every_fault_of_every_point_is_told_with_its_line(tmp_path: Path) -> None:
    text = (
        "model: m/n\ndata: d.csv\nlora: {r: 4}\ntrian: {epochs: 3}\nstudy:\n  nmae: x\n  vary:\n    lora.alpha: [0, 4]\n"
        "    lora.drpout: [0.5]\n    seed: 3\n    train:\n      epochs: [1, x]\n    lora.r: [2, 2]\n"
    )
    assert faults(tmp_path, text) == [
        "6: study.nmae: unknown key. Did you mean name?",
        "10: study.vary.seed: must be a list of values, such as [4, 8] (found 3).",
        "13: study.vary.lora.r: holds a value twice.",
        "9: study.vary.lora.drpout.0: unknown key. Did you mean lora.dropout?",
        "4: trian: unknown key. Did you mean train?",
        "8: study.vary.lora.alpha.0: must be above 0.0 (found 0).",
        "12: study.vary.train.epochs.1: must be a whole number (found 'x').",
    ]


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("3", "study: must hold name, and vary or points."),
        ("{name: s}", "study: must hold vary"),
        ("{vary: [lora.r]}", "study.vary: must map keys to lists"),
        ("{vary: {lora.r: []}}", "study.vary.lora.r: must be a list of values"),
        ("{points: {lora.r: 4}}", "study.points: must be a list of settings"),
        ("{points: [{name: x}]}", "study.points.0: sets nothing."),
        ("{points: [{lora.r: 4}, {lora.r: 4}]}", "study.points: items 1 and 2 are the same."),
        ("{points: [{lora.r: 4}], vary: {lora_r: [4]}}", "study.vary.lora.r: stands in study.points too"),
        ("{vary: {run: [a, b]}}", "study.vary.run: can't be varied"),
        ("{name: ../x, vary: {seed: [1]}}", "study.name: must be a folder's name"),
        ("{apart: 3, vary: {seed: [1]}}", "study.apart: must be true or false"),
        ("{vary: {model: [smollm2-135m-instrct, x/y]}}", "Did you mean smollm2-135m-instruct"),
        ("{vary: {seed: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21],"
         " lora.r: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]}}", "makes 420 points"),
    ],
)  # fmt: skip
def test_what_is_no_study(tmp_path: Path, part: str, sentence: str) -> None:
    found = faults(tmp_path, f"model: smollm2-135m-instruct-q4_1\ndata: starter\nstudy: {part}\n")
    assert any(sentence in fault for fault in found), found


def test_a_varied_key_can_not_be_set_for_all_points(tmp_path: Path) -> None:
    text = yaml.safe_dump(of({"vary": {"lora.r": [4, 8]}}))
    assert faults(tmp_path, text, "lora_r=3") == ["lora.r: is varied by the study, so it can't be set for all points."]


def test_a_study_is_told_from_a_config(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("model: m\ndata: d\n")
    assert not is_study(tmp_path)
    assert not is_study(tmp_path / "none.yaml")
    (tmp_path / "config.yaml").write_text("study: {}\n")
    assert is_study(tmp_path)
    with pytest.raises(errors.ConfigError, match="A study runs with `medlms train"):
        medlms.evaluate(tmp_path / "config.yaml")


def test_settings_in_words() -> None:
    assert describe({"model": "models/big", "split.train": 1900, "train.learning_rate": 2e-4, "seed": 3}) == (
        "big, rows = 1900, rate = 0.0002, seed = 3"
    )


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("study-*.yaml")), ids=lambda path: path.stem)
def test_the_studies_of_the_repository_are_sound(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.models import fetch
    from medlms.models.known import KNOWN

    held = yaml.safe_load(path.read_text())
    names = {point.get("model") or held["model"] for point in held["study"].get("points") or [{}]}
    if missing := {name for name in names if "/" not in name} - set(KNOWN):
        pytest.skip(f"not a known model yet: {', '.join(missing)}")
    asked: list[str] = []

    def locate(name: str, **_: Any) -> Any:
        asked.append(name)
        raise errors.FetchError("not here")

    monkeypatch.setattr(fetch, "locate", locate)
    found = read_study(path)
    assert found.name == path.stem
    assert set(asked) == names
    assert found.notes == ()
    if path.stem == "study-models":
        assert [(point.title, point.config.max_length) for point in found.points][-1] == ("DistilGPT2", 1024)
        assert {point.config.max_length for point in found.points[:4]} == {2048}
        assert {(p.config.lora.r, p.config.lora.alpha, p.config.lora.dropout) for p in found.points} == {(16, 16, 0.25)}


def small(config: dict[str, Any], part: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A study of the miniature run, its points in this process."""
    settings = {key: value for key, value in config.items() if key not in ("run", "prompts")}
    settings["train"] = {**config["train"], "epochs": 1}
    return {**settings, **more, "study": {"apart": False, **part}}


@pytest.fixture(scope="module")
def done(config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A finished study of two ranks and two seeds, and what was said. Not to be written to."""
    talk = Stopper()
    folder = tmp_path_factory.mktemp("study") / "s"
    source = small(config, {"name": "s", "vary": {"lora.r": [2, 3], "seed": [1, 2]}}, run=str(folder))
    assert study(source, talk=talk).failed == {}
    return folder, talk.said


def test_each_point_is_an_ordinary_run(done: tuple[Path, list[str]], here: Path) -> None:
    folder, _ = done
    points = sorted(path.name for path in (folder / "points").iterdir() if path.is_dir())
    assert points == ["r-2_seed-1", "r-2_seed-2", "r-3_seed-1", "r-3_seed-2"]
    point = folder / "points" / points[3]
    alone = medlms.train(point / "config.yaml", run="alone").run.folder
    assert essence(alone)["adapter"] == essence(point)["adapter"]
    assert essence(alone)["predictions"] == essence(point)["predictions"]


def test_all_points_share_their_rows_and_the_base_is_asked_once(done: tuple[Path, list[str]]) -> None:
    folder, said = done
    points = sorted(path for path in (folder / "points").iterdir() if path.is_dir())
    for part in ("train", "dev", "eval"):
        assert len({(point / f"splits/{part}.jsonl").read_bytes() for point in points}) == 1
    for name in ("base", "nearest", "dev/epoch-0"):
        assert len({(point / f"predictions/{name}.jsonl").read_bytes() for point in points}) == 1, name
    assert len({(point / "predictions/tuned.jsonl").read_bytes() for point in points}) == 4
    assert sum("base: answers taken from r-2_seed-1" in sentence for sentence in said) == 3


def test_another_test_or_another_model_is_asked_anew(config: dict[str, Any], tiny_folder: Any) -> None:
    from medlms.config import load
    from medlms.road import reuse, rows
    from medlms.run import Run

    source = {**config, "run": "one", "prompts": [], "train": {**config["train"], "epochs": 1}}
    first = medlms.train(source).run
    settings, _ = load(first.folder / "config.yaml")
    held = rows.read(first)
    one = [(first, settings)]

    def taken(**change: Any) -> list[str]:
        target = Run.create("two")
        said = reuse.take(target, load(settings, (), **change)[0], held, one)
        return sorted(sentence.partition(":")[0] for sentence in said)

    assert taken() == taken(seed=99) == taken(lora={"r": 8}) == ["base", "nearest"]
    assert taken(model=str(tiny_folder("mistral"))) == ["nearest"]
    assert taken(precision="auto") == ["nearest"]
    assert taken(evaluate={"max_new_tokens": 5}) == taken(evaluate={"rows": 3}) == taken(instruction="Speak.") == []
    assert reuse.take(
        Run.create("three"), settings, rows.Rows(held.train[:9], held.dev, held.eval, held.references), one
    )[0].startswith("base")


def test_the_report_of_a_study(done: tuple[Path, list[str]]) -> None:
    folder, _ = done
    report = json.loads((folder / "report.json").read_text())
    assert report["kind"] == "study"
    beside = ["Nearest question's answer", "Base in its best prompt", "Best-matching training sentence"]
    assert [row["title"] for row in report["systems"]] == ["Base", "r = 2", "r = 3", *beside]
    tuned = report["systems"][1]
    each = [
        json.loads((folder / f"points/r-2_seed-{seed}/report.json").read_text())["systems"][2]["metrics"]["token_f1"][
            "value"
        ]
        for seed in (1, 2)
    ]
    assert tuned["seeds"] == 2
    assert tuned["metrics"]["token_f1"]["value"] == pytest.approx(sum(each) / 2)
    pairs = {(item["a"], item["b"]) for item in report["comparisons"]}
    assert pairs == {
        ("r-2_seed-1/tuned", "r-2_seed-1/base"), ("r-3_seed-1/tuned", "r-2_seed-1/base"),
        *((f"r-{rank}_seed-1/tuned", f"r-2_seed-1/{other}") for rank in (2, 3)
          for other in ("nearest", "best_prompt", "sentence")),
        ("r-3_seed-1/tuned", "r-2_seed-1/tuned"),
    }  # fmt: skip
    assert [group["seeds"] for group in report["groups"]] == [[1, 2], [1, 2]]
    assert {point["state"] for point in report["points"]} == {"finished"}
    page = (folder / "report.html").read_text()
    for text in ("Findings", "Token F1 over rank", "Held-out loss by epoch", "Peak memory", "points/r-3_seed-2"):
        assert text in page
    assert "one process" in page, "memory was not measured apart"
    assert {point["folder"] for point in report["points"]} == {f"points/{point['name']}" for point in report["points"]}


def test_a_finished_study_is_not_run_again(done: tuple[Path, list[str]], here: Path) -> None:
    import shutil

    shutil.copytree(done[0], here / "runs/s")
    text = (here / "runs/s/config.yaml").read_text()
    for path in (here / "runs/s/points").glob("*/config.yaml"):
        path.write_text(path.read_text().replace(str(done[0]), "runs/s"))
    before = {path: path.stat().st_mtime_ns for path in (here / "runs/s/points").rglob("*.jsonl")}
    talk = Stopper()
    result = study(resume="s", talk=talk)
    assert sum("finished before" in sentence for sentence in talk.said) == 4
    assert {path: path.stat().st_mtime_ns for path in (here / "runs/s/points").rglob("*.jsonl")} == before
    assert result.report["systems"] == json.loads((done[0] / "report.json").read_text())["systems"]
    (here / "runs/s/config.yaml").write_text(text.replace("learning_rate: 0.01", "learning_rate: 0.02"))
    with pytest.raises(errors.AskedWrongly, match="was changed in what r = 2, seed = 1 was begun with"):
        study(resume="s")


def test_a_stopped_study_goes_on_and_ends_the_same(done: tuple[Path, list[str]], config: dict[str, Any]) -> None:
    source = small(config, {"name": "s", "vary": {"lora.r": [2, 3], "seed": [1]}})
    stopper = Stopper("training", at=3)
    with pytest.raises(errors.Interrupted) as caught:
        study(source, talk=stopper)
    assert caught.value.hint == f"Go on with: medlms train --resume {Path('runs/s')}"
    assert not Path("runs/s/report.json").exists()
    again = Stopper()
    result = study(resume="s", talk=again)
    assert any("resuming after step 3" in sentence for sentence in again.said)
    assert result.failed == {}
    for name in ("r-2_seed-1", "r-3_seed-1"):
        assert essence(Path("runs/s/points") / name)["adapter"] == essence(done[0] / "points" / name)["adapter"]


def test_a_failed_point_is_recorded_and_the_others_go_on(
    config: dict[str, Any], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from medlms.cli import main

    part = {"name": "s", "points": [{"name": "too long", "max_length": 257}, {"name": "fits", "max_length": 200}]}
    (here / "s.yaml").write_text(yaml.safe_dump(small(config, part)))
    with pytest.raises(SystemExit) as left:
        main(["train", "s.yaml"])
    assert left.value.code == 1
    said = capsys.readouterr()
    assert "too long: max_length is 257, but" in said.err.replace("\n", " ")
    assert said.err.rstrip().endswith("medlms train --resume runs/s")
    report = json.loads((here / "runs/s/report.json").read_text())
    assert [point["state"] for point in report["points"]] == ["failed", "finished"]
    assert "max_length is 257" in report["points"][0]["reason"]
    assert report["verdict"][0] == "1 of 2 points failed and are missing below: too long."
    with pytest.raises(SystemExit) as left:
        main(["runs", "show", "runs/s"])
    assert left.value.code == 0
    with pytest.raises(SystemExit) as left:
        main(["report", "runs/s"])
    assert left.value.code == 0
    with pytest.raises(SystemExit) as left:
        main(["runs", "erase", "runs/s", "--yes"])
    assert (left.value.code, (here / "runs/s").exists()) == (0, False)


def test_rows_that_can_not_be_had_stop_a_study_before_it_starts(config: dict[str, Any]) -> None:
    with pytest.raises(errors.DataError, match="rows = 500: The set is too small"):
        study(small(config, {"name": "s", "vary": {"split.train": [5, 500]}}))
    assert not Path("runs").exists()


def test_a_point_in_a_process_of_its_own(config: dict[str, Any]) -> None:
    settings = {"evaluate": {**config["evaluate"], "systems": ["tuned"], "latency_rows": 0}}
    part = {"name": "s", "points": [{"name": "long", "max_length": 257}, {"name": "fits", "max_length": 200}]}
    source = small(config, {**part, "apart": True}, **settings)
    source["train"]["evaluate_every"] = "never"
    talk = Stopper()
    result = study(source, talk=talk)
    assert list(result.failed) == ["long"]
    assert result.failed["long"].startswith("max_length is 257, but ")
    assert any("training" in sentence for sentence in talk.said)
    assert lines(Path("runs/s/points/fits/steps.jsonl"))


def test_a_point_that_another_process_is_at_is_left_to_it(config: dict[str, Any]) -> None:
    fcntl = pytest.importorskip("fcntl")
    Path("runs/s/points").mkdir(parents=True)
    source = small(config, {"name": "s", "vary": {"lora.r": [2]}})
    Path("runs/s/config.yaml").write_text(read_study(source).text)
    with Path("runs/s/points/r-2.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        talk = Stopper()
        result = study(resume="s", talk=talk)
    assert "point 1 of 1, r = 2: another process is at it" in talk.said
    assert result.report["verdict"] == ["1 of 1 points are not finished: r = 2."]


def test_runs_named_one_by_one_make_one_report(done: tuple[Path, list[str]], here: Path) -> None:
    from medlms.cli import main

    runs = [str(done[0] / "points" / name) for name in ("r-2_seed-1", "r-3_seed-2")]
    with pytest.raises(SystemExit) as left:
        main(["report", *runs, "--to", "both"])
    assert left.value.code == 0
    report = json.loads((here / "runs/both/report.json").read_text())
    assert report["varied"] == ["lora.r", "seed"]
    assert [row["title"] for row in report["systems"]][:3] == ["Base", "r = 2", "r = 3"]
    with pytest.raises(SystemExit) as left:
        main(["report", runs[0], runs[0]])
    assert left.value.code == 2


@pytest.mark.parametrize("key", ["load_in_4bit", "load_in_8bit"])
def test_weights_of_another_width_are_another_base(key: str) -> None:
    from medlms.config import load
    from medlms.road.reuse import same_base

    one, _ = load({"model": "x", "data": ["y"]})
    other, _ = load({"model": "x", "data": ["y"], key: True})
    assert same_base(one, one)
    assert not same_base(one, other), "answers of other weights would be taken for this base's"
