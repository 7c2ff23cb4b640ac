"""Previewed rows are those that training reads, to the token, and looking at them needs no weights."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from road_runs import write_talks

from medlms import data
from medlms.config import Config, load
from medlms.errors import AskedWrongly, FetchError, ModelError
from medlms.models import fetch
from medlms.models import tokenizer as reading
from medlms.road.preview import preview
from medlms.tasks import answer
from medlms.text.template import template_of
from medlms.text.tokenise import tokenise


@pytest.fixture
def bare(tiny_folder: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """A miniature's folder without its weights."""

    def made(family: str = "llama") -> Path:
        folder = tmp_path / f"bare-{family}"
        if not folder.exists():
            shutil.copytree(tiny_folder(family), folder, ignore=shutil.ignore_patterns("*.safetensors"))
        return folder

    return made


@pytest.fixture
def config(bare: Callable[..., Path], tmp_path: Path) -> Callable[..., Config]:
    talks = write_talks(tmp_path / "talks.jsonl")

    def made(family: str = "llama", **more: Any) -> Config:
        keys = {"model": str(bare(family)), "data": str(talks), "split": {"dev": 3, "eval": 4}, "max_length": 160}
        return load(keys | {"instruction": "Answer."} | more)[0]

    return made


@pytest.mark.parametrize("family", ["llama", "llama2", "gemma", "gpt2"])
def test_it_shows_what_is_trained_on(config: Callable[..., Config], family: str) -> None:
    read = config(family)
    reader = reading.read(read.model)
    task = answer
    rows = data.prepare(read).train
    records = [(row.id, row.place, task.messages(row, instruction="Answer."), row.answer) for row in rows]
    template = template_of(reader.tokenizer)
    made = tokenise(reader.tokenizer, template, records, max_length=160, stops=reader.stops)
    found = preview(read, count=len(rows))
    assert [row.id for row in found.rows] == [row.id for row in rows]
    for tokens, row in zip(made.rows, found.rows, strict=True):
        kept = [piece for piece in row.tokens if piece.kind != "cut"]
        assert tuple(one for piece in kept for one in piece.ids) == tokens.ids
        learned = tuple(one for piece in kept if piece.kind == "learned" for one in piece.ids)
        assert learned == tuple(one for one, learn in zip(tokens.ids, tokens.learn, strict=True) if learn)
    assert found.faults == made.cut != []
    assert found.totals == {
        "rows": len(made.rows),
        "tokens": made.tokens,
        "learned_tokens": made.learned_tokens,
        "longest_row": max(len(row.ids) for row in made.rows),
        "cut": len(made.cut),
        "dropped": 0,
    }


def test_pieces_are_the_text_and_learned_ones_the_answers(config: Callable[..., Config]) -> None:
    rows = {row.id: row for row in data.prepare(config()).train}
    found = preview(config(max_length=900), count=20)
    assert any("max_length is 900, but" in sentence for sentence in found.said)
    for row in found.rows:
        text = "".join(piece.text for piece in row.tokens)
        assert text == "".join(piece.text for piece in row.pieces)
        assert text.startswith("<|im_start|>system\nAnswer.<|im_end|>\n<|im_start|>user\nQuestion 0")
        turns = [turn.text for turn in answer.messages(rows[row.id], instruction="")]
        said = [*turns[1::2], rows[row.id].answer]
        assert [piece.text for piece in row.pieces if piece.kind == "learned"] == [f"{one}<|im_end|>" for one in said]
        assert any(len(piece.ids) > 1 and piece.text == "💧" for piece in row.tokens), (
            "bytes of one character stay together"
        )


def test_cut_turns_are_shown_and_said(config: Callable[..., Config]) -> None:
    found = preview(config(), count=20)
    cut = [row for row in found.rows if row.said]
    assert len(cut) == found.totals["cut"] == len(found.faults) > 0
    for row in cut:
        assert row.pieces[-1].kind == "cut"
        assert "Question" in row.pieces[-1].text
        assert row.said.startswith("last turns left out at max_length: ")
        assert row.count("given", "learned") <= 160 < row.count("given", "learned", "cut")


