"""Is a fetched model whole? Its config, its tokenizer and the heads of its weight files are read, its weights are not.

So a model can be fetched on a machine that could only hold it in 4 bit, or not at all. A GGUF file is converted, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medlms.errors import ModelError
from medlms.models import load
from medlms.models.fetch import Located, Say


@dataclass(frozen=True)
class Whole:
    """A model whose files can be read: the folder that will be loaded, and its weights, tied ones counted once."""

    folder: Path
    parameters: int


def check(located: Located, *, say: Say = lambda _: None) -> Whole:
    """Read all that is small of a located model. ModelError where a file is missing, cut or of an unknown kind."""
    load.quiet()
    folder = load.converted(located, say) if located.gguf else located.folder
    config = load.read_config(folder)
    load.settle_family(config, say)
    load.read_tokenizer(folder)
    files = sorted(folder.glob("*.safetensors"))
    if located.adapter is not None:
        files.append(located.adapter / "adapter_model.safetensors")
    for file in files:
        _check_head(file)
    return Whole(folder, _parameters(config))


def _check_head(file: Path) -> None:
    """A weight file's head names every tensor and where it ends, so that a cut file is told by it."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as held:
            held.keys()
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{file}: can't be read: {error}.", hint="Half a download, or cut: delete the file and fetch it again."
        ) from None


def _parameters(config: Any) -> int:
    from accelerate import init_empty_weights
    from transformers import AutoModelForCausalLM

    with init_empty_weights():
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    model.tie_weights()
    return sum(parameter.numel() for parameter in model.parameters())
