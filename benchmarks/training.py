"""Our training step against named peers: the same rows, the same model, one process a system, taking turns.

    python benchmarks/training.py [--quick] [--rows N] [--out benchmarks/results/training.json]

The search below finds the peers' best setting; that setting, TRL's defaults and ours are then measured again in
interleaved rounds. Everything heavy runs in benchmarks/training_worker.py; this file only asks, waits and writes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from medlms.bench.estimates import Estimate, median, ratio  # noqa: E402
from medlms.bench.quiet import busy_share, load_average  # noqa: E402
from medlms.bench.result import Result, Row, over_ceiling, read, table  # noqa: E402
from medlms.bench.roofline import Matrix, ceiling  # noqa: E402
from medlms.bench.turns import Contender, Measured, Outcome, take_turns  # noqa: E402
from medlms.bench.worker import TooSlow, Worker, WorkerFailed  # noqa: E402
from medlms.errors import AskedWrongly, MedLMsError  # noqa: E402

Settings = dict[str, Any]

# Peers' settings, likely best first: a later one is stopped once it has taken PATIENCE times the best one's seconds.
# batch x (rows of a step / batch) microbatches; `sorted`: rows of a step sorted by length, so that batches pad little.
SEARCH: tuple[Settings, ...] = (
    {"name": "plain_1_answer_head", "system": "plain", "batch": 1, "head": "answer", "adapters": "fp32"},
    {"name": "plain_1_answer_head_bf16_adapters", "system": "plain", "batch": 1, "head": "answer", "adapters": "bf16"},
    {"name": "plain_4_flattened_answer_head", "system": "plain", "batch": 4, "head": "answer", "adapters": "fp32"},
    {"name": "trl_1x8", "system": "trl", "batch": 1, "checkpointing": False},
    {"name": "trl_2x4_sorted", "system": "trl", "batch": 2, "checkpointing": False, "sorted": True},
    {"name": "trl_4x2_sorted", "system": "trl", "batch": 4, "checkpointing": False, "sorted": True},
    {"name": "trl_4x2_padding_free", "system": "trl", "batch": 4, "checkpointing": False, "padding_free": True},
    {"name": "trl_packing_2048", "system": "trl", "batch": 1, "checkpointing": False, "packing": True},
    {"name": "trl_1x8_checkpointing", "system": "trl", "batch": 1, "checkpointing": True},
    {"name": "plain_1_full_logits", "system": "plain", "batch": 1, "head": "full", "adapters": "fp32"},
    {"name": "trl_1x8_fp32", "system": "trl", "batch": 1, "checkpointing": False, "precision": "fp32"},
    {
        "name": "plain_1_answer_head_fp32",
        "system": "plain",
        "batch": 1,
        "head": "answer",
        "adapters": "fp32",
        "precision": "fp32",
    },
)
# SFTConfig's own defaults: eight rows at once, padded, with gradient checkpointing.
TRL_DEFAULT: Settings = {"name": "trl_default", "system": "trl", "batch": 8, "checkpointing": None}
OURS: Settings = {"name": "ours", "system": "ours"}

LORA = {"r": 16, "alpha": 16, "dropout": 0.25}
ROWS_PER_STEP = 8
PATIENCE = 1.5
CLOSE = 0.9  # a second peer this near to the best one is measured in the rounds too
BUSY = 0.1  # others' share of the processors above which a warning is written
MOST = 900.0  # seconds after which a process counts as hung


@dataclass
class Bench:
    """What the phases share. Every finding is written at once."""

    options: argparse.Namespace
    result: Result
    folder: Path
    began: float = field(default_factory=time.monotonic)
    facts: dict[str, Any] = field(default_factory=dict)
    matrices: dict[str, dict[str, Any]] = field(default_factory=dict)

    def say(self, text: str) -> None:
        spent = time.monotonic() - self.began
        print(f"[{int(spent // 60):02d}:{int(spent % 60):02d}] {text}", file=sys.stderr, flush=True)

    def write(self) -> None:
        self.result.write(self.options.out)

    def left(self) -> float:
        return 60 * self.options.minutes - (time.monotonic() - self.began)

    def phase(self, name: str) -> None:
        """Note how busy the machine is by others' work when a phase starts."""
        busy = busy_share()
        note = {"phase": name, "second": round(time.monotonic() - self.began), "load": load_average(), "busy": busy}
        self.result.extra.setdefault("phases", []).append(note)
        self.say(f"{name}: load average {note['load']}, busy with other work {busy if busy is not None else '?'}")
        if busy is not None and busy > BUSY:
            self.warn(f"{name}: other work used {100 * busy:.0f} % of the processors: do not trust these numbers")

    def warn(self, text: str) -> None:
        self.say(f"warning: {text}")
        self.result.warnings.append(text)

    def fail(self, settings: Settings, where: str, error: str) -> None:
        self.say(f"{settings['name']}: left out: {error}")
        self.result.failed.append({"system": settings["name"], "phase": where, "error": error, "settings": settings})
        self.write()


