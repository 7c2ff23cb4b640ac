"""Merged weights and GGUF files of a run, each written beside its place, opened again by transformers alone, compared with
base and adapter, and moved into place only when both say the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medlms.bench.machine import libraries
from medlms.errors import AskedWrongly, ModelError, ResourceError
from medlms.road.folding import Folded, find, fold, graded
from medlms.road.talk import Silent, Talk
from medlms.run import REPORT, now

DTYPES = ("bf16", "fp16", "fp32")
KINDS = ("f16", "bf16", "f32", "q8_0")
# What files may differ by from base and adapter: the largest difference of two logits, the mean divergence in nats. Sums in
# another order make the first line; the others are several times what rounding was measured to do (docs/guides).
TOLERANCES = {
    "fp32": (0.01, 1e-6),
    "f32": (0.01, 1e-6),
    "fp16": (0.5, 0.0002),
    "f16": (0.5, 0.0002),
    "bf16": (2.0, 0.004),
    "q8_0": (2.0, 0.004),
}
BYTES = {"fp32": 4.0, "f32": 4.0, "fp16": 2.0, "f16": 2.0, "bf16": 2.0, "q8_0": 1.0625}


@dataclass(frozen=True)
class Written:
    """A folder that was written, and its proof (the content of its proof.json)."""

    folder: Path
    proof: dict[str, Any]


def merge(
    run: str | Path, *, dtype: str = "bf16", into: str = "auto", to: str | Path | None = None, talk: Talk | None = None
) -> Written:
    """Merge a run's adapter into its base and write a folder that transformers alone opens; see the module's first lines.

    ``into`` matters for runs on 4-bit weights: those weights, unpacked (``auto``, ``nf4``), or the 16-bit ``original``.
    """
    talk = talk or Silent()
    _known(dtype, DTYPES, "--dtype")
    source = find(run, into, talk)
    target = _target(source.name, "merged", to)
    with _part(target, talk) as part:
        folded = fold(source, talk)
        _suits(folded, dtype)
        _agrees(folded.merging, folded.working, "the merged weights")
        _room(target, folded.loaded.parameters * BYTES[dtype])
        talk.say(f"writing {dtype} weights")
        from medlms.models import model_folder

        model_folder.write(folded.loaded, folded.tokenizer, part, model_folder.DTYPES[dtype])
        model_folder.copy_terms(folded.source.located.folder, part)
        folded.forget_model()
        model, tokenizer = model_folder.open_alone(part, model_folder.DTYPES[folded.working])
        proof = _prove(folded, model, dtype, talk)
        proof["tokenizer"] = _same_words(folded, tokenizer, "the folder's tokenizer")
        del model
        proof = _finish(folded, part, proof, "merge")
    return Written(target, proof)


def export(
    run: str | Path, *, kind: str = "f16", into: str = "auto", to: str | Path | None = None, talk: Talk | None = None
) -> Written:
    """Merge a run's adapter and write one GGUF file, as llama.cpp and what builds on it read; see the module's first lines."""
    talk = talk or Silent()
    _known(kind, KINDS, "--type")
    source = find(run, into, talk)
    target = _target(source.name, f"export/{kind}", to)
    with _part(target, talk) as part:
        folded = fold(source, talk)
        from medlms.models import gguf_file, gguf_vocabulary, model_folder

        folded.notes += gguf_file.check(folded.loaded.model, folded.tokenizer)
        _agrees(folded.merging, folded.working, "the merged weights")
        _room(target, folded.loaded.parameters * BYTES[kind])
        path = part / f"{_stem(source.name)}-{kind}.gguf"
        talk.say(f"writing {path.name}")
        gguf_file.write(
            folded.loaded,
            folded.tokenizer,
            path,
            kind=kind,
            name=_stem(source.name),
            licence=source.located.licence,
            base=_base_name(folded),
        )
        model_folder.copy_terms(source.located.folder, part)
        folded.forget_model()
        model, theirs = gguf_file.open_alone(path, model_folder.DTYPES[folded.working])
        proof = _prove(folded, model, kind, talk)
        del model
        proof["tokenizer"] = _same_words(folded, gguf_vocabulary.from_file(path), "the file's tokenizer")
        lost = gguf_vocabulary.differing(folded.tokenizer, theirs, gguf_vocabulary.TEXTS)
        if lost:
            folded.notes.append(
                f"transformers reads {len(lost)} of {len(gguf_vocabulary.TEXTS)} texts otherwise from this file than "
                "llama.cpp does (it leaves the rule for numbers out): with transformers use the merged folder"
            )
        proof["llama_cpp"] = _through_llama_cpp(folded, path, kind, talk)
        proof = _finish(folded, part, proof, "export")
    return Written(target, proof)


def _through_llama_cpp(folded: Folded, path: Path, kind: str, talk: Talk) -> dict[str, Any] | None:
    """The file opened by llama.cpp itself: the same ids, the same answers; None where its wheel is not installed."""
    from medlms.engines import _llama_cpp
    from medlms.models import agree, gguf_vocabulary

    if not _llama_cpp.installed():
        folded.notes.append(
            "not tried in llama.cpp itself: its wheel is not installed (pip install 'medlms[llamacpp]')"
        )
        return None
    talk.say("asking llama.cpp the same")
    texts = [*gguf_vocabulary.TEXTS, *(folded.tokenizer.decode(ids) for ids in folded.texts)]
    ids, answers = _llama_cpp.tried(path, texts=texts, prompts=folded.asked, new_tokens=agree.NEW_TOKENS)
    other = sum(found != gguf_vocabulary.ids(folded.tokenizer, text) for found, text in zip(ids, texts, strict=True))
    if other:
        raise ModelError(f"Nothing was written: llama.cpp reads {other} of {len(texts)} texts as other ids.")
    stops = folded.loaded.stops
    wanted = [[one for one in answer if one not in stops] for answer in folded.reference.answers]
    said = [[one for one in answer if one not in stops] for answer in answers]
    gaps = folded.reference.gaps
    departures = agree.departures(wanted, said, gaps)
    allowed = 2 * TOLERANCES[kind][0]
    if far := [answer + 1 for answer, _, gap in departures if gap > allowed]:
        raise ModelError(
            f"Nothing was written: llama.cpp answers otherwise where the reference was sure: answer {far[0]}."
        )
    return {
        "texts": len(texts),
        "other_ids": 0,
        "same_answers": len(wanted) - len(departures),
        "departures": departures,
        "answers": [folded.tokenizer.decode(answer) for answer in said],
    }


def _known(word: str, words: tuple[str, ...], option: str) -> None:
    if word not in words:
        raise AskedWrongly(f"{option} {word}: not known.", hint=f"One of {', '.join(words)}.")


def _target(name: str, inner: str, to: str | Path | None) -> Path:
    if to is None and not (Path(name) / "adapter").is_dir():
        raise AskedWrongly(f"{name}: not a run's folder, so a place is needed.", hint="Give one: --to FOLDER")
    target = Path(to).expanduser() if to is not None else Path(name) / inner
    if target.exists() or target.is_symlink():
        raise AskedWrongly(
            f"{target}: is there already, and nothing is written over.", hint="Move it away, or give --to FOLDER."
        )
    return target


@contextmanager
def _part(target: Path, talk: Talk) -> Iterator[Path]:
    """A folder beside the target that takes its place when all went well, and is gone otherwise."""
    part = target.with_name(target.name + ".part")
    try:
        if part.exists():
            talk.say(f"{part}: left by a stopped command, deleted")
            shutil.rmtree(part)
        part.mkdir(parents=True, mode=0o700)
        yield part
        for path in part.rglob("*"):
            _to_disk(path)
        part.replace(target)
    except OSError as error:
        raise ResourceError(
            f"{target}: can't be written: {error.strerror or error}.", hint="Is the disk full, or the folder not yours?"
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _to_disk(path: Path) -> None:
    if path.is_file():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _room(target: Path, needed: float) -> None:
    needed += 100e6  # tokenizer, card, proof
    free = shutil.disk_usage(next(parent for parent in target.absolute().parents if parent.exists())).free
    if free < needed:
        raise ResourceError(
            f"{target}: needs {needed / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free.",
            hint="Free some space or give --to FOLDER on another disk.",
        )


def _suits(folded: Folded, dtype: str) -> None:
    family = folded.loaded.family
    if dtype == "fp16" and family is not None and not family.fp16:
        raise AskedWrongly(f"{family.title}: activations leave fp16's range.", hint="Use --dtype bf16.")


def _allowed(name: str) -> Any:
    from medlms.models.agree import Tolerance

    return Tolerance(*TOLERANCES[name])


def _agrees(drift: Any, name: str, what: str) -> None:
    if faults := drift.faults(_allowed(name)):
        raise ModelError(
            f"Nothing was written: {what} do not say what base and adapter say: {'; '.join(faults)}.",
            hint="Use the adapter unmerged, and please report this model.",
        )


def _prove(folded: Folded, model: Any, name: str, talk: Talk) -> dict[str, Any]:
    """What was written, opened again, against base and adapter; ModelError beyond the tolerance."""
    from medlms.models import agree

    talk.say("opening what was written with transformers alone, and asking it the same")
    device = folded.loaded.device
    said = agree.say(model.to(device), folded.asked, folded.texts, folded.loaded.stops)
    written = agree.compare(folded.reference, said)
    coarser = max(name, folded.working, key=lambda one: TOLERANCES[one][0])
    _agrees(written, coarser, "the weights read again")
    drifts = {"merging": folded.merging, "written": written, "adapter": folded.adapter}
    model.to("cpu")
    if folded.source.into == "original":
        drifts["graded"] = agree.compare(graded(folded, talk), said)
    decode = folded.tokenizer.decode
    answers = [
        {"question": question, "base_and_adapter": decode(ours), "written": decode(theirs), "same": ours == theirs}
        for question, ours, theirs in zip(agree.QUESTIONS, folded.reference.answers, said.answers, strict=True)
    ]
    return {
        "type": name,
        "into": folded.source.into,
        "computed_in": folded.working,
        "drift": {key: asdict(drift) for key, drift in drifts.items()},
        "tolerance": {"merging": asdict(_allowed(folded.working)), "written": asdict(_allowed(coarser))},
        "answers": answers,
    }


def _same_words(folded: Folded, tokenizer: Any, what: str) -> dict[str, Any]:
    """The tokenizer that was written gives the same ids; ModelError otherwise."""
    from medlms.models import gguf_vocabulary

    ours = folded.tokenizer
    texts = [*gguf_vocabulary.TEXTS, *(ours.decode(ids) for ids in folded.texts)]
    if other := gguf_vocabulary.differing(ours, tokenizer, texts):
        raise ModelError(
            f"Nothing was written: {what} gives other ids for {len(other)} of {len(texts)} texts, {other[0][:40]!r} first.",
            hint="Use the adapter unmerged, and please report this model.",
        )
    if getattr(tokenizer, "chat_template", ours.chat_template) != ours.chat_template:
        raise ModelError(f"Nothing was written: {what} has lost the chat template.")
    return {"texts": len(texts), "other_ids": 0}


def _finish(folded: Folded, part: Path, proof: dict[str, Any], verb: str) -> dict[str, Any]:
    """Write the card and the proof with its list of files; returns the proof as it stands in the file."""
    from medlms.report.merged import merged_card
    from medlms.run import write_whole

    source = folded.source
    weights = folded.source.adapter / "adapter_model.safetensors"
    proof |= {
        "made_by": f"medlms {verb}",
        "date": now(),
        "run": Path(source.name).name,
        "base": {
            "name": _base_name(folded),
            "licence": source.located.licence,
            "note": source.located.note,
            "weights_sha256": folded.weights,
        },
        "adapter_sha256": _sha256(weights),
        "template_sha256": folded.template.hash,
        "instruction": source.instruction,
        "notes": folded.notes,
        "libraries": libraries(),
    }
    files = {path.name: path.stat().st_size for path in sorted(part.iterdir())}
    proof["files"] = {name: {"bytes": size, "sha256": _sha256(part / name)} for name, size in files.items()}
    write_whole(part / "README.md", merged_card(_report(source), proof).encode())
    text = json.dumps(proof, indent=2, ensure_ascii=False) + "\n"
    write_whole(part / "proof.json", text.encode())
    found: dict[str, Any] = json.loads(text)
    return found


def _report(source: Any) -> dict[str, Any]:
    """The run's report, for the card; empty where there is none."""
    try:
        found = json.loads((source.adapter.parent / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _base_name(folded: Folded) -> str:
    config = json.loads((folded.source.adapter / "adapter_config.json").read_text(encoding="utf-8"))
    name = str(config.get("base_model_name_or_path") or folded.source.located.hub or "unknown")
    return Path(name).name if name.startswith(("/", "~", ".")) or name.count("/") > 1 else name


def _stem(name: str) -> str:
    return Path(name).resolve().name


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
