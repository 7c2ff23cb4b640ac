"""The report as one HTML page: no script, nothing fetched, every text escaped. It lays out the tables and the charts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files

import yaml

from medlms.report import exam_plots, exams, knees, method, mixture, overlaps, plots, strategies, tables
from medlms.report.account import account
from medlms.report.plots import Plot
from medlms.report.shape import Answer, Prompt, Report, Sample
from medlms.report.tables import Cell, Table
from medlms.report.untrusted import as_html, one_line

# The page may load nothing at all; the last defence should a text ever slip through unescaped.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_FIRST_WORDS = 110
_NO_TEXT = '<p class="said"><em>No text.</em></p>'


def html(report: Report, drawn: Sequence[Plot], missing_plots: str = "") -> str:
    """The whole page. ``missing_plots`` says why there are no charts, when there are none for a reason."""
    sections = [
        ("results", "Results", _results(report)),
        ("exams", exams.HEADING, _exams(report, drawn)),
        ("strategies", strategies.HEADING, _strategies(report)),
        ("differences", "Paired differences", _differences(report, drawn)),
        ("learning", "Learning curves", _learning(report, drawn)),
        ("endings", "How answers ended", _endings(report, drawn)),
        ("samples", "Sample answers", _samples(report)),
        ("cases", "Ungraded questions", _prompts(report)),
        ("data", "Data", _data(report)),
        ("how", "How it was run", _how(report)),
        ("warnings", "Warnings", warnings(report, missing_plots)),
    ]
    shown = [(name, title, body) for name, title, body in sections if body]
    return document(report.get("run") or "run", _head(report, [(n, t) for n, t, _ in shown]), shown, foot(report))


def document(name: str, head: str, shown: Sequence[tuple[str, str, str]], foot: str, *, css: str = "") -> str:
    """A whole page: its name, head and foot as HTML, sections of (id, heading, body as HTML), and ``css`` of its own."""
    title = as_html(one_line(name))
    main = "".join(
        f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{heading}</h2>{body}</section>\n'
        for name, heading, body in shown
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        '<meta name="robots" content="noindex">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}: MedLMs report</title>\n<style>\n{_style()}{css}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#main">Skip to the results</a>\n{head}'
        f'<main id="main" class="wrap">\n{main}</main>\n{foot}</body>\n</html>\n'
    )


def _style() -> str:
    css = files("medlms.report").joinpath("page.css").read_text(encoding="utf-8")
    return f"{css}@media screen and (prefers-color-scheme: dark) {{ {plots.dark_rules('svg.chart')} }}\n"


def _head(report: Report, shown: Sequence[tuple[str, str]]) -> str:
    model = report.get("model") or {}
    subtitle = one_line(model.get("name") or "")
    if subtitle and report.get("training"):
        subtitle += f", fine-tuned with {method.title(report.get('config'))}"
    return head(report, shown, subtitle=subtitle, facts=_facts(report))


def head(
    report: Report,
    shown: Sequence[tuple[str, str]],
    *,
    subtitle: str,
    facts: str,
    heading: str = "Verdict",
    notice: str = tables.NOTICE,
) -> str:
    """The page's head: name, date, what the numbers say under ``heading``, the notice, facts as HTML, and the contents."""
    verdict = "".join(f"<p>{as_html(sentence)}</p>" for sentence in report.get("verdict") or [])
    verdict = f'<div class="verdict"><h2>{heading}</h2>{verdict}</div>' if verdict else ""
    warnings = len(report.get("warnings") or [])
    more = f' <a href="#warnings">{plural(warnings, "warning")} below.</a>' if warnings else ""
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title in shown)
    when = (
        f'<time datetime="{as_html(report["date"])}">{as_html(_when(report["date"]))}</time>'
        if report.get("date")
        else ""
    )
    return (
        f'<header><div class="wrap">\n<p class="eyebrow">MedLMs report{" · " if when else ""}{when}</p>\n'
        f"<h1>{as_html(one_line(report.get('run') or 'run'))}</h1>\n"
        + (f'<p class="subtitle">{as_html(subtitle)}</p>\n' if subtitle else "")
        + f'{verdict}\n<div class="notice" role="note"><p><strong>Notice.</strong> {as_html(notice)}{more}</p></div>\n'
        f'{facts}\n<nav aria-label="Contents"><ol>{links}</ol></nav>\n</div></header>\n'
    )


