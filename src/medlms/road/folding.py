"""A run's adapter folded into its base, with what base and adapter say beside it: the common part of merge and export."""

from __future__ import annotations

import gc
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medlms import config as configs
from medlms.errors import AskedWrongly, ModelError, ResourceError
from medlms.road.talk import Talk
from medlms.run import CONFIG

LEARNED = ("adapter", "model")  # where a run keeps what it has learned: beside its base, or as a whole model
INTO = ("auto", "nf4", "original")


@dataclass
class Source:
    """What is to be folded: where base and adapter lie, how the base was loaded for tuning, and into which weights it goes.

    ``quantised`` is ``4bit``, ``8bit`` or empty; ``into`` is ``nf4``, ``original`` or ``base`` (one that was never quantised).
    """

    name: str
    located: Any
    quantised: str
    into: str
    instruction: str

    @property
    def adapter(self) -> Path:
        """The adapter's folder."""
        return Path(self.located.adapter)


@dataclass
class Folded:
    """A merged model in memory and what it has to agree with. ``working`` is the precision that outputs are computed in."""

    source: Source
    loaded: Any
    tokenizer: Any
    template: Any
    working: str
    asked: list[list[int]]
    texts: list[list[int]]
    reference: Any
    merging: Any
    adapter: Any
    weights: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def forget_model(self) -> None:
        """Let the merged weights go, before what was written is opened."""
        self.loaded.model = None
        gc.collect()


def find(run: str | Path, into: str, talk: Talk) -> Source:
    """The run's adapter and base. AskedWrongly when there is nothing to merge or not in the way that was asked."""
    from medlms.models import fetch

    if into not in INTO:
        raise AskedWrongly(f"--into {into}: not known.", hint=f"One of {', '.join(INTO)}.")
    name = str(run)
    if not Path(name).exists() and any((Path("runs") / name / kind).is_dir() for kind in LEARNED):
        name = str(Path("runs") / name)
    if (Path(name) / CONFIG).is_file() and not any((Path(name) / kind).is_dir() for kind in LEARNED):
        raise AskedWrongly(f"{name}: this run holds no adapter.", hint="Did training finish?")
    located = fetch.locate(name, say=talk.say)
    quantised, known = _tuned_on(_adapter_of(name, located))
    if into == "nf4" and not known:
        quantised = "4bit"
    _check(name, quantised, into)
    chosen = "base" if not quantised else "nf4" if into != "original" else "original"
    return Source(name, located, quantised, chosen, located.instruction or configs.INSTRUCTION)


def _adapter_of(name: str, located: Any) -> Path:
    """The adapter's folder. AskedWrongly where nothing could be added to a base's weights: no adapter, or a soft prompt."""
    from medlms.models.fetch import record_of

    if located.adapter is None and record_of(located.folder).get("method") == "full":
        raise AskedWrongly(
            f"{name}: all weights were tuned, so there is nothing to merge: {located.folder} is a whole model.",
            hint="transformers opens that folder as it is; llama.cpp's own converter makes a GGUF file of it.",
        )
    if located.adapter is None:
        raise AskedWrongly(f"{name}: holds no adapter, so there is nothing to merge.", hint="Name a run's folder.")
    adapter = Path(located.adapter)
    if "num_virtual_tokens" in json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8")):
        raise AskedWrongly(
            f"{name}: holds a soft prompt. It stands before the prompt and changes no weights, so it can't be merged.",
            hint="Use it beside its base: medlms ask and peft open the run's adapter folder.",
        )
    return adapter


def _tuned_on(adapter: Path) -> tuple[str, bool]:
    """How the base was loaded when the adapter was tuned, and whether that is known."""
    path = adapter.parent / CONFIG
    if not path.is_file():
        return "", False
    held, _ = configs.load(path)
    return ("4bit" if held.load_in_4bit else "8bit" if held.load_in_8bit else ""), True


def _check(name: str, quantised: str, into: str) -> None:
    if into == "nf4" and quantised != "4bit":
        raise AskedWrongly(f"{name}: was not tuned on 4-bit weights.", hint="Leave --into away.")
    if into == "original" and not quantised:
        raise AskedWrongly(
            f"{name}: was tuned on its base as it is, which is what it is merged into.", hint="Leave --into away."
        )
    if quantised == "8bit" and into != "original":
        raise AskedWrongly(
            f"{name}: was tuned on 8-bit weights, whose products round what they read too: no weights can match that.",
            hint="--into original merges into the 16-bit base, and says how far that is from what was graded.",
        )


