"""Completes the account of a prepared set with its tokens and a few rows as the model reads them, and writes it as pages."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from medlms import __version__, data
from medlms.aside import Aside
from medlms.config import Config
from medlms.data import flow, lengths, mix
from medlms.errors import CouldNot, ResourceError, UnknownName
from medlms.report import data as pages
from medlms.road import identified, rows
from medlms.road.preview import Preview, Shown, marker, of, shown
from medlms.road.talk import Silent, Talk, stages
from medlms.road.work import Work
from medlms.run import Run
from medlms.types import QA, Fault

DATA, DROPPED = "data_report.json", "dropped.jsonl"
LENGTH = "length"  # the step that shortens rows
SAMPLES = 3  # rows shown on the page
HEAD, TAIL = 700, 200  # characters shown of a longer stretch of one row
# Settings of what comes after the data.
_LATER = frozenset(
    {
        "load_in_4bit",
        "load_in_8bit",
        "precision",
        "method",
        "lora",
        "soft_prompt",
        "train",
        "evaluate",
        "study",
        "trackers",
    }
)


@dataclass(frozen=True)
class Written:
    """What ``prepare`` made: its folder, the account in data_report.json, and the files written."""

    folder: Path
    report: dict[str, Any]
    paths: list[Path]


def prepare(config: Config, *, to: str | Path | None = None, tokens: bool = True, talk: Talk | None = None) -> Written:
    """Prepare a config's data and write rows and account into the folder ``to`` (by default ``prepared/RUN``).

    With ``tokens``, rows are counted in the tokens of the config's model where its tokenizer is on this machine; nothing is
    fetched for that. Files of an earlier call are written anew. Raises what preparing raises, and ResourceError.
    """
    talk = talk or Silent()
    with talk.bar("reading the data") as advance:
        prepared = data.prepare(config, progress=stages(talk, advance))
    account = {**prepared.report, "said": list(prepared.said)}
    if prepared.stops:
        account["said"].append(
            f"`medlms train` stops here because of {', '.join(prepared.stops)} (identifiers: stop) and lists what was found"
        )
    shortened: list[dict[str, Any]] = []
    if tokens and (found := _read(config, prepared, account["said"], talk)) is not None:
        shortened = complete(account, *_token_account(found), found.rows, prepared.train)
    name = _name(config)
    run = Run(_folder(to or Path("prepared") / name))
    rows.keep(run, prepared)
    identified.keep(prepared, run)
    run.keep_rows(DROPPED, chain(prepared.dropped, shortened))
    run.write_json(DATA, account)
    pages_written = write(run, account, config, name=name)
    return Written(run.folder, account, [run.folder / DATA, *pages_written, run.folder / DROPPED])


def of_training(work: Work, made: Any) -> None:
    """Complete a run's account with what ``text.tokenise`` made of its training rows, and begin to write its pages."""
    account = work.run.read_json(DATA)
    mark = marker(work.config, work.loaded.tokenizer, work.template, work.loaded.stops)
    some = [shown(row, mark(row, True), work.config.max_length) for row in samples(work.rows.train)]
    numbers = token_numbers(
        made.sizes,
        rows=len(made.rows),
        tokens=made.tokens,
        learned=made.learned_tokens,
        longest=max(len(row.ids) for row in made.rows),
        max_length=work.config.max_length,
        model=work.loaded.located.name,
        template=work.template.name,
    )
    shortened = complete(account, numbers, {"cut": made.cut, "dropped": made.dropped}, some, work.rows.train)
    if "mixing" in account:  # runs that were begun before have none
        sources = {row.id: row.source for row in work.rows.train}
        account["mixing"] = mix.with_tokens(account["mixing"], made.rows, sources, work.rows.times)
    work.run.write_json(DATA, account)
    if work.fresh:
        work.run.append(DROPPED, shortened)
    else:
        listed = (row for row in work.run.rows(DROPPED) if row["step"] != LENGTH)
        work.run.keep_rows(DROPPED, chain(listed, shortened))
    work.pages = _begun(partial(write, work.run, account, work.config, name=work.run.name))


def _begun(writing: Callable[[], Any]) -> Callable[[], Any]:
    """Begin to write beside what comes next; gives what waits for the end of it."""
    if "vl_convert" in sys.modules:  # once it has drawn, a copy of this process can't draw with it
        writing()
        return lambda: None
    return Aside(writing).result


