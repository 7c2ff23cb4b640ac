"""One question to a model or a run, answered with the template and instruction that it was tuned and graded with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medlms.config import INSTRUCTION
from medlms.errors import AskedWrongly, ModelError
from medlms.road.talk import Silent, Talk
from medlms.types import Message, Request

NOTICE = "Written by a language model. It may be wrong. This is not medical advice: ask a doctor or pharmacist."


@dataclass(frozen=True)
class Answer:
    """An answer, how it ended (``stop`` or ``length``), which model gave it, how it was computed (``path``), and the notice
    that goes with it.
    """

    text: str
    finish_reason: str
    model: str
    seconds: float
    tokens: int
    notice: str = NOTICE
    path: str = ""


def ask(
    question: str,
    *,
    model: str | Path,
    instruction: str | None = None,
    max_new_tokens: int = 512,
    precision: str | None = None,
    load_in_4bit: bool | None = None,
    load_in_8bit: bool | None = None,
    talk: Talk | None = None,
) -> Answer:
    """Answer one question greedily. ``model`` is a run's folder or anything that ``train`` takes as model.

    A run is asked in the precision, and on base weights of the width, that it was tuned in, unless others are given.
    """
    talk = talk or Silent()
    if not question.strip():
        raise AskedWrongly("The question is empty.")
    try:
        question.encode()
    except UnicodeEncodeError:
        raise AskedWrongly("The question is not valid UTF-8 text.") from None
    if max_new_tokens < 1:
        raise AskedWrongly("max_new_tokens must be at least 1.")
    if load_in_4bit and load_in_8bit:
        raise AskedWrongly("load_in_4bit and load_in_8bit can't both be true.")
    from medlms.engines.local import LocalEngine
    from medlms.models import adapters, fetch
    from medlms.models import load as loading
    from medlms.text.template import template_of

    name = str(model)
    if not Path(name).exists() and any((Path("runs") / name / kind).is_dir() for kind in ("adapter", "model")):
        name = str(Path("runs") / name)
    located = fetch.locate(name, say=talk.say)
    as_tuned = load_in_4bit is None and load_in_8bit is None
    loaded = loading.load(
        located,
        precision=precision or located.precision or "auto",
        load_in_4bit=located.bits == 4 if as_tuned else bool(load_in_4bit),
        load_in_8bit=located.bits == 8 if as_tuned else bool(load_in_8bit),
        say=talk.say,
    )
    talk.say(f"{located.name}: {loaded.why}")
    template = template_of(loaded.tokenizer)
    adapted = None
    if located.adapter is not None:
        if located.template_hash and located.template_hash != template.hash:
            raise ModelError(
                f"{located.adapter}: was tuned with another chat template than its base has now.",
                hint="Use the base that it was tuned on.",
            )
        adapted = adapters.attach(loaded, located.adapter)
    said = located.instruction or INSTRUCTION if instruction is None else instruction
    turns = (*((Message("system", said),) if said.strip() else ()), Message("user", question.strip()))
    engine = LocalEngine(loaded, template, model=adapted, name=name, batch=1)
    (reply,) = engine.answer([Request("question", turns, max_new_tokens=max_new_tokens)])
    return Answer(
        text=reply.text,
        finish_reason=reply.finish_reason,
        model=located.name,
        seconds=reply.seconds,
        tokens=reply.new_tokens,
        path=engine.path,
    )
