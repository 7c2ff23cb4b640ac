"""A byte-level BPE tokenizer as a GGUF file holds it, and read back from one, to see that both give the same ids.

GGUF does not hold the rule that parts a text before merging; it names it (``tokenizer.ggml.pre``), and llama.cpp knows the
rules by name. A tokenizer whose rule has no name here is refused, since its numbers and line ends would be read otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medlms.errors import ModelError

# Texts on which tokenizers part: numbers, line ends, lists, spaces, other scripts.
TEXTS = (
    "What is anaemia?",
    "Take 500 mg 3 times a day for 10-14 days (max. 1,500 mg).",
    "Born 1987, weight 72.5 kg, BP 120/80 mmHg, 37.2 °C.",
    "Signs:\n\n1. fever\n2. cough\n10. rash\n\n\nSee a doctor.",
    "a\n\n1\n \n12\r\n\r\n345\t6789",
    "  two spaces,   three, and one at the end ",
    "It's what they've said: don't, we'll, I'd, you're.",
    "µg, α-blocker, β₂, Crohn’s, naïve, 糖尿病, лекарство, 💊",
    "H2O2, CO₂, x=3.14e-5, v1.0.2, https://example.org/a?b=1&c=2",
    "0123456789 ½ ²",
)
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
_QWEN2 = _LLAMA3.replace("{1,3}", "")
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5


@dataclass(frozen=True)
class Vocabulary:
    """What a GGUF file says of a tokenizer: tokens by id with their kinds, merges in order, the parting rule's name."""

    tokens: tuple[str, ...]
    kinds: tuple[int, ...]
    merges: tuple[str, ...]
    pre: str


def vocabulary(tokenizer: Any, size: int) -> Vocabulary:
    """The vocabulary of a tokenizer, filled up to ``size`` (the rows of the embedding); ModelError for other kinds."""
    held = json.loads(tokenizer.backend_tokenizer.to_str())
    model = held["model"]
    if model.get("type") != "BPE" or model.get("byte_fallback") or "ByteLevel" not in json.dumps(held["pre_tokenizer"]):
        raise ModelError(
            "GGUF is written for byte-level BPE tokenizers (Llama 3, SmolLM2, Qwen); this one is of another kind.",
            hint="Use `medlms merge`, and llama.cpp's own converter on the folder.",
        )
    if held.get("normalizer") not in (None, {"type": "NFC"}):
        raise ModelError("GGUF has no place for this tokenizer's normalizer.", hint="Use `medlms merge`.")
    ids = {**model["vocab"], **{token["content"]: token["id"] for token in held["added_tokens"]}}
    added = {token["id"]: token["special"] for token in held["added_tokens"]}
    if ids and max(ids.values()) >= size:
        raise ModelError(f"The tokenizer has ids up to {max(ids.values())}, the model {size} rows.")
    tokens, kinds = [f"[PAD{number}]" for number in range(size)], [UNUSED] * size
    for text, number in ids.items():
        tokens[number] = text
        kinds[number] = NORMAL if number not in added else CONTROL if added[number] else USER_DEFINED
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    return Vocabulary(tuple(tokens), tuple(kinds), tuple(merges), _pre(held["pre_tokenizer"]))


def _pre(rule: Mapping[str, Any]) -> str:
    """llama.cpp's name of a parting rule."""
    steps = rule["pretokenizers"] if rule["type"] == "Sequence" else [rule]
    match [_step(step) for step in steps]:
        case ["gpt2"]:
            return "gpt-2"
        case ["digits", "gpt2"]:
            return "smollm"
        case [pattern, "bytes"] if pattern == _LLAMA3:
            return "llama-bpe"
        case [pattern, "bytes"] if pattern == _QWEN2:
            return "qwen2"
        case _:
            raise ModelError(
                "This tokenizer parts texts by a rule that has no name in GGUF as far as is known here.",
                hint="Use `medlms merge`, and llama.cpp's own converter on the folder.",
            )


def _step(step: Mapping[str, Any]) -> str:
    match step:
        case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}:
            return "gpt2"
        case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}:
            return "bytes"
        case {"type": "Digits", "individual_digits": True}:
            return "digits"
        case {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}:
            return str(pattern)
    return "?"


def parting(pre: str) -> Any:
    """The rule of that name as the tokenizers library takes it; ModelError for an unknown one."""
    from tokenizers import Regex, pre_tokenizers

    whole = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if pre == "gpt-2":
        return whole
    if pre == "smollm":
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), whole])
    if pre not in ("llama-bpe", "qwen2"):
        raise ModelError(f"No parting rule {pre!r} is known here.")
    pattern = Regex(_LLAMA3 if pre == "llama-bpe" else _QWEN2)
    parts = pre_tokenizers.Split(pattern, behavior="isolated")
    return pre_tokenizers.Sequence([parts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def from_file(path: Path) -> Any:
    """The tokenizer that a GGUF file describes, made from its fields alone (tokens, kinds, merges, the named rule)."""
    from gguf import GGUFReader
    from tokenizers import AddedToken, Tokenizer, decoders, models

    fields = GGUFReader(path).fields

    def value(key: str) -> Any:
        return fields[f"tokenizer.ggml.{key}"].contents()

    tokens, kinds = value("tokens"), value("token_type")
    merges = [tuple(pair.split(" ")) for pair in value("merges")]
    known = {token: number for number, token in enumerate(tokens) if kinds[number] != UNUSED}
    tokenizer = Tokenizer(models.BPE(vocab=known, merges=merges))
    tokenizer.pre_tokenizer = parting(value("pre"))
    tokenizer.decoder = decoders.ByteLevel()
    for kind in (CONTROL, USER_DEFINED):
        found = [token for token, own in zip(tokens, kinds, strict=True) if own == kind]
        tokenizer.add_tokens([AddedToken(token, normalized=False, special=kind == CONTROL) for token in found])
    return tokenizer


def differing(first: Any, second: Any, texts: Sequence[str]) -> list[str]:
    """Texts to which a transformers tokenizer and another (or one of the tokenizers library) give other ids."""
    return [text for text in texts if ids(first, text) != ids(second, text)]


def ids(tokenizer: Any, text: str) -> list[int]:
    """The ids of a text, none put before it, by a transformers tokenizer or one of the tokenizers library."""
    if hasattr(tokenizer, "backend_tokenizer"):
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    return list(tokenizer.encode(text, add_special_tokens=False).ids)