def _facts(report: Report) -> str:
    model, training = report.get("model") or {}, report.get("training") or {}
    groups = account(report).get("groups") or {}
    facts = [
        ("Base model", model.get("name"), _joined(tables.count(model.get("parameters")), "parameters")),
        ("Trained on", _joined(tables.count(training.get("rows")), "rows"),
         _joined(tables.count(training.get("epochs")), "epoch" if training.get("epochs") == 1 else "epochs")),
        ("Training time", _shown(tables.duration(training.get("seconds"))),
         _joined(tables.number(training.get("tokens_per_second")), "tokens per second")),
        ("Graded on", tables.graded(report).removeprefix("n = "),
         _joined(tables.count(groups.get("eval")), "groups, none of them trained on")),
        ("Computed on", model.get("device"), model.get("precision")),
    ]  # fmt: skip
    return facts_html(facts)


def facts_html(facts: Iterable[tuple[str, str | None, str | None]]) -> str:
    """A row of facts: label, value, and more in small; a fact without a value is left out."""
    items = "".join(
        f"<div><dt>{label}</dt><dd>{as_html(value)}{f'<small>{as_html(more)}</small>' if more else ''}</dd></div>"
        for label, value, more in facts
        if value
    )
    return f'<dl class="facts">{items}</dl>' if items else ""


def _results(report: Report) -> str:
    table = tables.results(report)
    if table is None:
        return ""
    meanings = "".join(
        f"<dt>{as_html(label)}</dt><dd>{as_html(tables.capital(meaning))}</dd>"
        for label, meaning in tables.meanings(report)
    )
    return (
        table_html(table, "results stack")
        + f'<p class="caution">{as_html(tables.CAUTION)}</p>'
        + _optional(tables.others(report), "Further measures")
        + _optional(tables.parts(report), "Precision and recall")
        + _optional(tables.wordings(report), "Prompts of best_prompt")
        + _optional(tables.speed(report), "Speed")
        + _overlaps(report)
        + f'<h3>What the columns mean</h3><dl class="meanings">{meanings}</dl>'
    )


def _overlaps(report: Report) -> str:
    said, table = overlaps.sentence(report), overlaps.results(report)
    if not said:
        return ""
    return (
        f"<h3>{overlaps.HEADING}</h3>"
        + (table_html(table, "results stack") if table else f"<p>{as_html(said)}</p>")
        + _optional(overlaps.places(report), overlaps.PLACES)
    )


def _exams(report: Report, drawn: Sequence[Plot]) -> str:
    figures = {plot.name: plot for plot in drawn}
    body = "".join(
        f"<h3>{as_html(one_line(exam.get('title') or exam.get('name') or 'exam'))}</h3>"
        f'<p class="lead">{as_html(exams.about(exam))}</p>'
        + figures_html([figures[name] for name in exam_plots.names(exam) if name in figures], "three")
        + "".join(table_html(table, "stack") for table in exams.tables(report, exam))
        for exam in exams.found(report)
    )
    if not body:
        return ""
    meanings = "".join(f"<dt>{label}</dt><dd>{tables.capital(meaning)}</dd>" for label, meaning in exams.WAYS_MEAN)
    return f'{body}<h3>What the columns mean</h3><dl class="meanings">{meanings}</dl>'


def _strategies(report: Report) -> str:
    body = "".join(table_html(strategies.table(report, part), "stack") for part in strategies.found(report))
    meanings = "".join(f"<dt>{label}</dt><dd>{tables.capital(meaning)}</dd>" for label, meaning in strategies.MEANINGS)
    return f'{body}<dl class="meanings">{meanings}</dl>' if body else ""


