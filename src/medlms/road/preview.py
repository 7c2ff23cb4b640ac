"""Rows as the model will read them: rendered by its template, with what is learned and what is cut marked. No weights.

Training rows are marked as tuning would learn them (every answer, cut at ``max_length``); held-out ones as they are
scored: the last answer, given all before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from medlms import data
from medlms.catalogue import near
from medlms.config import Config
from medlms.errors import AskedWrongly, ModelError
from medlms.road import grading
from medlms.road.talk import Silent, Talk, stages
from medlms.types import QA, Fault

Kind = Literal["given", "learned", "cut"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a row's text, of one kind: ``given`` to the model, ``learned``, or ``cut`` off; and its token ids."""

    text: str
    kind: Kind
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One row, token by token (tokens that share a character are one piece), and what happened to it, if anything."""

    id: str
    part: str
    place: str
    tokens: tuple[Piece, ...]
    said: str = ""

    @property
    def pieces(self) -> list[Piece]:
        """The row's text in stretches of one kind each."""
        joined: list[Piece] = []
        for token in self.tokens:
            if joined and joined[-1].kind == token.kind:
                last = joined.pop()
                joined.append(Piece(last.text + token.text, last.kind, last.ids + token.ids))
            else:
                joined.append(token)
        return joined

    def count(self, *kinds: Kind) -> int:
        """Tokens of these kinds."""
        return sum(len(token.ids) for token in self.tokens if token.kind in kinds)


@dataclass(frozen=True, slots=True)
class Preview:
    """The rows asked for, and what tuning would make of all training rows: ``sizes`` are their tokens before any cut."""

    model: str
    template: str
    max_length: int
    rows: list[Shown]
    totals: dict[str, int]
    cut: list[Fault]
    too_long: list[Fault]
    said: list[str]
    sizes: list[int]

    @property
    def faults(self) -> list[Fault]:
        """What length did to the training rows, the shortened ones first."""
        return [*self.cut, *self.too_long]

    def as_json(self, *, tokens: bool = False) -> dict[str, Any]:
        """Everything as JSON-able values; ``pieces`` are single tokens where ``tokens``."""
        rows = [
            {
                "id": row.id,
                "part": row.part,
                "place": row.place,
                "tokens": row.count("given", "learned"),
                "learned_tokens": row.count("learned"),
                "cut_tokens": row.count("cut"),
                "said": row.said,
                "pieces": [asdict(piece) for piece in (row.tokens if tokens else row.pieces)],
            }
            for row in self.rows
        ]
        return {
            "model": self.model,
            "template": self.template,
            "max_length": self.max_length,
            "totals": self.totals,
            "rows": rows,
            "faults": [asdict(fault) for fault in self.faults],
            "said": self.said,
        }


def preview(config: Config, *, count: int = 3, ids: Sequence[str] = (), talk: Talk | None = None) -> Preview:
    """The first ``count`` training rows, or the rows with these ``ids`` from whichever part holds them.

    Raises what preparing the data and reading the tokenizer raise, and AskedWrongly for an id that no part holds.
    """
    talk = talk or Silent()
    if count < 1:
        raise AskedWrongly(f"--rows {count}: at least one row is needed.")
    with talk.bar("reading the data") as advance:
        prepared = data.prepare(
            config,
            look=config.identifiers == "deidentify",
            progress=stages(talk, advance),
        )
    wanted = _wanted(prepared, count, ids)
    from medlms.models import tokenizer as reading

    return of(config, prepared, reading.read(config.model, say=talk.say), wanted, talk=talk)


