"""What a run holds, read for verification: hashes against the manifest, whole lines, and answers that belong to the test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from medlms.config import Config
from medlms.errors import DataError
from medlms.evaluate.lines import FIELDS, is_whole, prediction
from medlms.road.rows import Rows
from medlms.road.sealing import SEALED, sha256
from medlms.road.training import config_hash
from medlms.run import CONFIG, MANIFEST, Run
from medlms.types import Prediction
from medlms.verify.ledger import Ledger


def hashes(run: Run, config: Config, ledger: Ledger) -> None:
    """Check the manifest's hashes of the config and of every file that it names, and that no answers were added."""
    manifest = run.read_json(MANIFEST)
    if manifest.get("config_sha256"):
        ledger.check("hashes", CONFIG, "sha256 of the settings", manifest["config_sha256"], config_hash(config))
    sealed = manifest.get(SEALED)
    if not sealed:
        ledger.notes.append(
            "The manifest holds no hashes of predictions, splits, adapter and report, as that of an earlier version: a change "
            "of them is found where a number no longer follows."
        )
        return
    for name, stated in sealed.items():
        path = run.folder / name
        ledger.check("hashes", name, "sha256", stated, sha256(path) if path.is_file() else "no such file")
    for path in sorted((run.folder / "predictions").rglob("*.jsonl")):
        name = path.relative_to(run.folder).as_posix()
        if name not in sealed:
            ledger.fault(name, "file", "not in the manifest", "is there")


def lines(run: Run, name: str, ledger: Ledger) -> list[dict[str, Any]]:
    """The lines of a JSONL file that can be read; each that can't is a fault."""
    path = run.folder / name
    if not path.is_file():
        ledger.fault(name, "file", "in the report", "no such file")
        return []
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
        if not line.endswith(b"\n"):
            ledger.fault(f"{name}:{number}", "line", "a whole line", f"cut after {len(line)} bytes")
            continue
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict):
            found.append(value)
        else:
            ledger.fault(f"{name}:{number}", "line", "a JSON object", "not readable")
    return found


def answers(
    run: Run, system: str, rows: Sequence[Any], references: Mapping[str, Any], ledger: Ledger
) -> list[Prediction]:
    """The answers of a system in the order of the split, each with the reference and group that the split has for it."""
    file = f"predictions/{system}.jsonl"
    known: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines(run, file, ledger), 1):
        absent = [name for name in FIELDS if name not in line and name != "check"]  # earlier versions wrote none
        if absent:
            ledger.fault(f"{file}:{number}", "keys", "complete", f"without {', '.join(absent)}")
        elif line["id"] in known:
            ledger.fault(f"{file}:{number}", str(line["id"]), "once", "twice")
        else:
            known[line["id"]] = line
            if "check" in line and not is_whole(line):
                ledger.fault(f"{file}:{number}", str(line["id"]), "as it was written", "changed since")
    _belong(file, known, rows, references, ledger)
    return [prediction(known[row.id]) for row in rows if row.id in known]


def _belong(
    file: str, known: Mapping[str, dict[str, Any]], rows: Sequence[Any], references: Mapping[str, Any], ledger: Ledger
) -> None:
    wanted = {row.id: row for row in rows}
    for missing in wanted.keys() - known.keys():
        ledger.fault(file, missing, "one line", "no line")
    for foreign in known.keys() - wanted.keys():
        ledger.fault(file, foreign, "no question of splits/eval.jsonl", "one line")
    for key in wanted.keys() & known.keys():
        line, row = known[key], wanted[key]
        golds = list(references.get(key) or ())
        if golds:
            ledger.check("answers", file, f"{key}: label", line["label"], golds[0])
            ledger.check("answers", file, f"{key}: references", line["references"], golds)
        ledger.check("answers", file, f"{key}: group", line["group"], row.group)


def graded(rows: Rows, config: Config) -> Sequence[Any]:
    """The rows that were asked, in the order in which scores were made."""
    if not rows.eval:
        raise DataError("splits/eval.jsonl: holds no rows.")
    return rows.eval[: config.evaluate.rows]
