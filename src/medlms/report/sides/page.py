"""A comparison of runs as one HTML page: what the numbers say, where the sides differ, and the rows to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from medlms.report import page as house
from medlms.report import tables as shared
from medlms.report.shape import Report
from medlms.report.sides import tables
from medlms.report.sides.tables import Found
from medlms.report.untrusted import as_html, one_line

OPEN = 3
"""Rows of a list that are open; the others unfold."""


def html(found: Found) -> str:
    """The whole page; every text escaped, nothing fetched."""
    sections = [
        ("differences", "Differences", _differences(found)),
        ("slices", "Where they differ", _slices(found)),
        *(
            (
                f"apart-{at}",
                f"Where {as_html(part['better'])} is furthest ahead of {as_html(part['worse'])}",
                _list(found, part["rows"]),
            )
            for at, part in enumerate(found["apart"], 1)
        ),
        *(
            (f"worst-{at}", f"The worst of {as_html(part['side'])}", _list(found, part["rows"]))
            for at, part in enumerate(found["worst"], 1)
        ),
    ]
    shown = [(name, title, body) for name, title, body in sections if body]
    report = _report(found)
    head = house.head(
        report,
        [(name, title) for name, title, _ in shown],
        subtitle=" and ".join(system["title"] for system in found["systems"]),
        facts=house.facts_html(_facts(found)),
        heading="What the comparison says",
    )
    return house.document(str(report.get("run")), head, shown, _foot(found))


def _report(found: Found) -> Report:
    names = " against ".join(system["name"] for system in found["systems"])
    return cast(Report, {**found, "run": names, "warnings": []})


def _facts(found: Found) -> list[tuple[str, str | None, str | None]]:
    return [
        ("Questions", shared.count(found["items"]), f"in {shared.count(found['groups'])} groups that stay together"),
        ("Rows ordered by", shared.measure(found["metric"]).label, None),
        *((f"Model of {as_html(system['name'])}", system["model"], None) for system in found["systems"]),
    ]


def _differences(found: Found) -> str:
    notes = "".join(f'<p class="notes">{as_html(note)}</p>' for note in tables.notes(found))
    both = [*tables.differences(found), *tables.scores(found)]
    return "".join(house.table_html(table, "stack") for table in both) + notes


def _slices(found: Found) -> str:
    parts = "".join(house.table_html(table, "stack") for table in tables.sliced(found))
    return f'<p class="lead">{tables.MANY}</p>{parts}' if parts else ""


def _list(found: Found, rows: Sequence[Found]) -> str:
    if not rows:
        return "<p>No such question.</p>"
    lead = (
        f"Ordered by {as_html(_label(found))}. A low score says that the words differ from the reference, not that an answer is "
        "wrong: read both."
    )
    cards = [_card(found, row) for row in rows]
    rest = cards[OPEN:]
    more = (
        f"<details><summary>{house.plural(len(rest), 'more question')}</summary>{''.join(rest)}</details>"
        if rest
        else ""
    )
    return f'<p class="lead">{lead}</p>{"".join(cards[:OPEN])}{more}'


def _card(found: Found, row: Found) -> str:
    known = shared.measure(found["metric"])
    meta = ", ".join(
        f"{label} {as_html(one_line(row[key]))}"
        for label, key in (("topic:", "topic"), ("type:", "kind"), ("id", "id"))
        if row.get(key)
    )
    answers = {
        name: {**answer, "facts": [f"{_label(found)} {shared.number(answer['value'], known.kind)}"]}
        for name, answer in row["answers"].items()
    }
    return house.question_html(_report(found), row["question"], meta, house.reference_html(row["reference"]), answers)  # type: ignore[arg-type]


def _label(found: Found) -> str:
    label = shared.measure(found["metric"]).label.removesuffix(", %")
    return label if label[1:2].isupper() else label[0].lower() + label[1:]


def _foot(found: Found) -> str:
    return (
        f'<footer><div class="wrap">Made by MedLMs {as_html(found["version"])} from the runs\' predictions with '
        f"<code>{as_html(found['command'])}</code>. This page loads nothing from elsewhere.</div></footer>\n"
    )
