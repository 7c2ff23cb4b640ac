"""What a training step costs, in seconds and memory, over row length, rows, tokens read at once, rank, and uneven rows.

    python benchmarks/cost.py [--minutes 12] [--model NAME_OR_FOLDER] [--quick] [--out benchmarks/results/cost.json]

Beside ours runs a plain loop over peft and transformers that pads the rows of a step to the longest (``plain_padded``),
where it fits. Each configuration runs in a process of its own, in shuffled order. The file is written after every one, and
those that stand in it are not measured again: a run that was stopped, or whose time was up, goes on with the same command.
`python scripts/cost_page.py` makes the page and its plots from the file.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from medlms.bench.estimates import Estimate, median  # noqa: E402
from medlms.bench.fits import line  # noqa: E402
from medlms.bench.quiet import busy_share  # noqa: E402
from medlms.bench.result import Result, Row, read, table  # noqa: E402
from medlms.bench.worker import TooSlow, Worker, WorkerFailed  # noqa: E402
from medlms.errors import AskedWrongly, MedLMsError  # noqa: E402

OURS, PADDED = "ours", "plain_padded"
MEMORY = "training_memory_bytes"  # the most that the process held once its model was loaded
MODEL = "smollm2-135m-instruct-q4_1"
LORA = {"alpha": 16, "dropout": 0.25}
RANK, LEARNED, SEED = 16, 0.75, 13
BUSY = 0.1  # others' share of the processors above which a warning is written
MOST = 900.0  # seconds after which a process counts as hung
MOST_PEER = 90.0  # seconds after which a step of the peer is given up
MEMORY_SHARE = 0.8  # of the machine's memory: a process that has held more is ended
# Steps measured by a configuration: at least the first number, then up to the second within these seconds.
REPEATS = {OURS: (2, 4, 5.0), PADDED: (1, 2, 8.0)}


@dataclass(frozen=True)
class Case:
    """A configuration: the rows of a step by length, and what is set. The peer reads all rows at once."""

    lengths: tuple[int, ...]
    micro_tokens: int
    rank: int = RANK
    four_bit: bool = False
    system: str = OURS

    @property
    def tokens(self) -> int:
        return sum(self.lengths)

    @property
    def work(self) -> int:
        """Tokens computed, padding included."""
        return self.tokens if self.system == OURS else max(self.lengths) * len(self.lengths)

    @property
    def name(self) -> str:
        even = len(set(self.lengths)) == 1
        rows = (
            f"{len(self.lengths)}x{self.lengths[0]}" if even else f"{len(self.lengths)}rows_longest_{self.lengths[0]}"
        )
        if self.system == PADDED:
            return f"{self.system}_{rows}"
        return f"{self.system}_{rows}_micro_{self.micro_tokens}_r{self.rank}{'_nf4' if self.four_bit else ''}"


@dataclass(frozen=True)
class Sizes:
    """How large the configurations are. ``row`` x rows is what the axes share; ``padded`` is what the peer is asked for."""

    length: tuple[int, ...] = (64, 256, 512, 1024, 2048)
    rows: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    micro: tuple[int, ...] = (256, 1024, 2048, 4096)
    rank: tuple[int, ...] = (4, 8, 16, 32, 64)
    longest: tuple[int, ...] = (256, 512, 832)
    precision: tuple[int, ...] = (1, 8)
    row: int = 256
    micro_tokens: int = 1024
    padded: Mapping[str, tuple[int, ...]] = field(
        default_factory=lambda: {"length": (256, 2048), "rows": (1, 2, 4, 8), "longest": (256, 832)}
    )


FULL = Sizes()
QUICK = Sizes(
    length=(8, 16, 32),
    rows=(1, 2, 4),
    micro=(16, 32, 64),
    rank=(2, 4, 8),
    longest=(16, 32, 40),
    precision=(2,),
    row=16,
    micro_tokens=32,
    padded={"length": (8, 32), "rows": (1, 4), "longest": (16, 40)},
)
# Lines through ours: name, axis, what x is among the settings, metric.
FITS = (
    ("seconds over tokens of a step", "rows", "tokens", "seconds"),
    ("seconds over row length, equal tokens", "length", "longest", "seconds"),
    ("seconds over rank", "rank", "rank", "seconds"),
    ("memory over tokens of a step, where more than are read at once", "rows", "tokens", MEMORY),
    ("memory over row length, equal tokens", "length", "longest", MEMORY),
    ("memory over the longest row, equal tokens", "longest", "longest", MEMORY),
    ("memory over tokens read at once", "micro_tokens", "micro_tokens", MEMORY),
    ("memory over rank", "rank", "rank", MEMORY),
)
Axes = dict[str, list[tuple[float, Case]]]


def axes_of(sizes: Sizes) -> Axes:
    """(x, configuration) by axis. One configuration may stand on several axes and is measured once."""
    row, micro, longest = sizes.row, sizes.micro_tokens, max(sizes.length)
    rows = sizes.micro[-1] // row
    ours: Axes = {
        "length": [(n, Case((n,) * (longest // n), longest)) for n in sizes.length],
        "rows": [(n, Case((row,) * n, micro)) for n in sizes.rows],
        "micro_tokens": [(n, Case((row,) * rows, n)) for n in sizes.micro],
        "rank": [(n, Case((row,) * 4, micro, rank=n)) for n in sizes.rank],
        "longest": [(n, Case(uneven(4 * row, n, 4), max(micro, 4 * row))) for n in sizes.longest],
        "precision": [
            (n * row, Case((row,) * n, micro, four_bit=bits)) for n in sizes.precision for bits in (False, True)
        ],
    }
    for axis, wanted in sizes.padded.items():
        ours[axis] += [(x, Case(case.lengths, 0, system=PADDED)) for x, case in ours[axis] if x in wanted]
    return ours


def uneven(tokens: int, longest: int, rows: int) -> tuple[int, ...]:
    """Lengths of ``rows`` rows of ``tokens`` in all, the first of which is ``longest`` and the others alike."""
    share, over = divmod(tokens - longest, rows - 1)
    return (longest, *(share + (place < over) for place in range(rows - 1)))


def main(words: list[str] | None = None) -> int:
    words = sys.argv[1:] if words is None else words
    options = arguments(words)
    axes = axes_of(QUICK if options.quick else FULL)
    cases = list(dict.fromkeys(case for points in axes.values() for _, case in points))
    random.Random(SEED).shuffle(cases)
    try:
        result = begun(options, words)
        with tempfile.TemporaryDirectory(prefix="bench-cost-") as scratch:
            measure_all(options, result, cases, axes, Path(scratch))
    except KeyboardInterrupt:
        say("stopped; the same command goes on")
        return 130
    except MedLMsError as error:
        say(f"error: {error}{' ' + error.hint if error.hint else ''}")
        return error.exit_code
    result.complete = measured(result) | given_up(result) >= {case.name for case in cases}
    result.write(options.out)
    print(summary(result))
    return 0 if not [item for item in result.failed if item["settings"]["system"] == OURS] else 1


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--quick", action="store_true", help="miniature sizes, one step each: shows that everything runs")
    add("--model", default=MODEL, help=f"a name or a folder (default {MODEL})")
    add("--precision", default="auto", choices=("auto", "bf16", "fp32"), help="of the weights (default auto)")
    add("--minutes", type=float, default=12.0, help="no configuration is begun that would end later (default 12)")
    add("--again", action="store_true", help="measure anew what stands in the file already")
    add("--out", type=Path, default=ROOT / "benchmarks" / "results" / "cost.json", help="where the result goes")
    add("--threads", type=int, default=min(2, os.cpu_count() or 1), help="threads of the measured process (default 2)")
    return parser.parse_args(words)


def begun(options: argparse.Namespace, words: Sequence[str]) -> Result:
    """A new result, with what the file already holds. AskedWrongly when that is of another model or other settings."""
    from medlms.bench.machine import libraries, machine

    # Paths of this machine say nothing to others: their last part is kept.
    shown = [Path(word).name if word.startswith("/") else word for word in words]
    described = {**machine(), "threads": options.threads, "libraries": libraries()}
    result = Result(described, shlex.join(["python", "benchmarks/cost.py", *shown]))
    subject = {
        "model": Path(options.model).name,
        "asked_precision": options.precision,
        "quick": options.quick,
        "threads": options.threads,
        "lora": {**LORA, "targets": "all-linear"},
        "learned_share": LEARNED,
    }
    result.extra = {"subject": subject}
    if options.out.is_file() and not options.again:
        held = read(options.out)
        same = [held.get("subject") == subject]
        same += [held["machine"].get(key) == described[key] for key in ("processor", "cores", "torch")]
        if not all(same):
            raise AskedWrongly(
                f"{options.out.name}: holds measurements of another model, machine or setting.",
                hint="Give another --out, or --again to measure anew.",
            )
        result.rows = [Row(**row) for row in held["rows"]]
        result.failed = [item for item in held["failed"] if item["final"]]
        result.warnings = [text for text in held["warnings"] if text.partition(":")[0] in measured(result)]
    return result


def measured(result: Result) -> set[str]:
    return {str(row.settings["case"]) for row in result.rows}


def given_up(result: Result) -> set[str]:
    """Configurations of the peer that ran into a limit: a finding, not tried again."""
    return {item["settings"]["case"] for item in result.failed if item["final"]}


def measure_all(options: argparse.Namespace, result: Result, cases: Sequence[Case], axes: Axes, scratch: Path) -> None:
    """Every configuration that is not there yet, as long as there is time; the file is written after each."""
    began, spent = time.monotonic(), {OURS: [0.0, 0], PADDED: [0.0, 0]}
    left = [case for case in cases if case.name not in measured(result) | given_up(result)]
    if left:
        with worker("prepare", scratch, options) as process:
            result.extra["model"] = process.ask(message(options, left[0], system="prepare"), seconds=MOST)
    for number, case in enumerate(left, 1):
        seconds, tokens = spent[case.system]
        now = time.monotonic()
        if now - began + (seconds / tokens * case.work if tokens else 0) > 60 * options.minutes:
            say(f"{case.name}: no time left; the same command goes on")
            continue
        say(f"[{now - began:4.0f} s] {number} of {len(left)}: {case.name}")
        try:
            measure(options, result, case, scratch)
        except WorkerFailed as error:
            say(f"    {error}")
            final = case.system == PADDED and (isinstance(error, TooSlow) or "limit of" in str(error))
            result.failed.append({"error": str(error), "final": final, "settings": settings_of(case)})
        spent[case.system] = [seconds + time.monotonic() - now, tokens + case.work]
        conclude(result, axes)
        result.write(options.out)
    conclude(result, axes)


def measure(options: argparse.Namespace, result: Result, case: Case, scratch: Path) -> None:
    """One configuration: a warm-up and a few steps in a process of its own. WorkerFailed when it can't."""
    least, most, enough = (1, 1, 0.0) if options.quick else REPEATS[case.system]
    limit = MOST if case.system == OURS else MOST_PEER
    busy = busy_share(0.05 if options.quick else 0.5)
    found: list[dict[str, Any]] = []
    with worker(case.name, scratch, options) as process:
        ready = process.ask(message(options, case, steps=most), seconds=MOST)
        process.ask({"do": "step", "count": 1}, seconds=limit)
        while len(found) < least or (len(found) < most and sum(step["seconds"] for step in found) < enough):
            found.append(process.ask({"do": "step", "count": 1}, seconds=limit))
    if any(step["tokens"] != case.tokens for step in found):
        raise WorkerFailed(f"{case.name}: counts {found[-1]['tokens']} tokens where the rows hold {case.tokens}")
    if busy is not None and busy > BUSY:
        result.warnings.append(f"{case.name}: other work used {100 * busy:.0f} % of the processors: do not trust it")
    seconds = [step["seconds"] for step in found]
    settings = settings_of(case) | {
        "dtype": ready["dtype"],
        "attention_share": ready.get("attention_share"),
        "loaded_memory_bytes": ready["loaded_memory_bytes"],
        "busy": busy,
    }
    training = found[-1]["peak_memory_bytes"]
    peak = max(training, ready["loaded_memory_bytes"])
    result.add(case.system, "seconds", median(seconds), settings)
    result.add(case.system, "tokens_per_second", median([case.tokens / took for took in seconds]), settings)
    result.add(case.system, "peak_memory_bytes", Estimate(peak, None, None, 1), settings)
    result.add(case.system, MEMORY, Estimate(training, None, None, 1), settings)
    say(
        f"    {median(seconds).value:.2f} s a step, {case.tokens / median(seconds).value:.0f} tokens/s, {training / 1e9:.2f} GB"
    )