def main(words: list[str] | None = None) -> int:
    words = sys.argv[1:] if words is None else words
    options = arguments(words)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(options, result_of(options, words), Path(folder))
        try:
            return run(bench)
        except KeyboardInterrupt:
            bench.warn("stopped by the user before the end")
            bench.write()
            return 130
        except MedLMsError as error:
            bench.say(f"error: {error}{' ' + error.hint if error.hint else ''}")
            bench.warn(str(error))
            bench.write()
            return error.exit_code


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--quick", action="store_true", help="one round of two rows: shows that everything runs, measures nothing")
    add("--rows", type=int, help=f"rows that a system trains on in a round, a multiple of {ROWS_PER_STEP} (default)")
    add("--out", type=Path, default=ROOT / "benchmarks" / "results" / "training.json", help="where the result goes")
    add("--config", type=Path, default=ROOT / "configs" / "medquad.yaml", help="config whose data and rows are used")
    add("--model", help="model instead of the config's: a name or a folder")
    add("--threads", type=int, default=min(2, os.cpu_count() or 1), help="threads of every system (default 2)")
    add("--rounds", type=int, help="most rounds (default 8); fewer when the time is up, never under 3")
    add(
        "--micro-tokens",
        type=int,
        help="tokens that ours reads at once; `medlms doctor --probe` says what a run chooses here",
    )
    add("--minutes", type=float, default=15.0, help="time to aim at (default 15)")
    add("--loss-steps", type=int, help="optimiser steps before held-out losses are compared (default 3)")
    add("--seeds", type=int, help="seeds of that comparison, as far as time allows (default 3)")
    add("--search", help="only these settings of the search, by name, with commas between")
    add(
        "--losses-only",
        action="store_true",
        help="compare held-out losses alone, anew, and put them into the result's file",
    )
    options = parser.parse_args(words)
    options.step_rows = 2 if options.quick else ROWS_PER_STEP
    defaults = (
        {"rounds": 1, "loss_steps": 1, "seeds": 1} if options.quick else {"rounds": 8, "loss_steps": 3, "seeds": 3}
    )
    for name, value in {"rows": options.step_rows, **defaults}.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.rows < 1 or options.rows % options.step_rows:
        parser.error(f"--rows: {options.rows} is no multiple of {options.step_rows}, the rows of an optimiser step")
    names = [name.strip() for name in options.search.split(",")] if options.search else [s["name"] for s in SEARCH]
    unknown = sorted(set(names) - {settings["name"] for settings in SEARCH})
    if unknown:
        parser.error(f"--search: there is no {', '.join(unknown)}; there are {', '.join(s['name'] for s in SEARCH)}")
    options.settings = [settings for settings in SEARCH if settings["name"] in names]
    return options


def result_of(options: argparse.Namespace, words: list[str]) -> Result:
    from medlms.bench.machine import libraries, machine
    from medlms.road.manifest import git_commit

    # Paths of this machine say nothing to others: their last part is kept.
    shown = [Path(word).name if word.startswith("/") else word for word in words]
    described = machine()
    versions = {**libraries(), **versions_of("trl", "datasets")}
    described |= {"threads": options.threads, "load_at_start": load_average(), "libraries": versions}
    result = Result(machine=described, command=shlex.join(["python", "benchmarks/training.py", *shown]))
    result.extra = {"git": git_commit(), "quick": options.quick}
    return result


def versions_of(*names: str) -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in names:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


# -- the phases -------------------------------------------------------------------------------------------------------


