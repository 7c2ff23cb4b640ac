"""Every table of a report as plain cells, so that the page, the Markdown and the terminal print the same numbers.

The measures are named, explained and formatted here and nowhere else. Nothing here knows of HTML or Markdown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from medlms.report.account import account
from medlms.report.shape import DataSourceRows, Difference, Measured, Report, System

NOTHING = "–"
PARTS = {"train": "Training", "dev": "Development", "eval": "Evaluation", "not_drawn": "Not drawn"}
ENDINGS = ("complete", "cut by length", "repeats itself", "empty")
NOTICE = (
    "Not a medical device. Generated answers may be wrong, and a good score here does not make them safe to act on."
)
CAUTION = (
    "BLEU, ROUGE and token F1 reward similar wording, not correctness: a fluent answer with a wrong dose scores well."
)

CHANCE = (
    "A difference counts as measured when its interval leaves out zero and p, adjusted for all comparisons of this report "
    "(Holm), is below 0.05. p is exact for measures that are right or wrong (McNemar's test, topics swapped whole), by "
    'permutation for the others. "No measurable difference" is no proof that two systems are alike: below it stands the '
    "smallest difference that these questions would show four times in five, and how many questions one as small as that "
    "measured would take."
)
EARLIER = (
    "An interval that holds zero means that chance alone could have made the difference. The words go by the interval, one "
    "measure at a time, since an earlier version made this report; its verdict also allows for how many comparisons were made."
)


@dataclass(frozen=True, slots=True)
class Measure:
    """How a metric is shown. ``better`` is +1 when more is better, -1 when less is, 0 when neither."""

    name: str
    label: str
    kind: str
    better: int
    meaning: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: the main text, a small second line (an interval), a faint third (a maximum, a count)."""

    text: str
    small: str = ""
    faint: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows of cells; the first cell of a row is its heading. ``words`` are columns that hold no numbers."""

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    words: frozenset[int] = field(default_factory=frozenset)


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("exact_match", "Exact match, %", "percent", 1, "answers that equal the reference once case, punctuation "
                "and articles are taken away; for free text this is near zero for any honest system."),
        Measure("accuracy", "Accuracy, %", "percent", 1, "questions answered with the right option."),
        Measure("macro_f1", "Macro F1", "share", 1, "F1 of each class, averaged over the classes."),
        Measure("bleu", "BLEU", "share", 1, "runs of one to four words shared with the reference, over all answers "
                "together, from 0 to 1."),
        Measure("chrf", "chrF", "share", 1, "runs of letters shared with the reference, from 0 to 1."),
        Measure("rouge1", "ROUGE-1", "share", 1, "single words shared with the reference (F-measure)."),
        Measure("rouge2", "ROUGE-2", "share", 1, "pairs of neighbouring words shared with the reference (F-measure)."),
        Measure("rougeL", "ROUGE-L", "share", 1, "the longest sequence of words that stands in both texts in the same "
                "order (F-measure)."),
        Measure("rougeLsum", "ROUGE-Lsum", "share", 1, "ROUGE-L counted line by line."),
        Measure("token_f1", "Token F1", "share", 1, "the balance between how many of the reference's words were said "
                "and how many of the words said stand in the reference."),
        Measure("similarity", "Similarity", "share", 1, "closeness of answer and reference to a sentence model (cosine), at "
                "most 1. Texts on one topic lie close together whether or not they agree."),
        Measure("perplexity", "Perplexity", "plain", -1, "how much the reference answer surprises the model, per token; "
                "1 is no surprise, lower is better. It can't be compared between tokenizers."),
        Measure("bits_per_byte", "Bits per byte", "share", -1, "surprise of the reference answer per byte of text; "
                "lower is better, and tokenizers can be compared."),
        Measure("dev_loss", "Held-out loss", "share", -1, "mean surprise per token (nats) on answers kept out of "
                "training; lower is better."),
        Measure("length_words", "Answer length, words", "plain", 0, "words in an answer. Overlap scores move with "
                "length, so read them together."),
        Measure("reading_grade", "Reading grade", "plain", 0, "school years (US grades) that the answers ask of a reader, by "
                "the length of sentences and words (Flesch-Kincaid)."),
        Measure("repetition", "Repetition", "share", -1, "share of an answer's runs of four words that stood in it before."),
        Measure("seconds_median", "Seconds per answer", "plain", -1, "median wall time of a complete answer, asked one "
                "at a time after a warm-up. Longer answers take longer."),
        Measure("seconds_p95", "Seconds, 95th percentile", "plain", -1, "nineteen answers in twenty were done by then."),
        Measure("first_token_seconds", "Seconds to first token", "plain", -1, "how long until the first word appears."),
        Measure("tokens_per_second", "Tokens per second", "plain", 1, "generation speed."),
    )
}  # fmt: skip
LEVEL = 0.05  # of adjusted p-values
SPEED = ("seconds_median", "seconds_p95", "first_token_seconds", "tokens_per_second")
MAIN = ("exact_match", "bleu", "rouge1", "rouge2", "rougeL", "token_f1", "perplexity", "length_words",
        "seconds_median", "tokens_per_second")  # fmt: skip


def measure(name: str) -> Measure:
    """The measure called ``name``; an unknown one is shown under its own name, with no claim on which way is better."""
    whole, _, part = name.partition(".")
    if part and whole in MEASURES:
        return replace(MEASURES[whole], name=name, label=f"{MEASURES[whole].label}, {part}")
    return MEASURES.get(name) or Measure(name, name.replace("_", " "), "plain", 0, "")


def number(value: float | None, kind: str = "plain") -> str:
    """A number for people: ``percent`` and ``share`` take shares of 1; ``plain`` keeps three figures."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return "no number" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if kind == "percent":
        return f"{100 * value:.1f}".replace("-", "−")
    if kind == "share":
        return f"{value:.3f}".replace("-", "−")
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}".replace("-", "−")


