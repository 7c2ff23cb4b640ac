"""`medlms export`: a run's model as one GGUF file, for llama.cpp and what builds on it."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    run: str = typer.Argument(..., help="A run's folder or name, or an adapter."),
    kind: str = typer.Option("f16", "--type", help="How numbers are stored: f16, bf16, f32 or q8_0 (8 bit)."),
    into: str = typer.Option(
        "auto",
        "--into",
        help="For a run tuned in 4 bit: nf4 (its 4-bit weights, unpacked; what auto takes) or original (the 16-bit base; "
        "the drift is measured).",
    ),
    to: Path | None = typer.Option(None, "--to", metavar="FOLDER", help="Where to write; RUN/export/TYPE by default."),
    as_json: bool = typer.Option(False, "--json", help="Print the proof as JSON."),
) -> None:
    """Write a run's model as a GGUF file, and prove that outputs agree."""
    from medlms.cli._show import Terminal, written
    from medlms.road.merging import export

    found = export(run, kind=kind, into=into, to=to, talk=Terminal())
    written(found.proof, "GGUF", found.folder, as_json=as_json)
