"""The account of a prepared set as one HTML page in the look of a run's report: no script, nothing fetched, texts escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast

from medlms.data import flow
from medlms.report import page as house
from medlms.report import tables as shared
from medlms.report.data import findings, rows, tables
from medlms.report.data.findings import Finding
from medlms.report.data.tables import Account
from medlms.report.plots import Plot
from medlms.report.shape import Report
from medlms.report.tables import Table, count
from medlms.report.untrusted import as_html, one_line

NOTICE = "This page quotes rows of the data. Pass it on only to those who may see the data."
LISTED = "Every dropped or shortened row stands in dropped.jsonl beside this page, with file and line."


@dataclass(frozen=True, slots=True)
class About:
    """What a page says beside the account: whose it is, when it was made, the config; why there are no charts, if so."""

    name: str
    date: str
    version: str
    config: Mapping[str, Any]
    missing_plots: str = ""


def html(account: Account, drawn: Sequence[Plot], about: About) -> str:
    """The whole page. ArithmeticError when the account does not add up."""
    plots = {plot.name: plot for plot in drawn}
    report = _report(account, about)
    sections = [
        ("way", "From rows read to rows trained on", _way(account, plots)),
        ("dropped", "What was dropped", _dropped(account)),
        ("cleaned", "What was mended", _tables(tables.cleaning(account))),
        ("parts", "Sizes by source and part", _parts(account, report, plots)),
        ("lengths", "Lengths and learned tokens", _lengths(account, plots)),
        ("rows", "Rows as the model reads them", rows.html(account)),
        ("language", "Language", _languages(account)),
        ("licences", "Licences, and what they ask of the adapter", _licences(account)),
        ("copies", "Repeated and nearly repeated texts", _findings(findings.copies(account))),
        ("overlaps", "Overlaps between the parts", _findings(findings.overlaps(account))),
        ("exams", "Overlaps with exams", _findings(findings.exams(account))),
        ("identifiers", "Patient identifiers", _findings(findings.identifiers(account))),
        ("how", "How it was made", _how(account, about)),
        ("warnings", "Warnings", house.warnings(report, about.missing_plots)),
    ]
    shown = [(name, title, body) for name, title, body in sections if body]
    head = house.head(
        report,
        [(name, title) for name, title, _ in shown],
        subtitle=f"Data prepared from {', '.join(tables.title(account, name) for name in account['sources'])}",
        facts=_facts(account),
        heading="In short",
        notice=NOTICE,
    )
    foot = house.foot(report).replace("report.json and steps.jsonl", "data_report.json")
    css = files("medlms.report.data").joinpath("page.css").read_text(encoding="utf-8")
    return house.document(about.name, head, shown, foot, css=css)


def summary(account: Account) -> list[str]:
    """What became of the rows, in two or three sentences."""
    whole = flow.follow(account)
    gone = whole.rows_in - whole.kept
    said = [
        f"{count(whole.rows_in)} rows read = {count(whole.kept)} kept + {count(gone)} dropped.",
        f"Of the kept rows {count(whole.parts['train'])} are to train on, {count(whole.parts['dev'])} to pick the best epoch, "
        f"{count(whole.parts['eval'])} to grade; {count(whole.parts['not_drawn'])} are not drawn.",
    ]
    if whole.cut is not None and whole.too_long is not None:
        tokens = account["tokens"]
        said.append(
            f"{tables.share(tokens['learned_tokens'], tokens['tokens'])} of the {count(tokens['tokens'])} training tokens are "
            f"learned; {count(whole.cut)} rows are cut at {count(tokens.get('max_length'))} tokens"
            + (f", {count(whole.too_long)} left out." if whole.too_long else ".")
        )
    return said


def warnings(account: Account) -> list[str]:
    """What a reader should not miss: open identifiers, unknown terms, other languages, leaks."""
    found = [*findings.warnings(account)]
    main, others = ((account.get("languages") or {}).get(key) for key in ("main", "others"))
    if others:
        found.append(f"{count(others)} kept rows seem to be in another language than {main}.")
    found += [
        sentence for sentence in account.get("terms") or [] if sentence.startswith(("Terms not known", "Do not pass"))
    ]
    return found


def _report(account: Account, about: About) -> Report:
    made = {
        "run": about.name,
        "date": about.date,
        "version": about.version,
        "verdict": summary(account),
        "warnings": warnings(account),
        "data": account,
    }
    return cast(Report, made)


def _facts(account: Account) -> str:
    whole = flow.follow(account)
    tokens, languages = account.get("tokens") or {}, account.get("languages") or {}
    groups = account.get("groups") or {}
    learned = tables.share(tokens["learned_tokens"], tokens["tokens"]) if tokens else ""
    main = languages.get("main") or ""
    sure = (
        tables.share((languages.get("all") or {}).get(main, 0), whole.kept)
        if main in (languages.get("all") or {})
        else ""
    )
    return house.facts_html(
        [
            ("Rows read", count(whole.rows_in), f"from {house.plural(len(account['sources']), 'source')}"),
            ("Rows kept", count(whole.kept), f"{tables.share(whole.kept, whole.rows_in)} of those read"),
            ("Train, dev, eval", ", ".join(count(whole.parts[part]) for part in flow.PARTS),
             f"of {count(groups['all'])} groups of related rows" if groups.get("all") else ""),
            ("Tokens learned", learned, f"of {count(tokens.get('tokens'))} training tokens"),
            ("Language", main, f"{sure} of the kept rows" if sure else ""),
        ]
    )  # fmt: skip


def _way(account: Account, plots: Mapping[str, Plot]) -> str:
    return _figures(plots, "data-way", kind="one") + house.table_html(tables.way(account), "way")


def _dropped(account: Account) -> str:
    table = tables.reasons(account)
    if table is None:
        return "<p>No row was dropped.</p>"
    blocks = []
    whole = (account.get("totals") or {}).get("dropped") or {}
    for reason, items in (account.get("dropped_examples") or {}).items():
        lines = "".join(
            f"<li><code>{as_html(one_line(item.get('place') or '?'))}</code>{_detail(item.get('detail'))}</li>"
            for item in items
        )
        number = count(whole[reason]) if reason in whole else ""
        blocks.append(
            f"<details><summary>{as_html(shared.capital(reason))}{f': the first {len(items)} of {number}' if number else ''}"
            f'</summary><ul class="places">{lines}</ul></details>'
        )
    shown = f"<h3>The first rows of each reason</h3>{''.join(blocks)}" if blocks else ""
    return f"{house.table_html(table, 'stack')}<p>{LISTED}</p>{shown}"


def _detail(detail: str | None) -> str:
    text = one_line(detail or "")
    return f' <span class="quoted" dir="auto">{as_html(text)}</span>' if text else ""


def _parts(account: Account, report: Report, plots: Mapping[str, Plot]) -> str:
    mixture = tables.mixture(account)
    figure = _figures(plots, "data-sources")
    return _tables(shared.splits(report)) + (figure + _tables(mixture) if mixture else "")


def _lengths(account: Account, plots: Mapping[str, Plot]) -> str:
    tokens = account.get("tokens")
    if tokens:
        said = (
            f"Of {count(tokens['tokens'])} tokens in {count(tokens['rows'])} training rows {count(tokens['learned_tokens'])} are "
            f"learned ({tables.share(tokens['learned_tokens'], tokens['tokens'])}): the answers and their ends. The rest, "
            "instruction, question and template, is only read."
        )
        made = [
            f"tokens of {tokens['model']}" if tokens.get("model") else "",
            f"template: {tokens.get('template') or '?'}",
        ]
        said += f" Counted in {', '.join(filter(None, made))}."
    else:
        said = (
            "Counted in words: the model's tokenizer was not at hand, so what a length limit cuts and how many tokens are "
            "learned is not known here."
        )
    return f"<p>{as_html(said)}</p>{_figures(plots, 'data-lengths')}{_tables(tables.lengths(account))}"


def _languages(account: Account) -> str:
    found = account.get("languages") or {}
    first = "".join(
        f"<li><code>{as_html(one_line(item['place']))}</code> {as_html(item['language'])}</li>"
        for item in found.get("first_others") or []
    )
    other = f'<h3>The first rows in another language</h3><ul class="places">{first}</ul>' if first else ""
    return _tables(tables.languages(account)) + other


def _licences(account: Account) -> str:
    said = "".join(f"<li>{as_html(sentence)}</li>" for sentence in account.get("terms") or [])
    means = f"<h3>What they mean for an adapter tuned on these rows</h3><ul>{said}</ul>" if said else ""
    return house.table_html(tables.licences(account), "stack") + means


def _findings(found: Finding | None) -> str:
    if found is None:
        return ""
    said = "".join(f"<p>{as_html(sentence)}</p>" for sentence in found.said)
    lists = "".join(
        f'<details><summary>{as_html(title)}</summary><ul class="places">'
        + "".join(f"<li>{_pairs(item)}</li>" for item in items)
        + "</ul></details>"
        for title, items in found.lists
    )
    return said + "".join(house.table_html(table, "stack") for table in found.tables) + lists


def _pairs(item: Sequence[tuple[str, str]]) -> str:
    return " ".join(
        f"<code>{as_html(one_line(text))}</code>"
        if kind == "place"
        else f'<span class="quoted" dir="auto">{as_html(one_line(text))}</span>'
        for kind, text in item
    )


def _how(account: Account, about: About) -> str:
    said = "".join(f"<li>{as_html(sentence)}</li>" for sentence in account.get("said") or [])
    config = f"<h3>Config, every default filled in</h3><pre><code>{as_html(house.as_yaml(about.config))}</code></pre>"
    return (f"<ul>{said}</ul>" if said else "") + _tables(tables.files(account)) + (config if about.config else "")


def _tables(*found: Table | None) -> str:
    return "".join(house.table_html(table, "stack") for table in found if table)


def _figures(plots: Mapping[str, Plot], *names: str, kind: str = "") -> str:
    return house.figures_html([plots[name] for name in names if name in plots], kind)