def signed(value: float | None, kind: str = "plain") -> str:
    """``number`` with its sign written out."""
    shown = number(value, kind)
    return f"+{shown}" if value is not None and value > 0 and math.isfinite(value) else shown


def interval(low: float | None, high: float | None, kind: str = "plain", *, sign: bool = False) -> str:
    """``[low, high]``, or nothing when there is no interval."""
    if low is None or high is None:
        return ""
    show = signed if sign else number
    return f"[{show(low, kind)}, {show(high, kind)}]"


def count(value: float | None) -> str:
    """A whole number with thousands separated."""
    return NOTHING if value is None else f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def size(value: float | None) -> str:
    """Bytes in the nearest binary unit."""
    if value is None:
        return NOTHING
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def duration(seconds: float | None) -> str:
    """Seconds in words: ``42 s``, ``7 min 3 s``, ``1 h 12 min``."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def capital(text: str) -> str:
    """``text`` with its first letter large."""
    return text[:1].upper() + text[1:]


def p_value(value: float | None) -> str:
    """A p-value to three places, never shown as zero."""
    return NOTHING if value is None else "<\u00a00.001" if value < 0.001 else f"{value:.3f}"


def title(report: Report, name: str) -> str:
    """A system's title, or its name."""
    return next(
        (str(item.get("title") or name) for item in report.get("systems") or [] if item.get("name") == name), name
    )


def measured(system: System, name: str) -> Measured:
    """What a system's metrics or speed hold under ``name``; an empty record when nothing was measured."""
    return (system.get("metrics") or {}).get(name) or (system.get("speed") or {}).get(name) or {}


def graded(report: Report) -> str:
    """How many questions the scores rest on, in words."""
    sizes = {
        size
        for system in report.get("systems") or []
        for score in (system.get("metrics") or {}).values()
        if score and (size := score.get("n"))
    }
    if not sizes:
        return ""
    low, high = min(sizes), max(sizes)
    return f"n = {count(low)} questions" if low == high else f"n = {count(low)} to {count(high)} questions"


