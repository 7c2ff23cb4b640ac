"""A model's config without its weights: of a known name, a folder, a GGUF file, a run, or a hub id whose config is cached."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medlms.catalogue import near
from medlms.errors import FetchError, ModelError, UnknownName
from medlms.models.known import KNOWN, ModelSpec
from medlms.run import home

GGUF_TYPES = {"gemma3": "gemma3_text"}  # GGUF's names that differ from transformers'


@dataclass(frozen=True, slots=True)
class Seen:
    """A model's config and where it was read; ``stored`` is the bytes of one number in the weights that will be read."""

    name: str
    config: Mapping[str, Any]
    source: str
    stored: int = 2


def peek(name: str) -> Seen:
    """The config of a model, nothing fetched and no weights read. UnknownName, FetchError or ModelError with a way out."""
    path = Path(name).expanduser()
    for folder in (path / "adapter", path):
        if (folder / "adapter_config.json").is_file():
            return _base(name, folder)
    if path.suffix == ".gguf":
        return _gguf(name, path)
    if path.is_dir():
        whole = path / "model"  # a run of full tuning
        return _folder(name, whole if (whole / "medlms.json").is_file() else path)
    if name in KNOWN:
        return _known(KNOWN[name])
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{name}: there is no such folder or file.")
    if "/" in name and not name.startswith("runs/"):
        return _hub(name, name, "main")
    raise UnknownName(
        f"model: there is no {name!r}.",
        hint=near(name, KNOWN)
        or f"Known: {', '.join(KNOWN)}; or a hub id (owner/name), a folder, a .gguf file, a run's folder.",
    )


def _known(spec: ModelSpec) -> Seen:
    if spec.kind == "adapter":
        return replace(_known(KNOWN[spec.base]), name=spec.name)
    shape = getattr(spec, "shape", None)
    stored = 4 if spec.package else 2  # a GGUF file's copy in the cache has 32 bits
    if shape:
        return Seen(spec.name, shape, "the list of known models", stored)
    own = os.environ.get("MEDLMS_MODELS")
    if own and (Path(own).expanduser() / spec.name).is_dir():
        return _folder(spec.name, Path(own).expanduser() / spec.name)
    if spec.package:
        file = home() / "models" / spec.name / Path(spec.member).name
        if file.is_file():
            return _gguf(spec.name, file)
        raise FetchError(f"{spec.name} is not in the cache.", hint=f"Run `medlms models get {spec.name}`.")
    return _hub(spec.name, spec.hub, spec.revision)


def _folder(name: str, path: Path) -> Seen:
    if (path / "config.json").is_file():
        config = _json(path / "config.json")
        return Seen(name, config, str(path / "config.json"), _stored(config))
    files = sorted(path.glob("*.gguf"))
    if len(files) == 1:
        return _gguf(name, files[0])
    raise ModelError(f"{path}: no config.json, so this is not a model's folder.")


def _stored(config: Mapping[str, Any]) -> int:
    said = str(config.get("dtype") or config.get("torch_dtype") or "")
    return 4 if said == "float32" else 2


def _base(name: str, folder: Path) -> Seen:
    own = _json(folder / "medlms.json") if (folder / "medlms.json").is_file() else {}
    base = str(own.get("base_model") or _json(folder / "adapter_config.json").get("base_model_name_or_path") or "")
    if not base or (Path(base) / "adapter_config.json").is_file():
        raise ModelError(f"{folder}: the adapter names no base model.")
    found = peek(base)
    return Seen(name, found.config, found.source, found.stored)


def _hub(name: str, hub: str, revision: str) -> Seen:
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        raise FetchError(f"{name}: its config is not here.", hint="pip install 'medlms[train]'") from None
    try:
        found = try_to_load_from_cache(hub, "config.json", revision=revision)
    except ValueError as error:
        raise FetchError(
            f"{name}: not a name that the hub can have: {error}.", hint="A hub id is owner/name."
        ) from None
    if not isinstance(found, str):
        raise FetchError(
            f"{name}: its config is not in the hub's cache, and a plan fetches nothing.",
            hint=f"Fetch that file alone: hf download {hub} config.json (gated models: hf auth login before).",
        )
    config = _json(Path(found))
    return Seen(name, config, found, _stored(config))


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: can't be read: {error}.") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path}: not a mapping.")
    return value


def _gguf(name: str, path: Path) -> Seen:
    """Sizes from a GGUF file's header."""
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file.")
    try:
        from gguf import GGUFReader

        reader = GGUFReader(path)
        kind = str(reader.fields["general.architecture"].contents())

        def value(key: str, default: Any = None) -> Any:
            field = reader.fields.get(f"{kind}.{key}")
            return default if field is None else field.contents()

        tensors = {tensor.name: tensor for tensor in reader.tensors}
        config = {
            "model_type": GGUF_TYPES.get(kind, kind),
            "hidden_size": value("embedding_length"),
            "num_hidden_layers": value("block_count"),
            "num_attention_heads": value("attention.head_count"),
            "num_key_value_heads": value("attention.head_count_kv"),
            "head_dim": value("attention.key_length"),
            "intermediate_size": value("feed_forward_length"),
            "max_position_embeddings": value("context_length"),
            "vocab_size": int(tensors["token_embd.weight"].shape[-1]),
            "tie_word_embeddings": "output.weight" not in tensors,
            "attention_bias": "blk.0.attn_q.bias" in tensors,
        }
    except ImportError:
        raise ModelError(f"{path}: GGUF files need gguf.", hint="pip install 'medlms[train]'") from None
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelError(f"{path}: this GGUF file can't be read: {error}.", hint="Is the file whole?") from None
    return Seen(name, config, str(path), 4)
