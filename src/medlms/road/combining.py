"""Gathers several runs into one report: a row for base and tuned of each, paired differences, curves, memory and time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from medlms import __version__
from medlms.bench.machine import machine
from medlms.config import Config, load
from medlms.errors import AskedWrongly
from medlms.evaluate import compare as one_seed
from medlms.evaluate import seeds
from medlms.evaluate.curve_findings import growth_findings, knee_findings
from medlms.evaluate.findings import METRICS, findings, judged
from medlms.evaluate.intervals import finite
from medlms.evaluate.knee import Knee
from medlms.evaluate.knee import as_json as knee_json
from medlms.evaluate.lines import read_predictions
from medlms.evaluate.more_rows import as_json as growth_json
from medlms.report import study as pages
from medlms.report.plots import smoothed
from medlms.road import fits
from medlms.road.grading import OVERLAP
from medlms.road.points import SEED, describe
from medlms.run import CONFIG, REPORT, STEPS, Run, now
from medlms.types import Comparison, Prediction

MEASURED = (*OVERLAP, "bits_per_byte")
BESIDE = {"best_prompt": "Base in its best prompt", "sentence": "Best-matching training sentence"}
"""Systems that stand in the tables of a study and are compared with its points, without sentences of their own."""

_NOTES = {
    **dict.fromkeys(("base", "few_shot", "best_prompt"), "not tuned"),
    "nearest": "no model",
    "sentence": "no model",
}
PAIRS = 5  # points up to which each is compared with each; more are compared with the first
_LOSSES = 150  # points of a loss curve that are kept
_LEFT_OUT = ("run", "prompts")  # keys in which runs may differ without being different points


@dataclass(frozen=True, slots=True)
class Entry:
    """One run to combine. ``group`` is its title without the seed; ``state`` is finished, failed or unfinished."""

    name: str
    title: str
    group: str
    settings: Mapping[str, Any]
    run: Run | None
    state: str
    reason: str = ""


@dataclass(frozen=True)
class _Member:
    entry: Entry
    config: Config
    report: Mapping[str, Any]
    predictions: Mapping[str, list[Prediction]]
    test: str


@dataclass
class _Group:
    """Finished runs that differ in their seed alone."""

    name: str
    title: str
    settings: dict[str, Any]
    members: list[_Member] = field(default_factory=list)

    @property
    def test(self) -> str:
        return self.members[0].test

    def predictions(self, system: str) -> list[list[Prediction]]:
        """One list a seed, for the members that have the system."""
        return [member.predictions[system] for member in self.members if system in member.predictions]


def entries_of(folders: Sequence[str]) -> list[Entry]:
    """Finished runs given by folder or name, with the settings in which they differ."""
    runs = [Run.open(folder) for folder in folders]
    flats = [_flat(load(run.folder / CONFIG)[0].model_dump()) for run in runs]
    for run in runs:
        run.read_json(REPORT)  # says what to do about a run that has none
    keys = [key for key in flats[0] if any(flat.get(key) != flats[0][key] for flat in flats) and key not in _LEFT_OUT]
    found, taken = [], set[str]()
    for run, flat in zip(runs, flats, strict=True):
        name, number = run.name, 1
        while name in taken:
            number += 1
            name = f"{run.name}-{number}"
        taken.add(name)
        settings = {key: flat[key] for key in keys if key in flat}
        found.append(Entry(name, name, describe(settings, without=(SEED,)) or name, settings, run, "finished"))
    return found


def combine(
    folder: Run, entries: Sequence[Entry], *, command: str, config: str = "", warnings: Sequence[str] = ()
) -> dict[str, Any]:
    """Score, compare and write report.json and its pages into ``folder``; returns the report."""
    members = [_member(entry) for entry in entries if entry.state == "finished"]
    groups = _grouped(members)
    bases = _bases(groups)
    floors = _floors(groups)
    shots = _shared(groups, "few_shot", lambda group: group.members[0].config.model)
    shot_pairs = _against(groups, "few_shot", shots, MEASURED)
    base_pairs = _against(groups, "base", bases, MEASURED)
    floor_pairs = _against(groups, "nearest", floors, METRICS)
    beside = {system: _shared(groups, system, lambda group: group.members[0].config.model) for system in BESIDE}
    beside_pairs = [item for system in BESIDE for item in _against(groups, system, beside[system], METRICS)]
    between = _between(groups)
    titles = {f"{group.name}/tuned": group.title for group in groups}
    counts = [len(group.members) for group in groups if group.predictions("tuned")]
    knees = {group.name: _knees(group) for group in groups}
    more = fits.growth(_sized(groups), **(_settings(groups[0]) if groups else {}))
    report: dict[str, Any] = {
        "kind": "study",
        "run": folder.name,
        "date": now(),
        "command": command,
        "version": __version__,
        "verdict": [
            *_states(entries),
            *findings(base_pairs, floor_pairs, between, titles=titles, seeds=counts, against_shots=shot_pairs),
            *growth_findings(more),
            *knee_findings([(group.title, item) for group in groups for item in knees[group.name]]),
        ],
        "warnings": [*warnings, *_warnings(groups)],
        "varied": list(dict.fromkeys(key for entry in entries for key in entry.settings)),
        "config": yaml.safe_load(config) if config else {},
        "systems": _systems(groups, bases, shots, floors, beside),
        "comparisons": _comparisons(
            (*base_pairs, *shot_pairs, *floor_pairs, *between), one_seed_each=max(counts, default=1) < 2
        )
        + list(map(one_seed.as_json, beside_pairs)),
        "groups": [{**_group_json(group, bases), "knees": list(map(knee_json, knees[group.name]))} for group in groups],
        "more_rows": [{"title": title, **growth_json(item)} for title, item in more],
        "points": [_point_json(entry, folder) for entry in entries],
        "machine": machine(),
    }
    folder.write_json(REPORT, report)
    pages.write(folder, report)
    return report


def _member(entry: Entry) -> _Member:
    assert entry.run is not None
    config, _ = load(entry.run.folder / CONFIG)
    report = entry.run.read_json(REPORT)
    if report.get("kind") == "study":
        raise AskedWrongly(
            f"{entry.run.folder}: is a study, not a run.", hint="Give its points: the folders under points/."
        )
    said = {system["name"]: read_predictions(entry.run, system["name"]) for system in report["systems"]}
    first = next(iter(said.values()))
    test = hashlib.sha256(repr([(item.id, item.golds, item.group) for item in first]).encode()).hexdigest()
    return _Member(entry, config, report, said, test)


def _grouped(members: Sequence[_Member]) -> list[_Group]:
    found: dict[str, _Group] = {}
    for member in members:
        settings = {key: value for key, value in member.entry.settings.items() if key != SEED}
        # Runs of several seeds that drew their own rows are no repetitions of one test.
        mark = json.dumps([settings, member.test, sorted(member.predictions)], sort_keys=True, default=str)
        if SEED not in member.entry.settings:
            mark += member.entry.name
        entry = member.entry
        group = found.setdefault(
            mark, _Group(entry.name, entry.group if SEED in entry.settings else entry.title, settings)
        )
        group.members.append(member)
    titles = [group.title for group in found.values()]
    for group in found.values():
        if titles.count(group.title) > 1:
            group.title = group.members[0].entry.title
    return list(found.values())


def _bases(groups: Sequence[_Group]) -> dict[str, tuple[str, _Group]]:
    """For each group with a base: the name of its row, and the group that shows it; equal answers make one row."""
    return _shared(groups, "base", lambda group: group.members[0].config.model)


def _floors(groups: Sequence[_Group]) -> dict[str, tuple[str, _Group]]:
    return _shared(groups, "nearest", lambda group: "")


def _shared(groups: Sequence[_Group], system: str, what: Any) -> dict[str, tuple[str, _Group]]:
    seen: dict[str, tuple[str, _Group]] = {}
    found = {}
    for group in groups:
        said = group.predictions(system)
        if said:
            mark = repr((what(group), group.test, [item.said for item in said[0]]))
            found[group.name] = seen.setdefault(mark, (f"{group.name}/{system}", group))
    return found


def _against(
    groups: Sequence[_Group], system: str, rows: Mapping[str, tuple[str, _Group]], metrics: Sequence[str]
) -> list[Comparison]:
    found: list[Comparison] = []
    for group in groups:
        tuned, other = group.predictions("tuned"), group.predictions(system)
        if tuned and other:
            name = rows[group.name][0]
            # The other side was not trained, so it has no luck of training: one of its copies stands for all.
            found += seeds.compare(f"{group.name}/tuned", tuned, name, other[:1], metrics, **_settings(group))
    return found


def _between(groups: Sequence[_Group]) -> list[Comparison]:
    found: list[Comparison] = []
    for test in dict.fromkeys(group.test for group in groups):
        same = [group for group in groups if group.test == test and group.predictions("tuned")]
        pairs = [(a, b) for at, a in enumerate(same) for b in same[:at]]
        if len(same) > PAIRS:
            pairs = [(a, same[0]) for a in same[1:]]
        for a, b in pairs:
            left, right = a.predictions("tuned"), b.predictions("tuned")
            found += seeds.compare(f"{a.name}/tuned", left, f"{b.name}/tuned", right, MEASURED, **_settings(a))
    return found


def _knees(group: _Group) -> list[Knee]:
    return fits.knees([member.entry.run for member in group.members if member.entry.run], **_settings(group))


def _sized(groups: Sequence[_Group]) -> list[fits.Sized]:
    """Groups as places of a learning curve over training rows, for a study that varies them."""
    found = []
    for group in groups:
        training = group.members[0].report.get("training") or {}
        if fits.ROWS in group.settings and group.predictions("tuned") and training.get("rows"):
            rest = {key: value for key, value in group.settings.items() if key != fits.ROWS}
            found.append(fits.Sized(training["rows"], describe(rest), group.test, group.predictions("tuned")))
    return found


def _settings(group: _Group) -> dict[str, Any]:
    config = group.members[0].config
    return {"resamples": config.evaluate.resamples, "seed": config.split_seed}


def _systems(
    groups: Sequence[_Group],
    bases: Mapping[str, tuple[str, _Group]],
    shots: Mapping[str, tuple[str, _Group]],
    floors: Mapping[str, tuple[str, _Group]],
    beside: Mapping[str, Mapping[str, tuple[str, _Group]]],
) -> list[dict[str, Any]]:
    several = len({name for name, _ in bases.values()}) > 1
    rows, tests = [], {group.test for group in groups}
    for group in groups:
        if bases.get(group.name, ("", None))[1] is group:
            rows.append(_row(group, "base", group.title if several else "Base", seeds_count=1))
        if shots.get(group.name, ("", None))[1] is group:
            shown = f"{group.members[0].config.evaluate.examples} examples in its prompt"
            rest = f", {group.title}" if len({name for name, _ in shots.values()}) > 1 else ""
            rows.append(_row(group, "few_shot", f"Base with {shown}{rest}", seeds_count=1))
        if group.predictions("tuned"):
            rows.append(_row(group, "tuned", group.title, seeds_count=len(group.members)))
    lookups = [group for group in groups if floors.get(group.name, ("", None))[1] is group]
    for group in lookups:
        rest = f", {group.title}" if len(lookups) > 1 else ""
        rows.append(_row(group, "nearest", f"Nearest question's answer{rest}", seeds_count=1))
    for system, found in beside.items():
        own = [group for group in groups if found.get(group.name, ("", None))[1] is group]
        for group in own:
            rest = f", {group.title}" if len(own) > 1 else ""
            rows.append(_row(group, system, f"{BESIDE[system]}{rest}", seeds_count=1))
    return rows if len(tests) == 1 else [{**row, "test": _test_number(row, groups)} for row in rows]


def _test_number(row: Mapping[str, Any], groups: Sequence[_Group]) -> int:
    tests = list(dict.fromkeys(group.test for group in groups))
    return 1 + tests.index(next(group.test for group in groups if group.name == row["point"]))


def _row(group: _Group, system: str, title: str, *, seeds_count: int) -> dict[str, Any]:
    found = [_system(member, system) for member in group.members if system in member.predictions][:seeds_count]
    note = _NOTES.get(system, "tuned")
    return {
        "name": f"{group.name}/{system}",
        "title": title,
        "point": group.name,
        "system": system,
        "note": note if len(found) == 1 else f"{note}, {len(found)} seeds",
        "seeds": len(found),
        "metrics": _measured([item["metrics"] for item in found]),
        "speed": _measured([item.get("speed") or {} for item in found]),
        "endings": {kind: sum(item["endings"][kind] for item in found) for kind in found[0]["endings"]},
    }


def _system(member: _Member, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(item for item in member.report["systems"] if item["name"] == name)
    return found


def _measured(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The values of one run as they are; of several seeds their mean, with the interval over seeds."""
    if len(found) == 1:
        return dict(found[0])
    return {name: _over([item[name] for item in found]) for name in found[0] if all(item.get(name) for item in found)}


