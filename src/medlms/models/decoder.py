"""Our own forward pass of Llama-shaped models for reading and writing, over the weights that transformers loaded.

Covered are the architectures of ``SHAPES`` on a processor with a C compiler; transformers' own layers are the oracle
(tests/models/test_decoder.py) and the path for everything else. What lies between the matrix products is decoder.c; keys and
values lie in pages that texts share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from medlms.models import native, products
from medlms.models.decoder_passes import PAGE, Heads, Passes, Reading
from medlms.models.load import available_memory
from medlms.models.pages import Pages
from medlms.models.products import Kind, Layers, Product

SHAPES = {"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"}
FIXED_ANGLES = {"default", "linear", "llama3", "yarn"}  # kinds of rope whose angles don't change with a text's length
COPIED = 0.25  # share of the free memory that a copy of the weights may take


@dataclass(frozen=True)
class _Layer:
    """What a layer reads its input with."""

    first_norm: Tensor
    joint: Product
    last: Product
    second_norm: Tensor
    gates: Product
    down: Product
    window: int | None
    norms: tuple[Tensor, Tensor] | None


class Decoder:
    """A model's forward pass. ``said`` tells in words how it computes; ``copied`` are the bytes of weights held a second time."""

    def __init__(
        self, model: Any, whole: Any, passes: Passes, *, adapter: str | None, kind: Kind, merged: bool
    ) -> None:
        """``whole`` is the causal model under ``model``; see ``decoder_of``, which says what is covered."""
        body, config = whole.model, whole.config
        self.heads = _heads(config)
        self.passes = passes
        self.merged = adapter is not None and (merged or kind == "int8")
        self.dtype: torch.dtype = whole.lm_head.weight.dtype
        self.epsilon = float(config.rms_norm_eps)
        self.scale = float(body.layers[0].self_attn.scaling)
        self.embedding: Tensor = body.embed_tokens.weight.data
        self.norm: Tensor = body.norm.weight.data
        self._body = body
        self._angles: tuple[Tensor, Tensor] | None = None
        self.layers = []
        for layer, parts in zip(body.layers, _parts(body, adapter), strict=True):
            joint, last, gates, down = (products.made(part, kind, passes, merged=merged) for part in parts)
            self.layers.append(
                _Layer(
                    first_norm=layer.input_layernorm.weight.data,
                    joint=joint,
                    last=last,
                    second_norm=layer.post_attention_layernorm.weight.data,
                    gates=gates,
                    down=down,
                    window=_window(layer.self_attn),
                    norms=_norms(layer.self_attn),
                )
            )
        self.head = products.made(Layers((whole.lm_head,), (None,)), kind, passes, merged=False)
        weights = sum(p.numel() for p in whole.parameters() if p.dim() == 2)
        self.copied = {"plain": 0, "packed": weights * self.dtype.itemsize, "int8": weights}[kind]
        self.said = _said(kind, self.copied)

    def pages(self, count: int) -> Pages:
        """Room for ``count`` pages of keys and values."""
        return Pages(count, len(self.layers), self.heads, self.dtype)

    @property
    def page_bytes(self) -> int:
        """Bytes of a page in all layers."""
        return 2 * len(self.layers) * self.heads.groups * self.heads.size * PAGE * self.dtype.itemsize

    def read(self, reading: Reading, pages: Pages) -> Tensor:
        """Hidden states [tokens, width] behind the last norm; keys and values are kept in ``pages``."""
        passes, heads = self.passes, self.heads
        x = self.embedding[reading.ids]
        angles = self._turns(int(reading.positions.max()) + 1)
        more: Tensor | None = None
        for layer, cache in zip(self.layers, pages.layers, strict=True):
            both = layer.joint(passes.add_norm(x, more, layer.first_norm, self.epsilon))
            passes.keep(both, angles, reading, cache, heads, layer.norms, self.epsilon)
            seen = passes.attend(both, reading, cache, heads, layer.window, self.scale)
            inner = layer.gates(passes.add_norm(x, layer.last(seen), layer.second_norm, self.epsilon))
            more = layer.down(passes.native.gated(inner, None)[0])
        return passes.add_norm(x, more, self.norm, self.epsilon)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits [n, vocabulary] behind hidden states [n, width]."""
        return self.head(hidden)

    def _turns(self, length: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the first positions, rounded as transformers rounds them: fp32 [positions, size / 2]."""
        if self._angles is None or len(self._angles[0]) < length:
            places = torch.arange(max(length, 1024) if self._angles is None else 2 * length)
            like = torch.zeros(1, dtype=self.dtype)
            half = self.heads.size // 2
            cosine, sine = (
                table[0, :, :half].float().contiguous() for table in self._body.rotary_emb(like, places[None])
            )
            self._angles = cosine, sine
        return self._angles


