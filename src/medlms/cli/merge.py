"""`medlms merge`: a run's adapter merged into its base, as a folder of 16-bit weights that transformers alone opens."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    run: str = typer.Argument(..., help="A run's folder or name, or an adapter."),
    dtype: str = typer.Option("bf16", "--dtype", help="How numbers are stored: bf16, fp16 or fp32."),
    into: str = typer.Option(
        "auto",
        "--into",
        help="For a run tuned in 4 bit: nf4 (its 4-bit weights, unpacked; what auto takes) or original (the 16-bit base; "
        "the drift is measured).",
    ),
    to: Path | None = typer.Option(None, "--to", metavar="FOLDER", help="Where to write; RUN/merged by default."),
    as_json: bool = typer.Option(False, "--json", help="Print the proof as JSON."),
) -> None:
    """Merge a run's adapter into its base's weights, and prove that outputs agree."""
    from medlms.cli._show import Terminal, written
    from medlms.road.merging import merge

    found = merge(run, dtype=dtype, into=into, to=to, talk=Terminal())
    written(found.proof, "merged weights", found.folder, as_json=as_json)
