"""What a run's method of tuning is called, and what it made, in words. Reports of runs before there was a choice say LoRA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TITLES = {
    "lora": "LoRA",
    "rslora": "rsLoRA (scale alpha / sqrt(r))",
    "dora": "DoRA",
    "lora+": "LoRA+",
    "pissa": "PiSSA",
    "soft_prompt": "a soft prompt",
    "full": "full fine-tuning",
}
CITATIONS = {
    "lora": "arXiv:2106.09685",
    "rslora": "arXiv:2312.03732",
    "dora": "arXiv:2402.09353",
    "lora+": "arXiv:2402.12354",
    "pissa": "arXiv:2404.02948",
    "soft_prompt": "arXiv:2104.08691",
}
_TAGS = {"soft_prompt": ["prompt-tuning", "peft"], "full": ["full-fine-tuning"], "dora": ["lora", "dora", "peft"]}


def name(config: Mapping[str, Any] | None) -> str:
    """The config's method."""
    return str((config or {}).get("method") or "lora")


def title(config: Mapping[str, Any] | None) -> str:
    """How the model was tuned: follows "fine-tuned with"."""
    return TITLES.get(name(config), name(config))


def made(config: Mapping[str, Any] | None) -> str:
    """What came out: precedes "of" the base."""
    found = name(config)
    if found == "soft_prompt":
        return f"a soft prompt ({_length(config)} vectors)"
    if found == "full":
        return "a fully fine-tuned copy"
    kind = {"dora": "DoRA", "pissa": "LoRA (begun as PiSSA)"}.get(found, TITLES.get(found, found))
    return f"a {kind} adapter"


def note(config: Mapping[str, Any] | None) -> str:
    """A remark on the tuned system."""
    found = name(config)
    if found == "full":
        return "all weights tuned"
    if found == "soft_prompt":
        return f"{_length(config)} learned vectors before the prompt of the base"
    return f"{TITLES.get(found, found).partition(' (')[0]} adapter on the base"


def tags(config: Mapping[str, Any] | None) -> list[str]:
    """Tags of the model card."""
    return _TAGS.get(name(config), ["lora", "peft"])


def settings(config: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The method and the settings that it reads, as label and value."""
    config = config or {}
    found = name(config)
    cited = f" ({CITATIONS[found]})" if found in CITATIONS else ""
    shown = [("Method", f"{TITLES.get(found, found)}{cited}")] if "method" in config else []
    if found == "soft_prompt":
        return [*shown, *((f"Soft prompt {key}", str(value)) for key, value in (config.get(found) or {}).items())]
    if found == "full":
        return shown
    held = {key: value for key, value in (config.get("lora") or {}).items() if key != "plus_ratio" or found == "lora+"}
    return [*shown, *((f"LoRA {key.replace('_', ' ')}", str(value)) for key, value in held.items())]


def _length(config: Mapping[str, Any] | None) -> int:
    return int(((config or {}).get("soft_prompt") or {}).get("length") or 0)
