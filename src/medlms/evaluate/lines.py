"""A predictions file: what a line of it holds, how one that was cut is mended, and how it is read back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from medlms.errors import DataError
from medlms.run import Run
from medlms.types import Prediction

Say = Callable[[str], None]
Row = TypeVar("Row")

FIELDS = (
    "id",
    "group",
    "question",
    "prompt",
    "predict",
    "label",
    "references",
    "problem",
    "finish_reason",
    "tokens",
    "seconds",
    "first_token_seconds",
    "reference_logprob",
    "reference_tokens",
    "topic",
    "kind",
    "source",
    "plan",
    "check",
)
"""Keys that every line has. ``plan`` is a fingerprint of the test, ``check`` one of the line itself. What only some systems or
tasks have (``similarity``, an exam's options, ``key``: see ``known``) stands in a line where it is known.
"""

_NAMES = {"said": "predict", "golds": "references"}
_DEFAULTS = {
    field.name: field.default
    for field in dataclasses.fields(Prediction)
    if field.default is not dataclasses.MISSING and field.name not in FIELDS
}


def file_of(system: str) -> str:
    """The predictions file of a system, as a name within a run."""
    return f"predictions/{system}.jsonl"


def line(prediction: Prediction, *, question: str, plan: str, key: str = "") -> dict[str, Any]:
    """A prediction as a line of a predictions file."""
    values = {
        "question": question,
        "label": prediction.golds[0] if prediction.golds else "",
        "plan": plan,
        **{
            _NAMES.get(field.name, field.name): getattr(prediction, field.name)
            for field in dataclasses.fields(Prediction)
        },
    }
    found = {name: values[name] for name in FIELDS if name in values}
    found |= {name: values[name] for name, missing in _DEFAULTS.items() if values[name] != missing}
    return sealed({**found, **({"key": key} if key else {})})


def sealed(found: Mapping[str, Any]) -> dict[str, Any]:
    """The line with a ``check`` that fits what stands in it."""
    rest = {name: value for name, value in found.items() if name != "check"}
    return {**rest, "check": _check(rest)}


def is_whole(found: Mapping[str, Any]) -> bool:
    """Whether a line has all its fields, and nobody changed it since it was written."""
    rest = {name: value for name, value in found.items() if name != "check"}
    return all(name in found for name in FIELDS) and found["check"] == _check(rest)


def prediction(found: Mapping[str, Any]) -> Prediction:
    """A line as the prediction it was made from."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value := found[key], list) else value
        for name in Prediction.__dataclass_fields__
        if (key := _NAMES.get(name, name)) in found
    }
    return Prediction(**values)


def read_predictions(run: Run, system: str) -> list[Prediction]:
    """The predictions of a system in a run, ordered by id; DataError when there are none, or when the file was cut."""
    path = run.folder / file_of(system)
    lines, broken = run.readable_rows(file_of(system))
    if broken:
        raise DataError(
            f"{path}:{broken[0]}: can't be read, the file was cut there; {len(lines)} other lines can.",
            hint=f"What is missing is asked again by: medlms {run.verb()} --resume {run.folder}",
        )
    if not lines:
        raise DataError(f"{path}: there are no predictions.", hint="`medlms evaluate` makes them.")
    for found in lines:
        absent = [name for name in FIELDS if name not in found and name != "check"]  # earlier versions wrote none
        if absent:
            raise DataError(f"{path}: {found.get('id')!r} has no {', '.join(absent)}.")
    return [prediction(found) for found in sorted(lines, key=lambda found: str(found["id"]))]


def read(run: Run, file: str, of: Callable[[Mapping[str, Any]], Row], what: str) -> list[Row]:
    """What ``of`` makes of each line of a file, in its order; DataError where there are none or a line is not ``what``."""
    try:
        found = [of(line) for line in run.rows(file)]
    except (KeyError, TypeError) as error:
        raise DataError(f"{run.folder / file}: not {what}: {error}.") from None
    if not found:
        raise DataError(f"{run.folder / file}: there are no answers.", hint="`medlms evaluate` makes them.")
    return found


def mended(run: Run, system: str, *, say: Say) -> dict[str, dict[str, Any]]:
    """The lines of a predictions file by id; those that can't be read are taken out of it, in a sentence."""
    lines, broken = run.readable_rows(file_of(system))
    found = {str(item["id"]): item for item in lines if "id" in item and "predict" in item}
    if broken:
        run.keep_rows(file_of(system), found.values())
        which = f"line {broken[0]}" if len(broken) == 1 else f"{len(broken)} lines, {broken[0]} first,"
        say(
            f"{run.folder / file_of(system)}: {which} can't be read, as after a crash; "
            f"what stood there is asked again, {len(found):,} answers stand"
        )
    return found


def in_order(run: Run, system: str, lines: Mapping[str, Mapping[str, Any]], ids: Iterable[str]) -> None:
    """Bring the finished file of a system into the order of ``ids``: replies come as they are done, stopped runs piecemeal."""
    wanted = list(ids)
    if list(lines) != wanted:
        run.keep_rows(file_of(system), [lines[key] for key in wanted])


def _check(rest: Mapping[str, Any]) -> str:
    content = json.dumps(rest, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
