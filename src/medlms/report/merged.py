"""The model card of merged weights or a GGUF file: the adapter's card with its own head, how to load it, and the proof."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, cast

import yaml

from medlms.report import tables
from medlms.report.card import asking_lines, card, front_matter, whole_lines
from medlms.report.markdown import fenced
from medlms.report.shape import Report
from medlms.report.untrusted import as_markdown, one_line

KEPT = ("Intended use", "Data", "Training", "Results", "Known limits")
INTO = {
    "base": "the base model's weights",
    "nf4": "the base model's NF4 weights, unpacked: what the adapter was tuned on",
    "original": "the original weights of the base; the adapter was tuned on quantised ones",
}


def merged_card(report: Mapping[str, Any], proof: Mapping[str, Any]) -> str:
    """The card of what ``proof`` (the content of proof.json) describes; ``report`` is the run's report.json, or empty."""
    base, run = proof["base"], str(proof["run"])
    known = cast(
        Report,
        dict(report) or {"run": run, "model": {"name": base["name"], "licence": base["licence"], "note": base["note"]}},
    )
    gguf = next((name for name in proof["files"] if name.endswith(".gguf")), "")
    matter = front_matter(known) | {
        "base_model": base["name"],
        "base_model_relation": "finetune",
        "library_name": "gguf" if gguf else "transformers",
        "tags": ["medical", "question-answering", "medlms", *(["gguf"] if gguf else [])],
    }
    name = as_markdown(one_line(run))
    parts = [
        f"---\n{yaml.safe_dump(matter, sort_keys=False, allow_unicode=True, width=100)}---",
        f"# {name}: {as_markdown(one_line(base['name']))}, tuned and merged",
        f"> {tables.NOTICE}",
        _provenance(proof),
        _loading(proof, gguf),
        _agreement(proof),
        *_sections(card(known)),
    ]
    return "\n\n".join(parts) + "\n"


def _sections(text: str) -> list[str]:
    found = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return [part.strip() for part in found if part.startswith(tuple(f"## {title}\n" for title in KEPT))]


def _provenance(proof: Mapping[str, Any]) -> str:
    base = proof["base"]
    facts = [
        f"Base: {base['name']}" + (f" ({base['note']})" if base["note"] else ""),
        f"Licence of the base: {base['licence'] or 'not known here: see the base'}; its terms hold for this model too",
        *(f"sha256 of the base's {name}: {value}" for name, value in base["weights_sha256"].items()),
        f"Adapter: run {proof['run']}, sha256 {proof['adapter_sha256']}",
        f"Merged into {INTO[proof['into']]}; stored as {proof['type']}",
        f"Made by `{proof['made_by']}`, {proof['date']}",
        *proof["notes"],
    ]
    return "## Where it comes from\n\n" + "\n".join(f"- {as_markdown(one_line(fact))}" for fact in facts)


def _loading(proof: Mapping[str, Any], gguf: str) -> str:
    said = str(proof["instruction"]).strip()
    if gguf:
        system = f" -sys {shlex.quote(said)}" if said else ""
        command = fenced(f"llama-cli -m {shlex.quote(gguf)}{system} --temp 0", "sh")
        return f"## How to load it\n\nWith llama.cpp:\n\n{command}"
    code = "\n".join([*whole_lines(), *asking_lines(said)])
    return f"## How to load it\n\n{fenced(code, 'python')}"


def _agreement(proof: Mapping[str, Any]) -> str:
    return "## Does it say what base and adapter say?\n\n" + "\n".join(f"- {line}" for line in agreement(proof))


def agreement(proof: Mapping[str, Any]) -> list[str]:
    """The proof in sentences."""
    drift, allowed = proof["drift"], proof["tolerance"]
    titles = {
        "merging": f"merging, computed in {proof['computed_in']}",
        "written": f"written as {proof['type']} and opened again",
        "graded": "against the model that was graded, its base quantised",
    }
    lines = []
    for key, title in titles.items():
        if key not in drift:
            continue
        found, limit = drift[key], allowed.get(key)
        lines.append(
            f"{title}: logits differ by up to {found['largest']:.2g}{_limit(limit, 'largest')}, {found['mean']:.2g} on average; "
            f"next tokens diverge by {found['divergence']:.2g} nats{_limit(limit, 'divergence')}; "
            f"{found['same_answers']} of {found['answers']} answers are the same"
        )
    if through := proof.get("llama_cpp"):
        lines.append(
            f"llama.cpp reads all {through['texts']} texts as the same ids; {through['same_answers']} of "
            f"{len(through['answers'])} answers are the same"
        )
    lines.append(f"for comparison: the adapter itself moves logits by {drift['adapter']['mean']:.2g} on average")
    if drift["written"]["mean"] > drift["adapter"]["mean"] / 4:
        lines.append("the adapter does so little that rounding hides much of it: keep it as an adapter, or write fp32")
    return lines


def _limit(limit: Mapping[str, float] | None, key: str) -> str:
    return f" (allowed {limit[key]:g})" if limit else ""
