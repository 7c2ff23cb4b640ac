"""A located model into memory: weights, tokenizer, precision and device, with the reasons for both said.

GGUF files are read once through transformers and kept as safetensors in the cache, which loads twenty times faster.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from medlms.errors import AskedWrongly, ModelError, ResourceError
from medlms.models import attention, attention_choice, norms, precision
from medlms.models.families import Family, family_of, what_to_add
from medlms.models.fetch import Located, Say, sha256
from medlms.models.precision import Hardware
from medlms.run import home


@dataclass
class Loaded:
    """A model in memory. ``context`` is its longest text in tokens; ``stops`` end a turn;
    ``adapted`` is the peft model once adapters were put on (in place); ``family`` is None for an architecture that no file
    of models/families covers; ``attention`` is the code that reads packed rows.
    """

    located: Located
    model: Any
    tokenizer: Any
    device: torch.device
    dtype: torch.dtype
    why: str
    context: int
    stops: frozenset[int] = field(default_factory=frozenset)
    adapted: Any = None
    family: Family | None = None
    attention: attention_choice.AttentionPath = attention_choice.ON_CPU

    @property
    def parameters(self) -> int:
        """Weights of the base model, tied ones counted once."""
        return sum(_count(p) for name, p in self.model.named_parameters() if "lora_" not in name)


def _count(parameter: Any) -> int:
    """Weights that a tensor stands for; 4-bit ones lie two to a byte."""
    state = getattr(parameter, "quant_state", None)
    return int(parameter.numel() if state is None else state.shape.numel())


def quiet() -> None:
    """Libraries ask no server anything and print no bars of their own; set before they are imported."""
    for key, value in {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_DISABLE_XET": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TQDM_DISABLE": "1",
    }.items():
        os.environ.setdefault(key, value)
    import logging as std_logging
    import warnings

    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    std_logging.getLogger("bitsandbytes").setLevel(std_logging.ERROR)
    warnings.filterwarnings("ignore", module="bitsandbytes|peft|transformers|torch")


def choose_device() -> torch.device:
    """CUDA when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def hardware(device: torch.device) -> Hardware:
    """The device as the choice of a precision needs it described."""
    if device.type == "cuda":
        return Hardware(
            kind="cuda",
            bf16=torch.cuda.is_bf16_supported(including_emulation=False),
            name=torch.cuda.get_device_name(device),
            capability=torch.cuda.get_device_capability(device),
        )
    return Hardware(kind="cpu", bf16=cpu_has_bf16())