def _differences(report: Report, drawn: Sequence[Plot]) -> str:
    pairs = tables.comparisons(report)
    if not pairs:
        return ""
    lead = (
        "Every question is answered by both systems, and the two scores are subtracted question by question. That is a "
        "sharper comparison than holding two intervals of the results table against each other."
    )
    figures = {plot.name: figure_html(plot) for plot in drawn}
    columns = "".join(
        f'<div class="pair">{figures.get(f"difference-{number}", "")}{table_html(table, "comparisons")}</div>'
        for number, table in enumerate(pairs, 1)
    )
    return f'<p class="lead">{lead}</p><div class="figures">{columns}</div><p class="notes">{tables.chance(report)}</p>'


def _learning(report: Report, drawn: Sequence[Plot]) -> str:
    facts = tables.training(report)
    loss = [plot for plot in drawn if plot.name in ("loss-by-step", "held-out-loss-by-epoch")]
    metrics = [plot for plot in drawn if plot.name in ("bleu-by-epoch", "rouge-by-epoch", "token-f1-by-epoch")]
    table = tables.epochs(report)
    bent = knees.table([("", item) for item in report.get("knees") or []])
    if not (facts or loss or metrics or table):
        return ""
    return (
        figures_html(loss)
        + figures_html(metrics, "three" if len(metrics) == 3 else "")
        + (table_html(table, "stack") if table else "")
        + (table_html(bent, "stack") if bent else "")
        + (f"<h3>What training took</h3>{pairs_html(facts, 'pairs wide')}" if facts else "")
    )


def _endings(report: Report, drawn: Sequence[Plot]) -> str:
    table = tables.endings(report)
    if table is None:
        return ""
    figures = "".join(figure_html(plot) for plot in drawn if plot.name == "endings")
    return f'<div class="figures">{figures}<div>{table_html(table, "endings")}</div></div>'


def _samples(report: Report) -> str:
    samples = report.get("samples") or []
    if not samples:
        return ""
    lead = (
        "What each system said to the same question, beside the reference answer. The label tells how the answer ended, "
        "not whether it is right: no clinician has judged these texts."
    )
    return f'<p class="lead">{lead}</p>' + "".join(_sample(report, item) for item in samples)


def _sample(report: Report, sample: Sample) -> str:
    meta = ", ".join(
        f"{label} {as_html(one_line(value))}"
        for label, value in (("topic:", sample.get("topic")), ("id", sample.get("id")))
        if value
    )
    reference = reference_html(sample.get("reference", ""))
    return question_html(report, sample.get("question", ""), meta, reference, sample.get("answers") or {})


def reference_html(text: str) -> str:
    """A reference answer as the first column beside answers; nothing where there is none."""
    if not text:
        return ""
    return (
        '<div class="reference"><h4>Reference</h4><p class="ending"><span class="label">from the data</span>'
        f"<span>{plural(_words(text), 'word')}</span></p>{_said(text)}</div>"
    )


def _prompts(report: Report) -> str:
    prompts: Iterable[Prompt] = report.get("prompts") or []
    body = "".join(
        question_html(report, item.get("question", ""), "", "", item.get("answers") or {}) for item in prompts
    )
    lead = (
        "Extra questions without a reference answer, among them clinical cases. Nothing here is scored; read them as "
        "examples of how the systems write, not as advice."
    )
    return f'<p class="lead">{lead}</p>{body}' if body else ""


def question_html(report: Report, question: str, meta: str, reference: str, answers: Mapping[str, Answer]) -> str:
    """One question with its reference (as HTML) and the answers beside each other; ``meta`` is HTML."""
    columns = "".join(_answer(tables.capital(tables.title(report, name)), answer) for name, answer in answers.items())
    meta = f'<p class="meta">{meta}</p>' if meta else '<p class="meta"></p>'
    return (
        f'<article class="sample"><h3>{as_html(question.strip() or "(no question)")}</h3>{meta}'
        f'<div class="answers">{reference}{columns}</div></article>'
    )


