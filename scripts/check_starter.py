"""Holds each row of the starter set against the passages that it names.

    python scripts/check_starter.py            # needs the originals: MEDLMS_DATA, or what `medlms data get` fetched

A fault is an answer outside 40 to 80 words or above reading grade 10, a type or passage that does not exist, a question
that occurs twice, fewer than 45 % of the content words in the passages, a number that is not in them, and a run of 13
words in common with any passage of the data sets. Exit code 1 when there are faults.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from medlms import datasets
from medlms.config import DataSource
from medlms.types import QA

FOLDER = Path(__file__).parent.parent / "src" / "medlms" / "datasets" / "starter"
SOURCES = ("medquad", "wikidoc", "wikidoc_patient_information")
TYPES = {"information", "signs", "causes", "risk", "diagnosis", "treatment", "prevention", "when_to_get_help"}
RUN = 13
LOWEST_SUPPORT = 0.45
# Numbers that stand for a word: the emergency line (a passage may write 9-1-1 or "ambulance") and vitamin B12.
KNOWN_NUMBERS = {"911", "12"}
STOP = set(
    """a an the of to in and or for on with is are be can may by as at it its that this these those your you if not from
    have has had do does when what which who how will should they them their there than then more most some many such
    also very other about into out up one two""".split()
)


def words(text: str) -> list[str]:
    """Lower-case runs of letters and digits."""
    return re.findall(r"[a-z0-9]+", unicodedata.normalize("NFKC", text).lower())


def grade(text: str) -> float:
    """Flesch-Kincaid grade: 0.39 words a sentence + 11.8 syllables a word - 15.59."""
    sentences = [part for part in re.split(r"[.!?]+(?:\s|$)", text) if part.strip()]
    spoken = re.findall(r"[A-Za-z']+", text)
    return (
        0.39 * len(spoken) / max(len(sentences), 1) + 11.8 * sum(map(_syllables, spoken)) / max(len(spoken), 1) - 15.59
    )


def faults_of(row: Mapping[str, Any], passages: Mapping[str, QA], runs: set[int]) -> list[str]:
    """What is wrong with one question and answer."""
    answer, found = row["answer"], []
    count = len(answer.split())
    if not 40 <= count <= 80:
        found.append(f"{count} words")
    if grade(answer) > 10:
        found.append(f"reading grade {grade(answer):.1f}")
    if row["type"] not in TYPES:
        found.append(f"type {row['type']!r}")
    missing = [name for name in row["passages"] if name not in passages]
    if missing or not row["passages"]:
        return [*found, f"passages that do not exist: {missing or 'none named'}"]
    if runs & _runs(row["question"] + " " + answer):
        found.append(f"{RUN} words in a row stand in the data sets")
    source = {_stem(word) for name in row["passages"] for word in words(_text(passages[name]))}
    content = [word for word in words(answer) if word not in STOP]
    share = sum(_stem(word) in source for word in content) / max(len(content), 1)
    if share < LOWEST_SUPPORT:
        found.append(f"only {share:.0%} of the content words stand in the passages")
    numbers = [number for number in re.findall(r"\d+", answer) if number not in source and number not in KNOWN_NUMBERS]
    if numbers:
        found.append(f"numbers that are not in the passages: {', '.join(numbers)}")
    return found


def exam_faults(row: Mapping[str, Any], passages: Mapping[str, QA], runs: set[int]) -> list[str]:
    """What is wrong with one four-option question."""
    options = row["options"]
    found = []
    if sorted(options) != list("ABCD") or row["answer"] not in options:
        found.append("options A to D with one answer are needed")
    if len({option.lower() for option in options.values()}) < 4:
        found.append("two options are equal")
    if not row["passages"] or any(name not in passages for name in row["passages"]):
        found.append("passages that do not exist")
    if runs & _runs(row["question"]):
        found.append(f"{RUN} words in a row stand in the data sets")
    return found


def originals() -> dict[str, QA]:
    """All passages by id; raises what the data room raises when they are not here."""
    loaded = [datasets.load(DataSource(source=name), offline=True) for name in SOURCES]
    return {row.id: row for item in loaded for row in item.examples}


def all_runs(passages: Iterable[QA]) -> set[int]:
    """Hashes of every run of RUN words in questions and answers."""
    found: set[int] = set()
    for row in passages:
        found |= _runs(row.question) | _runs(row.answer)
    return found


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a starter file."""
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def main() -> int:
    """Print all faults and a summary."""
    passages = originals()
    runs = all_runs(passages.values())
    questions, exam = rows("questions.jsonl"), rows("exam.jsonl")
    found = [(row["id"], fault) for row in questions for fault in faults_of(row, passages, runs)]
    found += [(row["id"], fault) for row in exam for fault in exam_faults(row, passages, runs)]
    repeated = [
        name for name, count in Counter(" ".join(words(row["question"])) for row in questions).items() if count > 1
    ]
    found += [(name, "question occurs twice") for name in repeated]
    for name, fault in found:
        print(f"{name}: {fault}")
    grades = [grade(row["answer"]) for row in questions]
    topics = {row["topic"] for row in questions}
    print(
        f"{len(questions)} answers on {len(topics)} topics, median reading grade {statistics.median(grades):.1f}, "
        f"highest {max(grades):.1f}; {len(exam)} four-option questions; {len(found)} faults"
    )
    return 1 if found else 0


def _runs(text: str) -> set[int]:
    spoken = words(text)
    return {hash(tuple(spoken[start : start + RUN])) for start in range(len(spoken) - RUN + 1)}


def _text(row: QA) -> str:
    return f"{row.topic} {row.question} {row.answer}"


def _syllables(word: str) -> int:
    word = word.lower()
    count = len(re.findall(r"[aeiouy]+", word))
    if word.endswith("e") and not word.endswith(("le", "ee")) and count > 1:
        count -= 1
    return max(count, 1)


def _stem(word: str) -> str:
    for ending in ("ings", "ing", "ies", "ied", "ers", "er", "ed", "es", "ly", "s", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


if __name__ == "__main__":
    sys.exit(main())
