"""The scan for identifiers against the planted set, and on real MedQuAD rows.

    python benchmarks/identifiers.py [--split test|second|development] [--quick] [--medquad] [--misses FILE] [--draw FILE]
                                     [--judged FILE] [--out benchmarks/results/identifiers.json]

Found is an identifier whose every letter and digit is covered, whatever the class; a false alarm is a finding that touches
no identifier (tests/identifiers/README.md). Texts are read closely, as files of one's own are, or quickly, as public sets are.
Misses go to a file of their own, and only when asked for: once they are read, the set can't measure rules that are mended with
them. --medquad counts the quick scan's findings in all rows, and both scans' in CLOSE of them, drawn; --draw writes 200
of the latter for a look; with "right": true or false set in each, --judged counts them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from medlms.data.identifiers import KINDS, Finding, scan, scan_closely  # noqa: E402
from medlms.evaluate.intervals import wilson  # noqa: E402

Scan = Callable[[str], list[Finding]]
AROUND = 30  # characters of context around a published miss
JUDGED = 200  # findings in MedQuAD drawn for a look
CLOSE = 2_000  # rows of MedQuAD that are read closely


def planted(split: str) -> list[dict[str, Any]]:
    """The rows of a split of the frozen set."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set.jsonl"
        command = [sys.executable, "-m", "tests.identifiers.build", "--split", split, "--out", str(path)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def count(row: dict[str, Any], found: list[Finding]) -> dict[str, Any]:
    """What was found, missed, touched in vain and lost in one row."""
    text = row["text"]
    covered = {place for item in found for place in range(item.start, item.end)}
    right = {kind: set() for kind in KINDS}  # type: dict[str, set[int]]
    for item in found:
        right[item.kind].update(range(item.start, item.end))
    true = {place for span in row["identifiers"] for place in range(span["start"], span["end"])}
    result: dict[str, Any] = {"carrier": row["carrier"], "spans": [], "alarms": [], "predicted": Counter()}
    for span in row["identifiers"]:
        marks = [place for place in range(span["start"], span["end"]) if text[place].isalnum()]
        context = (
            text[max(0, span["start"] - AROUND) : span["start"]],
            text[span["start"] : span["end"]],
            text[span["end"] : span["end"] + AROUND],
        )
        result["spans"].append(
            {
                "class": span["class"],
                "tag": span["tag"],
                "culture": span.get("culture", ""),
                "style": row["style"],
                "found": covered.issuperset(marks),
                "exact": right[span["class"]].issuperset(marks),
                "context": context,
            }
        )
    for item in found:
        result["predicted"][item.kind] += 1
        if true.isdisjoint(range(item.start, item.end)):
            touched = [
                span["kind"] for span in row["negatives"] if span["start"] < item.end and item.start < span["end"]
            ]
            result["alarms"].append(
                {
                    "class": item.kind,
                    "rule": item.rule,
                    "said": text[item.start : item.end],
                    "negative": touched[0] if touched else "plain text",
                }
            )
    result["clinical"] = len(row["clinical"])
    result["lost"] = sum(not covered.isdisjoint(range(span["start"], span["end"])) for span in row["clinical"])
    return result


def digest(find: Scan, rows: list[dict[str, Any]]) -> str:
    """A digest of every finding in ``rows``."""
    found = [[(item.start, item.end, item.kind) for item in find(row["text"])] for row in rows]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def share(part: int, whole: int) -> dict[str, Any]:
    """A share with its 95 % Wilson interval."""
    low, high = wilson(part / whole, whole) if whole else (0.0, 1.0)
    return {"value": part / whole if whole else None, "low": low, "high": high, "n": whole, "k": part}


def over_carriers(rows: list[dict[str, Any]], repeats: int = 1000) -> dict[str, list[float]]:
    """95 % intervals of recall and precision when carriers, not rows, are drawn again."""
    groups: dict[str, list[int]] = {}
    for row in rows:
        sums = groups.setdefault(row["carrier"], [0, 0, 0, 0])
        for place, value in enumerate(
            (
                sum(span["found"] for span in row["spans"]),
                len(row["spans"]),
                sum(row["predicted"].values()) - len(row["alarms"]),
                sum(row["predicted"].values()),
            )
        ):
            sums[place] += value
    draw, values = random.Random(13), list(groups.values())
    recall, precision = [], []
    for _ in range(repeats):
        taken = [sum(column) for column in zip(*draw.choices(values, k=len(values)), strict=True)]
        recall.append(taken[0] / taken[1])
        precision.append(taken[2] / max(1, taken[3]))
    return {
        name: [sorted(found)[int(repeats * edge)] for edge in (0.025, 0.975)]
        for name, found in (("recall", recall), ("precision", precision))
    }


def summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Recall, precision and exactness per class and in all."""
    spans = [span for row in rows for span in row["spans"]]
    alarms = [alarm for row in rows for alarm in row["alarms"]]
    predicted: Counter[str] = sum((row["predicted"] for row in rows), Counter())
    classes = {}
    for kind in ("all", *KINDS):
        of = [span for span in spans if kind in ("all", span["class"])]
        said = sum(predicted.values()) if kind == "all" else predicted[kind]
        wrong = sum(kind in ("all", alarm["class"]) for alarm in alarms)
        classes[kind] = {
            "recall": share(sum(span["found"] for span in of), len(of)),
            "precision": share(said - wrong, said),
            "exact_class": share(sum(span["exact"] for span in of), len(of)),
        }
    return {
        "rows": len(rows),
        "carriers": len({row["carrier"] for row in rows}),
        "classes": classes,
        "over_carriers": over_carriers(rows),
        "clinical_lost": share(sum(row["lost"] for row in rows), sum(row["clinical"] for row in rows)),
    }


def by_kind(rows: list[dict[str, Any]], sample: int = 40) -> dict[str, Any]:
    """Misses by tag, culture and style, false alarms by what they touch, and a sample of misses in context."""
    missed = [span for row in rows for span in row["spans"] if not span["found"]]
    alarms = [alarm for row in rows for alarm in row["alarms"]]
    drawn = random.Random(7).sample(missed, min(sample, len(missed)))
    return {
        "by_tag": Counter(f"{span['class']}/{span['tag']}" for span in missed).most_common(),
        "by_culture": Counter(span["culture"] for span in missed if span["class"] == "name").most_common(),
        "by_style": Counter(span["style"] for span in missed).most_common(),
        "alarms_touch": Counter(alarm["negative"] for alarm in alarms).most_common(),
        "sample": [{"class": span["class"], "tag": span["tag"], "context": list(span["context"])} for span in drawn],
    }


def medquad(find: Scan, rows: int | None = None) -> dict[str, Any]:
    """Findings per 1,000 rows of MedQuAD (question and answer), by class, in all or ``rows`` drawn ones, and the scan's speed."""
    from medlms.datasets import medquad as source

    examples = list(source.read(offline=True).examples)
    if rows:
        examples = random.Random(5).sample(examples, rows)
    found: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    pool: list[dict[str, str]] = []
    size, started = 0, time.perf_counter()
    for example in examples:
        seen: set[str] = set()
        for text in (example.question, example.answer):
            size += len(text.encode())
            for item in find(text):
                found[item.kind] += 1
                seen.add(item.kind)
                pool.append(
                    {
                        "class": item.kind,
                        "rule": item.rule,
                        "said": text[item.start : item.end],
                        "before": text[max(0, item.start - 60) : item.start],
                        "after": text[item.end : item.end + 40],
                    }
                )
        hits.update(seen)
        hits["any"] += bool(seen)
    seconds = time.perf_counter() - started
    drawn = random.Random(3).sample(pool, min(JUDGED, len(pool)))
    thousand = len(examples) / 1000
    return {
        "rows": len(examples),
        "megabytes": size / 1e6,
        "megabytes_per_second": size / 1e6 / seconds,
        "findings_per_1000_rows": {kind: found[kind] / thousand for kind in KINDS},
        "rows_with_a_finding_per_1000": {kind: hits[kind] / thousand for kind in (*KINDS, "any")},
        "drawn": drawn,
    }


def table(result: dict[str, Any]) -> Iterable[str]:
    """The lines of the per-class table."""
    yield "| class | recall | precision | class named rightly |"
    yield "|---|---|---|---|"
    for kind, of in result["classes"].items():
        cells = [
            f"{of[name]['value']:.3f} [{of[name]['low']:.3f}, {of[name]['high']:.3f}] of {of[name]['n']}"
            if of[name]["n"]
            else "none"
            for name in ("recall", "precision", "exact_class")
        ]
        yield f"| {kind} | " + " | ".join(cells) + " |"


def judged(path: Path) -> dict[str, Any]:
    """Counts of a drawn sample that somebody has looked through."""
    drawn = json.loads(path.read_text(encoding="utf-8"))
    kinds: dict[str, list[int]] = {}
    for item in drawn:
        counts = kinds.setdefault(item["class"], [0, 0])
        counts[0] += bool(item["right"])
        counts[1] += 1
    return {"right": share(sum(bool(item["right"]) for item in drawn), len(drawn)), "by_class": kinds}


def write(path: Path, value: Any) -> None:
    """``value`` as JSON."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=("test", "second", "development"), default="development")
    parser.add_argument(
        "--quick", action="store_true", help="scan quickly: by rules and the tagger, without the network"
    )
    parser.add_argument("--medquad", action="store_true", help="count findings in MedQuAD, too")
    parser.add_argument("--misses", type=Path, help="write what was missed, with its context: the final run")
    parser.add_argument("--draw", type=Path, help="write 200 findings of MedQuAD to judge")
    parser.add_argument("--judged", type=Path, help="count a drawn file in which each item says right: true or false")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    find = scan if arguments.quick else scan_closely
    counted = [count(row, find(row["text"])) for row in planted(arguments.split)]
    result = summed(counted)
    print("\n".join(table(result)))
    print(f"clinical spans touched: {result['clinical_lost']['value']:.4f}; over carriers: {result['over_carriers']}")
    result |= {
        "split": arguments.split,
        "scan": "quick" if arguments.quick else "close",
        "command": f"python benchmarks/identifiers.py --split {arguments.split}"
        + " --quick" * arguments.quick
        + " --medquad" * arguments.medquad
        + " --misses FILE" * bool(arguments.misses),
        "date": time.strftime("%Y-%m-%d"),
        "machine": {"processor": platform.machine(), "system": platform.system(), "python": platform.python_version()},
        # The same digest means the same findings on the development split, whatever was rewritten since.
        "development_findings_sha256": digest(find, planted("development")),
    }
    if arguments.misses:
        write(arguments.misses, by_kind(counted))
    if arguments.medquad:
        for name, found in (
            ("medquad", medquad(scan)),
            ("medquad_quick", medquad(scan, CLOSE)),
            ("medquad_close", medquad(scan_closely, CLOSE)),
        ):
            result[name] = found
            drawn = found.pop("drawn")
            print(f"{name}: {sum(found['findings_per_1000_rows'].values()):.0f} findings in 1,000 rows")
            print(f"{name}: {1000 * found['megabytes_per_second']:.1f} KB/s")
        if arguments.draw:
            write(arguments.draw, [{"right": None, **item} for item in drawn])
        if arguments.judged:
            result["medquad_close"]["judged"] = judged(arguments.judged)
    if arguments.out:
        write(arguments.out, result)


if __name__ == "__main__":
    main()