def _answer(title: str, answer: Answer) -> str:
    text, ending = answer.get("text") or "", answer.get("ending") or ""
    label = f'<span class="label{"" if ending == "complete" else " fault"}">{as_html(ending)}</span>' if ending else ""
    facts = [plural(_words(text), "word")]
    if answer.get("token_f1") is not None:
        facts.append(f"token F1 {tables.number(answer['token_f1'], 'share')}")
    facts += map(as_html, answer.get("facts") or ())
    return (
        f'<div><h4>{as_html(title)}</h4><p class="ending">{label}<span>{", ".join(facts)}</span></p>'
        f"{_said(text) if text.strip() else _NO_TEXT}</div>"
    )


def _said(text: str) -> str:
    """A long text shows its beginning; the rest opens without a script."""
    text = text.strip()
    start = _end_of_words(text, _FIRST_WORDS)
    if start is None:
        return f'<p class="said" dir="auto">{as_html(text)}</p>'
    rest = text[start:].strip()
    return (
        f'<p class="said" dir="auto">{as_html(text[:start])}</p><details><summary>{plural(_words(rest), "more word")}</summary>'
        f'<p class="said" dir="auto">{as_html(rest)}</p></details>'
    )


def _data(report: Report) -> str:
    notes = "".join(f"<li>{as_html(sentence)}</li>" for sentence in tables.data_notes(report))
    note = (account(report).get("identifiers") or {}).get("note")
    terms = "".join(f"<li>{as_html(sentence)}</li>" for sentence in account(report).get("terms") or [])
    return (
        _whole_account(account(report).get("page"))
        + "".join(
            table_html(table, "stack")
            for table in (tables.sources(report), tables.splits(report), mixture.table(report))
            if table
        )
        + (f"<ul>{notes}</ul>" if notes else "")
        + _optional(tables.identifiers(report), "Identifiers of people")
        + (f"<p>{as_html(note)}</p>" if note and tables.identifiers(report) else "")
        + (f"<h3>Identifiers of people</h3><p>{as_html(note)}</p>" if note and not tables.identifiers(report) else "")
        + _optional(tables.exams(report), "Exam questions in training rows")
        + _optional(tables.licences(report), "Licences")
        + (f"<ul>{terms}</ul>" if terms else "")
    )


def _whole_account(page: object) -> str:
    """Where the whole account of the data lies: beside this page, under the one name that it can have."""
    if page != "data_report.html":
        return ""
    return (
        f'<p class="lead"><a href="{page}">The account of every row</a>: dropped rows with file and line, lengths, learned '
        "tokens, languages, copies, and rows as the model reads them.</p>"
    )


def _how(report: Report) -> str:
    model, machine = tables.model(report), tables.machine(report)
    columns = "".join(
        f"<div><h3>{name}</h3>{pairs_html(pairs)}</div>"
        for name, pairs in (("Model", model), ("Machine", machine))
        if pairs
    )
    command = (
        f"<h3>To repeat this run</h3><pre><code>{as_html(report['command'])}</code></pre>"
        if report.get("command")
        else ""
    )
    config = report.get("config")
    resolved = (
        f"<h3>Config, every default filled in</h3><pre><code>{as_html(as_yaml(config))}</code></pre>" if config else ""
    )
    return command + (f'<div class="columns">{columns}</div>' if columns else "") + resolved


def as_yaml(config: Mapping[str, object]) -> str:
    """A config as YAML, keys in their order."""
    return yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True, width=100).rstrip()


def warnings(report: Report, missing_plots: str) -> str:
    """The warnings as a list; ``missing_plots`` is one of them."""
    warnings = [*(report.get("warnings") or []), *([missing_plots] if missing_plots else [])]
    return f"<ul>{''.join(f'<li>{as_html(sentence)}</li>' for sentence in warnings)}</ul>" if warnings else ""


def foot(report: Report) -> str:
    """Who made the page, and from what."""
    version = f" {as_html(report['version'])}" if report.get("version") else ""
    return (
        f'<footer><div class="wrap">Made by MedLMs{version} from this run\'s report.json and steps.jsonl. '
        "This page loads nothing from elsewhere.</div></footer>\n"
    )


