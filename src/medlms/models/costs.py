"""Bytes of a model's weights, adapters, training step and grading, by formula. No torch: sizes come from ``Shape``.

Each number below stands for tensors that the code really holds: ``fast_lora`` keeps a group's input, its mask in bits and
the low-rank product; ``fast_layers`` keeps, for the classes that it covers, a norm's input, one buffer of queries, keys and
values, the weights of short rows, and gate and up. Elsewhere transformers' own operations keep what they read: a norm its
input in 32 bits, ``attention`` queries, keys and values, an activation its input and, times the gate, its output.
``head`` makes logits for one chunk.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from medlms.config import Config
from medlms.config import Method as Tuning
from medlms.models.shapes import Matrix, Shape

Weights = Literal["fp32", "16-bit", "int8", "nf4"]

# Copies, since their own modules load torch; a test holds them equal.
CHUNK = 256  # learned positions whose logits exist at once (head.CHUNK)
QUERIES = 128  # queries whose scores exist at once (attention.BLOCK)
KEPT = 512  # tokens of a row up to which its attention weights are kept (fast_layers.KEPT)
STRIP = 1 << 24  # bytes of 4-bit weights that are unpacked at once (four_bit.STRIP)
PLACES = 128  # places by which the key-value cache grows (cache.STEP)
SCORED = 2048  # tokens read at once when references are scored (engines.local.SCORE_TOKENS)
BIASES = 64  # attention masks that are kept for the next layer (attention.causal_bias)
# Types whose norms, and whose gated MLP, run as one node each, and those whose attention does (fast_layers.NORMS, ...).
ONE_NODE = frozenset({"llama", "mistral", "qwen2", "qwen3"})
ONE_NODE_ATTENTION = frozenset({"llama", "mistral", "qwen2"})
NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)  # a code, 8 bits of scale for 64 weights, 32 bits for 256 scales
EIGHT_BIT_MOMENTS = 2 * (1 + 4 / 256)  # a byte for each of two moments, 32 bits of scale for 256
LIBRARIES = 460_000_000  # python, torch, transformers, peft resident before a model is there (torch 2.13, Linux)
# What a first step adds beyond every tensor counted here, and what the C library's heap holds in gaps, as a share of what a
# block keeps: fitted to the peaks of twelve configurations (benchmarks/results/memory.json, glibc), within 13 % of each.
FIRST_STEP = 100_000_000
GAPS = 0.48
SOFT_PROMPT = 100  # vectors of the soft prompt in the table of methods


@dataclass(frozen=True, slots=True)
class Rows:
    """What is known of the data: rows of each part, tokens of a row, share of tokens learned, tokens of a question.

    ``known`` says whether they come from data; else they are the size of a usual question with its answer.
    """

    train: int = 1900
    dev: int = 100
    eval: int = 100
    mean: float = 260.0
    longest: int = 0
    learned: float = 0.75
    prompt: float = 65.0
    known: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """A model under a config: sizes of one training step and of grading. ``element`` is bytes of a working number.

    ``dropout`` is the adapters'; ``lengths`` are the tokens of the block's rows where they are known.
    """

    shape: Shape
    weights: Weights
    element: int
    rank: int
    targets: str | tuple[str, ...]
    dropout: float
    block: int
    blocks: int
    learned: int
    row: int
    batch: int
    new_tokens: int
    prompt: int
    libraries: int = LIBRARIES
    stored: int = 0  # bytes of the weights' file, read through a mapping
    stored_element: int = 2
    epochs: int = 2
    rows: Rows = field(default_factory=Rows)
    lengths: tuple[int, ...] = ()
    fp16: bool = False  # norms then compute, and keep what they read, in 32 bits
    moments: float = 8.0  # bytes that the optimiser keeps for each weight
    recomputed: bool = False  # layers keep their input alone and run again in the backward pass
    method: Tuning = "lora"
    places: int = 0  # vectors of a soft prompt before every row, counted in ``block`` and ``row`` already

    @property
    def adapter(self) -> int:
        """Weights that learn: those of the adapters, of the soft prompt, or all."""
        if self.method == "full":
            return self.shape.parameters
        if self.method == "soft_prompt":
            return self.places * self.shape.width
        sizes = sum(matrix.outputs for matrix in self.shape.adapted(self.targets)) if self.method == "dora" else 0
        return self.shape.adapter(self.rank, self.targets) + self.shape.layers * sizes


def work_of(
    shape: Shape,
    config: Config,
    *,
    element: int,
    rows: Rows = Rows(),
    stored_element: int = 2,
    cuda: bool = False,
    fp16: bool = False,
) -> Work:
    """What this config asks of a model of this shape."""
    longest = min(rows.longest or config.max_length, config.max_length)
    step = config.train.rows_per_step * longest if config.train.rows_per_step else config.train.tokens_per_step
    # First-fit fills blocks nearly to the brim; one row alone may be longer than a block.
    usual = min(rows.longest or round(2 * rows.mean), config.max_length)
    block = max(min(config.train.at_once, step, max(1, round(rows.train * rows.mean))), usual)
    places = config.places
    weights: Weights = "fp32" if element == 4 else "16-bit"
    if config.load_in_4bit:
        weights = "nf4"
    elif config.load_in_8bit:
        weights = "int8"
    targets = config.lora.targets if isinstance(config.lora.targets, str) else tuple(config.lora.targets)
    return Work(
        shape=shape,
        weights=weights,
        element=element,
        rank=config.lora.r,
        targets=targets,
        dropout=config.lora.dropout,
        block=block + places * max(1, round(block / max(1.0, rows.mean))),
        blocks=max(1, -(-step // block)),
        learned=round(rows.learned * block),
        row=min(usual, block) + places,
        batch=min(config.evaluate.batch, max(1, rows.eval)),
        new_tokens=config.evaluate.max_new_tokens,
        prompt=round(rows.prompt) + places,
        libraries=0 if cuda else LIBRARIES,
        stored=shape.parameters * stored_element,
        stored_element=stored_element,
        epochs=config.train.epochs,
        rows=rows,
        fp16=fp16,
        moments=8.0 if config.train.optimiser == "adamw" else EIGHT_BIT_MOMENTS,
        recomputed=config.train.checkpoint_gradients == "on",
        method=config.method,
        places=places,
    )


def settled(work: Work, config: Config, free: int) -> Work:
    """The work with gradient checkpointing decided: on where it is left to us and training does not fit into ``free`` without."""
    if config.train.checkpoint_gradients != "auto" or not free or _training_peak(work) <= free:
        return work
    return replace(work, recomputed=True)


# -- weights ----------------------------------------------------------------------------------------------------------


def weight_bytes(shape: Shape, weights: Weights, *, element: int = 2) -> int:
    """Bytes of a model's weights. Embedding, head, norms and biases stay in ``element`` bytes when the rest is 8 or 4 bit."""
    if weights in ("fp32", "16-bit"):
        return shape.parameters * (4 if weights == "fp32" else 2)
    other = (shape.parameters - shape.linear) * element
    if weights == "int8":
        return other + shape.linear + 4 * shape.layers * sum(matrix.outputs for matrix in shape.matrices)
    return other + round(shape.linear * NF4)


