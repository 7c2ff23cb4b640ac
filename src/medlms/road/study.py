"""A study: one run a point, each an ordinary run that can be stopped and resumed, and one report over all of them.

A finished point is not run again, a half-done one goes on, a failed one is recorded with its reason and the others go on.
What does not depend on a point's settings (the base model's answers) is taken over from the point that has it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from medlms.config import Config, dump, load
from medlms.datasets import before
from medlms.errors import AskedWrongly, DataError, Interrupted, MedLMsError, ResourceError
from medlms.road import identified, many, reuse, rows
from medlms.road.combining import Entry, combine
from medlms.road.points import Point, Study, is_study, read_study
from medlms.road.talk import Silent, Talk, stages
from medlms.road.training import train
from medlms.run import CONFIG, REPORT, Run, now

__all__ = ["StudyResult", "is_study", "study"]


ONE_PROCESS = (
    "The points ran in one process (study.apart: false), so the peak memory of a point is at least that of the points "
    "before it."
)


@dataclass
class StudyResult:
    """A study's folder, its report, and why points failed, by their title."""

    run: Run
    report: dict[str, Any]
    failed: dict[str, str]


def study(
    source: str | Path | Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    *,
    resume: str | Path | None = None,
    talk: Talk | None = None,
) -> StudyResult:
    """Run every point of a study (a YAML file or a mapping with a ``study`` part), or go on with one, and report.

    Raises ConfigError with all faults of all points, DataError when a point's rows can't be had, both before anything
    runs; Interrupted when stopped (the study can be resumed). What a single point raises stands in ``failed``.
    """
    many.only_alone("A study")
    talk = talk or Silent()
    run: Run | None = None
    if resume is not None:
        if source is not None or overrides:
            raise AskedWrongly("A resumed study keeps its own settings.", hint="Leave the config and key=value away.")
        run = Run.open(resume)
        plan = read_study(run.folder / CONFIG)
        _same_points(run, plan)
        talk.say(f"going on with {run.folder}")
    else:
        plan = read_study(source if source is not None else {}, overrides)
    for note in plan.notes:
        talk.say(note)
    held = _rows_of(plan, run, talk)
    if run is None:
        run = Run.create(plan.run)
        run.write(CONFIG, plan.text)
        talk.say(f"the study's folder is {run.folder}; it has {len(plan.points)} points")
    try:
        with _polite_kill():
            _all_points(run, plan, held, talk)
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped. What was done is in {run.folder}.", hint=f"Go on with: medlms train --resume {run.folder}"
        ) from None
    return again(run, talk=talk)


def again(run: Run, *, talk: Talk | None = None) -> StudyResult:
    """Write a study's report from what its points hold now."""
    plan = read_study(run.folder / CONFIG)
    entries = [_entry(run, point) for point in plan.points]
    command = f"medlms train {run.folder / CONFIG}"
    report = combine(run, entries, command=command, config=plan.text, warnings=() if plan.apart else (ONE_PROCESS,))
    if talk is not None:
        talk.say(f"the report is {run.folder / 'report.html'}")
    return StudyResult(run, report, {entry.title: entry.reason for entry in entries if entry.state == "failed"})


def _folder(run: Run, point: Point) -> Path:
    return run.folder / "points" / point.name


def _config(run: Run, point: Point) -> Config:
    return point.config.model_copy(update={"run": str(_folder(run, point))})


def _finished(folder: Path) -> bool:
    return (folder / REPORT).is_file() and (folder / "report.html").is_file()


def _entry(run: Run, point: Point) -> Entry:
    folder = _folder(run, point)
    failure = _failure(run, point)
    state = "finished" if _finished(folder) else "failed" if failure else "unfinished"
    held = Run(folder) if (folder / CONFIG).is_file() else None
    return Entry(point.name, point.title, point.group, point.settings, held, state, failure)


