"""What fits rest on: a run keeps each row's share of the held-out loss, old runs do without, only like runs make one curve."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from road_runs import lines

from medlms.road import fits
from medlms.road.grading import LOSS_FIELDS, losses_file
from medlms.run import Run
from medlms.types import Prediction


def longer(finished: Path, folder: Path, epochs: int = 5) -> Run:
    """A run whose last epoch was graded again and again, by copying its files."""
    shutil.copytree(finished, folder)
    records = lines(folder / "epochs.jsonl")
    for number in range(len(records), epochs):
        records.append({**records[-1], "epoch": number})
        for name in ("epoch", "loss"):
            shutil.copyfile(
                folder / f"predictions/dev/{name}-2.jsonl", folder / f"predictions/dev/{name}-{number}.jsonl"
            )
    Run(folder).keep_rows("epochs.jsonl", records)
    return Run(folder)


def test_the_rows_of_a_held_out_loss_add_up_to_it(finished: Path) -> None:
    for record in lines(finished / "epochs.jsonl"):
        kept = lines(finished / losses_file(record["epoch"]))
        assert tuple(kept[0]) == LOSS_FIELDS and len(kept) == record["dev_loss"]["n"]
        total = -sum(row["reference_logprob"] for row in kept)
        assert total / sum(row["reference_tokens"] for row in kept) == pytest.approx(record["dev_loss"]["value"])


def test_a_run_of_few_epochs_has_no_knee(finished: Path) -> None:
    assert fits.knees([Run(finished)]) == []
    assert fits.knees([]) == []


def test_curves_are_those_of_the_run(finished: Path, tmp_path: Path) -> None:
    run = longer(finished, tmp_path / "long")
    found = fits.knees([run], resamples=100)
    assert [item.metric for item in found] == ["dev_loss", "token_f1", "rougeL"]
    assert (found[0].n, found[0].last, found[0].seeds) == (4, 4.0, 1)
    assert fits.knees([run, run], resamples=100)[0].seeds == 2


def test_what_an_older_version_did_not_keep_is_left_out(finished: Path, tmp_path: Path) -> None:
    run = longer(finished, tmp_path / "long")
    for path in (run.folder / "predictions/dev").glob("loss-*"):
        path.unlink()
    assert [item.metric for item in fits.knees([run], resamples=100)] == ["token_f1", "rougeL"]


def test_only_runs_of_one_test_and_one_setting_make_a_curve() -> None:
    said = [Prediction(id=f"{n}", group=f"{n}", prompt="", said=f"rest {n}", golds=("rest well",)) for n in range(9)]

    def sized(rows: int, rest: str = "", test: str = "t") -> fits.Sized:
        return fits.Sized(rows, rest, test, [said])

    assert fits.growth([sized(10), sized(20), sized(40, "r = 8"), sized(40, test="u")]) == []
    found = fits.growth([sized(40), sized(10), sized(20), *(sized(n, "r = 8") for n in (5, 6, 7))], resamples=100)
    assert [(rest, item.metric, item.sizes) for rest, item in found] == [
        ("", "token_f1", (10, 20, 40)), ("", "rougeL", (10, 20, 40)),
        ("r = 8", "token_f1", (5, 6, 7)), ("r = 8", "rougeL", (5, 6, 7)),
    ]  # fmt: skip
    assert not any(item.sure for _, item in found)
