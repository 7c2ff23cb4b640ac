"""`medlms doctor`: what this machine has, what will run on it, what to fix."""

from __future__ import annotations

import typer


def command(
    model: str = typer.Argument(
        None, help="With --probe: whose training step is measured; the default model's when empty."
    ),
    probe: bool = typer.Option(False, "--probe", help="Measure anew what is fastest here for training (seconds)."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Say what this machine has, what will run on it, and what to fix."""
    from medlms.cli._show import out
    from medlms.road.health import examine

    if probe:
        _probe(model)
    elif model is not None:
        from medlms.errors import AskedWrongly

        raise AskedWrongly(
            f"{model}: doctor looks at the machine, not at a model.",
            hint=f"Measure its training step: medlms doctor --probe {model}. Will it fit: medlms models plan {model}",
        )
    found = examine()
    if as_json:
        out(found)
        return
    for name, value in {**found["machine"], **found["libraries"]}.items():
        shown = f"{value / 1e9:.1f} GB" if name.endswith("_bytes") and value else value
        typer.echo(f"{name.removesuffix('_bytes'):<16} {shown}")
    for sentence in found["will_run"]:
        typer.echo(f"+ {sentence}")
    for item in found["measured"]:
        typer.echo(f"= {item['said']}")
    for sentence in found["to_fix"]:
        typer.echo(f"! {sentence}")
    raise typer.Exit(1 if found["to_fix"] else 0)


def _probe(model: str | None) -> None:
    from medlms.cli._show import Terminal
    from medlms.models.known import DEFAULT
    from medlms.road import probing

    probing.probe(model or DEFAULT, talk=Terminal())
