"""What the scan for identifiers finds and misses, as a page.

    python scripts/identifiers_page.py

Reads benchmarks/results/identifiers.json (`python benchmarks/identifiers.py --split second --medquad --misses FILE --out FILE`),
identifiers-quick.json (the same with --quick, without --medquad) and identifiers-misses.json beside it; writes
docs/results/identifiers.md. No number of the page stands in this file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "identifiers.json"
QUICK, MISSES = RESULT.with_name("identifiers-quick.json"), RESULT.with_name("identifiers-misses.json")
PAGE = ROOT / "docs" / "results" / "identifiers.md"
TARGETS = {"all": 0.98}
TARGET, PRECISION = 0.95, 0.95


def main() -> None:
    """Read the result and write the page."""
    result, quick, misses = (json.loads(path.read_text(encoding="utf-8")) for path in (RESULT, QUICK, MISSES))
    PAGE.write_text("\n".join(page(result, quick, misses)) + "\n", encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


def page(result: dict[str, Any], quick: dict[str, Any], misses: dict[str, Any]) -> Iterator[str]:
    """The lines of the page."""
    yield "# Identifiers of people: what the scan finds"
    yield ""
    yield (
        f"`{result['command']}`, {result['date']}. {result['rows']:,} rows from {result['carriers']} carrier texts, made by a "
        "program with a page of its own (`tests/identifiers/README.md`) by somebody who had not seen the rules, and frozen "
        "before the rules were mended for it. Who wrote rules and networks saw tables such as the one below and nothing else of "
        "the set until its misses were published. What was changed after that (no class that cannot be, no marks at the ends of "
        "a span, words with invisible marks; nothing taken back that a rule is sure of: this one after a look at the misses) "
        "moved the totals by less than 0.001; the figures are of the code as it is. Every scoring stands in the log."
    )
    yield ""
    yield "## Read closely, as texts of one's own are"
    yield ""
    yield from verdict(result)
    yield ""
    yield from classes(result)
    yield ""
    over = result["over_carriers"]
    yield (
        "Found is an identifier whose every letter and digit is covered, whatever its class; a false "
        "alarm touches no identifier. Wilson intervals take rows as independent, which rows of "
        f"one carrier are not: when carriers are drawn again, recall lies in {interval(over['recall'])} "
        f"and precision in {interval(over['precision'])}. Of the clinical content "
        f"(drugs, doses, values, diagnoses), {percent(result['clinical_lost']['value'])} is touched by a "
        "finding and would be lost in de-identified text."
    )
    yield ""
    yield from quickly(quick)
    yield ""
    yield from limits()
    yield ""
    yield from real(result["medquad"], result["medquad_quick"], result["medquad_close"])
    yield ""
    yield from missed(misses)


def verdict(result: dict[str, Any]) -> Iterator[str]:
    """Which of the targets are met."""
    short = [kind for kind, of in result["classes"].items() if of["recall"]["value"] < TARGETS.get(kind, TARGET)]
    precision = result["classes"]["all"]["precision"]["value"]
    recall = result["classes"]["all"]["recall"]["value"]
    yield (
        f"Targets: recall of {TARGETS['all']} in all and {TARGET} in every class, precision of "
        f"{PRECISION} in all. Recall in all is {recall:.3f}; "
        + ("no class falls short" if not short else f"short of their target: {', '.join(short)}")
        + f"; precision in all is {precision:.4f}, {'met' if precision >= PRECISION else 'not met'}. A text in which "
        "nothing was found is not proven free of identifiers: read it."
    )


def classes(result: dict[str, Any]) -> Iterator[str]:
    """The table."""
    yield "| class | planted | recall | precision | class named rightly |"
    yield "|---|---|---|---|---|"
    for kind, of in result["classes"].items():
        cells = [
            f"{of[name]['value']:.3f} {interval([of[name]['low'], of[name]['high']])}" if of[name]["n"] else "none"
            for name in ("recall", "precision", "exact_class")
        ]
        yield f"| {kind} | {of['recall']['n']:,} | " + " | ".join(cells) + " |"


def quickly(result: dict[str, Any]) -> Iterator[str]:
    """The quick scan on the same set."""
    over, lost = result["over_carriers"], result["clinical_lost"]["value"]
    yield "## Read quickly, as public sets are"
    yield ""
    yield (
        f"`{result['command']}`, {result['date']}: rules and the tagger, without the network. Over carriers recall "
        f"{interval(over['recall'])}, precision {interval(over['precision'])}; {percent(lost)} of the clinical content touched."
    )
    yield ""
    yield from classes(result)


def limits() -> Iterator[str]:
    """What the figures are not."""
    yield "## What this is not"
    yield ""
    yield (
        "It is not i2b2 nor any other set of real notes. A language model wrote it, and the texts that tagger and network were "
        "fitted to, without sight of each other: real notes differ from it more than these do. Names, numbers and "
        "places were planted in "
        "invented texts that no clinician has read; identifiers are denser than in real text, styles are "
        "few, "
        "carriers are English but for two. Named hospitals, employers and rare stories that single a "
        "person out are neither planted nor looked for. A figure of real notes has to be measured on "
        "real notes, "
        "by those who may read them."
    )


def real(everything: dict[str, Any], quick: dict[str, Any], close: dict[str, Any]) -> Iterator[str]:
    """MedQuAD."""
    yield "## Real rows: MedQuAD"
    yield ""
    yield "MedQuAD is public and holds no patients: what is found in it belongs to institutions and authors, or is a false alarm."
    for title, found in (("Closely", close), ("Quickly, the same rows", quick), ("Quickly, all rows", everything)):
        total = sum(found["findings_per_1000_rows"].values())
        yield (
            f"{title}: {total:.0f} findings in 1,000 rows, something in "
            f"{found['rows_with_a_finding_per_1000']['any']:.0f} of 1,000 ("
            f"{found['rows']:,} rows were read, {1000 * found['megabytes_per_second']:,.0f} KB/s on this machine)."
        )
    yield ""
    yield "| class | findings per 1,000 rows, closely | quickly, the same rows | quickly, all rows |"
    yield "|---|---|---|---|"
    for kind, value in close["findings_per_1000_rows"].items():
        others = (found["findings_per_1000_rows"][kind] for found in (quick, everything))
        yield f"| {kind} | {value:.1f} | " + " | ".join(f"{other:.1f}" for other in others) + " |"
    if judged := close.get("judged"):
        yield ""
        right = judged["right"]
        rows = close["rows_with_a_finding_per_1000"]["any"] * close["rows"] / 1000
        yield (
            f"Of {right['n']} findings of the close scan in these rows, {right['k']} are what their class says "
            f"({percent(right['value'])}; they lie in {rows:.0f} rows and repeat each other, so no interval is given): "
            "addresses, numbers and pages of "
            "institutions, dates, names of authors and discoverers. A language model that had not seen the rules judged "
            "them, but for some plain addresses and names of doctors, which the authors did; no clinician, no second "
            "person. By class, right of drawn: "
            + ", ".join(f"{kind} {counts[0]} of {counts[1]}" for kind, counts in sorted(judged["by_class"].items()))
            + "."
        )


def missed(misses: dict[str, Any]) -> Iterator[str]:
    """Misses by kind and a sample in context. Once this is read, the set cannot measure rules that were mended with it."""
    yield "## What was missed"
    yield ""
    yield (
        "What the close scan misses of the set above, and what its false alarms touch. With these lines the set is spent: "
        "whatever is mended with them in view needs a new one."
    )
    for name, title in (
        ("by_tag", "tag"),
        ("by_culture", "culture of the name"),
        ("by_style", "style"),
        ("alarms_touch", "false alarms by what they touch"),
    ):
        yield ""
        yield f"By {title}: " + ", ".join(f"{key or 'none'} {value}" for key, value in misses[name][:40]) + "."
    yield ""
    yield "| class | tag | context |"
    yield "|---|---|---|"
    for item in misses["sample"]:
        before, said, after = (part.replace("\n", " ").replace("|", "\\|") for part in item["context"])
        yield f"| {item['class']} | {item['tag']} | {before}**{said}**{after} |"


def interval(edges: list[float]) -> str:
    """Two numbers in brackets."""
    return f"[{edges[0]:.3f}, {edges[1]:.3f}]"


def percent(value: float) -> str:
    """A share as per cent."""
    return f"{value:.1%}".replace("%", " %")


if __name__ == "__main__":
    main()