def stacked_bytes(work: Work) -> int:
    """Bytes of the weights that the fused step lays behind one another (q, k, v; gate, up) in memory of their own."""
    if quantised(work):
        return 0
    groups = [group for group in _groups(work) if len(group) > 1]
    return work.shape.layers * sum(m.inputs * m.outputs for group in groups for m in group) * work.element


def fused(work: Work) -> bool:
    """Whether adapted layers run the fused step; over 8-bit weights, and with DoRA, they run peft's own forward."""
    return work.weights != "int8" and work.method != "dora"


def quantised(work: Work) -> bool:
    """Whether base weights must be unpacked to be multiplied with."""
    return work.weights in ("int8", "nf4")


def one_node_attention(work: Work) -> bool:
    """Whether rotary embedding and attention run as one node of the graph: q, k and v must all be adapted."""
    names = _names(work, "attention")
    return fused(work) and work.shape.kind in ONE_NODE_ATTENTION and names == ["q_proj", "k_proj", "v_proj"]


def one_node_mlp(work: Work) -> bool:
    """Whether the gated MLP and the layer behind it run as one node: gate, up and down must be adapted, down without a bias."""
    names = _names(work, "mlp", "down")
    plain = not any(matrix.bias for matrix in work.shape.matrices if matrix.reads == "down")
    return fused(work) and work.shape.kind in ONE_NODE and plain and names == ["gate_proj", "up_proj", "down_proj"]


