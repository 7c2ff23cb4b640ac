"""A model's tokenizer and ends of turn without its weights: enough to see what would be learned from a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from medlms.errors import FetchError, ModelError
from medlms.models import fetch, load
from medlms.models.fetch import Located, Say
from medlms.models.known import KNOWN

HELD = ("tokenizer.json", "tokenizer.model", "vocab.json")
FILES = (
    *("tokenizer*", "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json", "*.jinja"),
    *("config.json", "generation_config.json"),
)


@dataclass(frozen=True)
class Reader:
    """A tokenizer with character offsets; ``stops`` end a turn; ``context`` is the model's longest text in tokens."""

    name: str
    tokenizer: Any
    stops: frozenset[int]
    context: int


def read(name: str, *, say: Say = lambda _: None, fetching: bool = True) -> Reader:
    """The tokenizer of anything that training takes as a model. Of a hub model that is not here, its files alone are fetched.

    Without ``fetching`` that is a FetchError. Raises UnknownName, FetchError and ModelError as loading the model would.
    """
    load.quiet()
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    located = _copy(_located(name, say, fetching))
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    if located.gguf:
        options["gguf_file"] = located.gguf
    try:
        config = AutoConfig.from_pretrained(located.folder, **options)
        tokenizer = AutoTokenizer.from_pretrained(located.folder, **options)
    except Exception as error:
        raise ModelError(f"{located.folder}: the tokenizer can't be read: {load.first_line(error)}") from None
    if not tokenizer.is_fast:
        raise ModelError(
            f"{located.folder}: its tokenizer gives no character offsets.", hint="It needs tokenizer.json."
        )
    if located.digit_splitter or (located.gguf and load.named_digits(located.folder / located.gguf)):
        load.split_digits(tokenizer)
    family = load.settle_family(config, say)
    try:
        generation = GenerationConfig.from_pretrained(located.folder, local_files_only=True)
    except OSError:
        generation = GenerationConfig.from_model_config(config)
    stops = load.stops_of(SimpleNamespace(config=config, generation_config=generation), tokenizer, family)
    return Reader(located.name, tokenizer, stops, load.context_of(config, family, say))


def _located(name: str, say: Say, fetching: bool) -> Located:
    """The folder or GGUF file that holds the tokenizer; of a folder, its weights may be missing."""
    path = Path(name).expanduser()
    if path.is_dir() and (path / "config.json").is_file() and _complete(path):
        return Located(name=path.name, folder=path)
    spec = KNOWN.get(name)
    hub, revision = (spec.hub, spec.revision) if spec else (name, "main")
    try:
        located = fetch.locate(name, fetch=False)
        if located.gguf or _complete(located.folder):
            return located
    except FetchError:
        if not hub or not fetching or (spec is not None and spec.kind == "adapter"):
            raise
    if not fetching:
        raise FetchError(f"{name}: its tokenizer is not on this machine.")
    say(f"fetching the tokenizer of {hub} alone, without its weights")
    return Located(name=name, folder=fetch.from_hub(hub, revision, say, True, patterns=FILES), hub=hub)


def _copy(located: Located) -> Located:
    """A GGUF file's copy in the cache where loading has made one: its tokenizer is read in a second instead of ten."""
    if not located.gguf:
        return located
    folder = load.copy_of(located)
    if not (folder / "config.json").is_file():
        return located
    return replace(located, folder=folder, gguf="", digit_splitter=False)


def _complete(folder: Path) -> bool:
    return any((folder / file).is_file() for file in HELD)
