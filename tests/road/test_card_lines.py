"""The lines of a run's own model card, executed: peft and transformers alone must say what the run says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import medlms

QUESTION = "What are the symptoms of anaemia?"  # the card's
SETTINGS: dict[str, dict[str, Any]] = {
    "chat model": {},
    "base model": {},
    "4 bit": {"load_in_4bit": True},
    "8 bit": {"load_in_8bit": True},
}


def folder_of(case: str, tiny_folder: Any, place: Path) -> Path:
    if case != "base model":
        return Path(tiny_folder("llama", intermediate_size=128))
    folder = Path(shutil.copytree(tiny_folder("gemma"), place / "gemma-base"))
    (folder / "chat_template.jinja").unlink()  # its tokenizer begins a text with <bos>, and no template does
    return folder


@pytest.mark.parametrize("case", SETTINGS)
def test_the_cards_lines_give_the_runs_answer(
    config: dict[str, Any], tiny_folder: Any, here: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], case: str,
) -> None:  # fmt: skip
    if "bit" in case:
        pytest.importorskip("bitsandbytes")
    changes = {
        "model": str(folder_of(case, tiny_folder, here)),
        "train": {**config["train"], "epochs": 1, "evaluate_every": "never"},
        "evaluate": {**config["evaluate"], "systems": ["tuned"], "rows": 1, "latency_rows": 0},
        "prompts": [],
        **SETTINGS[case],
    }
    run = medlms.train({**config, **changes}).run.folder
    said = medlms.ask(QUESTION, model=run, max_new_tokens=6).text
    text = (run / "adapter" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found
    code = found[1].replace("max_new_tokens=256", "max_new_tokens=6")
    assert code != found[1]
    monkeypatch.chdir(run / "adapter")
    capsys.readouterr()
    exec(code, {})
    assert capsys.readouterr().out.strip() == said
    assert said
