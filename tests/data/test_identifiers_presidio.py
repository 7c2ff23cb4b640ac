"""Presidio's findings beside our own, with an analyser that is made up."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from medlms.data.identifiers import presidio
from medlms.data.identifiers.presidio import analyser, scan_with
from medlms.errors import DataError


@dataclass
class Result:
    entity_type: str
    start: int
    end: int
    score: float


class Fake:
    def __init__(self, *results: Result) -> None:
        self.results, self.asked = list(results), []

    def analyze(self, text: str, language: str, entities: list[str] | None = None) -> list[Result]:
        self.asked.append((text, language, tuple(entities or ())))
        return self.results


TEXT = "Uncle went home with Zubby on 3 March 2019."


def test_adds_what_the_rules_do_not_find() -> None:
    engine = Fake(Result("PERSON", 0, 5, 0.85))
    assert "Uncle" not in {TEXT[item.start : item.end] for item in scan_with(Fake(), TEXT)}
    found = {TEXT[item.start : item.end]: item.rule for item in scan_with(engine, TEXT)}
    assert found["Uncle"] == "presidio"
    assert engine.asked[0][:2] == (TEXT, "en")
    assert "PERSON" in engine.asked[0][2]


def test_leaves_guesses_foreign_kinds_bad_spans_and_years_out() -> None:
    weak = Fake(
        Result("PERSON", 0, 5, 0.3),
        Result("NRP", 0, 5, 0.9),
        Result("PERSON", 0, 500, 0.9),
        Result("DATE_TIME", 0, 4, 0.9),
    )
    assert scan_with(weak, TEXT) == scan_with(Fake(), TEXT)


def test_our_class_wins_where_both_find() -> None:
    start = TEXT.index("3 March")
    found = scan_with(Fake(Result("PERSON", start, start + 12, 1.0)), TEXT)
    assert [item.kind for item in found if item.start == start] == ["date"]


def test_a_missing_model_is_an_error_and_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presidio.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="not installed") as caught:
        analyser()
    assert "never fetches" in str(caught.value.hint)


def test_the_patterns_of_the_real_package_find_numbers_without_a_model_or_a_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("presidio_analyzer")
    sockets = []
    monkeypatch.setattr("socket.socket.connect", lambda self, address: sockets.append(address))
    text = "Uncle's card 4111 1111 1111 1111, mail quorl@example.org."
    found = {text[item.start : item.end]: item.kind for item in scan_with(presidio.patterns(), text)}
    assert found["4111 1111 1111 1111"] == "account"
    assert found["quorl@example.org"] == "email"
    assert not sockets


def test_patterns_without_the_package_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presidio.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="not installed"):
        presidio.patterns()
