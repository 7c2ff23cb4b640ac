"""Makes rows and files for the tests of the data room; nothing here reaches the network or a cache."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from medlms.types import QA


@pytest.fixture(autouse=True)
def nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDLMS_DATA", raising=False)
    monkeypatch.setenv("MEDLMS_HOME", str(tmp_path / "home"))


@pytest.fixture
def qa() -> Callable[..., QA]:
    def make(id: str, question: str, answer: str, *, source: str = "set", **rest) -> QA:
        place = f"{source}.jsonl:{id}"
        return QA(
            id=f"{source}/{id}", source=source, licence="x", place=place, question=question, answer=answer, **rest
        )

    return make


@pytest.fixture
def rows(qa) -> Callable[..., list[QA]]:
    """``topics`` x ``each`` rows whose texts share nothing but their topic."""

    def make(topics: int, each: int, *, source: str = "set") -> list[QA]:
        return [
            qa(
                f"{t}-{n}",
                f"{source} question {n} on {t}",
                f"The {n}. of the long enough answers that {source} gives on topic {t}.",
                source=source,
                topic=f"{source} topic {t}",
                links=(f"document:{source}/{t}",),
            )
            for t in range(topics)
            for n in range(each)
        ]

    return make


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., str]:
    def write(name: str, records: list[dict]) -> str:
        path = tmp_path / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return str(path)

    return write
