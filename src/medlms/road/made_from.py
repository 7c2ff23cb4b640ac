"""What was made with a run's rows: adapters, models, checkpoints, merged folders and exports, and runs tuned on top of these."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from medlms.config import read
from medlms.errors import MedLMsError
from medlms.run import EVALUATION, Run

LEARNED = ("adapter", "model", "checkpoints/best", "checkpoints/last")
FILE = "adapter_model.safetensors"


@dataclass(frozen=True, slots=True)
class Thing:
    """A file or folder that would have to be made again: ``kind``, where it lies, the run it comes from, and why."""

    kind: str
    path: str
    run: str
    why: str


@dataclass
class Made:
    """``retrain``: what learned from the rows, or was made from that; ``choose``: runs whose kept epoch the rows helped to
    choose; ``regrade``: reports whose grades rest on the rows or on what learned from them; ``texts``: files that hold the text.
    """

    retrain: list[Thing] = field(default_factory=list)
    choose: list[Thing] = field(default_factory=list)
    regrade: list[Thing] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "retrain": [asdict(thing) for thing in self.retrain],
            "choose_anew": [asdict(thing) for thing in self.choose],
            "regrade": [asdict(thing) for thing in self.regrade],
            "files_that_hold_the_text": self.texts,
        }


def made(
    runs: Sequence[Run], *, trained: set[Path], chosen: set[Path], graded: set[Path], folders: Sequence[Path]
) -> Made:
    """What hangs on rows that the runs in ``trained`` hold in training, ``chosen`` in dev and ``graded`` in eval."""
    found = Made()
    tuned = [run for run in runs if not run.is_evaluation()]
    proofs = list(_proofs(folders, runs))
    reasons = {run.folder: "holds the rows in training" for run in tuned if run.folder in trained}
    bad: set[Path] = set()  # folders, resolved, whose weights learned from the rows
    weights: set[str] = set()  # sha256 of such weights
    while True:
        for run in tuned:
            if run.folder in reasons:
                _collect(run, reasons[run.folder], found, bad, weights, proofs)
        more = {run.folder: why for run in tuned if run.folder not in reasons and (why := _rests(run, bad, weights))}
        if not more:
            break
        reasons |= more
    for run in tuned:
        if run.folder in chosen and run.folder not in reasons:
            found.choose += [Thing(kind, path, run.name, "dev rows chose the epoch") for kind, path in _own(run)]
    for run in runs:
        if why := _grading(run, trained, graded, bad, reasons):
            _regrade(run, why, found)
        if run.folder in trained | chosen | graded:
            found.texts += [str(path) for path in _texts(run)]
    return found


def _collect(
    run: Run, why: str, found: Made, bad: set[Path], weights: set[str], proofs: Sequence[tuple[Path, dict[str, Any]]]
) -> None:
    if run.folder.resolve() in bad:
        return
    bad.add(run.folder.resolve())
    things = [Thing(kind, path, run.name, why) for kind, path in _own(run)]
    adapter = run.folder / "adapter" / FILE
    own = _sha256(adapter) if adapter.is_file() and proofs else ""
    known = {thing.path for thing in things}
    for folder, proof in proofs:
        inside = run.folder.resolve() in folder.resolve().parents
        if inside or (own and proof.get("adapter_sha256") == own):
            bad.add(folder.resolve())
            weights.update(file["sha256"] for file in _files(proof))
            if str(folder) not in known and not inside:
                things.append(Thing("merged or exported", str(folder), run.name, f"made from {run.folder / 'adapter'}"))
    weights |= {own} - {""}
    found.retrain += things or [Thing("run", str(run.folder), run.name, f"{why}, and has saved no weights yet")]


def _files(proof: dict[str, Any]) -> list[dict[str, Any]]:
    """The files of weights that a proof lists."""
    return [
        file for name, file in (proof.get("files") or {}).items() if name.endswith((".safetensors", ".gguf")) and file
    ]


def _own(run: Run) -> Iterator[tuple[str, str]]:
    for name in LEARNED:
        if (run.folder / name).exists():
            yield ("checkpoint" if "/" in name else name), str(run.folder / name)
    if (run.folder / "merged").exists():
        yield "merged", str(run.folder / "merged")
    for path in sorted((run.folder / "export").glob("*")):
        yield "export", str(path)


def _proofs(folders: Sequence[Path], runs: Sequence[Run]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Folders that `merge` or `export` wrote, with what their proof says, in runs and beside them."""
    roots = {*folders, *(run.folder for run in runs)}
    patterns = ("proof.json", "*/proof.json", "*/*/proof.json")
    paths = {path.resolve(): path for root in roots for pattern in patterns for path in root.glob(pattern)}
    for path in sorted(paths.values()):
        try:
            proof = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(proof, dict) and "adapter_sha256" in proof:
            yield path.parent, proof


def _rests(run: Run, bad: set[Path], weights: set[str]) -> str:
    """Why a run that does not hold the rows is built on what learned from them; empty when it is not."""
    model = _model(run)
    path = Path(model).expanduser()
    if model and path.exists() and ({path.resolve(), *path.resolve().parents} & bad):
        return f"was tuned on top of {model}"
    try:
        manifest = run.read_json("manifest.json")
    except MedLMsError:
        return ""
    held = (manifest.get("weights_sha256") or {}) if isinstance(manifest, dict) else {}
    return f"was tuned on top of {model} (the same weights)" if weights & set(held.values()) else ""


def _model(run: Run) -> str:
    try:
        return str(read(run.folder / "config.yaml").settings.get("model") or "")
    except MedLMsError:
        return ""


def _regrade(run: Run, why: str, found: Made) -> None:
    """Note the run's report, and the study's where the run is a point of one."""
    folders = {run.folder: why}
    if run.folder.parent.name == "points":
        folders[run.folder.parent.parent] = "a point of the study is to be graded again"
    known = {thing.path for thing in found.regrade}
    for folder, reason in folders.items():
        path = folder / "report.json"
        if path.is_file() and str(path) not in known:
            found.regrade.append(Thing("report", str(path), folder.name, reason))


def _grading(run: Run, trained: set[Path], graded: set[Path], bad: set[Path], reasons: dict[Path, str]) -> str:
    if run.folder in reasons:
        return "grades what is to be retrained"
    if run.folder in graded:
        return "was graded on the rows"
    if run.is_evaluation() and run.folder in trained:
        return "looks answers or examples up among the rows"
    if run.is_evaluation():
        adapter = str(run.read_json(EVALUATION).get("adapter") or "")
        for name in (adapter, _model(run)):
            path = Path(name).expanduser()
            if name and path.exists() and ({path.resolve(), *path.resolve().parents} & bad):
                return f"grades {name}"
    return ""


def _texts(run: Run) -> Iterator[Path]:
    yield from sorted((run.folder / "splits").glob("*.jsonl"))
    yield from sorted((run.folder / "predictions").rglob("*.jsonl"))
    yield from (
        run.folder / name
        for name in ("data_report.json", "report.json", "report.html", "report.md")
        if (run.folder / name).is_file()
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