def of(config: Config, prepared: data.Prepared, reader: Any, wanted: Mapping[str, str], *, talk: Talk) -> Preview:
    """The rows named in ``wanted`` (id: part) of a prepared set, and what tuning would make of all its training rows."""
    from medlms.text.template import template_of
    from medlms.text.tokenise import fitted

    template = template_of(reader.tokenizer)
    mark = marker(config, reader.tokenizer, template, reader.stops)
    totals = dict.fromkeys(("rows", "tokens", "learned_tokens", "longest_row", "cut", "dropped"), 0)
    cut: list[Fault] = []
    too_long: list[Fault] = []
    sizes: list[int] = []
    shown: dict[str, Shown] = {}
    with talk.bar("marking the training rows") as advance:
        for number, example in enumerate(prepared.train, 1):
            made = mark(example, True)
            kept, fault = fitted(made, config.max_length, example.place)
            sizes.append(len(made.ids))
            totals["rows"] += kept > 0
            totals["tokens"] += kept
            totals["learned_tokens"] += sum(made.learn[:kept])
            totals["longest_row"] = max(totals["longest_row"], kept)
            if fault is not None:
                totals["cut" if kept else "dropped"] += 1
                (cut if kept else too_long).append(fault)
            if wanted.get(example.id) == "train":
                shown[example.id] = _shown(example, "train", made, kept, fault)
            advance(number, len(prepared.train))
    for example in (*prepared.dev, *prepared.eval):
        if (part := wanted.get(example.id, "train")) != "train":
            made = mark(example, False)
            shown[example.id] = _shown(example, part, made, len(made.ids), None)
    return Preview(
        model=reader.name,
        template=template.name,
        max_length=config.max_length,
        rows=[shown[name] for name in wanted],
        totals=totals,
        cut=cut,
        too_long=too_long,
        said=[*prepared.said, *_remarks(config, reader)],
        sizes=sizes,
    )


def marker(config: Config, tokenizer: Any, template: Any, stops: frozenset[int]) -> Callable[[QA, bool], Any]:
    """What marks a row as training learns it (every answer) or, with False, as it is scored (the last one)."""
    from medlms.text.marks import marked

    task = grading.task_of(config)

    def mark(example: QA, every: bool) -> Any:
        messages = task.messages(example, instruction=config.instruction)
        try:
            return marked(tokenizer, template, messages, task.answer(example), stops=stops, every=every)
        except ModelError as error:
            raise ModelError(f"{example.place}: {error}", hint=error.hint) from None

    return mark


def shown(example: QA, made: Any, max_length: int) -> Shown:
    """A training row that ``marker`` has marked."""
    from medlms.text.tokenise import fitted

    kept, fault = fitted(made, max_length, example.place)
    return _shown(example, "train", made, kept, fault)


def _wanted(prepared: data.Prepared, count: int, ids: Sequence[str]) -> dict[str, str]:
    """Ids of the rows to show, in order, with the part that holds each."""
    if not ids:
        return {example.id: "train" for example in prepared.train[:count]}
    parts = {"train": prepared.train, "dev": prepared.dev, "eval": prepared.eval}
    held = {example.id: part for part, examples in parts.items() for example in examples}
    for name in ids:
        if name not in held:
            raise AskedWrongly(
                f"--row {name}: no row of this name was drawn.",
                hint=near(name, held)
                or f"Rows are named in splits/*.jsonl of a run; some for instance: {', '.join(list(held)[:3])}.",
            )
    return {name: held[name] for name in ids}


def _remarks(config: Config, reader: Any) -> list[str]:
    if config.max_length <= reader.context:
        return []
    return [f"max_length is {config.max_length}, but {reader.name} reads at most {reader.context} tokens"]


def _shown(example: QA, part: str, made: Any, kept: int, fault: Fault | None) -> Shown:
    said = "" if fault is None else f"{fault.reason}: {fault.detail}"
    return Shown(example.id, part, example.place, tuple(_tokens(made, kept)), said)


def _tokens(made: Any, kept: int) -> Iterator[Piece]:
    """A row's text cut where its tokens end. Bytes of one character can be several tokens: those stay together."""
    ids: list[int] = []
    learned = False
    begin = first = 0
    for index, (one, learn, (_, end)) in enumerate(zip(made.ids, made.learn, made.spans, strict=True)):
        ids.append(one)
        learned = learned or learn
        end = max(begin, end)
        after = made.spans[index + 1] if index + 1 < len(made.ids) else None
        if after is not None and index + 1 != kept and after[0] < end:
            continue
        yield Piece(made.text[begin:end], "cut" if first >= kept else "learned" if learned else "given", tuple(ids))
        begin, first, ids, learned = end, index + 1, [], False
