"""Exam questions scored a second: ours against lm-evaluation-harness at its best batch size, on the same prompts of MedQA.

    python benchmarks/exams.py [--questions 32] [--batches 1,4,8] [--tasks letters_0,options_0,options_5]

`pip install lm_eval` first; without it ours is measured alone. Three tasks: the letter without examples, the full option without
and with five examples (questions of the same test: this measures speed, and no accuracy is taken from it). Both score the same
texts in bf16. `agreement` says by how much log-probabilities differ, and how many questions are answered otherwise.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from asked import Bench, parser, say

PEER = "best_peer"
LETTERS = "ABCDE"
READ = 2048


def main(words: list[str]) -> int:
    options = parser(__doc__, "exams.json")
    options.add_argument("--questions", type=int, default=64)
    options.add_argument("--batches", default="1,2,4,8,16", help="the peer's, searched")
    options.add_argument("--tasks", default="letters_0,options_0,options_5")
    chosen = options.parse_args(words)
    bench = Bench(chosen, words)
    from medlms.engines.local import LocalEngine
    from medlms.text.template import template_of

    template = template_of(bench.loaded.tokenizer)
    engines = {
        name: LocalEngine(bench.loaded, template, kind=kind) for name, kind in (("ours", None), ("ours_int8", "int8"))
    }
    peer = harness(bench) if importlib.util.find_spec("lm_eval") else None
    if peer is None:
        bench.result.warnings.append("lm_eval is not installed: ours was measured alone")
    one = bench.speeds(READ)
    bench.result.extra["agreement"] = {}
    for task in chosen.tasks.split(","):
        requests = asked(task, chosen.questions)
        measure(bench, engines, peer, task, requests)
        tokens, states = read_once(engines["ours"], requests)
        seconds = (tokens * one["body"] + states * one["head"]) / READ
        ceiling = len(requests) / seconds
        own = next(r for r in bench.result.rows if r.system == "ours" and r.settings["task"] == task)
        bench.result.roofline[task] = {
            "questions_per_second": ceiling,
            "tokens": tokens,
            "states_at_the_head": states,
            "share_reached": (own.median or 0) / ceiling,
        }
        bench.result.write(chosen.out)
    bench.result.complete = True
    bench.result.write(chosen.out)
    for row in bench.result.rows:
        print(f"{row.settings['task']:10} {row.system:10} {row.median:8.2f} questions/s")
    for item in bench.result.ratios:
        print(f"{item.metric}: {item.a} / {item.b} {item.value:.2f}")
    print(bench.result.roofline)
    print(bench.result.extra["agreement"])
    return 0


def measure(bench: Bench, engines: dict[str, Any], peer: Any, task: str, requests: list[Any]) -> None:
    systems: dict[str, Any] = {
        name: (lambda own=own: float(len(list(own.choose(requests))))) for name, own in engines.items()
    }
    settings: dict[str, Any] = {name: {"task": task, "path": own.path} for name, own in engines.items()}
    if peer is not None:
        speeds = {}
        few = requests[: max(8, len(requests) // 4)]
        for batch in map(int, bench.options.batches.split(",")):
            found = bench.measured(lambda b=batch: float(len(scored(peer, few, b))))
            speeds[batch] = found.rate
            say(f"{task}: lm-evaluation-harness, batch {batch}: {found.rate:.2f} questions/s")
            if found.rate < 0.6 * max(speeds.values()):
                break
        best = max(speeds, key=lambda batch: speeds[batch])
        bench.result.extra.setdefault("search", {})[task] = speeds
        systems[PEER] = lambda: float(len(scored(peer, requests, best)))
        settings[PEER] = {"task": task, "batch": best, "path": "lm-evaluation-harness HFLM, sdpa"}
    bench.compare(systems, "questions_per_second", settings, PEER if peer is not None else "ours")
    if peer is not None:
        theirs = scored(peer, requests, settings[PEER]["batch"])
        for name, own in engines.items():
            bench.result.extra["agreement"][f"{task}:{name}"] = agreement(own, requests, theirs)


def asked(task: str, count: int) -> list[Any]:
    from medlms import datasets
    from medlms.types import Message, Request

    kind, shots = task.split("_")
    rows = datasets.exam("medqa").rows
    step = len(rows) // (count + 5)
    rows = rows[::step][: count + 5]
    shown, rows = rows[:5], rows[5 : 5 + count]

    def question(row: Any) -> str:
        listed = "".join(f"\n{letter}. {option}" for letter, option in zip(LETTERS, row.options, strict=False))
        return f"Question: {row.question}{listed if kind == 'letters' else ''}\nAnswer:"

    def option(row: Any, place: int) -> str:
        return f" {LETTERS[place] if kind == 'letters' else row.options[place]}"

    before = "".join(f"{question(row)}{option(row, row.answer)}\n\n" for row in shown[: int(shots)])
    return [
        Request(
            row.id,
            (Message("plain", before + question(row)),),
            options=tuple(option(row, place) for place in range(len(row.options))),
        )
        for row in rows
    ]


def read_once(engine: Any, requests: list[Any]) -> tuple[int, int]:
    """Tokens that must be read where nothing is read twice, and states that must meet the head."""
    from medlms.text.tokenise import option_ids

    nodes: set[tuple[int, ...]] = set()
    states: set[tuple[int, ...]] = set()
    for request in requests:
        size, whole = option_ids(engine.loaded.tokenizer, engine.template, request.messages, request.options)
        for ids in whole:
            nodes.update(tuple(ids[:end]) for end in range(1, len(ids)))
            states.update(tuple(ids[:end]) for end in range(size, len(ids)))
    return len(nodes), len(states)


def harness(bench: Bench) -> Any:
    from lm_eval.models.huggingface import HFLM

    return HFLM(
        pretrained=bench.theirs(), tokenizer=bench.loaded.tokenizer, batch_size=1, device="cpu", max_length=2048
    )


def scored(peer: Any, requests: list[Any], batch: int) -> list[list[tuple[float, bool]]]:
    """The harness's log-probability and greedy flag of each option."""
    from lm_eval.api.instance import Instance

    peer.batch_size_per_gpu = batch
    pairs = [(request.messages[0].text, option) for request in requests for option in request.options]
    found = peer.loglikelihood(
        [Instance(request_type="loglikelihood", doc={}, arguments=pair, idx=0) for pair in pairs], disable_tqdm=True
    )
    answers = iter(found)
    return [[next(answers) for _ in request.options] for request in requests]


def agreement(engine: Any, requests: list[Any], theirs: list[Any]) -> dict[str, float]:
    ours = {reply.id: reply for reply in engine.choose(requests)}
    largest = total = count = 0.0
    otherwise = 0
    for request, found in zip(requests, theirs, strict=True):
        logs = ours[request.id].option_logprobs
        for own, (other, _) in zip(logs, found, strict=True):
            largest, total, count = max(largest, abs(own - other)), total + abs(own - other), count + 1
        best = max(range(len(logs)), key=lambda place: logs[place])
        otherwise += best != max(range(len(found)), key=lambda place: found[place][0])
    return {"largest": largest, "mean": total / count, "otherwise": otherwise, "questions": len(requests)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