def fold(source: Source, talk: Talk) -> Folded:
    """Load base and adapter, keep what they say, and merge in memory. ModelError when the merged model says otherwise."""
    from medlms.models import adapters, agree, merge
    from medlms.models.load import weights_hashes

    notes: list[str] = []
    loaded, working = _load(source, notes, talk)
    weights = weights_hashes(loaded.located)
    _same_base(source, weights)
    tokenizer, template = _words(source, loaded)
    asked = agree.prompts(tokenizer, template, source.instruction)
    talk.say(f"asking base and adapter {len(asked)} questions in {working}")
    adapted = adapters.attach(loaded, source.adapter)
    _plain_attention(loaded.model)
    reference, texts = agree.first_say(adapted, asked, loaded.stops)
    with adapted.disable_adapter():
        alone = agree.Said([], [], agree.read(adapted, texts))
    effect = agree.compare(alone, agree.Said([], [], reference.logits))
    del alone
    talk.say("merging")
    if merge.in_four_bit(loaded.model):
        merge.without_adapter(loaded)
        _check_memory(loaded.parameters * (4 if working == "fp32" else 2))
        merge.unpack(loaded, _dtype(working))
    model = merge.merge(loaded, source.adapter)
    merging = agree.compare(reference, agree.say(model, asked, texts, loaded.stops))
    return Folded(
        source=source,
        loaded=loaded,
        tokenizer=tokenizer,
        template=template,
        working=working,
        asked=asked,
        texts=texts,
        reference=reference,
        merging=merging,
        adapter=effect,
        weights=weights,
        notes=notes,
    )


def graded(folded: Folded, talk: Talk) -> Any:
    """What the model that was tuned and graded (its base quantised) says to the same texts."""
    from medlms.models import adapters, agree, load

    source = folded.source
    talk.say("asking the model that was graded, its base quantised")
    loaded = load.load(
        source.located,
        precision=source.located.precision or "auto",
        load_in_4bit=source.quantised == "4bit",
        load_in_8bit=source.quantised == "8bit",
    )
    adapted = adapters.attach(loaded, source.adapter)
    _plain_attention(loaded.model)
    return agree.say(adapted, folded.asked, folded.texts, folded.loaded.stops)


def _load(source: Source, notes: list[str], talk: Talk) -> tuple[Any, str]:
    """The base, and the precision in which outputs are compared: fp32 where memory allows."""
    from medlms.models import load, merge

    if source.into == "nf4":
        # Codes depend on the precision that the weights were read in, so it is the run's own.
        loaded = load.load(
            source.located, precision=source.located.precision or "auto", load_in_4bit=True, say=talk.say
        )
    else:
        try:
            loaded = load.load(source.located, precision="fp32", say=talk.say)
        except ResourceError:
            loaded = load.load(source.located, precision="bf16", say=talk.say)
            notes.append("memory does not hold the weights in fp32: outputs were compared in bf16")
    if not merge.in_four_bit(loaded.model):
        return loaded, "fp32" if str(loaded.dtype).endswith("float32") else "bf16"
    if source.into == "original":
        raise AskedWrongly(
            f"{source.name}: its base comes in 4 bit, there is no original here.", hint="Leave --into away."
        )
    source.into = "nf4"
    free = load.available_memory()
    if free and loaded.parameters * 4.4 > free:
        notes.append("memory does not hold the weights in fp32: outputs were compared in bf16")
        return loaded, "bf16"
    merge.compute_in_fp32(loaded.model)
    return loaded, "fp32"


def _same_base(source: Source, weights: dict[str, str]) -> None:
    path = source.adapter / "medlms.json"
    known = json.loads(path.read_text(encoding="utf-8")).get("weights_sha256") if path.is_file() else None
    if known and known != weights:
        raise ModelError(
            f"{source.located.folder}: these are not the weights that {source.name} was tuned on (sha256 differs).",
            hint="Put the base back that the run's manifest.json names.",
        )


def _words(source: Source, loaded: Any) -> tuple[Any, Any]:
    """The tokenizer that was saved with the adapter (its template with it), else the base's."""
    from medlms.models import model_folder
    from medlms.text.template import template_of

    tokenizer = model_folder.tokenizer_of(source.adapter) or loaded.tokenizer
    template = template_of(tokenizer)
    wanted = source.located.template_hash
    if wanted and wanted != template.hash:
        raise ModelError(
            f"{source.adapter}: was tuned with another chat template than lies beside it now.",
            hint="Put the run's own chat_template.jinja back.",
        )
    return tokenizer, template


def _check_memory(needed: int) -> None:
    from medlms.models.load import available_memory

    free = available_memory()
    if free and needed > free:
        raise ResourceError(
            f"The unpacked weights need {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free.",
            hint="Merge on a larger machine; the adapter works unmerged here.",
        )


def _plain_attention(model: Any) -> None:
    """Transformers' own attention, so that the comparison leans on nothing of ours."""
    model.set_attn_implementation("eager")


def _dtype(name: str) -> Any:
    from medlms.models.model_folder import DTYPES

    return DTYPES[name]
