"""What a training step costs as a page with plots: over row length, rows, tokens read at once, rank and uneven rows.

    python scripts/cost_page.py

Reads benchmarks/results/cost.json (`python benchmarks/cost.py`); writes docs/results/cost.md and docs/results/cost/*.svg. No
sentence of the page holds a number that was not read from the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "cost.json"
PAGE = ROOT / "docs" / "results" / "cost.md"
NAMES = {"ours": "MedLMs", "plain_padded": "peft, padded"}
MEMORY = "training_memory_bytes"
UNITS = {"seconds": ("s", 1.0), MEMORY: ("GB", 1e9)}
LABELS = {"seconds": "seconds a step", MEMORY: "peak memory, GB"}
STEMS = {"seconds": "seconds", MEMORY: "memory"}
Point = Mapping[str, Any]


@dataclass(frozen=True)
class Axis:
    """A part of the page: its title, what x is in a point and how it is called, and what is held fixed."""

    title: str
    x: str
    label: str
    said: str


AXES = {
    "length": Axis(
        "Row length",
        "longest",
        "tokens in a row",
        "Rows of one length, {tokens:,} tokens a step whatever the length, all read at once. Only attention's own products "
        "grow with a row's square; padding plays no part here, since rows are alike.",
    ),
    "rows": Axis(
        "Rows in a step",
        "tokens",
        "tokens in a step",
        "Rows of {longest} tokens, {few} to {many} a step, of which MedLMs reads at most {micro_tokens:,} tokens at once. "
        "The peer reads all rows of a step at once.",
    ),
    "micro_tokens": Axis(
        "Tokens read at once",
        "micro_tokens",
        "tokens read at once (train.micro_tokens)",
        "{rows} rows of {longest} tokens a step in all; only how many of them are read at once changes.",
    ),
    "rank": Axis("Rank", "rank", "rank (lora.r)", "{rows} rows of {longest} tokens a step, read at once."),
    "longest": Axis(
        "One long row among short ones",
        "longest",
        "tokens in the longest row",
        "{rows} rows and {tokens:,} tokens a step everywhere; the longest row grows and the others shrink. The first point "
        "has equal rows.",
    ),
}
HEAD = """# What a step costs

One optimiser step of LoRA (alpha {alpha:g}, dropout {dropout:g}, all linear layers, rank 16 unless said otherwise) on
{model} in {dtype}, {learned:.0f} % of each row learned: the step that `medlms train` runs. *peft, padded* is a
loop over transformers and peft without a trainer that reads the rows of a step as one batch, padded to the longest, with
all logits. Rows hold random tokens, so that their lengths are exact.

Each configuration ran in a process of its own, in shuffled order: a warm-up, then the steps counted under n, of which the
table gives the median and, from two on, a 95 % interval (with so few steps about their range). Memory is the
process's own peak once its model was loaded, libraries and weights included; *with loading* is its peak from its start on,
which reading the weights decides where steps are small.

{machine}
"""


def main() -> None:
    """Write the page and its plots."""
    held = json.loads(RESULT.read_text(encoding="utf-8"))
    folder = PAGE.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    for stem, svg in plots(held):
        (folder / f"{stem}.svg").write_text(svg, encoding="utf-8")
    PAGE.write_text(page(held), encoding="utf-8")
    print(PAGE)


def page(held: dict[str, Any]) -> str:
    """The whole page as Markdown."""
    machine, subject = held["machine"], held["subject"]
    described = (
        f"{machine['processor']}, {machine['threads']} threads on {machine['cores']} cores, torch {machine['torch']}."
    )
    if held["warnings"]:
        described += (
            "\n\n**Not to be trusted where other work used the processors:** " + "; ".join(held["warnings"]) + "."
        )
    if not held["complete"]:
        described += "\n\n**Not complete:** `python benchmarks/cost.py` measures the rest."
    lines = [
        HEAD.format(
            **{key: subject["lora"][key] for key in ("alpha", "dropout")},
            model=subject["model"],
            learned=100 * subject["learned_share"],
            dtype=" and ".join(sorted({row["settings"]["dtype"] for row in held["rows"]})) or "?",
            machine=described,
        )
    ]
    for name in AXES:
        lines += section(held, name)
    lines += [*lines_through(held["fits"]), *precision(held["axes"]["precision"]), *left_out(held["failed"])]
    lines += ["## Again", "", "```console", f"$ {held['command']}", "$ python scripts/cost_page.py", "```"]
    return "\n".join(lines) + "\n"


def section(held: dict[str, Any], name: str) -> list[str]:
    """An axis: what it is, what memory and time do in numbers, two plots, the table."""
    axis, points = AXES[name], held["axes"][name]
    known = [point for point in points if "missing" not in point]
    if not known:
        return []
    of_ours = [point for point in points if point["system"] == "ours"]
    fixed = {**of_ours[-1], "few": of_ours[0]["rows"], "many": of_ours[-1]["rows"]}
    lines = [f"## {axis.title}", "", axis.said.format(**fixed), "", *spread(known, axis), ""]
    lines += [f"![{plot_text(known, axis, metric)}](cost/{name}-{STEMS[metric]}.svg)" for metric in UNITS]
    return [*lines, "", CAPTION, "", *points_table(points, axis), ""]


def spread(points: Sequence[Point], axis: Axis) -> list[str]:
    """From the smallest to the largest x, each system's memory and time as a ratio."""
    said = []
    for system, name in NAMES.items():
        mine = sorted((point for point in points if point["system"] == system), key=lambda point: point[axis.x])
        if len(mine) > 1:
            first, last = mine[0], mine[-1]
            times = last["seconds"]["median"] / first["seconds"]["median"]
            memory = last[MEMORY] / first[MEMORY]
            said.append(
                f"- {name}, {axis.label.partition(' (')[0]} from {first[axis.x]:,} to {last[axis.x]:,}: "
                f"{times:.2f} times the seconds, {memory:.2f} times the memory."
            )
    return said


