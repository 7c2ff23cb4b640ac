"""A study file into its points: the config of a run with a ``study`` part, checked whole before anything runs.

``study.vary`` maps config keys to lists of values (every combination is a point), ``study.points`` lists sets of values
that belong together, such as a model and its own max_length. Given both, every set meets every combination.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import yaml

from medlms.catalogue import near
from medlms.config import ALIASES, Config, Tree, load, read
from medlms.errors import ConfigError, ModelError, UnknownName

KEYS = ("name", "vary", "points", "apart", "settings")
MOST = 400  # points: more is a slip of the pen
SEED = "seed"
LABELS = {
    "lora.r": "r",
    "split.train": "rows",
    "max_length": "length",
    "load_in_4bit": "4-bit",
    "train.learning_rate": "rate",
}
"""Short names of keys in titles; other keys go by their last part."""


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a study. ``name`` is its folder's, ``settings`` are the values of the varied keys.

    ``group`` is the title without the seed: points that share it are repetitions. ``config`` says no ``run`` yet.
    """

    name: str
    title: str
    group: str
    settings: dict[str, Any]
    config: Config


@dataclass(frozen=True, slots=True)
class Study:
    """A checked study. ``text`` is its file with all settings in it; ``apart``: each point in a process of its own."""

    name: str
    run: str
    points: tuple[Point, ...]
    apart: bool
    text: str
    notes: tuple[str, ...]


def is_study(source: str | Path) -> bool:
    """Whether a YAML file, or the folder it lies in as config.yaml, is that of a study."""
    path = Path(source)
    path = path / "config.yaml" if path.is_dir() else path
    try:
        return path.is_file() and "study" in read(path).settings
    except ConfigError:
        return False


