"""Exam scores of MedLMs and of lm-evaluation-harness, item by item: the same model, prompts, options and precision.

In fp32 every item must be equal: the same option chosen, log-probabilities within 0.001. In bf16 the two add numbers up in
another order, so an item may differ where the harness's best two options lie closer together than ``--tie``. The harness runs
in a Python of its own (``--peer``), on the same weights written out as a Hugging Face folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from medlms.bench.estimates import Estimate
from medlms.bench.machine import machine
from medlms.bench.result import Result
from medlms.config import Exam
from medlms.errors import CouldNot
from medlms.road.papers import Paper, paper
from medlms.tasks import exam
from medlms.types import Choice, Request

FP32, TIE = 1e-3, 0.5
"""Most that log-probabilities may differ in fp32, and the largest gap of a near tie in bf16; nats. A bf16 logit of 16 to 32 is
rounded to steps of 0.125, and a gap holds two of them a token."""


@dataclass(frozen=True)
class Test:
    """One exam asked in one way: its ``items`` as texts, our ``values`` of them, and the ``right`` options.

    ``medqa`` are the rows whose prompt is to be that of the harness's own task; ``too_long`` ones were not asked.
    """

    settings: dict[str, str]
    items: list[dict[str, Any]]
    values: list[list[float]]
    right: list[int]
    medqa: list[dict[str, Any]]
    too_long: int
    seconds: float


def main(words: Sequence[str] | None = None) -> int:
    """Compare, print a line for each exam and way, write the file; 1 when an item disagrees."""
    asked = _arguments(words)
    result = Result(machine(), f"python benchmarks/exam_agreement.py {' '.join(words or sys.argv[1:])}")
    result.extra["items"] = []
    agree = True
    for dtype in asked.dtype:
        for settings, found in compare(asked, dtype):
            agree &= _tell(result, found, {**settings, "dtype": dtype, "model": asked.model})
        result.write(asked.out)
    result.complete = True
    result.write(asked.out)
    return 0 if agree else 1


def compare(asked: argparse.Namespace, dtype: str) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """For each exam, way and prompt: what it is, and both sides' values and in how far they agree."""
    loaded, template = _load(asked.model, dtype)
    papers = {
        name: paper(name, Exam(rows=asked.rows, shots=asked.shots), say=lambda text: None) for name in asked.exams
    }
    tests = [_ours(loaded, template, papers[name], way, style)
             for name, way, style in product(asked.exams, asked.ask, asked.prompt)]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        loaded.model.save_pretrained(folder)
        loaded.tokenizer.save_pretrained(folder)
        context = loaded.context
        del loaded
        name = {"fp32": "float32", "bf16": "bfloat16"}[dtype]
        wanted = {
            "model": folder,
            "dtype": name,
            "batch": asked.batch,
            "context": context,
            "tests": [test.items for test in tests],
        }
        peer = _peer(asked.peer, {**wanted, "medqa": [row for test in tests for row in test.medqa]})
    for test, theirs in zip(tests, peer["tests"], strict=True):
        bound = FP32 if dtype == "fp32" else None
        yield (
            test.settings,
            {
                "items": len(test.items),
                "too_long": test.too_long,
                **agreement(test.values, theirs["values"], test.right, bound, asked.tie),
                "prompts_of_medqa_4options": f"{peer['medqa']} of {len(test.medqa)}" if test.medqa else "",
                "seconds": {"ours": test.seconds, "lm_eval": theirs["seconds"]},
                "versions": {"lm_eval": peer["version"], "transformers": peer["transformers"]},
            },
        )


def _ours(loaded: Any, template: Any, known: Paper, way: Any, style: Any) -> Test:
    """Our values of an exam's rows, and the same prompts and options as texts."""
    from medlms.engines.local import LocalEngine
    from medlms.text.template import inert, unfinished

    requests = {row.id: _request(row, known, way, style) for row in known.rows}
    began = time.perf_counter()
    replies = {reply.id: reply for reply in LocalEngine(loaded, template).choose(list(requests.values()))}
    seconds = time.perf_counter() - began
    rows = [row for row in known.rows if replies[row.id].option_logprobs]
    plain = style == "plain"
    items = [
        {
            "context": asked.messages[0].text if plain else unfinished(loaded.tokenizer, template, asked.messages),
            "options": [option if plain else inert(template, option) for option in asked.options],
        }
        for asked in (requests[row.id] for row in rows)
    ]
    own_task = known.name == "medqa" and way == "letters" and plain and not known.shown
    return Test(
        {"exam": known.name, "way": way, "prompt": style},
        items,
        [list(replies[row.id].option_logprobs) for row in rows],
        [row.answer for row in rows],
        [_as_medqa(row, requests[row.id]) for row in rows] if own_task else [],
        len(requests) - len(rows),
        seconds,
    )