def points_table(points: Sequence[Point], axis: Axis) -> list[str]:
    """Every point of an axis; what is missing says why."""
    attention = any(point.get("attention_share") for point in points) and axis.x == "longest"
    head = [axis.label, "system", "rows", "tokens", "seconds", "95 %", "n", "tokens/s", "peak, GB", "with loading, GB"]
    lines = [[*head, *(["attention's share"] if attention else [])]]
    for point in sorted(points, key=lambda point: (point["system"], point[axis.x] if point[axis.x] else point["x"])):
        cells = [f"{point[axis.x]:,}", NAMES[point["system"]], f"{point['rows']}", f"{point['tokens']:,}"]
        if "missing" in point:
            lines.append([*cells, point["missing"], *[""] * (len(lines[0]) - len(cells) - 1)])
            continue
        took = point["seconds"]
        ends = "" if took["low"] is None else f"{took['low']:.2f} to {took['high']:.2f}"
        cells += [f"{took['median']:.2f}", ends, str(took["n"]), f"{point['tokens'] / took['median']:.0f}"]
        cells += [f"{point[name] / 1e9:.2f}" for name in (MEMORY, "peak_memory_bytes")]
        if attention:
            share = point["attention_share"]
            cells.append("" if share is None else f"{100 * share:.1f} %")
        lines.append(cells)
    return [*markdown(lines), *(["", ATTENTION] if attention else [])]


CAPTION = "Bars: 95 % intervals. Dashed, for seconds: the line through MedLMs' points that the table of lines holds."
ATTENTION = (
    "Attention's share is counted: its seven products forward and backward, of all operations of the step (frozen layers "
    "and head 4 a weight and token, LoRA)."
)


def lines_through(fits: Mapping[str, Any]) -> list[str]:
    """The straight lines and how well they hold."""
    if not fits:
        return []
    lines = [["line through MedLMs' points", "at 0", "each 1,000 more", "R²", "farthest point", "grown at the last"]]
    for name, fit in fits.items():
        unit, scale = UNITS[fit["metric"]]
        r2 = "" if fit["r2"] is None else f"{fit['r2']:.4f}"
        lines.append(
            [
                name,
                f"{fit['intercept'] / scale:.3f} {unit}",
                f"{1000 * fit['slope'] / scale:+.3f} {unit}",
                r2,
                f"{100 * fit['worst']:.1f} %",
                f"{100 * fit['share']:.0f} %",
            ]
        )
    told = [
        "*Farthest point* is the largest distance of a point from its line, by the point. *Grown at the last* is the part of "
        "the line's value at the largest x that has come since 0; where it is near 0 %, nothing grows, and R² means nothing."
    ]
    length = fits.get("seconds over row length, equal tokens")
    if length:
        told += [
            "",
            f"Over row length at equal tokens, what grows is what grows with a row's square: in rows of "
            f"{length['most']:,.0f} tokens {100 * length['share']:.0f} % of the step's time by that line.",
        ]
    return ["## Straight lines", "", *markdown(lines), "", *told, ""]


def precision(points: Sequence[Point]) -> list[str]:
    """4 bit beside 16 bit in time and memory, for better and worse."""
    pairs = [
        (point, other)
        for point in points
        for other in points
        if "missing" not in point and "missing" not in other
        if point["four_bit"] and not other["four_bit"] and point["tokens"] == other["tokens"]
    ]
    if not pairs:
        return []
    lines = [
        [
            "tokens in a step",
            "NF4, s",
            "16 bit, s",
            "times",
            "NF4, GB",
            "16 bit, GB",
            "times",
            "NF4 with loading, GB",
            "16 bit with loading, GB",
        ]
    ]
    for four, full in pairs:
        cells = [f"{four['tokens']:,}"]
        for metric, (_, scale) in UNITS.items():
            a, b = (p[metric]["median"] if metric == "seconds" else p[metric] for p in (four, full))
            cells += [f"{a / scale:.2f}", f"{b / scale:.2f}", f"{a / b:.2f}"]
        cells += [f"{p['peak_memory_bytes'] / 1e9:.2f}" for p in (four, full)]
        lines.append(cells)
    said = (
        "NF4 with double quantisation against weights as they are otherwise read; below 1.00 is a saving, above it a cost. NF4 "
        "unpacks each weight in both passes, and the smaller the model, the smaller the part of memory that weights take. "
        "Loading holds the weights that are quantised, too."
    )
    return ["## 4 bit against 16 bit", "", said, "", *markdown(lines), ""]


