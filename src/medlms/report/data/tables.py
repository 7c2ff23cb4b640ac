"""The tables of a data report as plain cells, so that the page and the Markdown print the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from medlms.data import flow, terms
from medlms.data.flow import Flow
from medlms.report.tables import NOTHING, PARTS, Cell, Table, capital, count

Account = Mapping[str, Any]
MOST = 20  # rows of a list that a page shows


def title(account: Account, name: str) -> str:
    """A source's title, or its name. Headings of columns are names, which are short."""
    return str((account["sources"].get(name) or {}).get("title") or name)


def share(part: float, whole: float) -> str:
    """A share in per cent; small ones are not rounded to nothing, nor large ones to all."""
    if not whole:
        return ""
    value = 100 * part / whole
    if not part or part == whole:
        return f"{value:.0f} %"
    if value < 0.1 or value > 99.9:
        return "< 0.1 %" if value < 0.1 else "> 99.9 %"
    return f"{value:.1f} %" if value < 10 or value >= 99.5 else f"{value:.0f} %"


def way(account: Account) -> Table:
    """Rows from the files to the tokens, by source and together. ArithmeticError when they do not add up."""
    names = list(account["sources"])
    flows = [flow.follow(account, name) for name in names]
    whole = flow.follow(account)
    columns = flows if len(names) > 1 else []
    rows = [_line("Rows read", whole, columns, lambda item: item.rows_in)]
    for stage in whole.stages:
        label = f"− {capital(flow.STEPS.get(stage.step, stage.step))}"
        rows.append(_line(label, whole, columns, _gone(stage.step)))
    rows.append(_line("= Kept", whole, columns, lambda item: item.kept))
    kept = [(f"of the kept: {label.lower()}", _part(part)) for part, label in PARTS.items()]
    rows += [_line(label, whole, columns, value, lambda item: item.kept) for label, value in kept]
    if whole.whole is not None:
        most = count((account.get("tokens") or {}).get("max_length"))
        empty = [Cell(NOTHING)] * len(columns)
        for label, number in (
            ("of the training rows: learned whole", whole.whole),
            (f"of the training rows: cut at {most} tokens", whole.cut),
            ("of the training rows: left out, the question alone is too long", whole.too_long),
        ):
            rows.append((Cell(label), *empty, Cell(count(number), faint=share(number or 0, whole.parts["train"]))))
    heads = ("Step", *(names if columns else ()), "All rows" if columns else "Rows")
    caption = (
        "Where every row went. Rows read = dropped + kept; kept = training + development + evaluation + not drawn."
    )
    notes = (
        ("The program checks these sums before it writes this page, and stops if one is wrong.",)
        if whole.whole is None or not columns
        else (
            "The program checks these sums before it writes this page, and stops if one is wrong.",
            f"{NOTHING}: lengths are counted over all training rows.",
        )
    )
    return Table("way", caption, heads, tuple(rows), notes)


def reasons(account: Account) -> Table | None:
    """Rows dropped by reason and source."""
    sources = account["sources"]
    found = {
        (step, reason): None
        for step in flow.STEPS
        for source in sources.values()
        for reason in (source.get("dropped_by_step") or {}).get(step, {})
    }
    if not found:
        return None
    several = len(sources) > 1
    rows = []
    for step, reason in found:
        numbers = [((source["dropped_by_step"].get(step)) or {}).get(reason, 0) for source in sources.values()]
        cells = [Cell(count(number)) for number in (*(numbers if several else ()), sum(numbers))]
        rows.append((Cell(capital(reason)), Cell(flow.STEPS.get(step, step)), *cells))
    heads = ("Reason", "Step", *(sources if several else ()), "All")
    return Table("reasons", "Dropped rows, by reason.", heads, tuple(rows), words=frozenset({1}))


def cleaning(account: Account) -> Table | None:
    """Rows that cleaning changed and kept, by step and source."""
    sources = account["sources"]
    steps = {
        record["what"]: None
        for name in sources
        for record in (account.get("cleaning") or {}).get(name, ())
        if record.get("changed")
    } or {step: None for source in sources.values() for step in source.get("cleaned") or {}}
    if not steps:
        return None
    rows = tuple(
        (
            Cell(capital(step)),
            *(Cell(count((source.get("cleaned") or {}).get(step, 0))) for source in sources.values()),
        )
        for step in steps
    )
    heads = ("What was mended", *sources)
    return Table("cleaning", "Rows that were changed and kept. A row may be changed by several steps.", heads, rows)