def run(bench: Bench) -> int:
    if bench.options.losses_only:
        return losses_only(bench)
    prepare(bench)
    measure_roofline(bench)
    found = search(bench)
    ranked = sorted(found, key=lambda name: -found[name])
    by_name = {settings["name"]: settings for settings in bench.options.settings}
    finalists = [by_name[name] for name in ranked[:2] if found[name] >= CLOSE * found[ranked[0]]]
    best = rounds(bench, finalists)
    if best is not None:
        more_seeds(bench, best)
    measure_roofline(bench)
    bench.result.complete = True
    bench.write()
    print(summary(bench))
    if best is None:
        bench.say("ours or every peer failed; see `failed` in the result")
        return 1
    return 0


def prepare(bench: Bench) -> None:
    """Choose and tokenise the rows, once, for all systems."""
    from medlms.config import load

    options = bench.options
    bench.phase("preparing rows")
    overrides = [f"model={options.model}"] if options.model else []
    config, _ = load(options.config, overrides)
    bench.facts["model"] = config.model
    start = {
        "config": config.model_dump(),
        "rows_per_step": options.step_rows,
        "micro_tokens": options.micro_tokens or config.train.at_once,
        "wanted": options.rounds * (options.rows // options.step_rows) + 1,
        "dev_rows": 2 if options.quick else 12,
        "dev_length": 512,
        "seed": config.seed,
    }
    bench.facts |= {"learning_rate": config.train.learning_rate, "micro_tokens": start["micro_tokens"]}
    with worker(bench, {"name": "prepare"}) as process:
        facts = process.ask(message(bench, "prepare", start), seconds=MOST)
    needed = options.rows // options.step_rows + 2
    if len(facts["steps"]) < needed or not facts["dev_rows"]:
        raise AskedWrongly(f"These data give {len(facts['steps'])} steps; {needed} are needed, and held-out rows.")
    bench.facts["steps"] = facts.pop("steps")
    bench.facts["learned_share"] = facts["learned_share"]
    bench.result.extra["task"] = {
        "model": Path(config.model).name,
        "config": options.config.name,
        **facts,
        "rows_per_step": options.step_rows,
        "rows_per_round": options.rows,
        "lora": {**LORA, "targets": "all-linear"},
        "learning_rate": config.train.learning_rate,
        "step_tokens": bench.facts["steps"],
    }
    bench.say(
        f"{len(bench.facts['steps']) - 1} steps of {options.step_rows} rows, {facts['tokens_per_row']:.0f} tokens a row "
        f"(longest {facts['longest_row']}), {100 * facts['learned_share']:.0f} % of them learned"
    )
    bench.write()


def measure_roofline(bench: Bench) -> None:
    """Matrix speed at the model's shapes; measured at start and end, the faster one counts."""
    bench.phase("measuring matrix products")
    with worker(bench, {"name": "roofline"}) as process:
        try:
            ready = process.ask(message(bench, "roofline", {}), seconds=MOST)
            seconds = 0.02 if bench.options.quick else 0.6
            found = process.ask(
                {"do": "measure", "tokens": bench.facts["micro_tokens"], "seconds": seconds}, seconds=MOST
            )
        except WorkerFailed as error:
            bench.fail({"name": "roofline"}, "roofline", str(error))
            return
    for matrix in found["matrices"]:
        held = bench.matrices.setdefault(matrix["name"] + f"[{matrix['rows']},{matrix['columns']}]", matrix)
        held["gflops"] = max(held["gflops"], matrix["gflops"])
    matrices = list(bench.matrices.values())
    top = ceiling([Matrix(**m) for m in matrices], rank=LORA["r"], learned_share=bench.facts["learned_share"])
    bench.result.roofline = {
        "dtype": ready["dtype"],
        "threads": bench.options.threads,
        "tokens_at_once": bench.facts["micro_tokens"],
        "matrices": [{**matrix, "gflops": round(matrix["gflops"], 1)} for matrix in matrices],
        "flop_per_token": {"body": top.body, "head": top.head, "lora": top.lora, "all": top.flop_per_token},
        "tokens_per_second": round(top.tokens_per_second, 1),
        "note": "matrix products only: no attention, norms, dropout or optimiser",
    }
    bench.say(
        f"{ready['dtype']} products run at {min(m['gflops'] for m in matrices):.0f} to {max(m['gflops'] for m in matrices):.0f} "
        f"GFLOP/s; {top.flop_per_token / 1e9:.3f} GFLOP a token: at most {top.tokens_per_second:.0f} tokens/s"
    )
    hold_to_ceiling(bench)


def hold_to_ceiling(bench: Bench) -> None:
    """Our share of the ceiling, and a warning for every number above it."""
    top = bench.result.roofline["tokens_per_second"]
    rates = {row.system: row.median for row in bench.result.rows if row.metric == "tokens_per_second" and row.median}
    for text in over_ceiling(rates, top):
        if text not in bench.result.warnings:
            bench.warn(text)
    if "ours" in rates:
        bench.result.roofline["ours_share"] = round(rates["ours"] / top, 3)
    bench.write()


def search(bench: Bench) -> dict[str, float]:
    """Each setting for one step after a warm-up; tokens a second of those that finished."""
    bench.phase("searching the peers' best setting")
    found: dict[str, float] = {}
    number = len(bench.facts["steps"]) - 1
    for place, settings in enumerate(bench.options.settings, 1):
        limit = MOST
        if found and not bench.options.quick:
            limit = PATIENCE * bench.facts["steps"][number] / max(found.values())
        bench.say(f"{place}/{len(bench.options.settings)} {settings['name']}")
        # Packs are made over all rows, else the last, half-empty one would be what is measured.
        steps = list(range(number + 1)) if settings.get("packing") else [0, number]
        try:
            measured = try_setting(bench, settings, steps, limit)
        except WorkerFailed as error:
            bench.fail(settings, "search", str(error))
            continue
        if measured is not None:
            found[settings["name"]] = measured.rate
        bench.write()
    return found


def try_setting(bench: Bench, settings: Settings, steps: list[int], limit: float) -> Measured | None:
    """One measured step of a setting; None when it was stopped because others are much faster."""
    noted = {**described(settings), "phase": "search"}
    with launched(bench, settings, steps=steps, seed=0) as process:
        process.ask({"do": "step", "count": 1}, seconds=MOST)
        tokens = None if settings.get("packing") else bench.facts["steps"][steps[1]]
        try:
            measured = step(bench, process, 1, tokens=tokens, seconds=limit)
        except TooSlow:
            most, held = bench.facts["steps"][steps[-1]] / limit, process.peak_memory()
            process.kill()
            noted["stopped"] = f"after {limit:.0f} s: slower than {most:.0f} tokens/s, which others exceed"
            bench.result.rows += [
                Row(settings["name"], "tokens_per_second", None, None, most, 1, noted),
                Row(settings["name"], "peak_memory_bytes", None, held, None, 1, noted),
            ]
            bench.say(f"    stopped: slower than {most:.0f} tokens/s")
            return None
    record(bench, settings["name"], {0: measured}, noted)
    bench.say(f"    {measured.rate:.0f} tokens/s, {measured.peak_memory_bytes / 1e9:.1f} GB")
    return measured


def rounds(bench: Bench, finalists: list[Settings]) -> Settings | None:
    """Ours, the best peers and TRL's defaults in turn; returns the best peer, None when there is nothing to compare."""
    bench.phase("interleaved rounds")
    options = bench.options
    size = options.rows // options.step_rows
    count = min(options.rounds, (len(bench.facts["steps"]) - 2) // size)
    every = {"trl_default": 1 if options.quick else 2}
    with contextlib.ExitStack() as stack:
        processes: dict[str, Worker] = {}
        contenders = []
        for settings in (OURS, *finalists, TRL_DEFAULT):
            name = settings["name"]
            own = [r for r in range(count) if r % every.get(name, 1) == 0]
            steps = [0] + [1 + r * size + place for r in own for place in range(size)]
            try:
                process = stack.enter_context(launched(bench, settings, steps=steps, seed=0))
            except WorkerFailed as error:
                bench.fail(settings, "rounds", str(error))
                continue
            processes[name] = process
            contenders.append(Contender(name, round_of(bench, settings, process, size), every.get(name, 1)))
        names = {settings["name"]: settings for settings in (OURS, *finalists, TRL_DEFAULT)}
        losses = Losses(bench, {name: process for name, process in processes.items() if name != "trl_default"}, size)
        losses.before_training()

        def after(number: int, name: str, found: Measured) -> None:
            shown = f"round {number + 1}" if number >= 0 else "warm-up"
            bench.say(f"    {shown}: {name} {found.rate:.0f} tokens/s, {found.peak_memory_bytes / 1e9:.1f} GB")

        outcome = take_turns(
            contenders,
            rounds=count,
            minimum=min(3, count),
            seconds=max(bench.left() - 20, 1),
            before=losses.before,
            after=after,
        )
        losses.ask(outcome.rounds)
    for name, error in outcome.failed.items():
        bench.fail(names[name], "rounds", error)
    return report_rounds(bench, outcome, finalists, losses)


def round_of(bench: Bench, settings: Settings, process: Worker, size: int) -> Any:
    """The function that does a round of one system."""

    def run_round(number: int) -> Measured:
        if number < 0:
            return step(bench, process, 1)
        wanted = bench.facts["steps"][1 + number * size : 1 + (number + 1) * size]
        return step(bench, process, size, tokens=None if settings.get("packing") else sum(wanted))

    return run_round


@dataclass
class Losses:
    """Held-out losses of the systems in the rounds, asked once all have taken the same few steps."""

    bench: Bench
    processes: Mapping[str, Worker]
    size: int
    found: dict[str, float] = field(default_factory=dict)
    untrained: float | None = None
    rounds: int = 0

    def before_training(self) -> None:
        with contextlib.suppress(WorkerFailed):
            if "ours" in self.processes:
                self.untrained = self.processes["ours"].ask({"do": "loss"}, seconds=MOST)["dev_loss"]

    def before(self, number: int) -> None:
        if number > 0 and number * self.size >= self.bench.options.loss_steps:
            self.ask(number)

    def ask(self, number: int) -> None:
        """Ask all for their loss after ``number`` rounds, the first time only."""
        if self.found or not number:
            return
        self.rounds = number
        for name, process in self.processes.items():
            with contextlib.suppress(WorkerFailed):
                self.found[name] = process.ask({"do": "loss"}, seconds=MOST)["dev_loss"]


def report_rounds(bench: Bench, outcome: Outcome, finalists: list[Settings], losses: Losses) -> Settings | None:
    result = bench.result
    rates = {name: outcome.rates(name) for name in outcome.measured if outcome.measured[name]}
    peers = [settings for settings in finalists if settings["name"] in rates]
    best = max(peers, key=lambda settings: median([*rates[settings["name"]].values()]).value, default=None)
    systems = {"ours": OURS, "trl_default": TRL_DEFAULT} | {settings["name"]: settings for settings in peers}
    for name, measured in outcome.measured.items():
        if measured:
            settings = {**described(systems[name]), "phase": "rounds"}
            record(bench, "best_peer" if best and name == best["name"] else name, measured, settings)
    pairs = [(best["name"], "best_peer")] if best else []
    for name, shown in [*pairs, ("trl_default", "trl_default")]:
        for metric, values in (("tokens_per_second", rates), ("peak_memory_bytes", peaks(outcome))):
            found = ratio(values.get("ours", {}), values.get(name, {}))
            if found is not None:
                result.compare("ours", shown, metric, found)
    if outcome.rounds < 3 and not bench.options.quick:
        bench.warn(f"only {outcome.rounds} rounds: the intervals mean little")
    tokens = sum(bench.facts["steps"][: 1 + losses.rounds * losses.size])
    result.extra["dev_loss"] = {
        "untrained": losses.untrained,
        "steps": 1 + losses.rounds * losses.size,
        "tokens": tokens,
        "seeds": [],
    }
    hold_to_ceiling(bench)
    if best is None or "ours" not in rates:
        return None
    note_losses(bench, 0, losses.found.get("ours"), losses.found.get(best["name"]), best)
    return best


def peaks(outcome: Outcome) -> dict[str, dict[int, float]]:
    return {
        name: {number: float(found.peak_memory_bytes) for number, found in measured.items()}
        for name, measured in outcome.measured.items()
    }


def more_seeds(bench: Bench, best: Settings) -> None:
    """The same few steps from other seeds, as long as there is time; each pair starts from the same adapters."""
    held = bench.result.extra["dev_loss"]
    speeds = [row.median for row in bench.result.rows if row.system in ("ours", "best_peer") and row.median]
    if not held["steps"] or best.get("packing") or len(speeds) < 2:
        return
    bench.phase("held-out loss from other seeds")
    losses_of_seeds(bench, best, range(1, bench.options.seeds))


def losses_only(bench: Bench) -> int:
    """All seeds of the comparison with the peer of a finished result, whose other numbers stay as they are."""
    from medlms.run import write_whole

    target = bench.options.out
    held = read(target)
    name = next(row["settings"]["name"] for row in held["rows"] if row["system"] == "best_peer")
    bench.options.out = bench.folder / "losses.json"
    prepare(bench)
    if bench.result.extra["task"] != held["task"]:
        raise AskedWrongly(
            f"{target.name}: was measured on other rows.", hint="Give the settings that it was made with."
        )
    same = {key: held["dev_loss"][key] for key in ("untrained", "steps", "tokens")}
    bench.result.extra["dev_loss"] = {**same, "seeds": []}
    best = next(settings for settings in SEARCH if settings["name"] == name)
    losses_of_seeds(bench, best, range(bench.options.seeds))
    found = bench.result.extra["dev_loss"]
    if not found["seeds"]:
        return 1
    made = {"git": bench.result.extra["git"], "command": bench.result.command, "date": bench.result.date}
    held["dev_loss"] = {**found, "made": made}
    others = [row for row in held["rows"] if row["metric"] != "dev_loss"]
    held["rows"] = others + [asdict(row) for row in bench.result.rows]
    write_whole(target, (json.dumps(held, indent=2, ensure_ascii=False) + "\n").encode())
    return 0


def losses_of_seeds(bench: Bench, best: Settings, seeds: range) -> None:
    held = bench.result.extra["dev_loss"]
    longest = 0.0
    for seed in seeds:
        began = time.monotonic()
        if longest > bench.left() or (longest == 0 and bench.left() < 60):
            bench.say(f"no time for seed {seed}")
            break
        found: dict[str, float] = {}
        for settings in (OURS, best):
            try:
                with launched(bench, settings, steps=list(range(held["steps"])), seed=seed) as process:
                    process.ask({"do": "step", "count": held["steps"]}, seconds=MOST)
                    found[settings["name"]] = process.ask({"do": "loss"}, seconds=MOST)["dev_loss"]
            except WorkerFailed as error:
                bench.fail(settings, f"dev_loss, seed {seed}", str(error))
        note_losses(bench, seed, found.get("ours"), found.get(best["name"]), best)
        longest = max(longest, time.monotonic() - began)


def note_losses(bench: Bench, seed: int, ours: float | None, peer: float | None, best: Settings) -> None:
    if ours is None or peer is None:
        return
    held = bench.result.extra["dev_loss"]
    held["seeds"].append({"seed": seed, "ours": ours, "best_peer": peer, "difference": ours - peer})
    for system, settings in (("ours", OURS), ("best_peer", best)):
        values = [found[system] for found in held["seeds"]]
        bench.result.add(system, "dev_loss", median(values), {**described(settings), "phase": "dev_loss"})
    held["difference"] = vars_of(median([found["difference"] for found in held["seeds"]]))
    before = f"{held['untrained']:.4f} untrained, " if held["untrained"] is not None else ""
    bench.say(
        f"    held-out loss after {held['steps']} steps ({held['tokens']:,} tokens), seed {seed}: {before}"
        f"ours {ours:.4f}, best peer {peer:.4f}, difference {ours - peer:+.4f}"
    )
    bench.write()


# -- processes and numbers --------------------------------------------------------------------------------------------


def worker(bench: Bench, settings: Settings) -> Worker:
    """A process of its own for one system, on the processor, asking no hub and reporting to nobody."""
    threads = str(bench.options.threads)
    environment = {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(bench.folder / "datasets"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])),
    }
    if settings["name"] == "prepare":  # rows and weights may have to be fetched, once
        del environment["TRANSFORMERS_OFFLINE"], environment["HF_HUB_OFFLINE"]
    command = [sys.executable, str(Path(__file__).with_name("training_worker.py"))]
    return Worker(settings["name"], command, log=bench.folder / f"{settings['name']}.log", environment=environment)