def _optional(table: Table | None, heading: str) -> str:
    return f"<h3>{heading}</h3>{table_html(table, 'stack')}" if table else ""


def table_html(table: Table, kind: str) -> str:
    """A table; ``kind`` names its style: ``results``, ``stack`` (one block a row where the screen is narrow)."""
    head = "".join(
        f'<th scope="col" role="columnheader"{_words_class(table, index)}>{_unbroken(column)}</th>'
        for index, column in enumerate(table.columns)
    )
    body = "".join(f'<tr role="row">{_row(table, row)}</tr>' for row in table.rows)
    notes = "".join(f"<li>{as_html(note)}</li>" for note in table.notes)
    caption, slim = f"{table.name}-caption", " slim" if len(table.columns) < 5 else ""
    return (
        f'<div class="table {kind}{slim}" tabindex="0" role="region" aria-labelledby="{caption}"><table role="table">'
        f'<caption id="{caption}">{as_html(table.caption)}</caption><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table></div>' + (f'<ul class="notes">{notes}</ul>' if notes else "")
    )


def _unbroken(heading: str) -> str:
    """A heading whose words are not broken at their hyphens."""
    return re.sub(r"\S*-\S+", lambda match: f'<span class="unbroken">{match[0]}</span>', as_html(heading))


def _row(table: Table, row: tuple[Cell, ...]) -> str:
    heading, *rest = row
    return f'<th scope="row" role="rowheader">{as_html(heading.text)}{_lines(heading)}</th>' + "".join(
        f'<td role="cell" data-label="{as_html(table.columns[index])}"{_words_class(table, index)}>'
        f"{_value(cell)}{_lines(cell)}</td>"
        for index, cell in enumerate(rest, 1)
    )


def _value(cell: Cell) -> str:
    if cell.text == tables.NOTHING:
        return f'<span class="none" role="img" aria-label="not measured">{tables.NOTHING}</span>'
    return f'<span class="value">{as_html(cell.text)}</span>'


def _lines(cell: Cell) -> str:
    return "".join(
        f' <span class="{kind}">{as_html(text)}</span>'
        for kind, text in (("small", cell.small), ("faint", cell.faint))
        if text
    )


def _words_class(table: Table, index: int) -> str:
    return ' class="words"' if index in table.words else ""


def figures_html(drawn: Sequence[Plot], kind: str = "") -> str:
    """Charts side by side, two in a row, or ``three``."""
    return f'<div class="figures {kind}">{"".join(map(figure_html, drawn))}</div>' if drawn else ""


def figure_html(plot: Plot) -> str:
    """One chart with its title and caption."""
    return f"<figure><h4>{as_html(plot.title)}</h4>{plot.svg}<figcaption>{as_html(plot.caption)}</figcaption></figure>"


def pairs_html(pairs: Iterable[tuple[str, str]], kind: str = "pairs") -> str:
    """Labels and values."""
    return f'<dl class="{kind}">{"".join(f"<dt>{as_html(k)}</dt><dd>{as_html(v)}</dd>" for k, v in pairs)}</dl>'


def plural(number: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{tables.count(number)} {noun}{'' if number == 1 else 's'}"


def _joined(value: str, noun: str) -> str:
    return "" if value == tables.NOTHING else f"{value} {noun}"


def _shown(value: str) -> str:
    return "" if value == tables.NOTHING else value


def _words(text: str) -> int:
    return len(text.split())


def _end_of_words(text: str, most: int) -> int | None:
    """Where word number ``most`` ends, when at least a third as many words follow it."""
    words = 0
    end = None
    inside = False
    for index, character in enumerate(text):
        if character.isspace():
            if inside and words == most:
                end = index
            inside = False
        elif not inside:
            inside = True
            words += 1
    return end if words > most * 4 / 3 else None


def _when(date: str) -> str:
    """A time in ISO 8601 as people write it; any other text as it is."""
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return date
    zone = "" if moment.tzinfo is None else f" {moment.tzname()}"
    return f"{moment.day} {moment:%B %Y, %H:%M}{zone}"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