def choose_dtype(asked: str, device: torch.device, family: Family | None = None) -> tuple[torch.dtype, str]:
    """The working precision on this machine, for a model of this family, and why it was chosen."""
    name, why = precision.choose(asked, hardware(device), fp16=family is None or family.fp16)
    return {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[name], why


def cpu_has_bf16() -> bool:
    """Whether this processor multiplies bf16 matrices in hardware (AVX512-BF16 or AMX; Arm BF16)."""
    for probe in ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported"):
        check = getattr(torch.cpu, probe, None)
        if check is not None and check():
            return True
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16"))


def load(
    located: Located,
    *,
    precision: str = "auto",
    load_in_4bit: bool = False,
    load_in_8bit: bool = False,
    say: Say = lambda _: None,
) -> Loaded:
    """Load weights and tokenizer of the base model (its adapter, if any, is put on by ``adapters.attach``)."""
    quiet()
    from transformers import AutoModelForCausalLM

    attention.register()
    device = choose_device()
    folder = converted(located, say) if located.gguf else located.folder
    config = read_config(folder)
    family = settle_family(config, say)
    dtype, why = choose_dtype(precision, device, family)
    found = getattr(config, "quantization_config", None)
    held = found if isinstance(found, dict) else {}  # the folder's weights may be 4-bit ones already
    load_in_4bit = load_in_4bit or bool(held.get("load_in_4bit"))
    share = 1.0 if held else 0.35 if load_in_4bit else 0.6 if load_in_8bit else 1.0
    stored = dtype if held else config.dtype or torch.bfloat16
    _check_memory(folder, device, dtype=dtype, stored=stored, share=share)
    options: dict[str, Any] = {
        "dtype": dtype,
        "local_files_only": True,
        "trust_remote_code": False,
        "use_safetensors": True,
    }
    if load_in_4bit:
        options |= {} if held else _four_bit(dtype)
        why += "; base weights in NF4 (4 bit, double quantisation): saves memory, not time"
    elif load_in_8bit:
        options |= _eight_bit()
        why += "; base weights in 8 bit: saves memory, not time"
    tokenizer = read_tokenizer(folder)
    need = attention_choice.need_of(config) if family and device.type == "cuda" else None
    path = attention_choice.choose(need, device=device, dtype=dtype, hardware=hardware(device))
    options["attn_implementation"] = path.name
    try:
        model, account = AutoModelForCausalLM.from_pretrained(
            folder, config=config, output_loading_info=True, **options
        )
    except Exception as error:
        raise ModelError(
            f"{folder}: the weights can't be read: {first_line(error)}", hint="Is a file missing or cut?"
        ) from None
    if account["missing_keys"]:
        lacking = sorted(account["missing_keys"])
        raise ModelError(
            f"{folder}: the weights lack {len(lacking)} tensors, {lacking[0]} first.", hint="Is a file missing or cut?"
        )
    _check_head(model)
    if not (load_in_4bit or load_in_8bit):
        model.to(device)
    if load_in_4bit:
        keep_four_bit(model)
    if dtype == torch.float16:
        norms.keep_in_fp32(model, dtype)
    model.eval()
    model.requires_grad_(False)
    return Loaded(
        located=located,
        model=model,
        tokenizer=tokenizer,
        device=device,
        dtype=dtype,
        why=why,
        context=context_of(config, family, say),
        stops=stops_of(model, tokenizer, family),
        family=family,
        attention=path,
    )


def read_config(folder: Path) -> Any:
    """A model's config; ModelError, with what is needed, where it is broken or of a kind that transformers does not know."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise ModelError(
            f"{folder}: config.json is not one that transformers knows: {first_line(error)}", hint=_unknown(folder)
        ) from None


def read_tokenizer(folder: Path) -> Any:
    """A model's tokenizer; ModelError where it can't be read or gives no character offsets."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise ModelError(f"{folder}: the tokenizer can't be read: {first_line(error)}") from None
    if not tokenizer.is_fast:
        raise ModelError(
            f"{folder}: its tokenizer gives no character offsets.",
            hint="A tokenizer.json is needed beside the weights.",
        )
    return tokenizer


def weights_hashes(located: Located) -> dict[str, str]:
    """sha256 of each file of a model's weights, by file name."""
    files = [located.folder / located.gguf] if located.gguf else sorted(located.folder.glob("*.safetensors"))
    return {file.name: sha256(file) for file in files}


def settle_family(config: Any, say: Say) -> Family | None:
    """The model's family, whose own dropout is switched off in its config; None, and said, where no file covers it."""
    try:
        family = family_of(config)
    except ModelError as error:
        say(f"{error} It is read by its config alone. {error.hint}")
        family = None
    rates = {key: getattr(config, key, 0) for key in (family.dropouts if family else ("attention_dropout",))}
    for key in [key for key, rate in rates.items() if rate]:
        setattr(config, key, 0.0)
    if any(rates.values()):
        say(f"the base's own dropout ({', '.join(key for key in rates if rates[key])}) is left out of training")
    return family


def context_of(config: Any, family: Family | None, say: Say) -> int:
    """The longest text in tokens, from the config's text part."""
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    for key in family.context if family else ("max_position_embeddings", "n_positions", "max_seq_len"):
        if value := getattr(text, key, None):
            return int(value)
    say("the config does not tell how long a text the model reads: 2,048 tokens are assumed")
    return 2048


def _unknown(folder: Path) -> str:
    """What a checkpoint lacks whose architecture transformers does not know; nothing for a config that is broken."""
    try:
        model_type = str(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type") or "")
    except (OSError, ValueError, AttributeError):
        return "Is the file whole?"
    import transformers

    version = transformers.__version__
    return (
        f"transformers {version} has no {model_type!r}: a newer one that has it comes first. {what_to_add(model_type)}"
    )


def stops_of(model: Any, tokenizer: Any, family: Family | None) -> frozenset[int]:
    """Ids that end a turn: those the files name, and those the family's chat format ends with (files often name one)."""
    found: set[int] = set()
    chat = family.chat_of(tokenizer.chat_template) if family else None
    if chat is not None:
        vocabulary = tokenizer.get_vocab()
        found.update(vocabulary[token] for token in chat.ends if token in vocabulary)
    for value in (tokenizer.eos_token_id, model.generation_config.eos_token_id, model.config.eos_token_id):
        if isinstance(value, int):
            found.add(value)
        elif isinstance(value, list | tuple):
            found.update(value)
    if not found:
        raise ModelError(
            "The model names no token that ends a text, so it could never stop.",
            hint="Set eos_token in its tokenizer_config.json.",
        )
    return frozenset(found)


def _check_head(model: Any) -> None:
    """Logits are made here from hidden states and the head's weight: a head that does more would be computed wrongly."""
    head = model.get_output_embeddings()
    scales = [name for name in ("logits_scaling", "logit_scale", "lm_head_multiplier") if hasattr(model.config, name)]
    more = "a bias" if getattr(head, "bias", None) is not None else scales[0] if scales else ""
    if head is None or more:
        what = f"has {more}" if more else "can't be found"
        raise ModelError(f"The output head of {type(model).__name__} {what}: not supported.", hint="Use another model.")


def keep_four_bit(model: Any) -> None:
    """Stop 4-bit layers from packing themselves anew when they answer on a CPU.

    bitsandbytes would then round their block scales to bf16 in place, so that answering would change the base weights,
    and read them by a kernel through which no gradient passes, so that training after an answer would be wrong.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _needs_bitsandbytes(key: str) -> None:
    try:
        import bitsandbytes  # noqa: F401
    except ImportError:
        raise AskedWrongly(f"{key}: true needs bitsandbytes.", hint="pip install 'medlms[4bit]'") from None


def four_bit_config(dtype: torch.dtype) -> Any:
    """Transformers' settings for NF4 with double quantisation, computing in ``dtype``."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def _four_bit(dtype: torch.dtype) -> dict[str, Any]:
    _needs_bitsandbytes("load_in_4bit")
    return {"quantization_config": four_bit_config(dtype)}


def _eight_bit() -> dict[str, Any]:
    _needs_bitsandbytes("load_in_8bit")
    from transformers import BitsAndBytesConfig

    return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)}