def results(report: Report) -> Table | None:
    """The main table: one row a system, one column a measure, in the order of the published tables it answers to."""
    systems = report.get("systems") or []
    if not systems:
        return None
    names = [name for name in MAIN if any(measured(system, name) for system in systems)]
    rest = f", {found}" if (found := graded(report)) else ""
    caption = f"Results on held-out questions{rest}. Value over all of them first; in brackets its 95 % interval."
    notes = []
    if any(_shows_maximum(measured(system, name), measure(name)) for system in systems for name in names):
        notes.append(
            "max: the best single answer. Published tables print it; it is no measure of a system, since one lucky "
            "answer makes it 1."
        )
    if any(not measured(system, name) for system in systems for name in names):
        notes.append(f"{NOTHING}: not measured for this system.")
    notes += report.get("notes") or []
    return _systems_table("results", caption, report, names, notes)


def speed(report: Report) -> Table | None:
    """Speed of every system, with the percentiles that the main table has no room for."""
    names = [name for name in SPEED if any(measured(system, name) for system in report.get("systems") or [])]
    if not names:
        return None
    sizes = {
        int(n) for system in report.get("systems") or [] for name in names if (n := measured(system, name).get("n"))
    }
    rest = f" n = {' to '.join(count(n) for n in sorted({min(sizes), max(sizes)}))} answers a system." if sizes else ""
    caption = f"Speed, each answer asked alone after a warm-up, with 95 % intervals.{rest}"
    return _systems_table("speed", caption, report, names, [], heading_notes=False)


def others(report: Report) -> Table | None:
    """Measures that the main table has no column for."""
    names = {name for system in report.get("systems") or [] for name in system.get("metrics") or {}} - {*MAIN, *SPEED}
    names = {name for name in names if "." not in name}
    caption = "Further measures, with 95 % intervals."
    return _systems_table("others", caption, report, sorted(names), [], heading_notes=False) if names else None


def parts(report: Report) -> Table | None:
    """The parts of measures (``rouge1.precision``), which would crowd the table of further measures."""
    systems = report.get("systems") or []
    names = [name for name in dict.fromkeys(n for item in systems for n in item.get("metrics") or {}) if "." in name]
    if not names:
        return None
    caption = (
        "Precision (how much of what was said stands in the reference) and recall (how much of the reference was said), "
        "with 95 % intervals."
    )
    notes = ["Short answers gain precision and lose recall, long ones the reverse."]
    return _systems_table("parts", caption, report, names, notes, heading_notes=False)


def wordings(report: Report) -> Table | None:
    """The prompts that the base was tried with, and how they did on development rows."""
    record = report.get("wordings") or {}
    if not record.get("wordings"):
        return None
    rows = tuple(
        (
            Cell(str(item.get("name", "?")), faint="chosen" if item.get("name") == record.get("chosen") else ""),
            Cell(str(item.get("instruction") or NOTHING)),
            Cell(str(item.get("question") or NOTHING)),
            score_cell(
                cast(Measured, item.get("score") or {}), replace(measure(str(record.get("metric", ""))), better=0)
            ),
            Cell(number(item.get("words"))),
            Cell(count(item.get("tokens"))),
        )
        for item in record["wordings"]
    )
    metric = measure(str(record.get("metric", ""))).label
    caption = (
        f"Prompts tried on {count(record.get('rows'))} development rows; none of them is graded. The best by {metric} is the "
        f"system best_prompt. All of it took {count(record.get('answers'))} answers, {count(record.get('tokens'))} new tokens."
    )
    columns = ("Prompt", "Instruction", "Question", metric, "Words", "New tokens")
    return Table("wordings", caption, columns, rows, words=frozenset({1, 2}))


def comparisons(report: Report) -> list[Table]:
    """Paired differences, one table a pair of systems: interval, p-value and what they say in words."""
    pairs: dict[tuple[str, str], list[Difference]] = {}
    for item in report.get("comparisons") or []:
        pairs.setdefault((item.get("a", "?"), item.get("b", "?")), []).append(item)
    return [_comparisons(a, b, items, number) for number, ((a, b), items) in enumerate(pairs.items(), 1)]


def chance(report: Report) -> str:
    """How to read the differences: all were judged together, or (reports of earlier versions) some by their interval alone."""
    together = all("p_adjusted" in item for item in report.get("comparisons") or [])
    return CHANCE if together else EARLIER


