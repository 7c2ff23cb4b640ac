"""A merged model as a folder that transformers alone opens: weights, config, tokenizer with its chat template, generation
config; and opened again so, as anybody would.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from medlms.errors import ModelError
from medlms.models.families import Family
from medlms.models.load import Loaded

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
SHARD = "2GB"


def write(loaded: Loaded, tokenizer: Any, folder: Path, dtype: torch.dtype) -> None:
    """Write the model and tokenizer into a folder; the weights are rounded to ``dtype`` in place."""
    model = loaded.model.to(dtype)
    most = max(float(parameter.abs().max()) for parameter in model.parameters())
    if not most < torch.finfo(dtype).max:
        raise ModelError(f"The merged weights don't fit into {dtype}.", hint="Write bf16 or fp32.")
    _own_dropout(model, loaded.family)
    _ends(model, loaded.stops)
    model.save_pretrained(folder, max_shard_size=SHARD)
    tokenizer.save_pretrained(folder)


def open_alone(folder: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    """The model and tokenizer of a folder through transformers' Auto classes and its own attention, nothing of ours."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, account = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", local_files_only=True, output_loading_info=True
    )
    odd = sorted({*account["missing_keys"], *account["unexpected_keys"]})
    if odd:
        raise ModelError(f"{folder}: what was written does not fit the model: {odd[0]}, {len(odd)} tensors in all.")
    return model.eval(), AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _own_dropout(model: Any, family: Family | None) -> None:
    """The base's own dropout, which loading leaves out, stands in the config again."""
    from transformers import AutoConfig

    held = Path(str(model.config._name_or_path or ""))
    if not (held / "config.json").is_file():
        return
    base = AutoConfig.from_pretrained(held, local_files_only=True)
    for name in family.dropouts if family else ("attention_dropout",):
        if hasattr(base, name):
            setattr(model.config, name, getattr(base, name))


def _ends(model: Any, stops: frozenset[int]) -> None:
    """All tokens that end a turn go into the generation config: files often name one, and answers then never stop."""
    settings = model.generation_config
    settings.eos_token_id = sorted(stops) if len(stops) > 1 else next(iter(stops))
    if settings.do_sample is not True and (settings.temperature, settings.top_p) != (None, None):
        # Half of a sampling setup: transformers refuses to save it.
        settings.temperature = settings.top_p = settings.top_k = None


def tokenizer_of(folder: Path) -> Any:
    """The tokenizer of a folder; None where it holds none."""
    from transformers import AutoTokenizer

    if not (folder / "tokenizer.json").is_file():
        return None
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{folder}: the tokenizer can't be read: {first}") from None


def copy_terms(base: Path, folder: Path) -> None:
    """Copy the base's licence and notices along: some licences ask for it."""
    for pattern in ("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*"):
        for path in base.glob(pattern):
            if path.is_file():
                shutil.copyfile(path, folder / path.name)