def _names(work: Work, *reads: str) -> list[str]:
    return [matrix.name for matrix in work.shape.adapted(work.targets) if matrix.reads in reads]


def _groups(work: Work) -> list[list[Matrix]]:
    adapted = work.shape.adapted(work.targets)
    return [
        group
        for reads in ("attention", "out", "mlp", "down")
        if (group := [matrix for matrix in adapted if matrix.reads == reads])
    ]


# -- a training step --------------------------------------------------------------------------------------------------


def kept_for_a_token(work: Work) -> float:
    """Bytes that one block of the model keeps for the backward pass of one token, attention weights left out."""
    shape, e = work.shape, work.element
    kept: float = shape.norms * _norm(work)
    if shape.head_norms:
        kept += (4 * (shape.query + shape.key) if _widened(work) else 0) + 4 * (shape.heads + shape.key_heads)
    kept += e * (_attention(work) + _activation(work))
    return kept + (_fused_inputs(work) if fused(work) else _peft_inputs(work))


def _widened(work: Work) -> bool:
    """Whether a norm reads (and keeps) a copy of its input in 32 bits."""
    return work.fp16 or (work.element == 2 and not work.shape.plain and work.shape.kind not in ONE_NODE)


def _norm(work: Work) -> int:
    """Bytes that one norm keeps of one token: what it reads, and one or two numbers in 32 bits."""
    return work.shape.width * (4 if _widened(work) else work.element) + (8 if work.shape.plain else 4)


def _attention(work: Work) -> int:
    """Elements kept by attention: queries, keys, and values, which hold on to all that was computed with them."""
    shape = work.shape
    if shape.plain or one_node_attention(work):  # views into the output of c_attn; a buffer of their own
        return shape.query + 2 * shape.key
    values = shape.key
    first = next((group for group in _groups(work) if group[0].reads == "attention"), [])
    if shape.head_norms and not _widened(work):  # norms of queries and keys keep what they read
        values = shape.query + 2 * shape.key
    elif fused(work) and "v_proj" in [matrix.name for matrix in first]:
        values = sum(matrix.outputs for matrix in first)
    return shape.query + shape.key + values


def _activation(work: Work) -> int:
    """Elements kept by the MLP's activation: GPT-2's is written out in steps, each of which keeps its own."""
    if work.shape.plain:
        return 4 * work.shape.inner
    return (2 if one_node_mlp(work) else 3) * work.shape.inner


def _fused_inputs(work: Work) -> float:
    """Bytes of each group's input, mask and low-rank product. The node of an MLP makes the input of down again."""
    again = "down" if one_node_mlp(work) else ""
    kept = 0.0
    for group in _groups(work):
        first = group[0]
        kept += 0 if first.reads == again else work.element * first.inputs
        kept += work.element * work.rank * len(group) + mask_bytes(work.dropout) * first.inputs
    return kept


def mask_bytes(dropout: float) -> float:
    """Bytes of an entry of a dropout mask: two bits where the keep probability is in quarters, else 16 (dropout.Masks)."""
    if not dropout:
        return 0.0
    return 0.25 if 1 - dropout in (0.25, 0.5, 0.75) else 2.0


def _peft_inputs(work: Work) -> float:
    """Bytes that 8-bit layers keep: the input of each, and in 32 bits that of its adapter (and mask), low-rank product."""
    inputs = {matrix.reads: matrix.inputs for matrix in work.shape.matrices}
    adapted = sum(_peft_copies(work) * m.inputs + 4 * work.rank for m in work.shape.adapted(work.targets))
    if work.method == "dora":  # outputs of the base and of the adapter, each times its size
        kept = 10 if work.element == 2 else 8
        adapted += sum(kept * m.outputs for m in work.shape.adapted(work.targets))
    return float(work.element * sum(inputs.values()) + adapted)