def in_words(item: Difference) -> str:
    """Whether ``a`` did better than ``b``: by the interval, and by the p-value that allows for all comparisons of the report."""
    low, high = item.get("low"), item.get("high")
    if low is None or high is None:
        return "no interval"
    if low <= 0 <= high:
        return "no measurable difference"
    if (item.get("p_adjusted") or 0.0) >= LEVEL:
        return "no measurable difference: one of several, may be chance"
    known = measure(item.get("metric", ""))
    name = capital(item.get("a", "?"))
    above = low > 0
    if not known.better:
        return f"{name}: more" if above else f"{name}: less"
    return f"{name} scores better" if above == (known.better > 0) else f"{name} scores worse"


def could_show(item: Difference) -> str:
    """What a comparison without a measured difference could have shown; nothing where one was measured."""
    known = measure(item.get("metric", ""))
    size, needed = item.get("detectable"), item.get("items_needed")
    if not in_words(item).startswith("no measurable") or size is None:
        return ""
    small = f"would show ±{number(size, known.kind)}"
    return f"{small}; this one takes {round_up(needed)} questions" if needed else small


def round_up(size: int) -> str:
    """A number in two figures: ``1,300``; above a million it is only that."""
    unit = 10 ** max(0, len(str(size)) - 2)
    return f"{-(-size // unit) * unit:,}" if size <= 1_000_000 else "over a million"


def endings(report: Report) -> Table | None:
    """How the answers of each system ended."""
    systems = [system for system in report.get("systems") or [] if system.get("endings")]
    if not systems:
        return None
    found = [name for system in systems for name in system["endings"]]
    kinds = list(dict.fromkeys([*ENDINGS, *found]))
    rows = []
    for system in systems:
        total = sum(system["endings"].values())
        cells = [Cell(count(k), faint=_part(k, total)) for k in (system["endings"].get(kind, 0) for kind in kinds)]
        rows.append((_heading(report, system, note=False), *cells, Cell(count(total))))
    return Table(
        "endings",
        "How the answers ended, in answers and per cent.",
        ("System", *(capital(kind) for kind in kinds), "All"),
        tuple(rows),
        ("Cut by length: the model had not finished when the limit of new tokens was reached. Repeats itself: the same "
         "words over and over at the end.",),
    )  # fmt: skip


def epochs(report: Report) -> Table | None:
    """The learning curves as numbers."""
    items = report.get("epochs") or []
    names = list(dict.fromkeys(name for item in items for name in item if name != "epoch" and item[name]))
    if not items or not names:
        return None
    rows = tuple(
        (
            Cell(count(item.get("epoch"))),
            *(score_cell(cast(Measured, item.get(name) or {}), measure(name)) for name in names),
        )
        for item in items
    )
    return Table("epochs", "Development questions by epoch, with 95 % intervals. Epoch 0 is the model before training.",
                 ("Epoch", *(measure(name).label for name in names)), rows)  # fmt: skip


def sources(report: Report) -> Table | None:
    """Rows in, dropped by reason, kept; a row that does not add up says so."""
    items = account(report).get("sources") or {}
    if not items:
        return None
    reasons = list(dict.fromkeys(reason for item in items.values() for reason in item.get("dropped") or {}))
    rows = [_source(source_title(report, name), item, reasons) for name, item in items.items()]
    if len(items) > 1:
        total: DataSourceRows = {
            "rows_in": sum(item.get("rows_in") or 0 for item in items.values()),
            "kept": sum(item.get("kept") or 0 for item in items.values()),
            "dropped": {
                reason: sum((item.get("dropped") or {}).get(reason, 0) for item in items.values()) for reason in reasons
            },
        }
        rows.append(_source("All", total, reasons))
    columns = ("Source", "Rows read", *(capital(reason.replace("_", " ")) for reason in reasons), "Kept")
    return Table("sources", "Where the rows went: rows read = dropped, by reason, + kept.", columns, tuple(rows))


