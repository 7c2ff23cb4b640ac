"""What fitted curves say: one point in whole sentences, several listed by what was found, and no promise without an interval."""

from __future__ import annotations

from dataclasses import replace

from medlms.evaluate.curve_findings import growth_findings, knee_findings
from medlms.evaluate.knee import Knee
from medlms.evaluate.more_rows import MoreRows

NAN = float("nan")
BENT = Knee("token_f1", "knee", 2.5, 2.0, 3.25, 0.1, 0.08, 0.12, 0.001, -0.002, 0.004, 8.0, 40, 1)
NONE = replace(BENT, state="none", epoch=NAN, low=NAN, high=NAN)
IDLE = replace(NONE, state="no gain", gain=0.003, gain_low=-0.01, gain_high=0.02)


def test_one_point_gets_whole_sentences() -> None:
    assert knee_findings([("", BENT)]) == [
        "Epochs, token F1: the knee is at epoch 2.5 [2, 3.25]; the gain up to it is +0.100 [+0.080, +0.120], and an epoch "
        "beyond it brings no measurable gain: +0.001 [−0.002, +0.004]."
    ]
    assert knee_findings([("", NONE)]) == [
        "Epochs, token F1: no knee within 8 epochs; the gain over them is +0.100 [+0.080, +0.120]."
    ]
    assert knee_findings([("", IDLE)]) == [
        "Epochs, token F1: no measurable gain within 8 epochs: +0.003 [−0.010, +0.020]."
    ]
    worse = replace(IDLE, gain=-0.03, gain_low=-0.05, gain_high=-0.01)
    assert "it gets worse over 8 epochs: −0.030" in knee_findings([("", worse)])[0]
    turned = replace(BENT, metric="dev_loss", after=-0.02, after_low=-0.03, after_high=-0.01)
    assert knee_findings([("", turned)])[0].startswith("Epochs, held-out loss: the knee is at epoch 2.5")
    assert "an epoch beyond it makes it worse: −0.020" in knee_findings([("", turned)])[0]
    slow = replace(BENT, after=0.01, after_low=0.005, after_high=0.02)
    assert "an epoch beyond it brings +0.010" in knee_findings([("", slow)])[0]


def test_several_points_are_listed_by_what_was_found() -> None:
    assert knee_findings([("r = 4", BENT), ("r = 8", NONE), ("r = 16", IDLE), ("r = 32", BENT)]) == [
        "Epochs, token F1: the knee is at epoch: r = 4 2.5 [2, 3.25] and r = 32 2.5 [2, 3.25]; no knee within 8 epochs: r = 8; "
        "no measurable gain within 8 epochs: r = 16 +0.003 [−0.010, +0.020]."
    ]
    many = knee_findings([(f"r = {n}", NONE) for n in range(9)])
    assert many[0].endswith("r = 5 and 3 more.")


def test_other_metrics_stand_in_the_table_alone() -> None:
    assert knee_findings([("", replace(BENT, metric="rougeL"))]) == []


CURVE = MoreRows(
    "token_f1", (100.0, 400.0, 1900.0), (0.2, 0.22, 0.25), 1900.0, 0.0, 0.012, 0.004, 0.02, (), 1, 100, 1, True
)


def test_what_more_rows_would_bring() -> None:
    said = growth_findings([("", CURVE), ("r = 8", replace(CURVE, metric="bits_per_byte", better=-1))])
    assert said == [
        "More rows: doubling them, from 1,900 to 3,800, would be expected to make token F1 better by +0.012 [+0.004, +0.020].",
        "More rows: doubling them at r = 8, from 1,900 to 3,800, would be expected to make bits per byte worse by +0.012 "
        "[+0.004, +0.020].",
        "These learning curves run through 3 sizes, 100 to 1,900 rows, and say nothing beyond 2 times the largest; their "
        "intervals hold the choice of questions and how single runs scatter about the curve.",
    ]


def test_an_interval_with_zero_in_it_is_no_measurable_difference() -> None:
    said = growth_findings([("", replace(CURVE, low=-0.004, scatter=False))])
    assert said[0] == (
        "More rows: no measurable difference on token F1 is to be expected of doubling them, from 1,900 to 3,800: +0.012 "
        "[−0.004, +0.020]."
    )
    assert said[1].endswith("and the luck of training.")
    assert "(no interval: too few questions)" in growth_findings([("", replace(CURVE, low=NAN, high=NAN))])[0]
    assert growth_findings([]) == []
