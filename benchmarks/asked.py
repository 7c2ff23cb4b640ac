"""What the benchmarks of answering share: the models, a clock, the ceiling of matrix products, and turns."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from medlms.bench.estimates import median, ratio  # noqa: E402
from medlms.bench.machine import libraries, machine  # noqa: E402
from medlms.bench.quiet import busy_share, load_average  # noqa: E402
from medlms.bench.result import Result  # noqa: E402
from medlms.bench.turns import Contender, Measured, take_turns  # noqa: E402

BUSY = 0.1  # share of the processors above which other work is warned about
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def parser(text: str | None, out: str) -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=(text or "").split("\n", 1)[0])
    found.add_argument("--model", default="smollm2-135m-instruct-q4_1")
    found.add_argument("--rounds", type=int, default=3)
    found.add_argument("--threads", type=int, default=2)
    found.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="processor: on a machine that others use, with --threads 1"
    )
    found.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / out)
    return found


class Bench:
    """The result under way, and the models that are measured."""

    def __init__(self, options: argparse.Namespace, words: list[str]) -> None:
        import torch

        from medlms.models import fetch
        from medlms.models.load import converted, load

        torch.set_num_threads(options.threads)
        self.options = options
        self.clock = CLOCKS[options.clock]
        script = Path(sys.argv[0]).name
        self.result = Result(
            {**machine(), "threads": options.threads, "clock": options.clock, "libraries": libraries()},
            f"python benchmarks/{script} {shlex.join(words)}".rstrip(),
        )
        located = fetch.locate(options.model)
        self.loaded = load(located, precision="bf16")
        self.folder = converted(located, say) if located.gguf else located.folder
        busy = busy_share()
        self.result.extra["phases"] = [{"phase": "begin", "load": load_average(), "busy": busy}]
        if busy is not None and busy > BUSY:
            self.result.warnings.append(
                f"other work used {100 * busy:.0f} % of the processors: ratios were measured in turns, speeds are too low"
            )

    def theirs(self) -> Any:
        """Transformers' own model over the same weights in bf16, with its fastest attention."""
        import torch
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(
            self.folder, dtype=torch.bfloat16, attn_implementation="sdpa"
        ).eval()

    def measured(self, work: Callable[[], float]) -> Measured:
        began = self.clock()
        done = work()
        return Measured(done, self.clock() - began)

    def compare(
        self,
        systems: Mapping[str, Callable[[], float]],
        metric: str,
        settings: Mapping[str, Mapping[str, Any]],
        peer: str,
    ) -> None:
        """Measure systems in turns and write medians, and each one's ratio to the peer."""
        contenders = [Contender(name, lambda number, work=work: self.measured(work)) for name, work in systems.items()]
        said = lambda number, name, found: say(f"round {number}: {name} {found.rate:.2f} {metric}")  # noqa: E731
        outcome = take_turns(contenders, rounds=self.options.rounds, warmup=0, after=said)
        for name in systems:
            self.result.add(name, metric, median(list(outcome.rates(name).values())), settings[name])
        for name in systems:
            found = ratio(outcome.rates(name), outcome.rates(peer)) if name != peer else None
            if found is not None:
                task = settings[name].get("task")
                self.result.compare(name, peer, f"{metric}:{task}" if task else metric, found)
        self.result.write(self.options.out)

    def speeds(self, tokens: int) -> dict[str, float]:
        """Seconds of one pass of ``tokens`` through the body's matrices and through the head, by the faster of two kernels."""
        import torch
        from torch.nn.functional import linear

        whole = self.loaded.model
        layers = whole.model.layers
        body = [
            [torch.cat([getattr(layer.self_attn, f"{name}_proj").weight for name in "qkv"]) for layer in layers],
            [layer.self_attn.o_proj.weight for layer in layers],
            [torch.cat([layer.mlp.gate_proj.weight, layer.mlp.up_proj.weight]) for layer in layers],
            [layer.mlp.down_proj.weight for layer in layers],
        ]
        packed = torch.ops.mkldnn._linear_pointwise
        found: dict[str, float] = {}
        with torch.inference_mode():
            for name, groups in (("body", body), ("head", [[whole.lm_head.weight]])):
                inputs = [torch.randn(tokens, group[0].shape[1]).bfloat16() for group in groups]
                ordered = [[torch.ops.mkldnn._reorder_linear_weight(w, tokens) for w in group] for group in groups]
                ways = (
                    lambda g=groups, i=inputs: [linear(x, w) for x, group in zip(i, g, strict=True) for w in group],
                    lambda g=ordered, i=inputs: [
                        packed(x, w, None, "none", [], "") for x, group in zip(i, g, strict=True) for w in group
                    ],
                )
                times = []
                for way in ways:
                    way()
                    for _ in range(3):
                        began = self.clock()
                        way()
                        times.append(self.clock() - began)
                found[name] = min(times)
        return found


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