def _peft_copies(work: Work) -> int:
    """Bytes of an entry of an adapter's input as peft keeps it: mask and product with it, or a copy in 32 bits."""
    return 8 if work.dropout else 4 if work.element == 2 else 0


def _weights_kept(work: Work) -> float:
    """Bytes of the attention weights that one layer keeps. Windows narrower than ``KEPT`` keep less.

    Where the rows' lengths are not known they are those that keep most.
    """
    if not one_node_attention(work):
        return 0.0
    if work.lengths:
        pairs: float = sum(attended(length) for length in work.lengths if length <= KEPT)
    else:
        length = max(1, min(KEPT, work.row))
        pairs = attended(length) / length * work.block
    return work.shape.heads * pairs * work.element


def attended(length: int) -> int:
    """Pairs of query and key whose weight is computed in a row: blocks of queries against keys up to the block's end."""
    blocks, rest = divmod(length, QUERIES)
    return QUERIES * QUERIES * blocks * (blocks + 1) // 2 + rest * length


def _turned_adapters(work: Work) -> int:
    """Bytes of the adapters as the fused step computes with them: A stacked, B block-diagonal, kept until the backward pass."""
    if not fused(work):
        return 0
    numbers = sum(work.rank * len(group) * (group[0].inputs + sum(m.outputs for m in group)) for group in _groups(work))
    return work.shape.layers * numbers * work.element


def activation_bytes(work: Work) -> int:
    """Bytes of everything that one block of rows keeps until its backward pass."""
    shape, e = work.shape, work.element
    if work.recomputed:  # every layer's input, and all that one layer keeps while its turn is
        one = replace(work, shape=replace(shape, layers=1), recomputed=False)
        return work.block * shape.layers * shape.width * e + activation_bytes(one)
    kept = work.block * shape.layers * kept_for_a_token(work) + shape.layers * _weights_kept(work)
    # The first norm reads embeddings, which need no gradient; behind the last block stands one more.
    if not shape.plain:  # cosines and sines
        kept += work.block * 2 * shape.head_size * e * (2 if shape.kind == "gemma3_text" else 1)
    if not fused(work):  # nor does the base keep them for the first layers, or peft their masks
        first = [matrix for matrix in shape.adapted(work.targets) if matrix.reads == "attention"]
        kept -= work.block * (4 * sum(matrix.inputs for matrix in first) if work.dropout else 0)
        kept -= work.block * e * shape.width if _peft_copies(work) else 0
    return int(kept) + _turned_adapters(work)


def beside_bytes(work: Work) -> int:
    """Bytes alive beside the graph: hidden states, those of learned positions and their gradient, attention masks."""
    width = work.shape.width * work.element
    return (work.block + 2 * work.learned) * width + bias_bytes(work)


