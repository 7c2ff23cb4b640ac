"""`medlms ask`: one question, one answer, from a run or a model."""

from __future__ import annotations

import typer


def command(
    question: str = typer.Argument(..., help="The question, in quotes."),
    model: str = typer.Option(
        "smollm2-135m-instruct-q4_1",
        "--model",
        "-m",
        help="A run's folder (runs/NAME), a known model, hub id, folder or .gguf file.",
    ),
    instruction: str | None = typer.Option(
        None, "--instruction", help="Said before the question; by default what the run was tuned with."
    ),
    max_new_tokens: int = typer.Option(512, "--max-new-tokens", help="Longest answer in tokens."),
    four_bit: bool | None = typer.Option(
        None, "--4bit/--no-4bit", help="Base weights in NF4 (saves memory, never time); a run's own width by default."
    ),
    eight_bit: bool | None = typer.Option(None, "--8bit/--no-8bit", help="Base weights in 8 bit."),
    as_json: bool = typer.Option(False, "--json", help="Print answer, ending, seconds and notice as JSON."),
) -> None:
    """Ask a run or a model one question."""
    from dataclasses import asdict

    from medlms.cli._show import Terminal, out
    from medlms.road.asking import ask

    talk = Terminal()
    with talk.bar("answering") as advance:
        advance(0, 0)
        answer = ask(
            question,
            model=model,
            instruction=instruction,
            max_new_tokens=max_new_tokens,
            load_in_4bit=four_bit,
            load_in_8bit=eight_bit,
            talk=talk,
        )
    if as_json:
        out(asdict(answer))
        return
    typer.echo(answer.text or "(the model gave no answer)")
    if answer.finish_reason == "length":
        talk.say(f"(cut after {answer.tokens} tokens; --max-new-tokens allows more)")
    talk.say(answer.notice)