def splits(report: Report) -> Table | None:
    """Rows and groups of each part, and how many came from each source."""
    data = account(report)
    items = data.get("sources") or {}
    parts = [part for part in PARTS if any(part in item for item in items.values())]
    if not parts:
        return None
    columns = ["Part", "Rows", "Groups", *(f"From {source_title(report, name)}" for name in items)]
    rows = []
    for part in parts:
        counts = [int(item.get(part) or 0) for item in items.values()]  # type: ignore[call-overload]
        from_each = [Cell(count(number), faint=_part(number, sum(counts))) for number in counts]
        groups = (data.get("groups") or {}).get(part)
        rows.append((Cell(PARTS[part]), Cell(count(sum(counts))), Cell(count(groups)), *from_each))
    caption = "The parts. Rows that belong together form a group, and a group stands in one part only."
    joined = (data.get("groups") or {}).get("joined_by")
    notes = (f"Rows are grouped by {joined}.",) if joined else ()
    return Table("splits", caption, tuple(columns), tuple(rows), notes)


def licences(report: Report) -> Table | None:
    """Terms of each source."""
    items = account(report).get("sources") or {}
    if not any(item.get("licence") for item in items.values()):
        return None
    rows = tuple(
        (
            Cell(source_title(report, name)),
            Cell(str(item.get("licence") or "not stated")),
            Cell(str(item.get("citation") or item.get("address") or NOTHING)),
        )
        for name, item in items.items()
    )
    caption = "Terms of each source, and whom to credit."
    return Table("licences", caption, ("Source", "Licence", "Credit"), rows, words=frozenset({1, 2}))


def identifiers(report: Report) -> Table | None:
    """Possible identifiers of people by class and source, and what was done about them."""
    found = (account(report).get("identifiers") or {}).get("by_source") or {}
    if not any(item.get("found") for item in found.values()):
        return None
    kinds = list(dict.fromkeys(kind for item in found.values() for kind in item.get("by_class") or {}))
    done = {"report": "left as they are", "deidentify": "replaced by surrogates", "stop": "none found"}
    rows = tuple(
        (
            Cell(source_title(report, name)),
            Cell(count(item.get("found"))),
            Cell(count(item.get("rows_with"))),
            *(Cell(count((item.get("by_class") or {}).get(kind, 0))) for kind in kinds),
            Cell(
                "run stopped"
                if item.get("policy") == "stop" and item.get("found")
                else done.get(str(item.get("policy")), "")
            ),
        )
        for name, item in found.items()
    )
    columns = ("Source", "Found", "Rows with any", *map(capital, kinds), "What was done")
    caption = "Possible identifiers of people in the rows of all parts, by class. A program finds them: some are false alarms."
    return Table("identifiers", caption, columns, rows, words=frozenset({len(columns) - 1}))


def data_notes(report: Report) -> list[str]:
    """What else there is to say about the data, a sentence each."""
    data = account(report)
    items = data.get("sources") or {}
    said = [*(data.get("said") or []), *(sentence for item in items.values() for sentence in item.get("said") or [])]
    if data.get("cut"):
        said.append(f"Cut at the longest length that the config allows: {count(data['cut'])} rows.")
    for name, item in items.items():
        if steps := item.get("cleaned"):
            shown = ", ".join(f"{step.replace('_', ' ')} ({count(number)})" for step, number in steps.items())
            said.append(f"{source_title(report, name)}, rows changed by cleaning: {shown}.")
    if passed := data.get("passed_over"):
        shown = ", ".join(f"{reason.replace('_', ' ')} ({count(number)})" for reason, number in passed.items())
        said.append(f"Passed over when development and evaluation rows were drawn: {shown}.")
    if repeated := (data.get("repeated_questions") or {}).get("questions_with_several_answers"):
        said.append(f"{count(repeated)} questions have several answers; each of them counts as a reference.")
    said += _copies(data.get("duplicates") or {})
    if "on_two_sides" in (data.get("overlaps") or {}):
        overlaps = data["overlaps"]
        compared = ", ".join(
            f"{key.replace('_', ' ')} ({count(n)})" for key, n in (overlaps.get("values_compared") or {}).items()
        )
        said.append(
            f"Found in two parts: {count(overlaps['on_two_sides'])}{f'. Compared: {compared}' if compared else ''}."
        )
    return list(dict.fromkeys(said))


