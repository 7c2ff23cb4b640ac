"""Reports over several runs as the road would write them, with made-up numbers: ranks and seeds, and five models."""

from __future__ import annotations

import random
from typing import Any

METRICS = ("exact_match", "bleu", "rougeL", "token_f1")
NAMES = {"lora.r": "r"}


def score(value: float, spread: float, n: int = 100, **more: Any) -> dict[str, Any]:
    return {"value": value, "low": max(0.0, value - spread), "high": value + spread, "n": n, "unread": 0, **more}


def row(
    point: str, system: str, title: str, f1: float, bits: float | None, seconds: float, seeds: int
) -> dict[str, Any]:
    spread = 0.006 if seeds > 1 else 0.016
    values = (0.0, f1 * 0.22, f1 * 0.78, f1)
    best = {} if seeds > 1 else {"maximum": min(1.0, f1 * 2.6)}
    metrics = {name: score(value, spread * (0.5 + value), **best) for name, value in zip(METRICS, values, strict=True)}
    metrics["exact_match"] |= {"low": 0.0, "high": 0.036}
    if bits is not None:
        metrics["bits_per_byte"] = score(bits, 0.03)
    note = {"base": "not tuned", "nearest": "no model"}.get(system, "tuned")
    return {
        "name": f"{point}/{system}",
        "title": title,
        "point": point,
        "system": system,
        "note": f"{note}, {seeds} seeds" if seeds > 1 else note,
        "seeds": seeds,
        "metrics": metrics,
        "speed": {"seconds_median": score(seconds, seconds * 0.2, 8)} if system != "nearest" else {},
        "endings": {"complete": 70, "cut by length": 20, "repeats itself": 10, "empty": 0},
    }


def difference(a: str, b: str, f1: float, spread: float) -> list[dict[str, Any]]:
    found = []
    for metric, share in zip((*METRICS, "bits_per_byte"), (0.0, 0.2, 0.8, 1.0, -1.4), strict=True):
        value = f1 * share
        found.append(
            {
                "a": a, "b": b, "metric": metric, "difference": value, "low": value - spread, "high": value + spread,
                "p_value": 0.0005 if abs(value) > spread else 0.31, "n": 100,
            }
        )  # fmt: skip
    return found


def curve(f1: float, epochs: int, seed: int) -> list[dict[str, Any]]:
    noise = random.Random(seed)
    found = []
    for epoch in range(epochs + 1):
        grown = f1 * (1 - 0.55 * 0.62**epoch) + noise.uniform(-0.004, 0.004)
        found.append(
            {
                "epoch": epoch,
                "dev_loss": score(2.1 + 0.75 * 0.6**epoch + 0.02 * epoch + noise.uniform(0, 0.03), 0.12, 100),
                "token_f1": score(grown, 0.03, 24),
                "rougeL": score(grown * 0.8, 0.025, 24),
                "bleu": score(grown * 0.2, 0.012, 24),
            }
        )
    return found


def group(
    name: str, title: str, settings: dict[str, Any], base: str, f1: float, seeds: list[int], **more: Any
) -> dict[str, Any]:
    size = more.get("size", 4_884_480)
    return {
        "name": name,
        "title": title,
        "settings": settings,
        "seeds": seeds,
        "points": [f"{name}-{seed}" for seed in seeds],
        "base": base,
        "tuned": f"{name}/tuned",
        "model": {"name": more.get("model", "smollm2-135m-instruct-q4_1"), "trainable": size, "parameters": 134_515_008},
        "training": {
            "steps": 137, "epochs": more.get("epochs", 3), "rows": 1900, "tokens": 522_717, "learned_tokens": 401_200,
            "seconds": {"value": more.get("seconds", 1720.0)}, "tokens_per_second": {"value": 304.0},
            "peak_memory_bytes": {"value": more.get("memory", 3.1e9)}, "best_epochs": [2] * len(seeds),
        },
        "epochs": curve(f1, more.get("epochs", 3), len(name) + int(1000 * f1)),
        "losses": [
            {"step": step, "epoch": step / 46, "loss": round(1.9 + 0.9 * 0.97**step + 0.1 / (1 + 10 * f1), 4)}
            for step in range(1, 138, 4)
        ],
    }  # fmt: skip


