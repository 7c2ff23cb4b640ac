"""Miniature models, tokenizers and data, for our tests and for those of plug-in authors. Made on the spot, nothing fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args

from medlms.types import QA

Family = Literal["llama", "mistral", "gpt2", "gemma2", "gemma3"]
FAMILIES: tuple[Family, ...] = get_args(Family)

CONTEXT = 256  # tokens that a miniature model reads
WINDOW = 8  # tokens that a sliding window shows: shorter than any row

# One template with a system turn, one that refuses it and writes its own BOS, one that refuses it without a BOS.
_CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_INST = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] + eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
_TURNS = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)

# name: (special tokens, BOS, EOS, tokens that end a turn, chat template, whether the tokenizer itself puts a BOS first)
_TOKENIZERS: dict[Family, tuple[tuple[str, ...], str, str, tuple[str, ...], str | None, bool]] = {
    "llama": (
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        "<|im_start|>",
        "<|im_end|>",
        ("<|im_end|>",),
        _CHATML,
        False,
    ),
    "mistral": (("<unk>", "<s>", "</s>", "[INST]", "[/INST]"), "<s>", "</s>", ("</s>",), _INST, True),
    "gpt2": (("<|endoftext|>",), "<|endoftext|>", "<|endoftext|>", ("<|endoftext|>",), None, False),
    "gemma2": (
        ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"),
        "<bos>",
        "<eos>",
        ("<eos>", "<end_of_turn>"),
        _TURNS,
        True,
    ),
    "gemma3": (
        ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"),
        "<bos>",
        "<eos>",
        ("<eos>", "<end_of_turn>"),
        _TURNS,
        True,
    ),
}

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
    ``llama`` (ChatML, grouped keys), ``mistral`` (sliding window of ``WINDOW``, own BOS, no system turn), ``gemma2`` (soft
    caps) and ``gemma3`` (local and global layers); ``gpt2`` is a base model without one. ``settings`` go over the
    family's config, such as ``attention_bias=True``.
    """
    import torch

    from medlms.models.load import quiet

    quiet()
    from transformers import AutoModelForCausalLM

    folder = Path(folder)
    tokenizer = tiny_tokenizer(family)
    ids = tokenizer.convert_tokens_to_ids
    config = _config(family, len(tokenizer), ids(tokenizer.bos_token), ids(tokenizer.eos_token), settings)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        with torch.no_grad():
            for parameter in model.parameters():
                # Biases and norms start as constants: moved a little, so that leaving one out shows.
                parameter.add_(torch.randn_like(parameter) * (0.1 if parameter.dim() == 1 else 0.02))
    model.generation_config.eos_token_id = [ids(token) for token in _TOKENIZERS[family][3]]
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_tokenizer(family: Family = "llama") -> Any:
    """A byte-level BPE tokenizer trained on the texts of ``tiny_rows``, with the family's special tokens and template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special, bos, eos, _, template, leads = _TOKENIZERS[family]
    backend = Tokenizer(models.BPE())
    steps: list[Any] = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
    if family == "llama":
        steps.insert(0, pre_tokenizers.Digits(individual_digits=True))
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
    if leads:
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


def _config(family: Family, vocabulary: int, bos: int, eos: int, settings: dict[str, Any]) -> Any:
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
    return AutoConfig.for_model("gemma3_text" if family == "gemma3" else family, **(shape | settings))
