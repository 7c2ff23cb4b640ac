"""What each family is trained on and asked with, to the letter and to the token.

The texts of tests/golden/prompts were written from the model cards, not made by the code; the ids are those of the
miniature tokenizers. To write the ids again after a change that is meant: MEDLMS_GOLDEN=write pytest on this file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from medlms.config import INSTRUCTION
from medlms.models import families
from medlms.testing import FAMILIES, Family, tiny_tokenizer
from medlms.text.template import template_of
from medlms.text.tokenise import conversation, prompt_ids
from medlms.types import Message

FOLDER = Path(__file__).parents[1] / "golden" / "prompts"
CASES = sorted(path.stem for path in FOLDER.glob("*.json"))
QUESTION = "What is gout?"
ANSWER = "Gout is a disease of the joints.\n\n1. Rest for 24 hours."
ASKED = (Message("system", INSTRUCTION), Message("user", QUESTION))
IN_CATALOGUE = {"llama2": "llama", "llama3": "llama"}


def made(case: str) -> tuple[Any, Any]:
    """The tokenizer and template of a case; NAME-base is the family's base model, which brings no template."""
    family: Family = case.removesuffix("-base")  # type: ignore[assignment]
    tokenizer = tiny_tokenizer(family)
    if case.endswith("-base"):
        tokenizer.chat_template = None
        tokenizer.eos_token = golden(case)["end"]
    return tokenizer, template_of(tokenizer)


def golden(case: str) -> dict[str, Any]:
    held: dict[str, Any] = json.loads((FOLDER / f"{case}.json").read_text(encoding="utf-8"))
    return held


def test_every_miniature_has_a_golden_prompt() -> None:
    assert {case.removesuffix("-base") for case in CASES} == set(FAMILIES)


@pytest.mark.parametrize("case", CASES)
def test_text_and_ids(case: str) -> None:
    tokenizer, template = made(case)
    wanted = golden(case)
    end = tokenizer.convert_tokens_to_ids(wanted["end"])
    prompt = prompt_ids(tokenizer, template, ASKED)
    ids, learn = conversation(tokenizer, template, ASKED, ANSWER, stops=frozenset([end]))
    assert tokenizer.decode(prompt) == wanted["prompt"]
    assert tokenizer.decode(ids) == wanted["prompt"] + wanted["answer"]
    assert tokenizer.decode([one for one, learned in zip(ids, learn, strict=True) if learned]) == wanted["answer"]
    assert (ids[-1], learn[-1]) == (end, True), "the end of the turn is learned"
    if wanted["bos"]:
        bos = tokenizer.convert_tokens_to_ids(wanted["bos"])
        assert (ids[0], ids.count(bos), prompt.count(bos)) == (bos, 1, 1)
    found = {"prompt_ids": prompt, "row_ids": ids, "learned_from": learn.index(True)}
    if os.environ.get("MEDLMS_GOLDEN") == "write":
        lines = [
            f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in (wanted | found).items()
        ]
        (FOLDER / f"{case}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        return
    assert found == {key: wanted[key] for key in found}


@pytest.mark.parametrize("case", [case for case in CASES if not case.endswith("-base") and case != "gpt2"])
def test_the_familys_record_words_it_alike(case: str) -> None:
    family = families.family(IN_CATALOGUE.get(case, case))
    wanted = golden(case)
    chat = family.chat_of(tiny_tokenizer(case).chat_template)  # type: ignore[arg-type]
    assert chat is not None
    question = QUESTION if "{system}" in chat.wording else f"{INSTRUCTION}\n\n{QUESTION}"
    text = chat.wording.format(system=INSTRUCTION, question=question, answer=ANSWER)
    assert text.rstrip("\n") == wanted["prompt"] + wanted["answer"]
    assert wanted["end"] in chat.ends


@pytest.mark.parametrize("case", [case for case in CASES if case.endswith("-base") or case == "gpt2"])
def test_a_base_model_ends_with_an_end_its_family_knows(case: str) -> None:
    name = case.removesuffix("-base")
    assert golden(case)["end"] in families.family(IN_CATALOGUE.get(name, name)).base_ends
