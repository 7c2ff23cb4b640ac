"""LoRA adapters, made, saved and read through peft, so that peft and transformers alone can open them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medlms.catalogue import near
from medlms.config import Lora, Method
from medlms.errors import AskedWrongly, ModelError
from medlms.models import pissa
from medlms.models.load import Loaded
from medlms.run import write_whole


def create(loaded: Loaded, lora: Lora, *, seed: int, method: Method = "lora") -> Any:
    """Put new adapters on a loaded model (in place) and return the peft model; the seed is set first, B starts at zero.

    With ``method`` pissa A and B start as the largest parts of the base weights, which are changed to what is left.
    """
    from peft import LoraConfig, get_peft_model

    targets = lora.targets if isinstance(lora.targets, str) else list(lora.targets)
    layers_of(loaded, targets)
    torch.manual_seed(seed)
    config = LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
        use_rslora=method == "rslora",
        use_dora=method == "dora",
        init_lora_weights=pissa.INIT if method == "pissa" else True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded.adapted = get_peft_model(loaded.model, config)
    if method == "pissa":
        pissa.remember(loaded.adapted, tensors(loaded.adapted))
    return loaded.adapted


def attach(loaded: Loaded, folder: Path) -> Any:
    """Put a saved adapter on a loaded model (in place) and return the peft model."""
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = PeftModel.from_pretrained(loaded.model, folder)
    except Exception as error:
        first = (str(error).splitlines() or ["?"])[0]
        raise ModelError(
            f"{folder}: the adapter does not fit {loaded.located.name}: {first}",
            hint="Is it the base it was trained on?",
        ) from None
    model.eval()
    loaded.adapted = model
    return model


def tensors(model: Any) -> dict[str, Tensor]:
    """The trainable tensors by name, in a fixed order."""
    return {name: parameter for name, parameter in sorted(model.named_parameters()) if parameter.requires_grad}


def put(model: Any, values: Mapping[str, Tensor]) -> None:
    """Copy saved values into the trainable tensors; ModelError when names or shapes differ."""
    own = tensors(model)
    if set(own) != set(values) or any(own[name].shape != values[name].shape for name in own):
        raise ModelError(
            "The saved adapter belongs to another model or other settings.", hint="Resume with the run's own config."
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(values[name])


def save(model: Any, tokenizer: Any, folder: Path, *, extra: Mapping[str, Any]) -> None:
    """Write an adapter folder in PEFT's layout with the tokenizer and its template, and what MedLMs must know again."""
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pissa.conversion(model, tensors(model)) as options:
            model.save_pretrained(folder, save_embedding_layers=False, **options)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = extra.get("base_model_path") or extra["base_model"]
    write_whole(path, json.dumps(config, indent=2, sort_keys=True).encode())
    tokenizer.save_pretrained(folder)
    write_whole(folder / "medlms.json", json.dumps(dict(extra), indent=2).encode())


def layers_of(loaded: Loaded, targets: str | Sequence[str]) -> dict[str, Any]:
    """The layers, by path, that adapters with these targets (``all-linear``, names or ends of paths) sit on.

    AskedWrongly, with the nearest names, where one of them matches nothing or is the output head.
    """
    from transformers.pytorch_utils import Conv1D

    head = loaded.model.get_output_embeddings()
    heads = [name for name, module in loaded.model.named_modules() if module is head]
    layers = {
        name: module
        for name, module in loaded.model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
    }
    if isinstance(targets, str):
        return layers
    for target in targets:
        if any(_ends(name, target) for name in heads):
            raise AskedWrongly(f"lora.targets: {target} is the output head, which is not tuned.", hint="Leave it out.")
    missing = [target for target in targets if not any(_ends(name, target) for name in layers)]
    if missing:
        leaves = sorted({name.rpartition(".")[2] for name in layers})
        own = [leaf for leaf in loaded.family.modules if leaf in leaves] if loaded.family else leaves
        near_ones = dict.fromkeys(near(target, layers if "." in target else leaves) for target in missing)
        raise AskedWrongly(
            f"lora.targets: this model has no module {', '.join(missing)}.",
            hint=" ".join([*filter(None, near_ones), f"It has: {', '.join(own)}."]),
        )
    return {name: layer for name, layer in layers.items() if any(_ends(name, target) for target in targets)}


def _ends(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")