def message(bench: Bench, system: str, start: Mapping[str, Any]) -> dict[str, Any]:
    return {"system": system, "model": bench.facts["model"], "job": str(bench.folder / "job.json"), **start}


@contextlib.contextmanager
def launched(bench: Bench, settings: Settings, *, steps: list[int], seed: int) -> Iterator[Worker]:
    """A system that has loaded its model and waits. WorkerFailed when it can't."""
    start = {key: value for key, value in settings.items() if key not in ("name", "system")}
    if "batch" in start:
        start["batch"] = min(start["batch"], bench.options.step_rows)
    start |= {
        "steps": steps,
        "seed": seed,
        "rows_per_step": bench.options.step_rows,
        "lora": LORA,
        "learning_rate": bench.facts["learning_rate"],
    }
    with worker(bench, settings) as process:
        ready = process.ask(message(bench, settings["system"], start), seconds=MOST)
        same_start(bench, settings["name"], seed, ready["adapters"])
        yield process


def same_start(bench: Bench, name: str, seed: int, adapters: float) -> None:
    """All systems of one seed begin with the same adapters (bf16 ones rounded); anything else is said."""
    first = bench.facts.setdefault(f"adapters, seed {seed}", adapters)
    if abs(first - adapters) > 1e-3 * abs(first):
        bench.warn(f"{name} starts from other adapters than the rest (sum of sizes {adapters}, not {first})")


