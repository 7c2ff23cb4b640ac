"""Reports written again: a run's pages from its report.json, a study's from its points, and one report over several runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medlms.errors import AskedWrongly
from medlms.report import write
from medlms.road.points import is_study
from medlms.road.sealing import PAGES, seal
from medlms.run import REPORT, STEPS, Run


def again(folders: Sequence[str], *, to: str = "report") -> list[Path]:
    """Write the report of one run or study into its folder, or that over several runs into ``runs/TO``; the pages' paths."""
    if len(folders) > 1:
        return _several(folders, to)
    run = Run.open(folders[0])
    if is_study(run.folder):
        from medlms.road import study

        study.again(run)
        return _pages(run)
    paths = write(run, run.read_json(REPORT), list(run.rows(STEPS)))
    seal(run, PAGES)
    return paths


def _several(folders: Sequence[str], to: str) -> list[Path]:
    from medlms.road.combining import combine, entries_of

    if len({Run.open(folder).folder.resolve() for folder in folders}) < len(folders):
        raise AskedWrongly("A run is named twice.", hint="Name each run once.")
    entries = entries_of(folders)
    target = Run.create(to)
    combine(target, entries, command=f"medlms report {' '.join(folders)}")
    return _pages(target)


def _pages(run: Run) -> list[Path]:
    return [run.folder / "report.md", run.folder / "report.html", *sorted((run.folder / "plots").glob("*.svg"))]