def complete(
    account: dict[str, Any],
    tokens: dict[str, Any],
    faults: Mapping[str, Sequence[Fault]],
    some: Sequence[Shown],
    train: Sequence[QA],
) -> list[dict[str, Any]]:
    """Put ``tokens`` and ``some`` rows into an account, check that it adds up, and list what its length cost a row.

    ``faults`` holds rows ``cut`` and ``dropped`` of the ``train`` rows.
    """
    named = {fault.place for found in faults.values() for fault in found}
    sources = {row.place: row.source for row in train if row.place in named} if named else {}
    account["tokens"] = {**tokens, **{kind: [asdict(fault) for fault in found] for kind, found in faults.items()}}
    account["preview"] = {"model": tokens.get("model", ""), "rows": [_row(item) for item in some]}
    flow.check(account)
    return [
        {"source": sources[fault.place], "step": LENGTH, **asdict(fault), "used": kind == "cut"}
        for kind, found in faults.items()
        for fault in found
    ]


def token_numbers(
    sizes: Sequence[int],
    *,
    rows: int,
    tokens: int,
    learned: int,
    longest: int,
    max_length: int,
    model: str,
    template: str,
) -> dict[str, Any]:
    """What an account says of the tokens of the training rows; ``sizes`` are those before any cut."""
    return {
        "model": model,
        "template": template,
        "max_length": max_length,
        "rows": rows,
        "tokens": tokens,
        "learned_tokens": learned,
        "learned_share": round(learned / tokens, 4) if tokens else 0.0,
        "longest_row": longest,
        "lengths": {
            "unit": "tokens",
            "limit": max_length,
            "rows": lengths.numbers(sizes),
            "bins": lengths.histogram(sizes, max_length),
        },
    }


def write(run: Run, account: Mapping[str, Any], config: Config, *, name: str) -> list[Path]:
    """Write data_report.html, data_report.md and their charts into a folder that holds the account."""
    settings = {key: value for key, value in config.model_dump().items() if key not in _LATER}
    return pages.write(run, account, name=name, config=settings, version=__version__)


def samples(prepared: Sequence[QA]) -> list[QA]:
    """The rows that a page shows: the first ones, and instead of the last of them the longest of all."""
    first = list(prepared[: SAMPLES - 1])
    rest = prepared[SAMPLES - 1 :]
    return [*first, max(rest, key=lambda row: len(row.question) + len(row.answer))] if rest else first


def _read(config: Config, prepared: data.Prepared, said: list[str], talk: Talk) -> Preview | None:
    try:
        from medlms.models import tokenizer as reading

        reader = reading.read(config.model, fetching=False)
        wanted = {row.id: "train" for row in samples(prepared.train)}
        return of(config, prepared, reader, wanted, talk=talk)
    except (CouldNot, UnknownName, ImportError) as error:
        said.append(f"lengths are counted in words, since the model's tokenizer can't be used: {error}")
        return None


def _token_account(found: Preview) -> tuple[dict[str, Any], dict[str, list[Fault]]]:
    totals = found.totals
    numbers = token_numbers(
        found.sizes,
        rows=totals["rows"],
        tokens=totals["tokens"],
        learned=totals["learned_tokens"],
        longest=totals["longest_row"],
        max_length=found.max_length,
        model=found.model,
        template=found.template,
    )
    return numbers, {"cut": found.cut, "dropped": found.too_long}


def _row(row: Shown) -> dict[str, Any]:
    return {
        "id": row.id,
        "place": row.place,
        "tokens": row.count("given", "learned"),
        "learned_tokens": row.count("learned"),
        "cut_tokens": row.count("cut"),
        "said": row.said,
        "pieces": [{"kind": piece.kind, **_shortened(piece.text)} for piece in row.pieces],
    }


def _shortened(text: str) -> dict[str, Any]:
    """A stretch of a row's text; of a long one its beginning, its end, and how many characters stand between."""
    left_out = len(text) - HEAD - TAIL
    if left_out <= TAIL:
        return {"text": text}
    head = text[:HEAD].rpartition(" ")[0] or text[:HEAD]
    end = text[-TAIL:].partition(" ")[2] or text[-TAIL:]
    return {"text": head, "left_out": len(text) - len(head) - len(end), "end": end}


def _name(config: Config) -> str:
    name = Path(config.run).name
    return name if re.match(r"\w", name) else "data"


def _folder(path: str | Path) -> Path:
    folder = Path(path).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ResourceError(f"{folder}: can't be made: {error.strerror}.", hint="Name another with --to.") from None
    return folder