def _check_memory(folder: Path, device: torch.device, *, dtype: torch.dtype, stored: torch.dtype, share: float) -> None:
    """Refuse before the work starts when the weights alone can't fit; ``share`` of them is left by quantising."""
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    free = int(torch.cuda.mem_get_info()[0]) if device.type == "cuda" else available_memory()
    needed = size * share * dtype.itemsize / stored.itemsize
    if free and needed > free:
        raise ResourceError(
            f"The weights need about {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free.",
            hint="Use a smaller model" + ("." if share < 0.5 else ", or load_in_4bit: true (medlms ask: --4bit)."),
        )


def available_memory() -> int:
    """Bytes of memory that can be had without swapping; 0 when this system does not tell."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def copy_of(located: Located) -> Path:
    """Where a GGUF file's safetensors copy lies in the cache, or will."""
    source = located.folder / located.gguf
    stat = source.stat()
    kind = f"{located.digit_splitter}|{1 if located.digit_splitter else 2}"
    words = f"{source.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{kind}"
    return home() / "converted" / f"{source.stem}-{hashlib.sha256(words.encode()).hexdigest()[:16]}"


def converted(located: Located, say: Say) -> Path:
    """A GGUF file's safetensors copy in the cache, made once; an interrupted conversion leaves nothing behind."""
    source, target = located.folder / located.gguf, copy_of(located)
    if (target / "config.json").is_file():
        return target
    say(f"converting {source.name} to safetensors (once, under a minute)")
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _convert(source, part, located.digit_splitter)
        part.replace(target)
    except OSError as error:
        raise ResourceError(
            f"{target}: can't be written: {error}.", hint="Free some disk space or set MEDLMS_HOME."
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _convert(source: Path, target: Path, digit_splitter: bool) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name, local_files_only=True)
        # 16 bit is exact enough to hold 4-bit weights' block scale times code; fp32 keeps them to the bit.
        model = AutoModelForCausalLM.from_pretrained(
            source.parent, gguf_file=source.name, dtype=torch.float32, local_files_only=True
        )
    except (ImportError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"{source}: this GGUF file can't be read: {first_line(error)}",
            hint="Is the file whole? Is the gguf package installed?",
        ) from None
    if digit_splitter or named_digits(source):
        split_digits(tokenizer)
    model.config.__dict__.pop("quantization_config", None)
    if hasattr(model, "hf_quantizer"):
        model.hf_quantizer = None
    model.is_quantized = False
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    config = json.loads((target / "config.json").read_text(encoding="utf-8"))
    if "quantization_config" in config:
        del config["quantization_config"]
        (target / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def named_digits(source: Path) -> bool:
    """Whether a GGUF file names the rule by which numbers are read digit by digit."""
    from gguf import GGUFReader

    field = GGUFReader(source).fields.get("tokenizer.ggml.pre")
    return field is not None and field.contents() == "smollm"


def split_digits(tokenizer: Any) -> None:
    """Read numbers digit by digit, as the model was trained; transformers loses this step of the GGUF tokenizer."""
    from tokenizers import pre_tokenizers

    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), backend.pre_tokenizer]
    )


def first_line(error: BaseException) -> str:
    """What a library's error says, in one line of at most 300 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