def _failure(run: Run, point: Point) -> str:
    try:
        return str(json.loads((run.folder / "points" / f"{point.name}.json").read_text(encoding="utf-8"))["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _same_points(run: Run, plan: Study) -> None:
    """A point that has begun keeps its settings; points may be added or taken away."""
    for point in plan.points:
        path = _folder(run, point) / CONFIG
        if not path.is_file():
            continue
        begun, _ = load(path)
        if _compared(begun) != _compared(point.config):
            raise AskedWrongly(
                f"{run.folder / CONFIG}: was changed in what {point.title} was begun with, so it can't go on.",
                hint="Points may be added or left out; for other settings start a new study.",
            )


def _compared(config: Config) -> dict[str, Any]:
    return config.model_dump(exclude={"run": True, "train": {"checkpoint_minutes"}})


def _rows_of(plan: Study, run: Run | None, talk: Talk) -> dict[str, rows.Rows]:
    """The rows of every point, by its name; a point whose rows can't be had stops the study before it starts."""
    found: dict[str, rows.Rows] = {}
    made: dict[str, rows.Rows] = {}
    faults: dict[str, str] = {}
    for point in plan.points:
        begun = Run(_folder(run, point)) if run else None
        if begun and rows.there(begun):
            found[point.name] = rows.read(begun)
            continue
        mark = _data_mark(point.config)
        if mark not in made:
            try:
                made[mark] = _prepared(point.config, run, talk)
            except DataError as error:
                faults[f"{point.title}: {error}"] = error.hint
                continue
        found[point.name] = made[mark]
    if faults:
        raise DataError("\n".join(faults), hint=next(iter(faults.values())))
    tests = {tuple((row.id, *before(row), row.answer) for row in item.eval) for item in found.values()}
    if len(tests) > 1:
        talk.say(f"the points are graded on {len(tests)} different sets of questions; only equal ones are compared")
    return found


def _data_mark(config: Config) -> str:
    split = {**config.split.model_dump(), "seed": config.split_seed}
    settings = config.model_dump(
        include={"data", "clean", "mix", "exclude", "near_duplicates", "identifiers", "identifier_scan"}
    )
    return json.dumps([settings, split], sort_keys=True)


def _prepared(config: Config, run: Run | None, talk: Talk) -> rows.Rows:
    from medlms import data

    with talk.bar("reading the data") as advance:
        made = data.prepare(config, progress=stages(talk, advance))
    identified.enforce(made, run)
    return rows.Rows(made.train, made.dev, made.eval, made.references, made.times)


def _all_points(run: Run, plan: Study, held: Mapping[str, rows.Rows], talk: Talk) -> None:
    for number, point in enumerate(plan.points, 1):
        where = f"point {number} of {len(plan.points)}, {point.title}"
        with _claimed(run, point) as lock:
            if lock is None:
                talk.say(f"{where}: another process is at it")
            elif _finished(_folder(run, point)):
                talk.say(f"{where}: finished before")
            else:
                talk.say(where)
                _one(run, plan, point, held, lock, talk)


def _one(run: Run, plan: Study, point: Point, held: Mapping[str, rows.Rows], lock: IO[str], talk: Talk) -> None:
    record = run.path("points", f"{point.name}.json")
    try:
        begun = _begin(run, point)
        others = [(Run(_folder(run, other)), other.config) for other in plan.points if other is not point]
        for sentence in reuse.take(begun, _config(run, point), held[point.name], others):
            talk.say(sentence)
        _train_apart(begun, lock, talk) if plan.apart else train(resume=begun.folder, talk=talk)
    except (KeyboardInterrupt, Interrupted):
        raise KeyboardInterrupt from None
    except Exception as error:
        hint = error.hint if isinstance(error, MedLMsError) else ""
        reason = str(error) if isinstance(error, MedLMsError) else f"{type(error).__name__}: {error}"
        run.write_json(f"points/{record.name}", {"state": "failed", "date": now(), "reason": reason, "hint": hint})
        talk.say(f"failed: {reason} {hint}".rstrip())
    else:
        record.unlink(missing_ok=True)


def _begin(run: Run, point: Point) -> Run:
    folder = _folder(run, point)
    begun = Run(folder)
    if not (folder / CONFIG).is_file():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ResourceError(f"{folder}: can't be made: {error.strerror}.") from None
        begun.write(CONFIG, dump(_config(run, point)))
    return begun


@contextmanager
def _claimed(run: Run, point: Point) -> Iterator[IO[str] | None]:
    """The point's lock, or None when another process has it; the system gives it back when its holder dies."""
    with run.path("points", f"{point.name}.lock").open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows: one process at a time, by agreement
            pass
        except OSError:
            yield None
            return
        yield file


_SOURCES = str(Path(__file__).parents[2])  # a point's process runs this very code


class _PointFailed(MedLMsError):
    """What the process of a point said last."""


def _train_apart(run: Run, lock: IO[str], talk: Talk) -> None:
    """Train in a process of its own, so that memory is measured apart and a crash ends one point only.

    The process holds the point's lock too: should this one be killed, nobody else begins the point beside it.
    """
    words = [sys.executable, "-m", "medlms", "train", "--resume", str(run.folder), "--json"]
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        pass_fds=(lock.fileno(),) if os.name == "posix" else (),
        start_new_session=True,  # Ctrl-C reaches it once, from here
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [_SOURCES, os.environ.get("PYTHONPATH", "")]))},
    )
    said: list[str] = []
    try:
        _listen(process, said, talk)
    except KeyboardInterrupt:
        process.terminate()  # as good as Ctrl-C, and heard where a shell has Ctrl-C switched off
        with suppress(KeyboardInterrupt):
            _listen(process, said, talk)
        if process.poll() is None:
            process.kill()
        process.wait()
        raise
    finally:
        if process.stderr is not None:
            process.stderr.close()
    if process.returncode == Interrupted.exit_code:
        raise KeyboardInterrupt
    if process.returncode:
        raise _failed(process.returncode, said)


def _listen(process: subprocess.Popen[str], said: list[str], talk: Talk) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line.rstrip())
        del said[:-40]
        if not line.startswith(("error: ", "hint: ")):
            talk.say(f"  {line.rstrip()}")
    process.wait()


def _failed(code: int, said: Sequence[str]) -> _PointFailed:
    if code < 0:
        name = signal.Signals(-code).name
        return _PointFailed(
            f"its process was ended by {name}.", hint="Too little memory is the usual reason for SIGKILL."
        )
    start = next((index for index in range(len(said) - 1, -1, -1) if said[index].startswith("error: ")), None)
    if start is None:
        return _PointFailed(f"its process ended with exit code {code}: {said[-1] if said else 'it said nothing'}")
    hints = [line.removeprefix("hint: ") for line in said[start:] if line.startswith("hint: ")]
    lines = [line.strip() for line in said[start:] if not line.startswith("hint: ")]
    return _PointFailed(" ".join(lines).removeprefix("error: "), hint=" ".join(hints))


@contextmanager
def _polite_kill() -> Iterator[None]:
    """A polite kill of this process stops the study as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
