"""Miniature models, tokenizers and data, for our tests and for those of plug-in authors. Made on the spot, nothing fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from medlms.types import QA

Family = Literal["llama", "llama2", "llama3", "mistral", "gpt2", "gemma", "gemma2", "gemma3", "qwen2", "qwen3"]
FAMILIES: tuple[Family, ...] = get_args(Family)

CONTEXT = 256  # tokens that a miniature model reads
WINDOW = 8  # tokens that a sliding window shows: shorter than any row

# The chat formats of the model cards. Some have a system turn, some refuse one, some write the BOS themselves.
_CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_QWEN = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. "
    "You are a helpful assistant.<|im_end|>\n' }}{% endif %}" + _CHATML
)
_INST = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] + eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
_LLAMA2 = (
    "{% for message in messages %}{% set text = message['content'] | trim %}"
    "{% if message['role'] == 'user' %}{% set before = loop.previtem if loop.index0 else none %}"
    "{% set opening = '<<SYS>>\n' + before['content'] + '\n<</SYS>>\n\n' if before and before['role'] == 'system' else '' %}"
    "{{ bos_token + '[INST] ' + opening + text + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + text + ' ' + eos_token }}{% endif %}{% endfor %}"
)
_LLAMA3 = (
    "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' "
    "+ message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
_TURNS = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
_TURNS_3 = (
    "{{ bos_token }}{% for message in messages if message['role'] != 'system' %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{% set opening = messages[0]['content'] + '\n\n' if loop.first and messages[0]['role'] == 'system' else '' %}"
    "{{ '<start_of_turn>' + role + '\n' + opening + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
_GEMMA = ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>")
_QWENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


class _Words(NamedTuple):
    """A tokenizer's special tokens (the first pads), its BOS and EOS, the tokens that end a turn, its chat template, and
    whether the tokenizer itself puts a BOS first.
    """

    special: tuple[str, ...]
    bos: str | None
    eos: str
    ends: tuple[str, ...]
    template: str | None
    leads: bool


_TOKENIZERS: dict[Family, _Words] = {
    "llama": _Words(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), "<|im_start|>", "<|im_end|>", ("<|im_end|>",), _CHATML, False
    ),
    "llama2": _Words(("<unk>", "<s>", "</s>"), "<s>", "</s>", ("</s>",), _LLAMA2, True),
    "llama3": _Words(
        ("<|end_of_text|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "<|begin_of_text|>",
        "<|eot_id|>",
        ("<|end_of_text|>", "<|eot_id|>"),
        _LLAMA3,
        True,
    ),
    "mistral": _Words(("<unk>", "<s>", "</s>", "[INST]", "[/INST]"), "<s>", "</s>", ("</s>",), _INST, True),
    "gpt2": _Words(("<|endoftext|>",), "<|endoftext|>", "<|endoftext|>", ("<|endoftext|>",), None, False),
    "gemma": _Words(_GEMMA, "<bos>", "<eos>", ("<eos>", "<end_of_turn>"), _TURNS, True),
    "gemma2": _Words(_GEMMA, "<bos>", "<eos>", ("<eos>", "<end_of_turn>"), _TURNS, True),
    "gemma3": _Words(_GEMMA, "<bos>", "<eos>", ("<eos>", "<end_of_turn>"), _TURNS_3, True),
    "qwen2": _Words(_QWENS, None, "<|im_end|>", ("<|im_end|>", "<|endoftext|>"), _QWEN, False),
    "qwen3": _Words(_QWENS, None, "<|im_end|>", ("<|im_end|>", "<|endoftext|>"), _CHATML, False),
}
# transformers' name of a family's architecture, where it is another.
_ARCHITECTURES = {"llama2": "llama", "llama3": "llama", "gemma3": "gemma3_text"}
# How the tokenizers of Llama 3 and Qwen part a text: line ends stay together, numbers come in threes at most.
_PARTS = r" ?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

_TOPICS = """
asthma anaemia gout measles mumps malaria scurvy rickets cholera tetanus eczema psoriasis migraine insomnia sinusitis
bronchitis hepatitis pancreatitis appendicitis arthritis osteoporosis glaucoma cataract vertigo tinnitus shingles lupus
""".split()
_QUESTIONS = ("What is {0}?", "What are the signs of {0}?", "How is {0} treated?", "Who gets {0} most often?")
_ANSWERS = (
    "{0} is a condition that a doctor can name after asking a few questions.",
    "People with {0} often feel tired, and the signs come on over {1} days.",
    "Most people with {0} get better with rest, fluids and a medicine taken {1} times a day.",
    "Anyone can get {0}, but it is seen most often after the age of {1}.",
)


def tiny_model(folder: str | Path, family: Family = "llama", *, seed: int = 0, **settings: Any) -> Path:
    """Write a complete random model (some 100,000 weights) to ``folder`` and return it.

    It holds config.json, model.safetensors (fp32), the tokenizer, and a chat template for the families that have one:
    ``llama`` (as SmolLM2: ChatML, grouped keys), ``llama2`` and ``llama3`` (their own turns), ``mistral`` (sliding window
    of ``WINDOW``, own BOS, no system turn), ``gemma`` (heads wider than the model), ``gemma2`` (soft caps), ``gemma3``
    (local and global layers), ``qwen2`` (biases) and ``qwen3`` (normed queries); ``gpt2`` is a base model without one.
    ``settings`` go over the family's config, such as ``attention_bias=True``.
    """
    import torch

    from medlms.models.load import quiet

    quiet()
    from transformers import AutoModelForCausalLM

    folder = Path(folder)
    tokenizer = tiny_tokenizer(family)
    ids = tokenizer.convert_tokens_to_ids
    config = _config(family, len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, settings)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        with torch.no_grad():
            for parameter in model.parameters():
                # Biases and norms start as constants: moved a little, so that leaving one out shows.
                parameter.add_(torch.randn_like(parameter) * (0.1 if parameter.dim() == 1 else 0.02))
    model.generation_config.eos_token_id = [ids(token) for token in _TOKENIZERS[family].ends]
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_tokenizer(family: Family = "llama") -> Any:
    """A byte-level BPE tokenizer trained on the texts of ``tiny_rows``, with the family's special tokens and template."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special, bos, eos, _, template, leads = _TOKENIZERS[family]
    backend = Tokenizer(models.BPE())
    steps: list[Any] = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
    if family == "llama":
        steps.insert(0, pre_tokenizers.Digits(individual_digits=True))
    if family in ("llama3", "qwen2", "qwen3"):
        parts = pre_tokenizers.Split(Regex(_PARTS), behavior="isolated")
        steps = [parts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    backend.pre_tokenizer = pre_tokenizers.Sequence(steps)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # Two line ends become one token where a list starts: only the digit splitter of ``llama`` brings that about.
    texts = [text for row in tiny_rows(108) for text in (row.question, row.answer, f"{row.answer}\n\n1. {row.answer}")]
    backend.train_from_iterator(texts, trainer)
    if leads and bos:
        backend.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, backend.token_to_id(bos))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=bos,
        eos_token=eos,
        pad_token=special[0],
        additional_special_tokens=[token for token in special if token not in (bos, eos, special[0])],
        chat_template=template,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def tiny_rows(n: int = 12) -> list[QA]:
    """``n`` rows of questions and answers, up to 108 of them different, four to a topic; always the same ones."""
    rows = []
    for number in range(n):
        topic, kind = _TOPICS[number // 4 % len(_TOPICS)], number % 4
        rows.append(
            QA(
                id=f"tiny/{number}",
                source="tiny",
                licence="CC0-1.0",
                place=f"tiny:{number + 1}",
                question=_QUESTIONS[kind].format(topic),
                answer=_ANSWERS[kind].format(topic.capitalize() if kind == 0 else topic, number + 2),
                topic=topic,
                kind=("definition", "signs", "treatment", "risk")[kind],
                links=(f"topic:{topic}",),
                group=topic,
            )
        )
    return rows


def tiny_file(path: str | Path, n: int = 12) -> Path:
    """Write ``tiny_rows(n)`` as JSON lines with the columns question, answer and topic; returns the path."""
    path = Path(path)
    lines = [json.dumps({"question": row.question, "answer": row.answer, "topic": row.topic}) for row in tiny_rows(n)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _config(family: Family, vocabulary: int, bos: int | None, eos: int, settings: dict[str, Any]) -> Any:
    from transformers import AutoConfig

    shape: dict[str, Any] = {
        "vocab_size": vocabulary,
        "bos_token_id": bos,
        "eos_token_id": eos,
        "pad_token_id": 0,
        "initializer_range": 0.12,
    }
    if family == "gpt2":
        shape |= {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": CONTEXT}
        return AutoConfig.for_model("gpt2", **(shape | settings))
    shape |= {
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": CONTEXT,
    }
    if family == "llama2":
        shape |= {"num_key_value_heads": 4}
    if family == "llama3":
        shape |= {"rope_theta": 500_000.0}
    if family == "gemma":
        shape |= {"num_key_value_heads": 4, "head_dim": 32}
    if family == "mistral":
        shape |= {"sliding_window": WINDOW}
    if family in ("gemma2", "gemma3"):
        shape |= {
            "sliding_window": WINDOW,
            "layer_types": ["sliding_attention", "full_attention"],
            "query_pre_attn_scalar": 16,
        }
    if family == "gemma2":
        shape |= {"attn_logit_softcapping": 2.0, "final_logit_softcapping": 4.0}
    return AutoConfig.for_model(_ARCHITECTURES.get(family, family), **(shape | settings))
