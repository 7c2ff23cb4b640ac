"""A comparison of runs as Markdown: the same tables and rows as the page."""

from __future__ import annotations

from collections.abc import Sequence

from medlms.report import markdown as house
from medlms.report import tables as shared
from medlms.report.sides import tables
from medlms.report.sides.tables import Found
from medlms.report.untrusted import as_markdown, one_line


def markdown(found: Found) -> str:
    """The whole comparison."""
    names = " against ".join(system["name"] for system in found["systems"])
    verdict = [as_markdown(sentence) for sentence in found["verdict"]]
    both = [*tables.differences(found), *tables.scores(found)]
    parts = [
        f"# {as_markdown(one_line(names))}",
        house.bullets(system["title"] for system in found["systems"]),
        " ".join([f"**{verdict[0]}**", *verdict[1:]]) if verdict else "",
        f"> {shared.NOTICE}",
        house.section("Differences", [*map(house.table, both), *map(as_markdown, tables.notes(found))]),
        house.section("Where they differ", [tables.MANY, *map(house.table, tables.sliced(found))]),
        *(
            house.section(
                f"Where {as_markdown(part['better'])} is furthest ahead of {as_markdown(part['worse'])}",
                _rows(found, part["rows"]),
            )
            for part in found["apart"]
        ),
        *(
            house.section(f"The worst of {as_markdown(part['side'])}", _rows(found, part["rows"]))
            for part in found["worst"]
        ),
        house.section("How it was made", [house.fenced(found["command"], "sh")]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(found: Found, rows: Sequence[Found]) -> list[str]:
    known = shared.measure(found["metric"])
    parts = []
    for row in rows:
        about = ", ".join(as_markdown(one_line(row[key])) for key in ("topic", "kind", "id") if row.get(key))
        parts += [f"### {as_markdown(one_line(row['question'] or '(no question)'))}", about]
        if row["reference"]:
            parts += ["**Reference**", house.quoted(row["reference"])]
        for name, answer in row["answers"].items():
            value = f"{known.label} {shared.number(answer['value'], known.kind)}"
            parts += [
                f"**{as_markdown(name)}** ({as_markdown(answer['ending'])}, {value})",
                house.quoted(answer["text"]),
            ]
    return parts or ["No such question."]