def decoder_of(
    model: Any, base: Any, *, device: torch.device, kind: Kind | None = None, merged: bool = False
) -> tuple[Decoder | None, str]:
    """The decoder of ``model`` (``base``, or peft's model around it), or None and why not.

    ``kind`` None: weights are copied into the order that is fastest where memory allows it.
    """
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    reason = _uncovered(model, whole, device)
    if reason:
        return None, reason
    library, how = native.built()
    if library is None:
        return None, how
    adapter = None if model is base else _active(model)
    if any(part is None for parts in _parts(whole.model, adapter) for part in parts):
        return None, "its layers are not plain linear ones with LoRA"
    if kind is None:
        kind = "packed" if _packs(whole) else "plain"
    decoder = Decoder(model, whole, Passes(library), adapter=adapter, kind=kind, merged=merged)
    return decoder, decoder.said


def state(model: Any) -> tuple[object, ...]:
    """What changes whenever a weight does, or the adapter at work: a decoder holds copies, and is made anew then."""
    weights = tuple((parameter.data_ptr(), parameter._version) for parameter in model.parameters())
    return (_active(model), *weights)


def _active(model: Any) -> str | None:
    """The adapter at work: none without peft, nor inside its ``disable_adapter()``."""
    if not hasattr(model, "active_adapter"):
        return None
    off = any(getattr(module, "disable_adapters", False) is True for module in model.modules())
    return None if off else str(model.active_adapter)


def _uncovered(model: Any, whole: Any, device: torch.device) -> str:
    config = whole.config
    kind = type(whole).__name__
    if kind not in SHAPES:
        return f"{kind} is not Llama-shaped"
    if device.type != "cpu":
        return "on a GPU"
    if getattr(model, "prompt_encoder", None) is not None:
        return "a soft prompt"
    if type(whole.lm_head) is not nn.Linear or type(whole.model.embed_tokens) is not nn.Embedding:
        return "an adapter on the embedding or the head"
    if whole.lm_head.weight.dtype not in native.KINDS:
        return f"no code for {whole.lm_head.weight.dtype}"
    if not _heads(config).fit:
        return "heads of a size that has no code"
    if getattr(config, "hidden_act", "silu") != "silu":
        return f"activation {config.hidden_act}"
    if str(whole.model.rotary_emb.rope_type) not in FIXED_ANGLES:
        return f"angles of kind {whole.model.rotary_emb.rope_type}"
    if float((getattr(config, "rope_parameters", None) or {}).get("partial_rotary_factor", 1.0)) != 1.0:
        return "heads that are turned in part"
    return ""


def _heads(config: Any) -> Heads:
    count = int(config.num_attention_heads)
    size = getattr(config, "head_dim", None) or config.hidden_size // count
    return Heads(count, int(config.num_key_value_heads), int(size))


def _parts(body: Any, adapter: str | None) -> Iterator[list[Any]]:
    for layer in body.layers:
        attention, mlp = layer.self_attn, layer.mlp
        yield [
            products.layers(modules, adapter)
            for modules in (
                (attention.q_proj, attention.k_proj, attention.v_proj),
                (attention.o_proj,),
                (mlp.gate_proj, mlp.up_proj),
                (mlp.down_proj,),
            )
        ]


def _window(attention: Any) -> int | None:
    if type(attention).__name__ == "MistralAttention":
        window = getattr(attention.config, "sliding_window", None)
    else:
        window = getattr(attention, "sliding_window", None)
    return None if window is None else int(window)


def _norms(attention: Any) -> tuple[Tensor, Tensor] | None:
    if not hasattr(attention, "q_norm"):
        return None
    return attention.q_norm.weight.data, attention.k_norm.weight.data


def _packs(whole: Any) -> bool:
    """Whether a second copy of the weights is worth its memory; fp32 products gain nothing by one."""
    weight = whole.lm_head.weight
    if weight.dtype != torch.bfloat16 or not torch.backends.mkldnn.is_available():
        return False
    size = sum(int(parameter.nbytes) for parameter in whole.parameters())
    return size < COPIED * available_memory()


def _said(kind: Kind, copied: int) -> str:
    how = {
        "plain": "weights as loaded",
        "packed": "weights reordered for this processor",
        "int8": "8-bit weights and inputs",
    }[kind]
    return f"{how}, {copied / 1e6:,.0f} MB more" if copied else how
