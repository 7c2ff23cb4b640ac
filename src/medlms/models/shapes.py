"""A model's sizes read from its config alone: which matrices it has and how many weights. No torch, no weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from medlms.errors import ModelError

TIED = frozenset({"gemma", "gemma2", "gemma3_text", "gpt2"})  # whose configs mean a shared head when they say nothing
GEMMAS = frozenset({"gemma", "gemma2", "gemma3_text"})
KNOWN_TYPES = ("llama", "mistral", "gemma", "gemma2", "gemma3_text", "gpt2", "qwen2", "qwen3")
_GPT2 = {
    "n_embd": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_inner": "intermediate_size",
    "n_positions": "max_position_embeddings",
    "activation_function": "hidden_act",
}
_NEEDED = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")


@dataclass(frozen=True, slots=True)
class Matrix:
    """A linear layer of every block. ``reads`` names its input: layers with the same one are computed together."""

    name: str
    inputs: int
    outputs: int
    bias: bool
    reads: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides a decoder's weights and activations; widths and sizes in elements, ``context`` in tokens.

    ``norms`` counts the norms of the model's width in one block; ``positions`` the learned position vectors.
    ``sure`` is False for a type that is read as if it were
    Llama's.
    """

    kind: str
    layers: int
    width: int
    heads: int
    key_heads: int
    head_size: int
    inner: int
    vocabulary: int
    tied: bool
    context: int
    matrices: tuple[Matrix, ...]
    norms: int = 2
    head_norms: bool = False
    positions: int = 0
    softcap: bool = False
    sure: bool = True

    @property
    def plain(self) -> bool:
        """GPT-2's kind: LayerNorm with a bias, learned positions, two matrices in the MLP, no rotation."""
        return self.kind == "gpt2"

    @property
    def query(self) -> int:
        """Width of all query heads."""
        return self.heads * self.head_size

    @property
    def key(self) -> int:
        """Width of all key heads (values have the same)."""
        return self.key_heads * self.head_size

    @property
    def linear(self) -> int:
        """Weights of the linear layers of all blocks, without biases: what 4 and 8 bit loading shrinks."""
        return self.layers * sum(matrix.inputs * matrix.outputs for matrix in self.matrices)

    @property
    def embedding(self) -> int:
        """Weights of the token embedding."""
        return self.vocabulary * self.width

    @property
    def parameters(self) -> int:
        """All weights, tied ones counted once."""
        norm = self.width * (2 if self.plain else 1)
        small = sum(matrix.outputs for matrix in self.matrices if matrix.bias) + self.norms * norm
        small += 2 * self.head_size if self.head_norms else 0
        tables = self.embedding * (1 if self.tied else 2) + self.positions * self.width
        return tables + self.linear + self.layers * small + norm

    def adapted(self, targets: str | Collection[str]) -> tuple[Matrix, ...]:
        """The matrices of a block that adapters sit on; ``all-linear`` means each of them."""
        if isinstance(targets, str):
            return self.matrices
        leaves = {target.rpartition(".")[2] for target in targets}
        return tuple(matrix for matrix in self.matrices if matrix.name in leaves)

    def adapter(self, rank: int, targets: str | Collection[str] = "all-linear") -> int:
        """Weights of LoRA adapters of this rank."""
        return self.layers * rank * sum(matrix.inputs + matrix.outputs for matrix in self.adapted(targets))


def shape_of(config: Mapping[str, Any]) -> Shape:
    """The shape that a transformers config (``config.json`` as a mapping) describes.

    A type that is not in ``KNOWN_TYPES`` is read as Llama's when it has the same keys. ModelError when sizes are missing.
    """
    values = _plain_names(config)
    kind = str(values.get("model_type", "llama"))
    missing = [key for key in _NEEDED if not isinstance(values.get(key), int) or values[key] < 1]
    if kind != "gpt2" and not isinstance(values.get("intermediate_size"), int):
        missing.append("intermediate_size")
    if missing:
        raise ModelError(
            f"The config of this {kind} model lacks {', '.join(missing)}, so its memory can't be foretold.",
            hint=f"Known types: {', '.join(KNOWN_TYPES)}; others need Llama's keys.",
        )
    width, heads = int(values["hidden_size"]), int(values["num_attention_heads"])
    head_size = int(values.get("head_dim") or (256 if kind in GEMMAS else width // heads))
    key_heads = int(values.get("num_key_value_heads") or heads)
    inner = int(values.get("intermediate_size") or 4 * width)
    tied = values.get("tie_word_embeddings")
    plain = kind == "gpt2"
    matrices = (
        _gpt2_matrices(width, inner)
        if plain
        else _llama_matrices(values, kind, width, heads * head_size, key_heads * head_size, inner)
    )
    layers = int(values["num_hidden_layers"])
    return Shape(
        kind=kind,
        layers=layers,
        width=width,
        heads=heads,
        key_heads=heads if plain else key_heads,
        head_size=head_size,
        inner=inner,
        vocabulary=int(values["vocab_size"]),
        tied=kind in TIED if tied is None else bool(tied),
        context=int(values.get("max_position_embeddings") or 2048),
        matrices=matrices,
        norms=4 if kind in ("gemma2", "gemma3_text") else 2,
        head_norms=kind in ("gemma3_text", "qwen3"),
        positions=int(values.get("max_position_embeddings") or 1024) if plain else 0,
        softcap=bool(values.get("final_logit_softcapping", 30.0 if kind == "gemma2" else None)),
        sure=kind in KNOWN_TYPES,
    )


def _plain_names(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with Llama's names for its keys; of a model that also sees, the part that reads text."""
    inner = config.get("text_config")
    values = {**inner} if isinstance(inner, Mapping) else {**config}
    for old, new in _GPT2.items():
        if old in values and values.get(new) is None:
            values[new] = values[old]
    return values


def _llama_matrices(
    values: Mapping[str, Any], kind: str, width: int, query: int, key: int, inner: int
) -> tuple[Matrix, ...]:
    asked = bool(values.get("attention_bias", False)) and kind != "mistral"
    bias, out_bias, mlp_bias = asked or kind == "qwen2", asked, bool(values.get("mlp_bias", False)) and kind == "llama"
    return (
        Matrix("q_proj", width, query, bias, "attention"),
        Matrix("k_proj", width, key, bias, "attention"),
        Matrix("v_proj", width, key, bias, "attention"),
        Matrix("o_proj", query, width, out_bias, "out"),
        Matrix("gate_proj", width, inner, mlp_bias, "mlp"),
        Matrix("up_proj", width, inner, mlp_bias, "mlp"),
        Matrix("down_proj", inner, width, mlp_bias, "down"),
    )


def _gpt2_matrices(width: int, inner: int) -> tuple[Matrix, ...]:
    return (
        Matrix("c_attn", width, 3 * width, True, "attention"),
        Matrix("c_proj", width, width, True, "out"),
        Matrix("c_fc", width, inner, True, "mlp"),
        Matrix("c_proj", inner, width, True, "down"),
    )