def step(bench: Bench, process: Worker, count: int, *, tokens: int | None = None, seconds: float = MOST) -> Measured:
    """Let a system take ``count`` steps; its own clock counts. ``tokens``: what these rows hold, checked."""
    answer = process.ask({"do": "step", "count": count}, seconds=seconds)
    if tokens is not None and answer["tokens"] != tokens:
        bench.warn(f"{process.name} counts {answer['tokens']} tokens where the rows hold {tokens}")
    return Measured(answer["tokens"], answer["seconds"], answer["peak_memory_bytes"])


def record(bench: Bench, system: str, measured: Mapping[int, Measured], settings: Settings) -> None:
    found = [*measured.values()]
    result = bench.result
    result.add(system, "tokens_per_second", median([item.rate for item in found]), settings)
    # A peak only grows: the last one is the system's, and there is no spread to give an interval of.
    peak = max(item.peak_memory_bytes for item in found)
    result.add(system, "peak_memory_bytes", Estimate(peak, None, None, 1), settings)
    result.add(system, "seconds", median([item.seconds for item in found]), settings)


def described(settings: Settings) -> Settings:
    """Settings as the result shows them, under the name of their entry in the search."""
    return {"loop" if key == "system" else key: value for key, value in settings.items() if value is not None}


def vars_of(found: Estimate) -> dict[str, Any]:
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n}