def bias_bytes(work: Work) -> int:
    """Bytes of attention masks kept between layers: one for each length of row among the last."""
    row = max(1, min(work.row, round(work.rows.mean)))
    queries = min(row, QUERIES)
    # Without a window the last keys alone are masked; whether Mistral's has one its sizes do not tell.
    keys = row if work.shape.kind in ("mistral", "gemma2", "gemma3_text") else queries
    different = min(BIASES, 4 * max(1, work.block // row))
    return different * (work.shape.heads // work.shape.key_heads) * queries * keys * work.element


def head_bytes(work: Work) -> int:
    """Bytes of one chunk of logits, their shares, and what is left of the chunk before."""
    positions = min(CHUNK, work.learned)
    several = work.learned > CHUNK
    if work.shape.softcap:  # logits, bent logits and their slope, shares: all in 32 bits
        numbers = (12, 16) if work.element == 4 else (16, 18)
    elif work.fp16:  # one buffer for logits; a copy and shares in 32 bits
        numbers = (10, 14)
    else:  # one buffer for logits, shares in the working precision
        numbers = (2 * work.element, 3 * work.element)
    return positions * work.shape.vocabulary * numbers[several]


def backward_bytes(work: Work) -> int:
    """Bytes that the last layer's backward pass needs beside what is kept: gradients, and what is unpacked of its weights."""
    shape, e = work.shape, work.element
    if not fused(work):
        return 2 * (shape.inner + shape.width) * work.block * 4 + unpacked_bytes(work)
    # Of the MLP: two of gate, up, their product and the product masked; then gradients of the product, gate and up.
    wide = (4 * shape.inner + 2 * shape.width) * e
    if work.dropout and e == 4:
        wide += 2 * shape.inner  # a mask in 16 bits beside numbers in 32
    sums = 4 * shape.width if work.weights == "nf4" else 0  # over strips, in 32 bits
    return (wide + sums) * work.block + unpacked_bytes(work)


def unpacked_bytes(work: Work) -> int:
    """Bytes of base weights that are unpacked at once: of 4 bit two strips and the scales of a matrix, of 8 bit a matrix."""
    if not quantised(work):
        return 0
    numbers = max(matrix.inputs * matrix.outputs for matrix in work.shape.matrices)
    if work.weights == "int8":
        return numbers * work.element
    strip = min(STRIP, numbers * work.element) if work.libraries else numbers * work.element
    return 2 * strip + 2 * 4 * numbers // 64


def first_step_bytes(work: Work) -> int:
    """Bytes by which the libraries grow in a first step; none are counted on a device of its own."""
    return FIRST_STEP if work.libraries else 0


def gap_bytes(work: Work) -> int:
    """Bytes that the heap holds in gaps between tensors of many sizes; a device of its own has another allocator."""
    return round(GAPS * activation_bytes(work)) if work.libraries else 0


def optimiser_bytes(work: Work) -> int:
    """Bytes of what learns, in 32 bits, and of the optimiser's moments."""
    return round((_in_32_bits(work) + work.moments) * work.adapter)


def _in_32_bits(work: Work) -> int:
    """Bytes of a weight that learns: adapters, vectors, and copies of 16-bit weights; fp32 ones are counted as weights."""
    return 0 if work.method == "full" and work.element == 4 else 4


# -- grading ----------------------------------------------------------------------------------------------------------


def cache_bytes(work: Work) -> int:
    """Bytes of keys and values of a full batch at its longest, while rows that have ended leave it."""
    shape = work.shape
    places = work.prompt + PLACES
    while places < work.prompt + work.new_tokens:
        places += PLACES
    places = min(places, shape.context + PLACES)
    whole = 2 * shape.layers * work.batch * shape.key * places * work.element
    return whole + (whole // 2 if work.batch > 1 else 0)  # all keys are copied before the old ones go


def reading_bytes(work: Work, tokens: int) -> int:
    """Bytes at the widest place of a forward pass over this many tokens without a backward pass."""
    shape, e = work.shape, work.element
    mlp = 2 * e * shape.width + 4 * e * shape.inner
    norm = (2 * e + 12) * shape.width
    return tokens * max(mlp, norm)


def answering_bytes(work: Work) -> int:
    """Bytes of writing a batch of answers: the cache, and logits of a token a row or the reading of the questions."""
    logits = 2 * work.batch * work.shape.vocabulary * work.element
    return cache_bytes(work) + max(logits, reading_bytes(work, work.batch * work.prompt)) + unpacked_bytes(work)


def scoring_bytes(work: Work) -> int:
    """Bytes of reading references for their log-probabilities: a forward pass, then logits in chunks."""
    tokens = max(min(SCORED, round(work.rows.mean * work.batch)), work.row)
    positions = min(CHUNK, round(work.rows.learned * tokens))
    return max(
        reading_bytes(work, tokens) + unpacked_bytes(work), positions * work.shape.vocabulary * (8 + work.element)
    )


# -- all together -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Phase:
    """Memory of one phase by part, in bytes. ``pages`` of the weights' file are resident, but free when others need them."""

    name: str
    parts: dict[str, int]
    pages: int = 0

    @property
    def needed(self) -> int:
        """Bytes that must be there."""
        return sum(self.parts.values())

    @property
    def resident(self) -> int:
        """Bytes that a process monitor shows."""
        return self.needed + self.pages


def phases(work: Work) -> list[Phase]:
    """Loading, training and grading, each at its peak."""
    weights = weight_bytes(work.shape, work.weights, element=work.element)
    common = {"libraries": work.libraries, "weights": weights}
    return [_loading(work, common), _training(work, common), _grading(work, common)]


def _mapped(work: Work) -> bool:
    """Whether weights in memory are the file itself: true for those that are used as they are stored."""
    return bool(work.stored) and work.stored_element == work.element


def _loading(work: Work, common: dict[str, int]) -> Phase:
    parts = dict(common)
    if quantised(work):
        parts["one matrix before it is quantised"] = 6 * max(m.inputs * m.outputs for m in work.shape.matrices)
    return Phase("loading", parts, pages=_pages(work, loading=True))


def _pages(work: Work, *, loading: bool = False) -> int:
    """Pages of the weights' file that stay resident though nothing needs them."""
    if not _mapped(work):
        return work.stored if loading else 0
    if quantised(work):  # what is not quantised is a view into the file, so the mapping stays
        return work.shape.linear * work.stored_element
    return 0 if loading else stacked_bytes(work)


def _training(work: Work, common: dict[str, int]) -> Phase:
    if work.method in ("full", "soft_prompt"):
        several = 4 * work.adapter if work.method == "full" or work.blocks > 1 else 0
        parts = common | {
            "libraries at their first step": first_step_bytes(work),
            "weights that learn, and optimiser": optimiser_bytes(work) + several,
            "activations": _own_layers(work),
        }
        return Phase("training", parts, pages=_pages(work))
    parts = common | {
        "libraries at their first step": first_step_bytes(work),
        "adapters and optimiser": optimiser_bytes(work) + (4 * work.adapter if work.blocks > 1 else 0),
        "activations": activation_bytes(work) + beside_bytes(work),
        "gaps in the heap": gap_bytes(work),
        "logits of a chunk": head_bytes(work),
    }
    beyond = backward_bytes(work) - parts["logits of a chunk"]
    if beyond > 0:
        parts["gradients of a layer"] = beyond
    # AdamW's own step comes when activations are gone: gradients and one temporary of their size.
    gone = ("activations", "gaps in the heap", "logits of a chunk")
    if 8 * work.adapter > sum(parts[name] for name in gone):
        parts |= dict.fromkeys(gone, 0) | {"the optimiser's step": 8 * work.adapter}
    return Phase("training", parts, pages=_pages(work))


def _grading(work: Work, common: dict[str, int]) -> Phase:
    answering, scoring = answering_bytes(work), scoring_bytes(work)
    parts = common | {
        "libraries at their first step": first_step_bytes(work),
        "adapters and optimiser": optimiser_bytes(work),
        "keys and values": cache_bytes(work) if answering >= scoring else 0,
        "logits and forward pass": answering - cache_bytes(work) if answering >= scoring else scoring,
    }
    return Phase("grading", parts, pages=_pages(work))


def peak(work: Work) -> Phase:
    """The phase that needs most."""
    return max(phases(work), key=lambda phase: phase.needed)


def resident_peak(work: Work) -> int:
    """Bytes that a process monitor will have shown at the most, pages of the weights' file included."""
    return max(phase.resident for phase in phases(work))


def disk_bytes(work: Work) -> dict[str, int]:
    """Bytes on disk: the run (two checkpoints with moments, the best, the adapter, answers and plots), adapter, weights."""
    return {
        "run": 32 * work.adapter + 50_000_000,
        "adapter": 4 * work.adapter,
        "weights": work.stored,
    }


# -- methods ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Method:
    """A way of tuning: weights learned, their share of the model, and bytes of memory while training."""

    name: str
    trainable: int
    share: float
    memory: int
    stored: int


def methods(work: Work) -> list[Method]:
    """What full fine-tuning, LoRA, QLoRA and a soft prompt would cost on these rows."""
    plain: Weights = "fp32" if work.element == 4 else "16-bit"
    alone = _without_places(work)
    lora, qlora = replace(alone, weights=plain), replace(alone, weights="nf4")
    total, length = work.shape.parameters, work.places or SOFT_PROMPT
    soft = _with_places(lora, length)
    return [
        Method("full fine-tuning", total, 1.0, _training_peak(replace(lora, method="full")), total * work.element),
        Method("LoRA", lora.adapter, lora.adapter / total, _training_peak(lora), 4 * lora.adapter),
        Method("QLoRA (NF4)", lora.adapter, lora.adapter / total, _training_peak(qlora), 4 * lora.adapter),
        Method(
            f"soft prompt ({length} vectors)",
            soft.adapter,
            soft.adapter / total,
            _training_peak(soft),
            4 * soft.adapter,
        ),
    ]


def _training_peak(work: Work) -> int:
    return phases(work)[1].needed


def _without_places(work: Work) -> Work:
    """The same rows under LoRA."""
    if work.method == "lora":
        return work
    rows = work.places * max(1, round(work.block / max(1.0, work.rows.mean + work.places)))
    block = max(1, work.block - rows)
    method: Tuning = "lora"
    row, prompt = work.row - work.places, work.prompt - work.places
    return replace(work, method=method, places=0, block=block, row=row, prompt=prompt)


def _with_places(work: Work, length: int) -> Work:
    """The same rows behind a soft prompt."""
    rows = max(1, round(work.block / max(1.0, work.rows.mean)))
    block, row, prompt = work.block + length * rows, work.row + length, work.prompt + length
    return replace(work, method="soft_prompt", places=length, block=block, row=row, prompt=prompt)


def own_layers_bytes(work: Work) -> int:
    """Bytes of everything that a block keeps where there are no adapters: all weights learn, or vectors before the rows."""
    plain, shape, e = _plain(work), work.shape, work.element
    if work.method == "soft_prompt":  # the first norm reads what needs a gradient too
        return activation_bytes(plain) + work.block * shape.width * e
    wide = 4 if _widened(plain) else e
    # For the gradient of their weights: what norms multiply with them, and the input of the layer behind an MLP.
    norms = shape.norms * shape.width + (shape.query + shape.key if shape.head_norms else 0)
    layers = 1 if work.recomputed else shape.layers
    return activation_bytes(plain) + work.block * layers * (wide * norms + e * shape.inner)


def _plain(work: Work) -> Work:
    """The work without adapters. Norms that learn run transformers' own operations."""
    full = work.method == "full"
    shape = replace(work.shape, kind="llama-like") if full and work.shape.kind in ONE_NODE else work.shape
    targets: str | tuple[str, ...] = "all-linear" if full else _frozen(shape)
    return replace(work, shape=shape, method="lora", targets=targets, dropout=0.0, rank=0)


def _frozen(shape: Shape) -> tuple[str, ...]:
    """Names of the layers that run in nodes of ours behind a soft prompt, as if adapted with rank 0 (frozen.fast_frozen)."""
    reads = {"attention"} if shape.kind in ONE_NODE_ATTENTION else set()
    reads |= {"mlp", "down"} if shape.kind in ONE_NODE else set()
    return tuple(matrix.name for matrix in shape.matrices if matrix.reads in reads) or ("none",)


def _own_layers(work: Work) -> int:
    """Bytes of a step without adapters."""
    plain = _plain(work)
    full = work.method == "full"
    head = work.shape.vocabulary * work.shape.width * (4 + work.element) if full else 0  # the head's own gradient
    step = max(head_bytes(plain), backward_bytes(plain))
    kept = own_layers_bytes(work) + gap_bytes(plain) + beside_bytes(plain) + step + head
    # AdamW's own step comes when these are gone: one temporary of the weights' size.
    return max(kept, 4 * work.adapter)


def beside_weights(work: Work, trainable: int) -> int:
    """Bytes that training adds to the loaded weights: what learns with gradients and moments, and one step."""
    learned = round((_in_32_bits(work) + 4 + work.moments) * trainable)
    if work.method in ("full", "soft_prompt"):
        return learned + _own_layers(work) + first_step_bytes(work)
    kept = activation_bytes(work) + gap_bytes(work) + beside_bytes(work)
    return learned + kept + max(head_bytes(work), backward_bytes(work)) + first_step_bytes(work)