def agreement(
    ours: Sequence[Sequence[float]],
    theirs: Sequence[Sequence[float]],
    right: Sequence[int],
    bound: float | None,
    tie: float,
) -> dict[str, Any]:
    """How many items choose another option, how far log-probabilities lie apart, and the accuracy of each side.

    With a ``bound`` an item disagrees when its choice differs or a value lies further apart; without one (bf16) when its
    choice differs though the other side's best two are further apart than ``tie``.
    """
    apart, other, wrong = [], 0, []
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        furthest = max(abs(x - y) for x, y in zip(a, b, strict=True))
        apart.append(furthest)
        differs = best(a) != best(b)
        other += differs
        first, second = sorted(b, reverse=True)[:2]
        if (bound is not None and furthest > bound) or (differs and (bound is not None or first - second > tie)):
            wrong.append(number)
    count = max(len(apart), 1)
    return {
        "another_choice": other,
        "disagree": wrong,
        "furthest_apart": max(apart, default=0.0),
        "mean_apart": sum(apart) / count,
        "accuracy": {
            name: sum(best(row) == at for row, at in zip(side, right, strict=True)) / count
            for name, side in (("ours", ours), ("lm_eval", theirs))
        },
    }


def best(values: Sequence[float]) -> int:
    """The first of the highest values."""
    return max(range(len(values)), key=lambda index: (values[index], -index))


def _request(row: Choice, known: Paper, way: Any, style: Any) -> Request:
    order = tuple(range(len(row.options)))
    return exam.request(
        row, id=row.id, instruction="", way=way, style=style, order=order, shots=known.shots(row), max_new_tokens=0
    )


def _as_medqa(row: Choice, request: Request) -> dict[str, Any]:
    doc = {"sent1": row.question, **{f"ending{number}": option for number, option in enumerate(row.options)}}
    return {"doc": doc, "prompt": request.messages[0].text}


def _load(name: str, dtype: str) -> tuple[Any, Any]:
    from medlms.models import fetch, load
    from medlms.text.template import template_of

    loaded = load.load(fetch.locate(name), precision=dtype, say=lambda text: print(text, file=sys.stderr))
    return loaded, template_of(loaded.tokenizer)


def _peer(python: str, asked: dict[str, Any]) -> dict[str, Any]:
    worker = Path(__file__).with_name("exam_agreement_worker.py")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "asked.json", Path(folder) / "found.json"
        source.write_text(json.dumps(asked), encoding="utf-8")
        done = subprocess.run(
            [python, str(worker), str(source), str(target)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise CouldNot(
                f"lm-evaluation-harness did not run: {last}", hint="Give the Python that has lm_eval as --peer."
            )
        found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
        return found


def _tell(result: Result, found: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Print a line, keep it, and say whether all items agree."""
    result.extra["items"].append({**settings, **found})
    for side in ("ours", "lm_eval"):
        result.add(side, "accuracy", Estimate(found["accuracy"][side], None, None, found["items"]), settings)
        speed = found["items"] / max(found["seconds"][side], 1e-9)
        result.add(side, "questions_per_second", Estimate(speed, None, None, found["items"]), settings)
    wrong = found["disagree"]
    print(
        f"{settings['exam']}, {settings['way']}, {settings['prompt']}, {settings['dtype']}: {found['items']} items, "
        f"{len(wrong)} disagree, {found['another_choice']} choose another option, log-probabilities at most "
        f"{found['furthest_apart']:.2g} apart; accuracy {found['accuracy']['ours']:.4f} and {found['accuracy']['lm_eval']:.4f}"
        + (
            f"; prompts as in medqa_4options: {found['prompts_of_medqa_4options']}"
            if found["prompts_of_medqa_4options"]
            else ""
        )
    )
    return not wrong


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="smollm2-135m-instruct-q4_1")
    parser.add_argument("--exams", nargs="+", default=["medqa", "pubmedqa"])
    parser.add_argument("--ask", nargs="+", default=["letters", "options"], choices=["letters", "options"])
    parser.add_argument("--prompt", nargs="+", default=["plain", "chat"], choices=["plain", "chat"])
    parser.add_argument("--dtype", nargs="+", default=["fp32", "bf16"], choices=["fp32", "bf16"])
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--shots", type=int, default=0)
    parser.add_argument("--batch", type=int, default=8, help="rows that the harness reads at once")
    parser.add_argument("--tie", type=float, default=TIE, help="largest gap of a near tie in bf16, nats")
    parser.add_argument("--peer", default=sys.executable, help="the Python that has lm_eval")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/exam-agreement.json"))
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