def summary(bench: Bench) -> str:
    """The table for people."""
    result = bench.result
    rows = {(row.system, row.metric): row for row in result.rows if row.settings.get("phase") == "rounds"}
    times = {item.b: item for item in result.ratios if item.metric == "tokens_per_second"}
    lines = [["system", "tokens/s", "95 % interval", "peak GB", "ours is", "95 % interval"]]
    for system in dict.fromkeys(name for name, _ in rows):
        speed, memory = rows[system, "tokens_per_second"], rows[system, "peak_memory_bytes"]
        shown = system if system != "best_peer" else f"best_peer ({speed.settings['name']})"
        cells = [shown, f"{speed.median:.1f}", interval(speed, 1), f"{(memory.median or 0) / 1e9:.2f}"]
        other = times.get(system)
        lines.append([*cells, f"{other.value:.2f}x" if other else "", interval(other, 2) if other else ""])
    text = [table(lines)]
    if result.roofline:
        share = result.roofline.get("ours_share")
        text.append(
            f"ceiling of matrix products: {result.roofline['tokens_per_second']:.0f} tokens/s"
            + (f"; ours reaches {100 * share:.0f} %" if share else "")
        )
    held = result.extra.get("dev_loss")
    if held and held["seeds"]:
        differences = ", ".join(f"{found['difference']:+.4f}" for found in held["seeds"])
        text.append(f"held-out loss after {held['steps']} steps, ours - best_peer by seed: {differences}")
    text += [f"warning: {warning}" for warning in result.warnings]
    text.append(f"written to {bench.options.out}")
    return "\n".join(text)


def interval(item: Any, digits: int) -> str:
    return "" if item.low is None or item.high is None else f"{item.low:.{digits}f} to {item.high:.{digits}f}"


if __name__ == "__main__":
    sys.exit(main())