def left_out(failed: Sequence[Mapping[str, Any]]) -> list[str]:
    """What could not be measured, and why."""
    return ["## Left out", "", *(f"- {item['error']}" for item in failed), ""] if failed else []


def markdown(lines: Sequence[Sequence[str]]) -> list[str]:
    """Lines of cells as a table."""
    head, *rest = (f"| {' | '.join(cells)} |" for cells in lines)
    return [head, "|" + "---|" * len(lines[0]), *rest]


def plots(held: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(file stem, SVG) of every axis and metric. Raises CouldNot when the drawing libraries are missing."""
    from medlms.report.plots import check_libraries, standalone

    check_libraries()
    for name, axis in AXES.items():
        known = [point for point in held["axes"][name] if "missing" not in point]
        fits = [fit for fit in held["fits"].values() if fit["axis"] == name]
        for metric in UNITS if known else ():
            # Memory bends where a step is no longer read at once: its points are joined and no line is drawn through them.
            fit = next((fit for fit in fits if fit["metric"] == metric == "seconds"), None)
            plot = drawn(f"{name}-{STEMS[metric]}", known, axis, metric, fit)
            yield plot.name, standalone(plot)


def plot_text(points: Sequence[Point], axis: Axis, metric: str) -> str:
    """A plot in words."""
    parts = []
    for system, name in NAMES.items():
        found = sorted((p[axis.x], value(p, metric)) for p in points if p["system"] == system)
        if found:
            parts.append(f"{name}: " + "; ".join(f"{x:,}: {y:.2f}" for x, y in found))
    label = LABELS[metric]
    return f"{label[0].upper()}{label[1:]} over {axis.label}. " + ". ".join(parts) + "."


def value(point: Point, metric: str) -> float:
    """A point's number in the plot's unit."""
    found = point[metric]["median"] if metric == "seconds" else point[metric]
    return float(found) / UNITS[metric][1]


def drawn(stem: str, points: Sequence[Point], axis: Axis, metric: str, fit: Mapping[str, Any] | None) -> Any:
    """One chart from zero: ours and the peer, with intervals where there are some and our straight line dashed."""
    import altair as alt

    from medlms.report.plots import BLUE, ORANGE, ZERO, finished

    names = [name for system, name in NAMES.items() if any(point["system"] == system for point in points)]
    rows = [{"x": p[axis.x], "y": value(p, metric), "system": NAMES[p["system"]], **ends(p, metric)} for p in points]
    legend = alt.Legend(title=None, orient="top", direction="horizontal", symbolOpacity=1) if len(names) > 1 else None
    colour = alt.Color("system:N", scale=alt.Scale(domain=names, range=[BLUE, ORANGE]), sort=names, legend=legend)
    shape = alt.Shape("system:N", scale=alt.Scale(domain=names, range=["circle", "square"]), sort=names, legend=legend)
    # Zero belongs to both axes: a straight line shows itself, and a flat one is not stretched until it looks steep.
    x = alt.X("x:Q", title=axis.label, axis=alt.Axis(grid=False, tickCount=6), scale=alt.Scale(zero=True, nice=False))
    y = alt.Y("y:Q", title=LABELS[metric], scale=alt.Scale(zero=True))
    base = alt.Chart(alt.Data(values=rows)).encode(x=x, color=colour)
    chart = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.6).encode(y="low:Q", y2="high:Q")
    joined = base if fit is None else base.transform_filter(f"datum.system != {NAMES['ours']!r}")
    chart += joined.mark_line(strokeWidth=2, opacity=0.8).encode(y=y)
    chart += base.mark_point(size=52, filled=True, opacity=1).encode(y=y, shape=shape)
    if fit is not None:
        scale = UNITS[metric][1]
        most = max(row["x"] for row in rows if row["system"] == NAMES["ours"])
        straight = [{"x": at, "y": (fit["intercept"] + fit["slope"] * at) / scale} for at in (0, most)]
        chart += alt.Chart(alt.Data(values=straight)).mark_line(color=ZERO, strokeDash=[4, 3]).encode(x=x, y=y)
    return finished(
        stem, f"{LABELS[metric]} over {axis.label}", plot_text(points, axis, metric), CAPTION, chart, 380, 220
    )


def ends(point: Point, metric: str) -> dict[str, float | None]:
    """The interval of a point, where it has one."""
    return {end: point["seconds"][end] if metric == "seconds" else None for end in ("low", "high")}


if __name__ == "__main__":
    main()
