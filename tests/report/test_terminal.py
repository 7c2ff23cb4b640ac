from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from medlms.report import tables, terminal


def printed(report: dict[str, Any], width: int = 120) -> str:
    file = io.StringIO()
    terminal.show(report, Console(file=file, width=width))  # type: ignore[arg-type]
    return file.getvalue()


def test_verdict_first_then_the_tables(report: dict[str, Any]) -> None:
    text = printed(report)
    assert text.startswith(report["verdict"][0])
    assert text.index("Token F1") < text.index("Tuned minus base")
    assert "0.311 [0.296, 0.326]" in text
    assert tables.NOTICE in text
    assert "Warning: " in text


def test_markup_and_control_codes_are_shown_not_obeyed(report: dict[str, Any]) -> None:
    report["verdict"] = ["[bold]x[/bold] \x1b[31mred"]
    report["systems"][0]["title"] = "[red]B[/red]"
    text = printed(report)
    assert "[bold]x[/bold]" in text
    assert "[red]B[/red]" in text
    assert "\x1b" not in text


def test_a_narrow_terminal_and_an_empty_report_do_not_crash(report: dict[str, Any]) -> None:
    assert printed(report, 40)
    assert tables.NOTICE[:10] in printed({})
