"""The methods of tuning, by the config's ``method``: what learns, how it runs, how it is saved and opened again.

LoRA and its variants are peft adapters (``adapters``), a soft prompt is peft's prompt tuning (``soft_prompt``), full tuning
learns all weights (``full``). The rest of the road knows none of them by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from medlms.config import Config
from medlms.errors import ModelError
from medlms.models import adapters, full, merge, pissa, soft_prompt
from medlms.models.dropout import Masks
from medlms.models.fast_lora import fast_lora
from medlms.models.frozen import fast_frozen
from medlms.models.full import FullModel
from medlms.models.load import Loaded, available_memory, load

FULL = "model"
"""Where in a run's folder a fully tuned model lies."""
ADAPTER = "adapter"

_PRECISIONS = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32"}


def create(loaded: Loaded, config: Config) -> Any:
    """Put what learns on a loaded model (in place) and return the model to train."""
    if config.method == "full":
        return full.create(loaded)
    if config.method == "soft_prompt":
        return soft_prompt.create(loaded, config.soft_prompt, instruction=config.instruction, seed=config.seed)
    return adapters.create(loaded, config.lora, seed=config.seed, method=config.method)


def groups(model: Any, config: Config) -> list[dict[str, Any]]:
    """What an optimiser takes: the trainable tensors, and by how much the learning rate of a group differs (``times``)."""
    held = adapters.tensors(model)
    if config.method != "lora+":
        return [{"params": list(held.values())}]
    faster = [tensor for name, tensor in held.items() if ".lora_B." in name]
    rest = [tensor for name, tensor in held.items() if ".lora_B." not in name]
    return [{"params": rest}, {"params": faster, "times": config.lora.plus_ratio}]


@contextmanager
def running(
    model: Any, *, seed: int = 0, learning: bool = True, native: bool = True
) -> Iterator[tuple[Masks | None, str]]:
    """Run a tuned model through the fastest code that computes it; yields the dropout masks and which code runs, in words.

    ``native`` lets a training step run through code built here (``train.native``).
    """
    if isinstance(model, FullModel):
        yield None, "all weights learn through transformers' own layers, with packed rows and no padding"
        return
    if not hasattr(model, "peft_config"):  # a whole model
        yield None, "transformers' own layers"
        return
    if length := soft_prompt.length_of(model):
        with fast_frozen(model) if learning else nullcontext("transformers' own layers") as path:
            yield None, f"a soft prompt of {length} vectors before each packed row; {path}"
        return
    compiled = native if learning else None
    with nullcontext() if learning else _kept_dora(model), fast_lora(model, seed=seed, compiled=compiled) as running:
        yield running


def without(model: Any) -> AbstractContextManager[Any]:
    """The base under a tuned model, for as long as the context lasts. ModelError where tuning has changed its weights."""
    if isinstance(model, FullModel) or pissa.changed_base(model):
        raise ModelError("Tuning has changed the base's weights, so the base can't answer.", hint="Load it anew.")
    base: AbstractContextManager[Any] = model.disable_adapter()
    return base


def count_in_words(trainable: int, config: Config) -> str:
    """How much learns, in words."""
    what = {"full": "weights (all of them)", "soft_prompt": "weights of a soft prompt"}
    return f"{trainable / 1e6:.{1 if trainable >= 1e5 else 3}f} million {what.get(config.method, 'adapter weights')}"


def kind(model: Any, base: Any) -> str:
    """What weights answer, in words."""
    if model is base:
        return "base weights"
    if length := soft_prompt.length_of(model):
        return f"base weights behind a soft prompt of {length} vectors"
    if not hasattr(model, "peft_config"):
        return "all weights tuned"
    return f"base weights with {'DoRA' if _is_dora(model) else 'LoRA'} adapters, not merged"


def save(model: Any, tokenizer: Any, run: Path, *, extra: Mapping[str, Any]) -> Path:
    """Write what was learned into a run's folder; returns the folder that peft (or transformers, for full tuning) opens."""
    if isinstance(model, FullModel):
        full.save(model, tokenizer, run / FULL, extra=extra)
        return run / FULL
    adapters.save(model, tokenizer, run / ADAPTER, extra=extra)
    return run / ADAPTER


def saved(run: Path) -> Path | None:
    """The folder of what a run has learned; None where it has not got that far."""
    for folder, file in ((run / ADAPTER, "adapter_config.json"), (run / FULL, "config.json")):
        if (folder / file).is_file():
            return folder
    return None


def attach(loaded: Loaded, folder: Path) -> Any:
    """Open what a run has learned: an adapter or soft prompt is put on the loaded base, a whole model stands beside it."""
    if (folder / "adapter_config.json").is_file() or not (folder / "config.json").is_file():
        return adapters.attach(loaded, folder)
    from medlms.models.fetch import locate

    other = load(
        locate(str(folder)),
        precision=_PRECISIONS[loaded.dtype],
        load_in_4bit=merge.in_four_bit(loaded.model),
        load_in_8bit=merge.in_eight_bit(loaded.model),
    )
    if other.tokenizer.get_vocab() != loaded.tokenizer.get_vocab():
        raise ModelError(f"{folder}: has other tokens than {loaded.located.name}.", hint="Was it tuned from this base?")
    return other.model


def finished(loaded: Loaded, model: Any, folder: Path) -> Any:
    """The model to grade once training has ended: what anybody gets who opens ``folder`` by the same loader."""
    if isinstance(model, FullModel):
        model.release()
        return model
    if not pissa.changed_base(model):
        # By way of training: peft keeps what DoRA layers made of the weights before until then, and the best may be others.
        model.train()
        model.eval()
        return model
    # The base weights were changed: they are read anew, and the converted adapter is put on them.
    for parameter in loaded.model.parameters():
        parameter.data = parameter.data.new_empty(0)
    loaded.adapted = None
    loaded.model = load(loaded.located, precision=_PRECISIONS[loaded.dtype]).model
    return adapters.attach(loaded, folder)


def _is_dora(model: Any) -> bool:
    return any(getattr(config, "use_dora", False) for config in model.peft_config.values())


def _kept_dora(model: Any) -> Any:
    """Keeps the whole update of each DoRA layer while answering, where there is room: peft makes it anew for every token."""
    numbers = sum(parameter.numel() for parameter in model.parameters())
    if not _is_dora(model) or 4 * numbers > available_memory() / 2:
        return nullcontext()
    from peft.helpers import DoraCaching

    return DoraCaching()
