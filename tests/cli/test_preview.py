"""`medlms data preview`: marks on a page, colours on a terminal, everything as JSON, and what it refuses."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Medlms = Callable[..., Any]


@pytest.fixture
def ready(here: Path, tiny_folder: Callable[..., Path]) -> Path:
    rows = [
        {
            "messages": [
                {"role": ("user", "assistant")[place % 2], "content": f"{text} {number}."}
                for place, text in enumerate(("Ask", "Answer", "Again", "Last \x1b[31mred"))
            ]
        }
        for number in range(12)
    ]
    (here / "talks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (here / "c.yaml").write_text(
        f"model: {tiny_folder('llama')}\ndata: talks.jsonl\nsplit: {{dev: 2, eval: 2}}\ninstruction: Be true.\n"
        "max_length: 200\n"
    )
    return here


def test_plain_marks(medlms: Medlms, ready: Path) -> None:
    done = medlms("data", "preview", "c.yaml", "--rows", "1")
    assert done.code == 0
    assert "\x1b" not in done.out
    number = done.out.partition("Ask ")[2].partition(".")[0]
    assert (
        f"<|im_start|>system\nBe true.<|im_end|>\n<|im_start|>user\nAsk {number}.<|im_end|>\n<|im_start|>assistant\n"
        f"{{+Answer {number}.<|im_end|>+}}\n<|im_start|>user\nAgain {number}.<|im_end|>\n<|im_start|>assistant\n{{+Last "
    ) in done.out
    assert "8 training rows, " in done.out
    assert "0 rows cut, 0 dropped" in done.out
    assert done.out.count("training row, ") == 1
    assert "rows are dialogues" in done.err


def test_what_was_cut_is_marked_and_named(medlms: Medlms, ready: Path) -> None:
    whole = json.loads(medlms("data", "preview", "c.yaml", "-n", "8", "--json").out)
    shortest = min(row["tokens"] for row in whole["rows"])
    done = medlms("data", "preview", "c.yaml", "-n", "8", f"max_length={shortest - 1}")
    assert done.out.count("+}[-\n<|im_start|>user\nAgain") == 8
    assert "8 rows cut, 0 dropped" in done.out
    assert "talks.jsonl:" in done.out.partition("rows cut")[2]
    assert "last turns left out at max_length: 1 of 2 answers" in done.out


def test_token_borders(medlms: Medlms, ready: Path) -> None:
    plain, parted = (medlms("data", "preview", "c.yaml", "-n", "1", *more).out for more in ((), ("--tokens",)))
    assert parted != plain
    assert parted.replace("¦", "") == plain
    found = json.loads(medlms("data", "preview", "c.yaml", "-n", "1", "--tokens", "--json").out)
    (row,) = found["rows"]
    assert parted.count("¦") == len(row["pieces"]) - 4, "between tokens, not around the four pieces"
    assert all(len(piece["ids"]) >= 1 for piece in row["pieces"])


def test_token_numbers(medlms: Medlms, ready: Path) -> None:
    (row,) = json.loads(medlms("data", "preview", "c.yaml", "-n", "1", "--tokens", "--json").out)["rows"]
    done = medlms("data", "preview", "c.yaml", "-n", "1", "--ids")
    shown = re.findall(r"⟨([\d ]+)⟩", done.out)
    assert [[int(one) for one in text.split()] for text in shown] == [piece["ids"] for piece in row["pieces"]]
    plain = medlms("data", "preview", "c.yaml", "-n", "1").out
    assert re.sub(r"⟨[\d ]+⟩", "", done.out) == plain


def test_counts_and_shares_are_told(medlms: Medlms, ready: Path) -> None:
    (row,) = json.loads(medlms("data", "preview", "c.yaml", "-n", "1", "--json").out)["rows"]
    share = f"{100 * row['learned_tokens'] / row['tokens']:.0f} %"
    out = medlms("data", "preview", "c.yaml", "-n", "1").out
    assert f"{row['tokens']} tokens, {row['learned_tokens']} of them learned ({share})" in out


def test_several_rows_by_id(medlms: Medlms, ready: Path) -> None:
    found = json.loads(medlms("data", "preview", "c.yaml", "-n", "8", "--json").out)["rows"]
    wanted = [found[5]["id"], found[2]["id"]]
    done = medlms("data", "preview", "c.yaml", "--row", wanted[0], "--row", wanted[1], "--json")
    assert [row["id"] for row in json.loads(done.out)["rows"]] == wanted


def test_json_holds_all_of_it(medlms: Medlms, ready: Path) -> None:
    found = json.loads(medlms("data", "preview", "c.yaml", "-n", "2", "--json").out)
    assert list(found) == ["model", "template", "max_length", "totals", "rows", "faults", "said"]
    assert len(found["rows"]) == 2
    for row in found["rows"]:
        assert [piece["kind"] for piece in row["pieces"]] == ["given", "learned", "given", "learned"]
        assert row["tokens"] == sum(len(piece["ids"]) for piece in row["pieces"])
        assert row["learned_tokens"] == sum(len(piece["ids"]) for piece in row["pieces"][1::2])


def test_colours_on_a_terminal(ready: Path) -> None:
    from rich.console import Console

    from medlms.cli._preview import draw
    from medlms.config import load
    from medlms.road.preview import preview

    found = preview(load("c.yaml")[0], count=1)
    for tokens in (False, True):
        page = io.StringIO()
        draw(found, Console(file=page, force_terminal=True, color_system="standard", width=200), tokens=tokens)
        text = page.getvalue()
        assert f"\x1b[1;36mA{'' if tokens else 'nswer'}" in text
        assert "{+" not in text
        assert "\x1b[31mred" not in text, "what a row holds colours nothing"
        assert ("¦" in text) == tokens


@pytest.mark.parametrize("more", [{"no_color": True}, {"color_system": None}])
def test_a_terminal_without_colour_gets_marks(ready: Path, more: dict[str, Any]) -> None:
    from rich.console import Console

    from medlms.cli._preview import draw
    from medlms.config import load
    from medlms.road.preview import preview

    page = io.StringIO()
    draw(preview(load("c.yaml")[0], count=1), Console(file=page, force_terminal=True, width=200, **more), tokens=False)
    assert "{+Answer" in page.getvalue()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--row", "talks/99"), "no row of this name"),
        (("--rows", "0"), "at least one row"),
        (("model=nothing-like-it",), "there is no 'nothing-like-it'"),
        (("max_lenght=3",), "max_length"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_what_it_refuses(medlms: Medlms, ready: Path, words: tuple[str, ...], said: str) -> None:
    done = medlms("data", "preview", "c.yaml", *words)
    assert done.code == 2
    assert said in done.err
    assert not done.out
