from __future__ import annotations

from typing import Any

import pytest

from medlms.report import tables


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (None, "share", "–"),
        (0.0123, "percent", "1.2"),
        (0.31149, "share", "0.311"),
        (-0.05, "share", "−0.050"),
        (6.274, "plain", "6.27"),
        (41.26, "plain", "41.3"),
        (1234.5, "plain", "1,234"),
        (0.0412, "plain", "0.041"),
        (float("nan"), "plain", "no number"),
        (float("inf"), "share", "∞"),
    ],
)
def test_numbers(value: float | None, kind: str, shown: str) -> None:
    assert tables.number(value, kind) == shown


def test_signs_are_written_out() -> None:
    assert tables.signed(0.05, "share") == "+0.050"
    assert tables.interval(-0.05, 0.02, "share", sign=True) == "[−0.050, +0.020]"
    assert tables.interval(None, 0.02) == ""


@pytest.mark.parametrize(
    ("seconds", "shown"), [(4.24, "4.2 s"), (42, "42 s"), (423, "7 min 3 s"), (5871, "1 h 37 min")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert tables.duration(seconds) == shown


def test_sizes_and_p_values() -> None:
    assert tables.size(4_310_000_000) == "4.0 GiB"
    assert tables.p_value(0.00004) == "<\u00a00.001"
    assert tables.p_value(0.317) == "0.317"


def test_the_results_table_has_the_columns_of_published_tables(report: dict[str, Any]) -> None:
    table = tables.results(report)
    assert table is not None
    assert table.columns == (
        "System", "Exact match, %", "BLEU", "ROUGE-1", "ROUGE-2", "ROUGE-L", "Token F1", "Perplexity",
        "Answer length, words", "Seconds per answer", "Tokens per second",
    )  # fmt: skip
    assert [row[0].text for row in table.rows] == ["Base", "Tuned", "Nearest"]
    assert "n = 100 questions" in table.caption
    tuned = table.rows[1]
    assert (tuned[2].text, tuned[2].small, tuned[2].faint) == ("0.052", "[0.046, 0.058]", "max 0.223")
    assert table.rows[2][7].text == tables.NOTHING


def test_only_overlap_scores_show_their_maximum(report: dict[str, Any]) -> None:
    table = tables.results(report)
    assert table is not None
    shown = {table.columns[i] for row in table.rows for i, cell in enumerate(row) if "max" in cell.faint}
    assert shown == {"BLEU", "ROUGE-1", "ROUGE-2", "ROUGE-L", "Token F1"}


def test_the_dequantised_base_says_so(report: dict[str, Any]) -> None:
    table = tables.results(report)
    assert table is not None
    assert "4-bit file (Q4_1), dequantised" in table.rows[0][0].small


def test_a_measure_without_a_column_is_not_lost(report: dict[str, Any]) -> None:
    report["systems"][0]["metrics"]["brand_new"] = {"value": 0.5}
    table = tables.others(report)
    assert table is not None
    assert table.columns == ("System", "brand new", "chrF")


@pytest.mark.parametrize(
    ("metric", "low", "high", "words"),
    [
        ("token_f1", 0.01, 0.09, "Tuned scores better"),
        ("token_f1", -0.09, -0.01, "Tuned scores worse"),
        ("token_f1", -0.01, 0.09, "no measurable difference"),
        ("token_f1", 0.0, 0.09, "no measurable difference"),
        ("perplexity", -5.0, -4.0, "Tuned scores better"),
        ("perplexity", 4.0, 5.0, "Tuned scores worse"),
        ("length_words", 4.0, 5.0, "Tuned: more"),
        ("token_f1", None, None, "no interval"),
    ],
)
def test_differences_in_words(metric: str, low: float, high: float, words: str) -> None:
    item: Any = {"a": "tuned", "b": "base", "metric": metric, "difference": 1.0, "low": low, "high": high}
    assert tables.in_words(item) == words


@pytest.mark.parametrize(
    ("adjusted", "words"), [(0.04, "Tuned scores better"), (0.06, "may be chance"), (None, "Tuned")]
)
def test_what_may_be_chance_among_several_is_no_clear_difference(adjusted: float | None, words: str) -> None:
    item: Any = {"a": "tuned", "b": "base", "metric": "token_f1", "low": 0.1, "high": 0.2, "p_adjusted": adjusted}
    assert words in tables.in_words(item)


def test_each_pair_of_systems_has_its_table(report: dict[str, Any]) -> None:
    first, second = tables.comparisons(report)
    assert first.caption.startswith("Tuned minus base, n = 100")
    assert second.caption.startswith("Tuned minus nearest")
    assert "n" not in first.columns
    report["comparisons"][0]["n"] = 98
    assert "n" in tables.comparisons(report)[0].columns


def test_rows_that_do_not_add_up_are_called_out(report: dict[str, Any]) -> None:
    table = tables.sources(report)
    assert table is not None
    assert [row[0].small for row in table.rows] == ["", "", ""]
    assert [cell.text for cell in table.rows[-1]] == ["All", "48,441", "31,034", "48", "873", "39", "16,447"]
    report["data"]["sources"]["medquad"]["kept"] -= 5
    broken = tables.sources(report)
    assert broken is not None
    assert "5 rows unaccounted for" in broken.rows[0][0].small


def test_splits_add_up_over_sources(report: dict[str, Any]) -> None:
    table = tables.splits(report)
    assert table is not None
    assert [(row[0].text, row[1].text, row[2].text) for row in table.rows] == [
        ("Training", "1,900", "1,412"), ("Development", "100", "81"), ("Evaluation", "100", "77"), ("Not drawn", "14,347", "–"),
    ]  # fmt: skip


def test_the_short_form_of_the_account_gives_the_same_tables(report: dict[str, Any]) -> None:
    full = report["data"]
    items = full["sources"].items()
    short = {
        "sources": [{**item, "name": name, "rows": item["rows_in"], "said": ""} for name, item in items],
        "splits": {
            part: {
                "rows": sum(item[part] for _, item in items),
                "groups": full["groups"][part],
                "by_source": {name: item[part] for name, item in items},
            }
            for part in ("train", "dev", "eval")
        },
        "identifiers": "Not scanned.",
    }
    other: Any = {**report, "data": short}
    assert tables.sources(other) == tables.sources(report)
    left, right = tables.splits(other), tables.splits(report)
    assert left is not None
    assert right is not None
    assert left.rows == right.rows


def test_every_shown_measure_is_explained(report: dict[str, Any]) -> None:
    explained = {label for label, meaning in tables.meanings(report) if meaning}
    for table in (tables.results(report), tables.speed(report), tables.others(report), tables.epochs(report)):
        assert table is not None
        assert set(table.columns[1:]) <= explained


def test_the_account_of_the_data_room_fits() -> None:
    """The keys that the tables read are the ones that the data room writes."""
    import inspect

    from medlms.data import guard, prepared
    from medlms.data import report as account

    written = "".join(inspect.getsource(module) for module in (account, guard, prepared))
    keys = "rows_in kept dropped cleaned not_drawn said licence citation groups joined_by passed_over overlaps on_two_sides"
    for key in (*keys.split(), "values_compared", "repeated_questions", "identifiers", "note"):
        assert f'"{key}"' in written