def _report(name: str, varied: list[str], groups: list[dict[str, Any]], systems: list[dict[str, Any]],
            comparisons: list[dict[str, Any]], verdict: list[str]) -> dict[str, Any]:  # fmt: skip
    points = [
        {"name": f"{item['name']}-{seed}", "title": item["title"], "settings": item["settings"], "state": "finished",
         "reason": "", "folder": f"points/{item['name']}-{seed}"}
        for item in groups
        for seed in item["seeds"]
    ]  # fmt: skip
    return {
        "kind": "study",
        "run": name,
        "date": "2026-11-22T16:00:00+00:00",
        "command": f"medlms train runs/{name}/config.yaml",
        "version": "0.1.0",
        "verdict": verdict,
        "warnings": [],
        "varied": varied,
        "config": {"data": ["medquad", "wikidoc"], "study": {"name": name}},
        "systems": systems,
        "comparisons": comparisons,
        "groups": groups,
        "points": points,
        "machine": {"processor": "Some processor", "cores": 2, "memory_bytes": 25e9, "torch": "2.13.0"},
    }


def ranks() -> dict[str, Any]:
    """Four ranks, three seeds each, one base."""
    groups, systems, comparisons = [], [row("r-4", "base", "Base", 0.172, 1.31, 4.2, 1)], []
    for rank, f1, bits in ((4, 0.206, 1.16), (8, 0.213, 1.14), (16, 0.217, 1.13), (32, 0.215, 1.14)):
        name = f"r-{rank}"
        groups.append(
            group(name, f"r = {rank}", {"lora.r": rank}, "r-4/base", f1, [1, 2, 3], size=305_280 * rank,
                  seconds=1500.0 + 9 * rank, memory=3.0e9 + 6e6 * rank)
        )  # fmt: skip
        systems.append(row(name, "tuned", f"r = {rank}", f1, bits, 4.4, 3))
        comparisons += difference(f"{name}/tuned", "r-4/base", f1 - 0.172, 0.021)
        comparisons += [part for other in groups[:-1] for part in difference(
            f"{name}/tuned", other["tuned"], f1 - {4: 0.206, 8: 0.213, 16: 0.217}[other["settings"]["lora.r"]], 0.014
        )]  # fmt: skip
    systems.append(row("r-4", "nearest", "Nearest question's answer", 0.191, None, 0.0, 1))
    verdict = [
        "Tuned beats its base on token F1 at every point: r = 4 +0.034 [+0.013, +0.055], r = 8 +0.041 [+0.020, +0.062], "
        "r = 16 +0.045 [+0.024, +0.066] and r = 32 +0.043 [+0.022, +0.064].",
        "No measurable difference on token F1 between the points (r = 4, r = 8, r = 16, r = 32); the largest is r = 16 "
        "minus r = 4, +0.011 [−0.003, +0.025].",
        "3 seeds a point; intervals of differences hold both the choice of questions and the luck of training.",
    ]
    return _report("rank", ["lora.r", "seed"], groups, systems, comparisons, verdict)


def models() -> dict[str, Any]:
    """Five models, one seed each; one failed."""
    rows = (
        ("mistral-7b", "Mistral 7B", 0.192, 0.262, 21.0, 41_943_040, 14.2e9),
        ("llama-3-8b", "Llama 3 8B", 0.211, 0.281, 24.5, 41_943_040, 15.9e9),
        ("llama-2-7b", "Llama 2 7B chat", 0.188, 0.247, 20.4, 39_976_960, 14.0e9),
        ("distilgpt2", "DistilGPT2", 0.071, 0.149, 1.4, 1_179_648, 1.9e9),
    )
    groups, systems, comparisons = [], [], []
    for name, title, base, tuned, seconds, size, memory in rows:
        groups.append(
            group(name, title, {"model": name}, f"{name}/base", tuned, [13], size=size, memory=memory, model=name,
                  seconds=seconds * 300, epochs=25)
        )  # fmt: skip
        systems.append(row(name, "base", title, base, 1.2, seconds, 1))
        systems.append(row(name, "tuned", title, tuned, 1.0, seconds * 1.1, 1))
        comparisons += difference(f"{name}/tuned", f"{name}/base", tuned - base, 0.03)
    verdict = [
        "1 of 5 points failed and are missing below: Gemma 1.1 7B.",
        "Tuned beats its base on token F1 at every point: Mistral 7B +0.070 [+0.040, +0.100], Llama 3 8B +0.070 [+0.040, "
        "+0.100], Llama 2 7B chat +0.059 [+0.029, +0.089] and DistilGPT2 +0.078 [+0.048, +0.108].",
        "Each point was trained once, so intervals hold the choice of questions and not the luck of training.",
    ]
    found = _report("models", ["model", "max_length"], groups, systems, comparisons, verdict)
    found["points"].append(
        {"name": "gemma", "title": "Gemma 1.1 7B", "settings": {"model": "gemma"}, "state": "failed", "folder": "",
         "reason": "google/gemma-1.1-7b-it: its owner wants you to accept terms before you may download it."}
    )  # fmt: skip
    found["warnings"] = ["The points were graded on one hundred questions, which is few."]
    return found
