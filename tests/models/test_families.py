"""The catalogue of families: every file is a whole record, found by the architectures it covers, without torch."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from medlms import catalogue
from medlms.errors import ModelError, UnknownName
from medlms.models import families
from medlms.models.known import KNOWN


@pytest.mark.parametrize("name", families.names())
def test_a_family_is_a_whole_record(name: str) -> None:
    record = families.family(name)
    assert record.name == name
    assert record.title
    assert record.model_types
    assert record.context
    assert len(set(record.modules)) == len(record.modules) > 0
    assert set(record.conv1d) <= set(record.modules)
    assert record.base_ends
    assert record.traps
    assert all(trap.endswith(".") for trap in record.traps)
    for chat in record.chats:
        assert "{question}" in chat.wording
        assert "{answer}" in chat.wording
        assert any(end in chat.wording for end in chat.ends)


def test_no_two_families_cover_one_architecture() -> None:
    covered = [kind for name in families.names() for kind in families.family(name).model_types]
    assert len(covered) == len(set(covered))


def test_every_known_model_has_its_family() -> None:
    assert {spec.family for spec in KNOWN.values()} <= set(families.names())


@pytest.mark.parametrize(
    "config", ["gemma3_text", {"model_type": "gemma3_text"}, SimpleNamespace(model_type="gemma3_text")]
)
def test_a_config_finds_its_family(config: Any) -> None:
    assert families.family_of(config).name == "gemma3"


@pytest.mark.parametrize("config", [{"model_type": "new-thing"}, "new-thing"])
def test_an_unknown_architecture_names_the_one_file_to_add(config: Any) -> None:
    with pytest.raises(ModelError, match="'new-thing'") as caught:
        families.family_of(config)
    assert "src/medlms/models/families/new_thing.py" in caught.value.hint
    assert "gpt2" in caught.value.hint


def test_a_config_without_an_architecture_is_refused() -> None:
    with pytest.raises(ModelError):
        families.family_of({})


def test_a_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        families.family("gema2")
    assert "gemma2" in caught.value.hint


def test_a_plug_in_adds_a_family(monkeypatch: pytest.MonkeyPatch) -> None:
    own = families.Family(name="own", title="Own", model_types=("own_type",), modules=("a",))
    asked: list[str] = []

    def entry_points(*, group: str) -> list[Any]:
        asked.append(group)
        return [SimpleNamespace(name="own", load=lambda: SimpleNamespace(FAMILY=own))]

    monkeypatch.setattr(catalogue, "entry_points", entry_points)
    assert families.family_of("own_type") is own
    assert set(asked) == {"medlms.models.families"}


def test_the_chat_format_is_told_by_the_template() -> None:
    llama = families.family("llama")
    assert llama.chat_of(None) is None
    assert llama.chat_of("{{ messages }}") is None
    assert [llama.chat_of(text).name for text in ("<|start_header_id|>", "x<<SYS>>", "<|im_start|>")] == [  # type: ignore[union-attr]
        "llama-3",
        "llama-2",
        "chatml",
    ]


def test_the_catalogue_loads_no_torch() -> None:
    script = "import sys; from medlms.models import families, known; [families.family(n) for n in families.names()]; "
    script += "print([m for m in ('torch', 'transformers', 'peft') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
