"""`medlms init`: looks at a file of questions and answers and writes a config for it."""

from __future__ import annotations

import typer


def command(
    file: str = typer.Argument(
        ...,
        help="A JSONL, JSON, CSV, TSV, XLSX or Parquet file with questions and answers, a folder of them, or a pattern.",
    ),
    out_file: str | None = typer.Option(
        None, "--out", "-o", help="Where to write the config; by default the file's name with .yaml."
    ),
    model: str = typer.Option("smollm2-135m-instruct-q4_1", "--model", "-m", help="The model to tune."),
    as_json: bool = typer.Option(False, "--json", help="Print what was found as JSON."),
) -> None:
    """Look at your questions and answers, write the config, say what is possible."""
    from medlms.cli._show import out
    from medlms.road.initial import init

    found = init(file, out=out_file, model=model)
    if as_json:
        out(found)
        return
    faults = "".join(f"; {count:,} {reason}" for reason, count in found["faults"].items())
    typer.echo(f"{file}: {found['rows']:,} rows, {found['usable']:,} usable{faults}")
    asked, answered = found["question_words"], found["answer_words"]
    typer.echo(
        f"median words: {asked['median']} a question, {answered['median']} an answer; the longest answer has {answered['max']:,}"
    )
    for sentence in (*found["said"], *found["possible"]):
        typer.echo(f"- {sentence}")
    typer.echo(f"\nwrote {found['config']}; next: medlms train {found['config']}")