def test_a_held_out_row_is_marked_as_it_is_scored(config: Callable[..., Config]) -> None:
    talk = next(row for row in data.prepare(config()).eval if hasattr(row, "between"))
    (row,) = preview(config(), ids=[talk.id]).rows
    assert (row.id, row.part, row.said) == (talk.id, "eval", "")
    assert [piece.text for piece in row.pieces if piece.kind == "learned"] == [f"{talk.answer}<|im_end|>"]


def test_a_row_that_is_not_there_is_named_with_the_nearest(config: Callable[..., Config]) -> None:
    with pytest.raises(AskedWrongly, match="talks/99") as caught:
        preview(config(), ids=["talks/99"])
    assert "talks/" in caught.value.hint
    with pytest.raises(AskedWrongly, match="--rows 0"):
        preview(config(), count=0)


def test_a_template_that_can_not_teach_dialogues_is_refused_with_the_place(
    config: Callable[..., Config], bare: Callable[..., Path]
) -> None:
    folder = bare("qwen3")
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}{% if loop.last and m['role'] == 'assistant' %}"
        "{{ '<think>\n\n</think>\n\n' }}{% endif %}{{ m['content'] + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )
    with pytest.raises(
        ModelError, match=r"talks\.jsonl:\d+: The chat template \(the model's own\) writes an earlier turn"
    ):
        preview(config(model=str(folder)))


# Tokenizers without weights


def test_the_reader_agrees_with_the_loaded_model(tiny: Any, tiny_folder: Callable[..., Path]) -> None:
    for family in ("llama", "llama3", "gemma3", "gpt2", "qwen2"):
        loaded, reader = tiny(family), reading.read(str(tiny_folder(family)))
        assert (reader.stops, reader.context) == (loaded.stops, loaded.context)
        assert reader.tokenizer.chat_template == loaded.tokenizer.chat_template
        assert reader.tokenizer("Take 500 mg. 💧")["input_ids"] == loaded.tokenizer("Take 500 mg. 💧")["input_ids"]


def test_no_weights_are_read(config: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    import safetensors
    import torch
    from transformers import AutoModelForCausalLM

    def fail(*_: Any, **__: Any) -> Any:
        raise AssertionError("weights were asked for")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", fail)
    monkeypatch.setattr(safetensors, "safe_open", fail)
    monkeypatch.setattr(torch.nn.Module, "__init__", fail)
    assert preview(config()).rows


def test_of_a_hub_model_the_tokenizer_alone_is_fetched(
    tiny_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bool, tuple[str, ...]]] = []

    def hub(
        name: str, revision: str, say: Any, allowed: bool, patterns: tuple[str, ...] = fetch.MODEL_FILES, size: int = 0
    ) -> Path:
        asked.append((name, allowed, tuple(patterns)))
        if not allowed:
            raise FetchError(f"{name}: not in the cache, and the hub was not asked.")
        return tiny_folder("llama")

    monkeypatch.setattr(fetch, "from_hub", hub)
    said: list[str] = []
    assert len(reading.read("someone/model", say=said.append).tokenizer) == 400
    assert said == ["fetching the tokenizer of someone/model alone, without its weights"]
    (first, allowed, _), (second, really, patterns) = asked
    assert (first, allowed, second, really) == ("someone/model", False, "someone/model", True)
    assert not any(Path("model.safetensors").match(pattern) for pattern in patterns)
    assert all(
        any(Path(file).match(pattern) for pattern in patterns)
        for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "config.json", "tokenizer.model")
    )
    reading.read("llama-3-8b", say=said.append)
    assert re.search(r"fetching the tokenizer of \S+/\S*Llama-3-8B\S* alone", said[-1])


def test_what_has_no_tokenizer_to_fetch_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(FetchError) as caught:
        reading.read("smollm2-135m-instruct-q4_1")
    assert "medlms models get" in caught.value.hint


def test_a_copy_of_a_gguf_file_is_found_under_the_name_that_loading_gives_it(
    tiny_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medlms.models import load as loading

    (tmp_path / "some.gguf").write_bytes(b"GGUF")
    located = fetch.locate(str(tmp_path / "some.gguf"))
    monkeypatch.setattr(
        loading, "_convert", lambda _, target, __: shutil.copytree(tiny_folder("llama"), target, dirs_exist_ok=True)
    )
    made = loading.converted(located, lambda _: None)
    assert reading._copy(located).folder == made
    assert len(reading.read(str(tmp_path / "some.gguf")).tokenizer) == 400