def _copies(found: Mapping[str, Any]) -> list[str]:
    """How many rows say what others say, and what was done about it."""
    kinds = (("equal_answers", "equal longer answers"), ("near_answers", "nearly equal answers"))
    counts = [
        f"{words} ({count(found[key]['rows'])} rows in {count(found[key]['clusters'])} clusters)"
        for key, words in (*kinds, ("near_questions", "questions in nearly the same words"))
        if (found.get(key) or {}).get("rows")
    ]
    if not counts:
        return []
    done = {
        "apart": "Those with a copy in another group were not graded on",
        "drop": "Of those with such answers the first was kept",
        "report": "Nothing was done about them, so grades may come out too well",
    }
    return [f"Rows that say what others say: {', '.join(counts)}. {done.get(found.get('asked', ''), 'Counted')}."]


def exams(report: Report) -> Table | None:
    """Overlaps of training rows with the questions of each exam that was compared."""
    found = account(report).get("exams") or {}
    if not found.get("compared"):
        return None
    rows = tuple(
        (Cell(name), *(Cell(count(item.get(key))) for key in ("questions", "whole", "words", "characters", "any")))
        for name, item in (found.get("exams") or {}).items()
    )
    columns = ("Exam", "Questions", "Found whole", "By 13 words", "By 50 characters", "In any way")
    caption = "Exam questions that overlap with training rows."
    return Table("exams", caption, columns, rows, (str(found.get("meaning") or ""),))


def source_title(report: Report, name: str) -> str:
    """A data source's title, or its name."""
    return str((account(report).get("sources") or {}).get(name, {}).get("title") or name)


def training(report: Report) -> list[tuple[str, str]]:
    """What training took, as label and value."""
    record = report.get("training") or {}
    shown = [
        ("Optimiser steps", count(record.get("steps"))),
        ("Epochs", count(record.get("epochs"))),
        ("Training rows", count(record.get("rows"))),
        ("Tokens read", count(record.get("tokens"))),
        ("Tokens learned (answers only)", count(record.get("learned_tokens"))),
        ("Time", duration(record.get("seconds"))),
        ("Tokens per second", number(record.get("tokens_per_second"))),
        ("Peak memory", size(record.get("peak_memory_bytes"))),
        ("Kept adapter, of epoch", count(record.get("best_epoch"))),
    ]
    return [(label, value) for label, value in shown if value != NOTHING]


def model(report: Report) -> list[tuple[str, str]]:
    """The model, as label and value."""
    record = report.get("model") or {}
    shown = [
        ("Model", str(record.get("name") or NOTHING)),
        ("Note", str(record.get("note") or NOTHING)),
        ("Parameters", count(record.get("parameters"))),
        ("Trained (adapter) parameters", _trainable(record.get("trainable"), record.get("parameters"))),
        ("Precision", str(record.get("precision") or NOTHING)),
        ("Device", str(record.get("device") or NOTHING)),
        ("Code path", str(record.get("path") or NOTHING)),
        ("Licence", str(record.get("licence") or NOTHING)),
    ]
    return [(label, value) for label, value in shown if value != NOTHING]


def machine(report: Report) -> list[tuple[str, str]]:
    """The machine and the versions, as label and value."""
    shown = []
    for key, value in (report.get("machine") or {}).items():
        label = key.removesuffix("_bytes").replace("_", " ").capitalize()
        if value is None or value == "":
            continue
        if key.endswith("_bytes") and isinstance(value, int | float):
            shown.append((label, size(value)))
        elif isinstance(value, Mapping):
            shown.append((label, ", ".join(f"{name} {item}" for name, item in value.items())))
        elif isinstance(value, list | tuple):
            shown.append((label, ", ".join(map(str, value))))
        else:
            shown.append((label, str(value)))
    return shown


def meanings(report: Report) -> list[tuple[str, str]]:
    """Label and plain meaning of every measure that the report shows."""
    systems = report.get("systems") or []
    names = {name for system in systems for part in ("metrics", "speed") for name in system.get(part) or {}}  # type: ignore[attr-defined]
    names |= {name for item in report.get("epochs") or [] for name in item}
    return [(item.label, item.meaning) for item in MEASURES.values() if item.name in names]


