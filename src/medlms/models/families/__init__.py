"""CATALOGUE: one file is one family of models, data only, and its file name is the family's name.

A module here exports ``FAMILY``. From outside, an object with such an attribute comes in through an entry point in the
group ``medlms.models.families``. Nothing here loads torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medlms import catalogue
from medlms.errors import ModelError

CATALOGUE = "models.families"


@dataclass(frozen=True, slots=True)
class Chat:
    """One documented way in which models of a family write a conversation.

    ``mark`` is a text that this chat template always holds and the family's others never do. ``wording`` is one question
    and its answer as the model card writes them, with ``{system}``, ``{question}`` and ``{answer}``; without a
    ``{system}`` the family has no system turn, and the instruction goes before the question. ``ends`` are the tokens that
    end a turn or a text.
    """

    name: str
    mark: str
    wording: str
    ends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """What must be known of an architecture beyond its config.

    ``model_types`` are transformers' names. ``modules`` is what ``all-linear`` comes to, in the order of a layer;
    ``conv1d`` those of them whose weights are stored [in, out]. ``context`` names the config's keys for the longest text,
    the first that is there counts; ``fixed_context`` says that there are no positions beyond it at all. ``base_ends`` end a
    text of a base model, which is written in the plain template. ``tied`` is None where the config decides.
    ``window`` is the config's key of the sliding window, ``dropouts`` those of the base's own dropout, which is left out
    while adapters are tuned. ``fp16`` is False where activations leave fp16's range. ``traps`` are sentences.
    """

    name: str
    title: str
    model_types: tuple[str, ...]
    modules: tuple[str, ...]
    context: tuple[str, ...] = ("max_position_embeddings",)
    fixed_context: bool = False
    chats: tuple[Chat, ...] = ()
    base_ends: tuple[str, ...] = ()
    conv1d: tuple[str, ...] = ()
    tied: bool | None = None
    window: str = ""
    dropouts: tuple[str, ...] = ("attention_dropout",)
    fp16: bool = True
    traps: tuple[str, ...] = ()

    def chat_of(self, template: str | None) -> Chat | None:
        """The chat format that a template's source follows; None for a base model or a template of another kind."""
        return next((chat for chat in self.chats if template and chat.mark in template), None)


def names() -> list[str]:
    """Names of the known families, sorted."""
    return catalogue.names(CATALOGUE)


def family(name: str) -> Family:
    """The record of a family by name; UnknownName otherwise."""
    record: Family = catalogue.find(CATALOGUE, name).FAMILY
    return record


def family_of(config: Any) -> Family:
    """The family of a model by its config (an object, a mapping) or its ``model_type``; ModelError where none has it."""
    model_type = _model_type(config)
    for name in names():
        record = family(name)
        if model_type in record.model_types:
            return record
    raise ModelError(f"No family of models covers the architecture {model_type!r}.", hint=what_to_add(model_type))


def what_to_add(model_type: str) -> str:
    """The one file that an architecture without a family lacks."""
    known = ", ".join(names())
    module = "".join(letter if letter.isalnum() else "_" for letter in model_type) or "NAME"
    return (
        f"One file adds it: src/medlms/models/families/{module}.py (or an entry point in the group medlms.{CATALOGUE}) "
        f"with its modules, context and end tokens. Known families: {known}."
    )


def _model_type(config: Any) -> str:
    if isinstance(config, str):
        return config
    found = config.get("model_type") if isinstance(config, Mapping) else getattr(config, "model_type", None)
    return str(found or "")
