"""Rows that hold a list of turns, in the shape of ShareGPT or of OpenAI's messages: to questions, each with its answer."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from medlms.datasets._row import Row
from medlms.types import QA, Dialogue, Fault

CHATS = ("messages", "conversations", "conversation")
ASKS = frozenset({"user", "human", "prompter"})
ANSWERS = frozenset({"assistant", "gpt", "chatgpt", "model", "bot"})
SYSTEMS = frozenset({"system", "developer"})
TOOLS = frozenset({"tool", "function", "function_call", "function_response", "observation", "ipython"})

Pairs = list[tuple[str, str]]


def dialogue(row: QA, between: tuple[str, ...]) -> QA:
    """The row with these turns between its question and its answer; as it is where there are none."""
    if not between:
        return row
    return Dialogue(**{field.name: getattr(row, field.name) for field in fields(QA)}, between=between)


def exchanges(row: QA) -> Pairs:
    """Each question of a row with the answer to it, in order; one pair but for a dialogue."""
    said = [row.question, *(row.between if isinstance(row, Dialogue) else ()), row.answer]
    return list(zip(said[::2], said[1::2], strict=True))


def before(row: QA) -> tuple[str, ...]:
    """All that is said before the last answer: the question, or the turns of a dialogue."""
    return (row.question, *(row.between if isinstance(row, Dialogue) else ()))


def turns(value: Any) -> list[Any]:
    """The turns of a cell: a list, or its text in JSON; nothing where it is neither."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    return value if isinstance(value, list) else []


def has_system(value: Any) -> bool:
    """Whether a cell's turns hold a system message."""
    return any(_role(turn) in SYSTEMS for turn in turns(value) if isinstance(turn, dict))


def read(row: Row, column: str) -> Pairs | Fault:
    """The pairs of a row's turns. A system message that leads is left out (the config's instruction takes its place).

    Every other oddity refuses the row: nothing is left out or put right in silence.
    """
    said: list[tuple[str, str]] = []
    for number, turn in enumerate(turns(row.values.get(column)), 1):
        found = _turn(row.place, turn, number, column)
        if isinstance(found, Fault):
            return found
        role, text = found
        if role == "system":
            if said:
                return Fault(row.place, "system message in the middle", f"turn {number} of {column}")
            continue
        if said and said[-1][0] == role:
            return Fault(
                row.place, "two turns in a row", f"turns {number - 1} and {number} of {column} are the {role}'s"
            )
        if not said and role != "user":
            return Fault(row.place, "begins with an answer", f"the first turn of {column} is the {role}'s")
        said.append((role, text))
    if not said:
        return Fault(row.place, "no question with an answer", f"{column} holds no turns")
    if len(said) % 2:
        reason = "no question with an answer" if len(said) == 1 else "last question has no answer"
        return Fault(row.place, reason, f"the last turn of {column} is the user's")
    if len(said) > 2:  # of a single pair the reader says which half is empty
        for number, (role, text) in enumerate(said, 1):
            if not text.strip():
                return Fault(row.place, "empty turn", f"turn {number} of {column}, the {role}'s")
    texts = [text for _, text in said]
    return list(zip(texts[::2], texts[1::2], strict=True))


def _turn(place: str, turn: Any, number: int, column: str) -> tuple[str, str] | Fault:
    """Role (user, assistant or system) and text of one turn."""
    where = f"turn {number} of {column}"
    if not isinstance(turn, dict):
        return Fault(place, "wrong type", f"{where} is no object with role and text")
    role, text = _role(turn), _text(turn.get("content", turn.get("value")))
    if role in TOOLS or any(turn.get(key) for key in ("tool_calls", "function_call")):
        return Fault(place, "turn of a tool", f"{where}: tools can't be learned or asked")
    if not role or text is None:
        return Fault(place, "wrong type", f"{where} lacks its role or its text")
    if turn.get("weight") == 0 and role in ANSWERS:
        return Fault(place, "answer not to be learned", f"{where} has weight 0, but every answer is learned")
    for name, known in (("user", ASKS), ("assistant", ANSWERS), ("system", SYSTEMS)):
        if role in known:
            return name, text
    return Fault(place, "unknown role", f"{where}: {role[:30]!r} is neither user, assistant nor system")


def _role(turn: dict[str, Any]) -> str:
    role = turn.get("role", turn.get("from"))
    return role.strip().lower() if isinstance(role, str) else ""


def _text(value: Any) -> str | None:
    """A turn's text; the texts of its parts where it comes in parts, None where a part is no text."""
    if isinstance(value, list) and value:
        parts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in value]
        return "\n".join(map(str, parts)) if all(isinstance(part, str) for part in parts) else None
    return value if isinstance(value, str) else None