def mixture(account: Account) -> Table | None:
    """Shares of the sources, asked for and got."""
    shares = account.get("mixture") or {}
    if len(account["sources"]) < 2 or "asked" not in shares:
        return None
    labels = {"asked": "Asked for", **{part: PARTS[part] for part in flow.PARTS}}
    rows = tuple(
        (
            Cell(name),
            *(Cell(f"{100 * shares[key].get(name, 0):.1f} %") for key in labels if key in shares),
        )
        for name in account["sources"]
    )
    heads = ("Source", *(label for key, label in labels.items() if key in shares))
    return Table("mixture", "Shares of the sources in each part.", heads, rows)


def lengths(account: Account) -> Table | None:
    """Words of questions and answers by source, and tokens of whole rows."""
    found = account.get("lengths") or {}
    tokens = (account.get("tokens") or {}).get("lengths") or {}
    rows = [
        (Cell(name), Cell(f"{field}, words"), *_numbers(item))
        for name, fields in (found.get("sources") or {}).items()
        for field, item in fields.items()
    ]
    for label, item in (("whole row, words", found.get("rows")), ("whole row, tokens", tokens.get("rows"))):
        if item and item.get("n"):
            rows.append((Cell("All training rows"), Cell(label), *_numbers(item)))
    if not rows:
        return None
    heads = ("Source", "Length of", "Count", "Shortest", "Median", "90 %", "99 %", "Longest")
    notes = ("90 %, 99 %: as many rows are no longer. Tokens include template and instruction.",)
    return Table("lengths", "Lengths of the training rows.", heads, tuple(rows), notes, words=frozenset({1}))


def languages(account: Account) -> Table | None:
    """Kept rows by language and source."""
    found = account.get("languages") or {}
    if not found.get("all"):
        return None
    names = [name for name in account["sources"] if name in found["sources"]]
    several = len(names) > 1
    rows = []
    for language, whole in found["all"].items():
        each = [found["sources"][name].get(language, 0) for name in names] if several else []
        cells = [Cell(count(number)) for number in each]
        rows.append(
            (Cell(capital(language)), *cells, Cell(count(whole), faint=share(whole, sum(found["all"].values()))))
        )
    heads = ("Language", *(names if several else ()), "All")
    return Table("languages", "Kept rows by language.", heads, tuple(rows), (str(found.get("meaning") or ""),))


def licences(account: Account) -> Table:
    """The terms of each source, and whom to credit; sources that gave no row come last."""
    used = {name for item in account.get("licences") or [] for name in item["sources"]}
    order = sorted(account["sources"], key=lambda name: name not in used)
    rows = []
    for name in order:
        source = account["sources"][name]
        licence = str(source.get("licence") or "not stated")
        credit = str(source.get("citation") or source.get("address") or NOTHING)
        drawn = f"{name}, {count(source['train'])} training rows" if name in used else f"{name}, no row drawn"
        rows.append(
            (Cell(title(account, name), small=drawn), Cell(licence), Cell(terms.terms(licence).words), Cell(credit))
        )
    heads = ("Source", "Licence", "Asks", "Credit")
    return Table(
        "licences", "Terms of each source, and whom to credit.", heads, tuple(rows), words=frozenset({1, 2, 3})
    )


def files(account: Account) -> Table | None:
    """Files read, with their checksums."""
    rows = tuple(
        (Cell(name), Cell(checksum), Cell(source))
        for source, item in account["sources"].items()
        for name, checksum in list((item.get("files") or {}).items())[:MOST]
    )
    if not rows:
        return None
    more = sum(max(0, len(item.get("files") or {}) - MOST) for item in account["sources"].values())
    notes = (f"And {count(more)} files more; all stand in data_report.json.",) if more else ()
    return Table("files", "Files read.", ("File", "SHA-256", "Source"), rows, notes, words=frozenset({1, 2}))


def _line(
    label: str,
    whole: Flow,
    columns: Sequence[Flow],
    value: Callable[[Flow], int],
    of: Callable[[Flow], int] = lambda item: item.rows_in,
) -> tuple[Cell, ...]:
    return Cell(label), *(Cell(count(value(item)), faint=share(value(item), of(item))) for item in (*columns, whole))


def _gone(step: str) -> Callable[[Flow], int]:
    return lambda item: sum(sum(stage.dropped.values()) for stage in item.stages if stage.step == step)


def _part(part: str) -> Callable[[Flow], int]:
    return lambda item: item.parts[part]


def _numbers(item: Mapping[str, int]) -> list[Cell]:
    return [Cell(count(item.get(key))) for key in ("n", "min", "median", "p90", "p99", "max")]
