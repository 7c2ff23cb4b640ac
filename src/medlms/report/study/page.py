"""A study's report as one HTML page, in the same look as a run's: no script, nothing fetched, every text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from medlms.report import page as house
from medlms.report import tables as shared
from medlms.report.plots import Plot
from medlms.report.shape import Report
from medlms.report.study import growth, tables
from medlms.report.study.shape import StudyReport
from medlms.report.untrusted import as_html

LEAD_DIFFERENCES = (
    "Every question is answered by both systems, and the two scores are subtracted question by question. That is a sharper "
    "comparison than holding two intervals of the results table against each other."
)


def html(report: StudyReport, drawn: Sequence[Plot], missing_plots: str = "") -> str:
    """The whole page. ``missing_plots`` says why there are no charts, when there are none for a reason."""
    content = cast(Report, report)
    sections = [
        ("results", "Results", _results(report)),
        ("curves", _curves_title(drawn), _curves(report, drawn)),
        ("differences", "Paired differences", _differences(report, drawn)),
        ("learning", "Learning curves", _learning(report, drawn)),
        ("cost", "Memory and time", _cost(report, drawn)),
        ("points", "Points", _optional(tables.points(report), "stack")),
        ("how", "How it was run", _how(report)),
        ("warnings", "Warnings", house.warnings(content, missing_plots)),
    ]
    shown = [(name, title, body) for name, title, body in sections if body]
    head = house.head(
        content,
        [(name, title) for name, title, _ in shown],
        subtitle=_subtitle(report),
        facts=_facts(report),
        heading="Findings",
    )
    return house.document(
        report.get("run") or "study", head, shown, house.foot(content).replace(" and steps.jsonl", "")
    )


def _subtitle(report: StudyReport) -> str:
    keys = ", ".join(report.get("varied") or [])
    return f"Study over {keys}" if keys else "Several runs side by side"


def _facts(report: StudyReport) -> str:
    points, groups = report.get("points") or [], report.get("groups") or []
    done = sum(item.get("state") == "finished" for item in points)
    seeds = sorted({len(group.get("seeds") or []) for group in groups})
    models = dict.fromkeys(str((group.get("model") or {}).get("name") or "?") for group in groups)
    sizes = sorted(
        {
            n
            for row in report.get("systems") or []
            for item in (row.get("metrics") or {}).values()
            if (n := item.get("n"))
        }
    )
    spent = sum(
        ((group.get("training") or {}).get("seconds") or {}).get("value", 0) * len(group.get("seeds") or [])
        for group in groups
    )
    return house.facts_html(
        [
            ("Points", shared.count(len(points)), f"{shared.count(done)} finished"),
            ("Seeds a point", " to ".join(map(shared.count, dict.fromkeys((seeds[0], seeds[-1])))) if seeds else "", ""),
            ("Base models" if len(models) > 1 else "Base model", ", ".join(models), ""),
            ("Graded on", f"{' to '.join(map(shared.count, dict.fromkeys((sizes[0], sizes[-1]))))} questions" if sizes else "",
             "the same for all points" if len({row.get("test") for row in report.get("systems") or []}) == 1 else ""),
            ("Training time", shared.duration(spent) if spent else "", "all points together"),
        ]
    )  # fmt: skip


def _results(report: StudyReport) -> str:
    table = tables.results(report)
    if table is None:
        return ""
    meanings = "".join(
        f"<dt>{as_html(label)}</dt><dd>{as_html(shared.capital(meaning))}</dd>"
        for label, meaning in tables.meanings(report)
    )
    return (
        house.table_html(table, "results stack")
        + f'<p class="caution">{as_html(shared.CAUTION)}</p>'
        + f'<h3>What the columns mean</h3><dl class="meanings">{meanings}</dl>'
    )


def _curves_title(drawn: Sequence[Plot]) -> str:
    return "Scores over what was varied" if _named(drawn, "-over-") else "Scores by point"


def _curves(report: StudyReport, drawn: Sequence[Plot]) -> str:
    return house.figures_html(_named(drawn, "-over-", "-by-point")) + _optional(growth.table(report), "stack")


def _differences(report: StudyReport, drawn: Sequence[Plot]) -> str:
    base, between = tables.against_base(report), tables.between(report)
    if base is None and between is None:
        return ""
    return (
        f'<p class="lead">{LEAD_DIFFERENCES}</p>'
        + house.figures_html(_named(drawn, "against-base"))
        + _optional(base, "stack")
        + (f"<h3>Between points</h3>{_optional(between, 'stack')}" if between else "")
        + f'<p class="notes">{as_html(shared.chance(cast(Report, report)))}</p>'
    )


def _learning(report: StudyReport, drawn: Sequence[Plot]) -> str:
    found = [*(tables.epochs(report, metric) for metric in ("token_f1", "dev_loss")), tables.knees(report)]
    return house.figures_html(_named(drawn, "-by-epoch", "loss-by-step")) + "".join(
        _optional(table, "stack") for table in found
    )


def _cost(report: StudyReport, drawn: Sequence[Plot]) -> str:
    return house.figures_html(_named(drawn, "training-time", "peak-memory")) + _optional(tables.cost(report), "stack")


def _how(report: StudyReport) -> str:
    command = (
        f"<h3>To repeat this study</h3><pre><code>{as_html(report['command'])}</code></pre>"
        if report.get("command")
        else ""
    )
    machine = tables.model_pairs(report)
    config = report.get("config")
    return (
        command
        + (f"<h3>Machine</h3>{house.pairs_html(machine)}" if machine else "")
        + (f"<h3>Study file</h3><pre><code>{as_html(house.as_yaml(config))}</code></pre>" if config else "")
    )


def _named(drawn: Sequence[Plot], *parts: str) -> list[Plot]:
    return [plot for plot in drawn if any(part in plot.name for part in parts)]


def _optional(table: shared.Table | None, kind: str) -> str:
    return house.table_html(table, kind) if table else ""
