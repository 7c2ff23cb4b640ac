"""Shares, counts, temperature and repeats: what was asked for comes out, and dev and eval stay what they were."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medlms import config, data
from medlms.config import DataSource, Mix
from medlms.data import mix
from medlms.errors import ConfigError, DataError
from medlms.road import rows as kept
from medlms.run import Run
from medlms.types import Tokens


def records(name: str, count: int) -> list[dict[str, str]]:
    return [
        {"question": f"What is {name} {n}?", "answer": f"{name} {n} is thing {n}.", "topic": f"{name} {n}"}
        for n in range(count)
    ]


@pytest.fixture
def prepare(table: Callable[..., str]) -> Callable[..., Any]:
    files = {name: table(f"{name}.jsonl", records(name, count)) for name, count in (("big", 300), ("small", 60))}

    def made(big: dict[str, Any], small: dict[str, Any], *, temperature: float | None = None, **rest: Any) -> Any:
        sources = [{"source": files["big"], **big}, {"source": files["small"], **small}]
        split = {"dev": 10, "eval": 20, **rest}
        settings = {"data": sources, "split": split, "mix": {"temperature": temperature}, "identifier_scan": "quick"}
        return data.prepare(config.load({"model": "m", **settings})[0])

    return made


def reads(prepared: Any) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in prepared.train:
        counts[row.source] += prepared.times.get(row.id, 1)
    return counts


def entries(**settings: dict[str, Any]) -> dict[str, DataSource]:
    return {name: DataSource(source=name, **values) for name, values in settings.items()}


def test_counts_come_out_as_asked_and_eval_does_not_move(prepare: Any) -> None:
    plain = prepare({}, {})
    for big, small, rest, wanted in (
        ({"rows": 50}, {"rows": 20}, {}, {"big": 50, "small": 20}),
        ({}, {"rows": 20}, {"train": 100}, {"big": 80, "small": 20}),
        ({"rows": 50}, {"rows": 20, "repeats": 3}, {}, {"big": 50, "small": 60}),
        ({"rows": 90}, {"rows": 90, "repeats": "auto"}, {}, {"big": 90, "small": 90}),
        ({}, {"repeats": "auto"}, {"train": 200}, {"big": 100, "small": 100}),
    ):
        mixed = prepare(big, small, **rest)
        assert reads(mixed) == wanted
        assert (mixed.dev, mixed.eval) == (plain.dev, plain.eval)
        account = mixed.report["mixing"]["sources"]
        assert {name: item["reads"] for name, item in account.items()} == wanted
        assert {name: item["rows"] for name, item in account.items()} == Counter(row.source for row in mixed.train)
        assert len({row.id for row in mixed.train}) == len(mixed.train), (
            "rows are repeated by a number, not in the list"
        )


def test_without_mixing_all_is_as_it_was(prepare: Any) -> None:
    for rest in ({}, {"train": 90}):
        prepared = prepare({"weight": 2}, {}, **rest)
        assert not prepared.times
    assert reads(prepared) == {"big": 60, "small": 30}


def test_repeats_differ_by_one_at_most_and_what_is_drawn_is_stable(prepare: Any) -> None:
    once, again = (prepare({}, {"repeats": "auto"}, train=200) for _ in range(2))
    assert (once.train, once.times) == (again.train, again.times)
    often = {once.times.get(row.id, 1) for row in once.train if row.source == "small"}
    assert len(often) == 2 and max(often) - min(often) == 1
    more = prepare({}, {"repeats": "auto"}, train=180)
    assert [row.id for row in more.train if row.source == "big"] == [
        row.id for row in once.train if row.source == "big"
    ][:90]


def test_temperature_lies_between_size_and_evenness(prepare: Any) -> None:
    shares = [
        reads(prepare({}, {"repeats": "auto"}, train=120, temperature=temperature))["small"] / 120
        for temperature in (1, 2, 4, 100)
    ]
    assert shares == sorted(shares)
    pool = prepare({}, {}).report["mixing"]["sources"]
    sizes = {name: item["there"] for name, item in pool.items()}
    assert shares[0] == pytest.approx(sizes["small"] / sum(sizes.values()), abs=1 / 120)
    roots = {name: size**0.5 for name, size in sizes.items()}
    assert shares[1] == pytest.approx(roots["small"] / sum(roots.values()), abs=1 / 120)
    assert shares[3] == pytest.approx(0.5, abs=1 / 60)


def test_all_rows_with_repeats_reach_the_share(prepare: Any) -> None:
    prepared = prepare({"weight": 1}, {"weight": 1, "repeats": "auto"})
    counts = reads(prepared)
    assert counts["big"] == counts["small"] == prepared.report["mixing"]["sources"]["big"]["there"]
    assert any("small: each of its" in sentence for sentence in prepared.said)
    assert not any("asked were" in sentence for sentence in prepared.said)


@pytest.mark.parametrize("seed", range(40))
def test_any_plan_is_within_rounding(seed: int) -> None:
    draw = random.Random(seed)
    names = [f"s{n}" for n in range(draw.randint(1, 5))]
    room = {name: draw.randint(1, 400) for name in names}
    sources = entries(**{name: {"weight": draw.choice([0.5, 1, 3]), "repeats": "auto"} for name in names})
    how = Mix(temperature=draw.choice([None, 1.0, 2.5]), most_repeats=1000)
    train = draw.randint(len(names), 400)
    found = mix.plan(sources, room, train=train, how=how)
    assert sum(portion.reads for portion in found.values()) == train
    rates = {
        name: sources[name].weight * (room[name] ** (1 / how.temperature) if how.temperature else 1) for name in names
    }
    for name, portion in found.items():
        wanted = train * rates[name] / sum(rates.values())
        assert abs(portion.reads - wanted) < 1 + 1e-6, name
        assert portion.asked == pytest.approx(wanted / train)
        assert portion.rows == min(portion.reads, room[name])
    # What one source is called or where it stands changes nothing.
    turned = dict(reversed(sources.items()))
    again = mix.plan(turned, room, train=train, how=how)
    assert {name: (again[name].rows, again[name].reads) for name in names} == {
        name: (found[name].rows, found[name].reads) for name in names
    }


def test_a_count_that_is_not_there_says_what_is(prepare: Any) -> None:
    with pytest.raises(DataError, match=r"small: rows is 90, but \d+ are there") as error:
        prepare({"rows": 50}, {"rows": 90})
    assert "repeats to auto" in error.value.hint
    with pytest.raises(DataError, match="each read 10 times at most") as error:
        prepare({"rows": 50}, {"rows": 5000, "repeats": "auto"})
    assert "mix.most_repeats" in error.value.hint
    with pytest.raises(DataError, match="the sources give"):
        prepare({"repeats": "auto"}, {"repeats": "auto"}, train=20_000)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"split": {"train": 10}, "data": [{"source": "a", "rows": 11}]}, "add up to 11, more than split.train"),
        ({"split": {"train": 10}, "data": [{"source": "a", "rows": 9}]}, "add up to 9, split.train is 10"),
        ({"mix": {"temperature": 2}, "data": ["a"]}, "mix.temperature needs split.train"),
        ({"mix": {"temperature": 0}, "data": ["a"]}, "must be above 0"),
        ({"data": [{"source": "a", "repeats": 0}]}, "must be a whole number of at least 1, or auto"),
        ({"data": [{"source": "a", "repeats": "often"}]}, "must be a whole number of at least 1, or auto"),
    ],
)
def test_wishes_that_contradict_each_other(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        config.load({"model": "m", **settings})


def test_repeats_reach_the_tokens_and_the_disk(prepare: Any, tmp_path: Path) -> None:
    prepared = prepare({"rows": 50}, {"rows": 20, "repeats": 3})
    run = Run.create(str(tmp_path / "run"))
    written = kept.write(run, prepared)
    assert written.times == prepared.times and written.train == prepared.train
    tokens = [Tokens(row.id, (1, 2, 3, 4), (False, False, True, True)) for row in prepared.train]
    read = mix.repeated(tokens, written.times)
    assert Counter(row.id for row in read) == {row.id: prepared.times.get(row.id, 1) for row in prepared.train}
    sources = {row.id: row.source for row in prepared.train}
    account = mix.with_tokens(prepared.report["mixing"], tokens, sources, written.times)
    assert {name: item["tokens"] for name, item in account["sources"].items()} == {"big": 200, "small": 240}
    assert account["tokens"] == sum(len(row.ids) for row in read)
    assert account["learned_tokens"] == 220
