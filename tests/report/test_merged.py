"""What a merged model's card tells people to type is what they get, whatever the instruction holds."""

from __future__ import annotations

import ast
import shlex

import pytest

from medlms.report import merged

ODD = ["It's $(touch x) `ls`.", '"quoted" and ```fenced```', "Plain."]


@pytest.mark.parametrize("instruction", ODD)
def test_the_command_hands_the_instruction_over_as_it_is(instruction: str) -> None:
    text = merged._loading({"instruction": instruction}, "model.gguf")
    command = next(line for line in text.splitlines() if line.startswith("llama-cli"))
    words = shlex.split(command)
    assert words == ["llama-cli", "-m", "model.gguf", "-sys", instruction, "--temp", "0"]


@pytest.mark.parametrize("instruction", ODD)
def test_the_python_holds_the_instruction_and_stays_in_its_fence(instruction: str) -> None:
    lines = merged._loading({"instruction": instruction}, "").splitlines()
    fence = lines[2].removesuffix("python")
    assert set(fence) == {"`"} and lines[-1] == fence
    tree = ast.parse("\n".join(lines[3:-1]))
    assert instruction in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