def read_study(source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> Study:
    """Read and check a study and every point of it. Raises ConfigError with all faults."""
    tree = read(source)
    faults: list[str] = []
    part = tree.settings.pop("study", None)
    place = _Places(tree)
    if not isinstance(part, dict):
        raise ConfigError([f"{place('study')}: must hold name, and vary or points."])
    rest = _own_settings(part, [*_given(part, place, faults), *overrides], faults)
    _check_part(part, place, faults)
    sets = _sets(part, place, faults)
    _no_overlap(rest, {key for chosen, _ in sets for key in chosen}, faults)
    points, notes = _points(tree, rest, sets, faults)
    _check_models(points, faults)
    if faults:
        raise ConfigError(list(dict.fromkeys(faults)), hint=_HINT)
    name = str(part.get("name") or "study")
    run = next((text.partition("=")[2] for text in reversed(rest) if text.partition("=")[0].strip() == "run"), "")
    return Study(
        name=name,
        run=run or str(tree.settings.get("run") or name),
        points=tuple(points),
        apart=bool(part.get("apart", True)),
        text=_text(tree, part, rest),
        notes=tuple(dict.fromkeys([*_aliases(part), *notes])),
    )


_HINT = "Every key of a run: `medlms train --keys`; of a study: name, vary, points, apart (docs/guides/studies.md)."


def describe(settings: Mapping[str, Any], *, without: Sequence[str] = ()) -> str:
    """Settings in words: ``r = 4, seed = 1``; a model by its name alone."""
    return ", ".join(_part_title(key, value) for key, value in settings.items() if key not in without)


def label_of(key: str) -> str:
    """The short name of a config key."""
    return LABELS.get(key) or key.rpartition(".")[2].replace("_", " ")


class _Places:
    """Where in the study's file a setting stands, for sentences."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def __call__(self, path: str) -> str:
        # An item that stands on no line of its own is named by what holds it.
        line = next((self._tree.lines[at] for at in (path, path.rpartition(".")[0]) if at in self._tree.lines), None)
        return f"{self._tree.name}:{line}: {path}" if line else path


@dataclass(frozen=True, slots=True)
class _Set:
    """Values that belong together: by key, with the place of each. ``together``: the keys that ``label`` stands for."""

    values: dict[str, Any]
    places: dict[str, str]
    label: str = ""
    together: frozenset[str] = frozenset()


def _own_settings(part: dict[str, Any], overrides: Sequence[str], faults: list[str]) -> list[str]:
    """Take ``study.KEY=VALUE`` into the study's part; returns the settings that are for every point."""
    rest = []
    for text in overrides:
        key, mark, value = text.partition("=")
        if not key.strip().startswith("study."):
            rest.append(text)
            continue
        try:
            parsed = yaml.safe_load(value)
        except yaml.YAMLError:
            parsed = value
        key = key.strip().removeprefix("study.")
        if key.startswith("vary.") and mark:
            part["vary"] = {**_flat(part.get("vary")), _known(key.removeprefix("vary.")): parsed}
        elif key in KEYS:
            part[key] = parsed
        else:
            faults.append(f"study.{key}: unknown key. {near(key, KEYS)}".rstrip())
    return rest


def _given(part: dict[str, Any], place: _Places, faults: list[str]) -> list[str]:
    """Settings of the command line that began the study, as its folder keeps them."""
    given = part.pop("settings", [])
    if isinstance(given, list) and all(isinstance(text, str) for text in given):
        return given
    faults.append(f"{place('study.settings')}: must be a list of texts such as train.epochs=2.")
    return []


def _check_part(part: Mapping[str, Any], place: _Places, faults: list[str]) -> None:
    faults += [f"{place(f'study.{key}')}: unknown key. {near(key, KEYS)}".rstrip() for key in part if key not in KEYS]
    name = part.get("name", "study")
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
        faults.append(
            f"{place('study.name')}: must be a folder's name of letters, digits, dots and dashes (found {name!r})."
        )
    if not isinstance(part.get("apart", True), bool):
        faults.append(f"{place('study.apart')}: must be true or false (found {part['apart']!r}).")
    if not part.get("vary") and not part.get("points"):
        faults.append(f"{place('study')}: must hold vary, such as {{lora.r: [4, 8]}}, or points, or both.")


def _sets(part: Mapping[str, Any], place: _Places, faults: list[str]) -> list[tuple[dict[str, Any], _Set]]:
    """Every point's values; what is faulty is told and left out, so that the rest can be checked."""
    listed = _listed(part.get("points"), place, faults)
    varied = _varied(part.get("vary"), place, faults)
    twice = sorted({key for item in listed for key in item.values} & set(varied))
    faults += [f"{place(f'study.vary.{key}')}: stands in study.points too; keep one of them." for key in twice]
    count = max(len(listed), 1) * math.prod(len(values) for values in varied.values())
    if count > MOST:
        faults.append(f"{place('study')}: makes {count:,} points; {MOST} is the most.")
        return []
    found = []
    for item in listed or [_Set({}, {})]:
        for chosen in itertools.product(*varied.values()):
            values, places = dict(item.values), dict(item.places)
            for key, (value, where) in zip(varied, chosen, strict=True):
                values[key], places[key] = value, where
            found.append((values, _Set(values, places, item.label, frozenset(item.values))))
    return found


def _listed(listed: Any, place: _Places, faults: list[str]) -> list[_Set]:
    if listed is None:
        return []
    if not isinstance(listed, list) or not all(isinstance(item, dict) and item for item in listed):
        faults.append(f"{place('study.points')}: must be a list of settings, such as [{{lora.r: 4}}, {{lora.r: 8}}].")
        return []
    found = []
    for index, item in enumerate(listed):
        label = item.get("name", "")
        if not isinstance(label, str):
            faults.append(f"{place(f'study.points.{index}.name')}: must be text (found {label!r}).")
            label = ""
        values = _flat({key: value for key, value in item.items() if key != "name"})
        if not values:
            faults.append(f"{place(f'study.points.{index}')}: sets nothing.")
        _not_run(values, f"study.points.{index}", place, faults)
        found.append(_Set(values, {key: place(f"study.points.{index}.{key}") for key in values}, label))
    marks = [json.dumps(item.values, sort_keys=True, default=str) for item in found]
    for index, mark in enumerate(marks):
        if mark in marks[:index]:
            faults.append(f"{place('study.points')}: items {marks.index(mark) + 1} and {index + 1} are the same.")
    return found


def _varied(varied: Any, place: _Places, faults: list[str]) -> dict[str, list[tuple[Any, str]]]:
    if varied is None:
        return {}
    if not isinstance(varied, dict):
        faults.append(f"{place('study.vary')}: must map keys to lists, such as {{lora.r: [4, 8]}}.")
        return {}
    found: dict[str, list[tuple[Any, str]]] = {}
    flat = _flat(varied)
    _not_run(flat, "study.vary", place, faults)
    for key, values in flat.items():
        where = place(f"study.vary.{key}")
        if not isinstance(values, list) or not values:
            faults.append(f"{where}: must be a list of values, such as [4, 8] (found {values!r}).")
            continue
        marks = [json.dumps(value, sort_keys=True, default=str) for value in values]
        if len(set(marks)) < len(marks):
            faults.append(f"{where}: holds a value twice.")
        found[key] = [(value, place(f"study.vary.{key}.{index}")) for index, value in enumerate(values)]
    return found


def _not_run(values: Mapping[str, Any], path: str, place: _Places, faults: list[str]) -> None:
    faults += [
        f"{place(f'{path}.{key}')}: can't be varied; the study names its runs itself."
        for key in values
        if key in ("run", "study") or key.startswith("study.")
    ]


def _no_overlap(overrides: Sequence[str], varied: set[str], faults: list[str]) -> None:
    for text in overrides:
        key = _known(text.partition("=")[0].strip())
        if key in varied:
            faults.append(f"{key}: is varied by the study, so it can't be set for all points.")


def _points(
    tree: Tree, overrides: Sequence[str], sets: Sequence[tuple[dict[str, Any], _Set]], faults: list[str]
) -> tuple[list[Point], list[str]]:
    base = _with_shared_rows(tree, overrides, [values for values, _ in sets])
    points: list[Point] = []
    notes: dict[str, None] = {}
    taken: set[str] = set()
    for values, item in sets:
        try:
            config, said = load(base, overrides, **values)
        except ConfigError as error:
            faults += [_placed(fault, item.places) for fault in error.faults]
            continue
        notes.update(dict.fromkeys(said))
        named = {key: value for key, value in values.items() if not (item.label and key in item.together)}
        title = ", ".join(filter(None, [item.label, describe(named)]))
        group = ", ".join(filter(None, [item.label, describe(named, without=(SEED,))])) or _model_name(config.model)
        name = _unique(_slug(item.label, named), taken)
        points.append(Point(name, title, group, values, config.model_copy(update={"run": "run"})))
    return points, list(notes)


def _with_shared_rows(tree: Tree, overrides: Sequence[str], sets: Sequence[Mapping[str, Any]]) -> Tree:
    """A study over seeds keeps its rows: the split is drawn with the study's own seed."""
    keys = {key for values in sets for key in values} | {text.partition("=")[0].strip() for text in overrides}
    split = tree.settings.get("split") or {}
    varied = any(SEED in values for values in sets)
    if not varied or "split.seed" in keys or not isinstance(split, dict) or split.get("seed") is not None:
        return tree
    own = tree.settings.get(SEED)
    seed = own if own is not None else Config.model_fields[SEED].default
    return tree._replace(settings={**tree.settings, "split": {**split, "seed": seed}})


def _placed(fault: str, places: Mapping[str, str]) -> str:
    """A fault of a varied value, told with its place in the study's file."""
    for key, where in places.items():
        if fault.startswith((f"{key}: ", f"{key}.")):
            return f"{where}{fault.removeprefix(key)}"
    return fault


def _check_models(points: Sequence[Point], faults: list[str]) -> None:
    """A model's name that nothing knows is refused now; weights that must be fetched are the point's own affair."""
    from medlms.errors import FetchError
    from medlms.models.fetch import locate

    for name in dict.fromkeys(point.config.model for point in points):
        try:
            found = locate(name, fetch=False)
        except (UnknownName, ModelError) as error:
            faults.append(f"{error} {error.hint}".rstrip())
        except FetchError:
            continue
        else:
            if found.adapter is not None:
                faults.append(f"model: {name} is itself a tuned model; give its base.")


def _text(tree: Tree, part: Mapping[str, Any], overrides: Sequence[str]) -> str:
    """The study as a file that repeats it: settings of the command line are in it."""
    settings = {key: value for key, value in tree.settings.items() if key != "run"}
    # Kept in the form in which they were given, and applied again when the folder's file is read.
    if kept := [text for text in overrides if text.partition("=")[0].strip() != "run"]:
        part = {**part, "settings": kept}
    return yaml.safe_dump({**settings, "study": dict(part)}, sort_keys=False, allow_unicode=True, width=100)


def _flat(values: Any) -> dict[str, Any]:
    """Nested settings by dotted key, names of other tools resolved."""
    return {_known(key): value for key, value in _walk(values or {}, "")}


def _walk(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _walk(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _aliases(part: Mapping[str, Any]) -> list[str]:
    listed = [part.get("vary") or {}, *(part.get("points") or [])]
    return [f"{key} is read as {ALIASES[key]}" for item in listed for key, _ in _walk(item, "") if key in ALIASES]


def _known(key: str) -> str:
    return ALIASES.get(key, key)


def _part_title(key: str, value: Any) -> str:
    if key == "model":
        return _model_name(value)
    if isinstance(value, bool):
        return label_of(key) if value else f"no {label_of(key)}"
    return f"{label_of(key)} = {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "+".join(_shown(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(_shown(item) for item in value.values())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and value >= 10_000:
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _model_name(value: Any) -> str:
    return PurePath(str(value)).name or str(value)


def _slug(label: str, settings: Mapping[str, Any]) -> str:
    parts = [label] if label else []
    for key, value in settings.items():
        parts.append(_model_name(value) if key == "model" else f"{label_of(key)}-{_shown(value)}")
    text = "_".join(re.sub(r"[^\w.+-]+", "-", part).strip("-.+") for part in parts)
    return text[:80].replace("+", "-") or "point"


def _unique(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found)
    return found