def _systems_table(
    name: str, caption: str, report: Report, names: Sequence[str], notes: list[str], *, heading_notes: bool = True
) -> Table:
    rows = tuple(
        (
            _heading(report, system, note=heading_notes),
            *(score_cell(measured(system, item), measure(item)) for item in names),
        )
        for system in report.get("systems") or []
    )
    return Table(name, caption, ("System", *(measure(item).label for item in names)), rows, tuple(notes))


def _heading(report: Report, system: System, *, note: bool = True) -> Cell:
    text = str(system.get("note") or "")
    model_note = str((report.get("model") or {}).get("note") or "")
    if system.get("name") == "base" and model_note and model_note.rstrip(".") not in text:
        text = f"{text} {capital(model_note).rstrip('.')}.".strip()
    return Cell(capital(title(report, str(system.get("name") or "?"))), small=capital(text) if note else "")


def score_cell(score: Measured, known: Measure) -> Cell:
    """A value, its interval, and what else is to be said of it."""
    faint = []
    if _shows_maximum(score, known):
        faint.append(f"max {number(score['maximum'], known.kind)}")
    if score.get("unread"):
        faint.append(f"{count(score['unread'])} unread")
    if score.get("cut"):
        faint.append(f"{count(score['cut'])} cut by the limit")
    return Cell(
        number(score.get("value"), known.kind),
        interval(score.get("low"), score.get("high"), known.kind),
        ", ".join(faint),
    )


def _shows_maximum(score: Measured, known: Measure) -> bool:
    """Published tables print the best answer's overlap score; the best length or perplexity says nothing."""
    shown = known.kind == "share" and known.better > 0 and "." not in known.name
    return score.get("maximum") is not None and shown


def _comparisons(a: str, b: str, items: Sequence[Difference], number: int) -> Table:
    sizes = {item.get("n") for item in items}
    same = len(sizes) == 1
    size = sizes.pop() if same else None
    rest = f", n = {count(size)} questions" if size else ""
    judged = any(item.get("p_adjusted") is not None for item in items)
    columns = (
        "Measure",
        "Difference",
        "p",
        *(("p, adjusted",) if judged else ()),
        *(() if same else ("n",)),
        "In words",
    )
    return Table(
        f"comparisons-{number}",
        f"{capital(a)} minus {b}{rest}. Brackets: 95 % interval.",
        columns,
        tuple(_comparison(item, counted=not same, judged=judged) for item in items),
        words=frozenset({len(columns) - 1}),
    )


def difference_cell(item: Difference) -> Cell:
    """A difference with its sign, and its interval."""
    known = measure(item.get("metric", ""))
    ends = interval(item.get("low"), item.get("high"), known.kind, sign=True)
    return Cell(signed(item.get("difference"), known.kind), ends)


def _comparison(item: Difference, *, counted: bool, judged: bool) -> tuple[Cell, ...]:
    return (
        Cell(measure(item.get("metric", "")).label),
        difference_cell(item),
        Cell(p_value(item.get("p_value"))),
        *([Cell(p_value(item.get("p_adjusted")))] if judged else []),
        *([Cell(count(item.get("n")))] if counted else []),
        Cell(in_words(item), could_show(item)),
    )


def _source(name: str, item: DataSourceRows, reasons: Sequence[str]) -> tuple[Cell, ...]:
    rows, kept, dropped = item.get("rows_in"), item.get("kept"), item.get("dropped") or {}
    note = ""
    if rows is not None and kept is not None and (off := rows - kept - sum(dropped.values())):
        note = f"Does not add up: {count(abs(off))} rows {'unaccounted for' if off > 0 else 'too many'}."
    return (
        Cell(name, small=note),
        Cell(count(rows)),
        *(Cell(count(dropped.get(reason, 0))) for reason in reasons),
        Cell(count(kept), faint=_part(kept, rows)),
    )


def _part(part: float | None, whole: float | None) -> str:
    return f"{100 * part / whole:.0f} %" if part is not None and whole else ""


def _trainable(trained: Any, parameters: Any) -> str:
    if not trained:
        return NOTHING
    return f"{count(trained)} ({100 * trained / parameters:.2f} %)" if parameters else count(trained)
