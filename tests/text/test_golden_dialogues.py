"""A dialogue of two questions in each family's own words: the text, the tokens, and what of them is learned.

The texts of tests/golden/dialogues were written from the model cards, not made by the code; the ids are those of the
miniature tokenizers. To write the ids again after a change that is meant: MEDLMS_GOLDEN=write pytest on this file.
"""

from __future__ import annotations

import json
import os
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from medlms.config import INSTRUCTION
from medlms.testing import Family, tiny_tokenizer
from medlms.text.marks import marked
from medlms.text.template import template_of
from medlms.text.tokenise import prompt_ids
from medlms.types import Message

FOLDER = Path(__file__).parents[1] / "golden" / "dialogues"
PROMPTS = FOLDER.with_name("prompts")
CASES = sorted(path.stem for path in FOLDER.glob("*.json"))
ANSWERS = ("Gout is a disease of the joints.\n\n1. Rest for 24 hours.", "Mostly men.")
ASKED = (
    Message("system", INSTRUCTION),
    Message("user", "What is gout?"),
    Message("assistant", ANSWERS[0]),
    Message("user", "Who gets it?"),
)


def golden(path: Path) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return held


def test_every_case_that_has_a_prompt_has_a_dialogue() -> None:
    assert sorted(path.stem for path in PROMPTS.glob("*.json")) == CASES


@pytest.mark.parametrize("case", CASES)
def test_text_ids_and_what_is_learned(case: str) -> None:
    family: Family = case.removesuffix("-base")  # type: ignore[assignment]
    tokenizer = tiny_tokenizer(family)
    single = golden(PROMPTS / f"{case}.json")
    if case.endswith("-base"):
        tokenizer.chat_template = None
        tokenizer.eos_token = single["end"]
    template = template_of(tokenizer)
    end = tokenizer.convert_tokens_to_ids(single["end"])
    row = marked(tokenizer, template, ASKED, ANSWERS[1], stops=frozenset([end]), every=True)
    wanted = golden(FOLDER / f"{case}.json")
    assert row.text == wanted["text"]
    assert tokenizer.decode(row.ids) == wanted["text"]
    runs = [
        (key, [one for one, _ in run]) for key, run in groupby(zip(row.ids, row.learn, strict=True), lambda x: x[1])
    ]
    assert [tokenizer.decode(ids) for learned, ids in runs if learned] == wanted["learned"]
    assert [row.ids[one - 1] for one in row.ends] == [end, end], "each turn ends with its end of turn"
    assert row.ends[-1] == len(row.ids) == len(row.learn) == len(row.spans)
    # Asked at either turn, the model reads what it was trained on.
    for place, turns in ((0, ASKED[:2]), (1, ASKED)):
        prompt = prompt_ids(tokenizer, template, turns)
        assert row.ids[: len(prompt)] == prompt
        assert row.learn[: len(prompt)].count(True) == (row.learn[: row.ends[0]].count(True) if place else 0)
    if os.environ.get("MEDLMS_GOLDEN") == "write":
        lines = [
            f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in (wanted | {"ids": row.ids}).items()
        ]
        (FOLDER / f"{case}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        return
    assert row.ids == wanted["ids"]