def _over(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if any(item.get("value") is None for item in items):
        return {"value": None, "low": None, "high": None, "n": items[0].get("n"), "seeds": len(items)}
    value, low, high = seeds.mean([item["value"] for item in items])
    return {
        "value": finite(value),
        "low": finite(low),
        "high": finite(high),
        "n": items[0].get("n"),
        "lowest": min(item["value"] for item in items),
        "highest": max(item["value"] for item in items),
        "unread": sum(item.get("unread") or 0 for item in items),
        "seeds": len(items),
    }


def _group_json(group: _Group, bases: Mapping[str, tuple[str, _Group]]) -> dict[str, Any]:
    first = group.members[0]
    return {
        "name": group.name,
        "title": group.title,
        "settings": group.settings,
        "seeds": [member.config.seed for member in group.members],
        "points": [member.entry.name for member in group.members],
        "base": bases.get(group.name, ("", None))[0],
        "tuned": f"{group.name}/tuned",
        "model": dict(first.report.get("model") or {}),
        "training": _training(group),
        "epochs": _epochs(group),
        "losses": _losses(group),
    }


def _training(group: _Group) -> dict[str, Any] | None:
    found = [member.report["training"] for member in group.members if member.report.get("training")]
    if not found:
        return None
    counted = {key: found[0].get(key) for key in ("steps", "epochs", "rows", "tokens", "learned_tokens")}
    measured = {
        key: _over([{"value": item[key]} for item in found]) if len(found) > 1 else {"value": found[0][key]}
        for key in ("seconds", "tokens_per_second", "peak_memory_bytes")
    }
    return {**counted, **measured, "best_epochs": [item.get("best_epoch") for item in found]}


def _losses(group: _Group) -> list[dict[str, Any]]:
    """The training loss of the first seed over its steps, smoothed as in a run's own chart and thinned for drawing."""
    run = group.members[0].entry.run
    steps = [row for row in run.rows(STEPS) if row.get("loss") is not None] if run else []
    if len(steps) < 2:
        return []
    window = max(3, round(len(steps) / 20))
    means = smoothed([row["loss"] for row in steps], [row["learned_tokens"] or 1 for row in steps], window)
    stride = -(-len(steps) // _LOSSES)
    return [
        {"step": row["step"], "epoch": row["epoch"], "loss": round(mean, 4)}
        for at, (row, mean) in enumerate(zip(steps, means, strict=True))
        if at % stride == 0 or at == len(steps) - 1
    ]


def _epochs(group: _Group) -> list[dict[str, Any]]:
    curves = [{record["epoch"]: record for record in member.report.get("epochs") or []} for member in group.members]
    shared = [epoch for epoch in curves[0] if all(epoch in curve for curve in curves)]
    found = []
    for epoch in shared:
        records = [curve[epoch] for curve in curves]
        names = [name for name in records[0] if name != "epoch" and all(record.get(name) for record in records)]
        found.append({"epoch": epoch, **_measured([{name: record[name] for name in names} for record in records])})
    return found


def _point_json(entry: Entry, folder: Run) -> dict[str, Any]:
    inside = entry.run is not None and folder.folder in entry.run.folder.parents
    where = (
        ""
        if entry.run is None
        else entry.run.folder.relative_to(folder.folder).as_posix()
        if inside
        else entry.run.name
    )
    return {
        "name": entry.name,
        "title": entry.title,
        "settings": dict(entry.settings),
        "state": entry.state,
        "reason": entry.reason,
        "folder": where,
    }


def _comparisons(items: Sequence[Comparison], *, one_seed_each: bool) -> list[dict[str, Any]]:
    return [
        {**one_seed.as_json(found.item, needed=one_seed_each), "p_adjusted": finite(found.adjusted)}
        for found in judged(items).values()
    ]


def _states(entries: Sequence[Entry]) -> list[str]:
    """What the reader must know before the findings: that some points are missing."""
    failed = [entry.title for entry in entries if entry.state == "failed"]
    open_ = [entry.title for entry in entries if entry.state == "unfinished"]
    said = []
    if failed:
        said.append(f"{len(failed)} of {len(entries)} points failed and are missing below: {'; '.join(failed)}.")
    if open_:
        said.append(f"{len(open_)} of {len(entries)} points are not finished: {'; '.join(open_)}.")
    return said


def _warnings(groups: Sequence[_Group]) -> list[str]:
    said: dict[str, list[str]] = {}
    for group in groups:
        for member in group.members:
            for sentence in member.report.get("warnings") or []:
                said.setdefault(sentence, []).append(member.entry.title)
    count = sum(len(group.members) for group in groups)
    found = [
        sentence if len(titles) == count else f"{'; '.join(titles)}: {sentence}" for sentence, titles in said.items()
    ]
    tests = len({group.test for group in groups})
    if tests > 1:
        found.insert(0, f"The points answered {tests} different tests. Only points with the same test are compared.")
    return found


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