def settings_of(case: Case) -> dict[str, Any]:
    lengths = case.lengths
    return {"case": case.name, "system": case.system} | {
        "rows": len(lengths),
        "longest": max(lengths),
        "tokens": case.tokens,
        "padded_tokens": case.work,
        "micro_tokens": case.micro_tokens if case.system == OURS else None,
        "rank": case.rank,
        "four_bit": case.four_bit,
    }


def conclude(result: Result, axes: Axes) -> None:
    """The axes with what is known of each point, and the lines through ours."""
    rows = {(row.settings["case"], row.metric): row for row in result.rows}
    lost = {item["settings"]["case"]: item["error"].partition(": ")[2] for item in result.failed}
    result.extra["axes"] = {axis: [point(x, case, rows, lost) for x, case in points] for axis, points in axes.items()}
    fits = {}
    for name, axis, x, metric in FITS:
        ours = [case for _, case in axes[axis] if case.system == OURS]
        if (axis, metric) == ("rows", MEMORY):
            # Below that all rows are read at once, and memory grows with them.
            ours = [case for case in ours if case.tokens >= case.micro_tokens]
        held = [rows[case.name, metric] for case in ours if (case.name, metric) in rows]
        fit = line([(float(row.settings[x]), row.median) for row in held if row.median])
        if fit is not None:
            most = max(float(row.settings[x]) for row in held)
            fits[name] = {"axis": axis, "metric": metric, "x": x, **asdict(fit), "most": most, "share": fit.share(most)}
    result.extra["fits"] = fits


def point(x: float, case: Case, rows: Mapping[tuple[Any, str], Row], lost: Mapping[str, str]) -> dict[str, Any]:
    """One point of an axis as the page and its plots read it; only ``x``, names and why it is missing where it is."""
    seconds, *memory = (rows.get((case.name, metric)) for metric in ("seconds", MEMORY, "peak_memory_bytes"))
    found = {"x": x, "system": case.system, "case": case.name, "four_bit": case.four_bit, "rank": case.rank}
    found |= {"rows": len(case.lengths), "longest": max(case.lengths), "tokens": case.tokens}
    found |= {"micro_tokens": case.micro_tokens, "padded_tokens": case.work}
    if seconds is None or None in memory:
        return found | {"missing": lost.get(case.name, "not measured yet")}
    return found | {
        "seconds": {"median": seconds.median, "low": seconds.low, "high": seconds.high, "n": seconds.n},
        **{row.metric: row.median for row in memory if row is not None},
        "attention_share": seconds.settings["attention_share"],
    }


def message(options: argparse.Namespace, case: Case, *, system: str = "", steps: int = 0) -> dict[str, Any]:
    return {
        "system": system or case.system,
        "model": options.model,
        "precision": options.precision,
        "four_bit": case.four_bit and not system,
        "lengths": list(case.lengths),
        "micro_tokens": case.micro_tokens,
        "lora": {"r": case.rank, **LORA},
        "learned": LEARNED,
        "learning_rate": 2e-4,
        "seed": SEED,
        "warm_up": 1,
        "steps": steps,
        "most_bytes": int(MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")),
    }


def worker(name: str, scratch: Path, options: argparse.Namespace) -> Worker:
    environment = {
        "OMP_NUM_THREADS": str(options.threads),
        "MKL_NUM_THREADS": str(options.threads),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": str(ROOT / "src"),
    }
    if name != "prepare":  # weights may have to be fetched, once
        environment |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    command = [sys.executable, str(Path(__file__).with_name("cost_worker.py"))]
    return Worker(name, command, log=scratch / f"{name}.log", environment=environment)


def summary(result: Result) -> str:
    lines = [["configuration", "tokens", "seconds", "tokens/s", "GB, training", "GB, in all"]]
    rows = {(str(row.settings["case"]), row.metric): row for row in result.rows}
    for name in sorted(measured(result)):
        seconds, *memory = (rows[name, metric] for metric in ("seconds", MEMORY, "peak_memory_bytes"))
        took, tokens = seconds.median or 0.0, seconds.settings["tokens"]
        held = [f"{(row.median or 0) / 1e9:.2f}" for row in memory]
        lines.append([name, str(tokens), f"{took:.2f}", f"{tokens / took:.0f}", *held])
    text = [table(lines)]
    for name, fit in result.extra["fits"].items():
        r2 = "" if fit["r2"] is None else f", R² {fit['r2']:.4f}"
        text.append(
            f"{name}: {fit['intercept']:.3g} + {fit['slope']:.3g} x{r2}, at worst {100 * fit['worst']:.0f} % off"
        )
    text += [f"left out: {item['error']}" for item in result.failed]
    text += [f"warning: {warning}" for warning in result.warnings]
    return "\n".join(text if result.complete else [*text, "not complete: the same command goes on"])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
