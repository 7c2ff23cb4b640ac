"""The result of a benchmark as JSON in the form of ``benchmarks/results/NAME.json``, written anew after every finding."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from medlms.bench.estimates import Estimate
from medlms.errors import DataError
from medlms.run import now, write_whole

KEYS = ("machine", "command", "date", "rows", "ratios", "roofline")


@dataclass(frozen=True, slots=True)
class Row:
    """One number: a system's median in a metric. ``median`` is None where only a bound is known (``high``)."""

    system: str
    metric: str
    median: float | None
    low: float | None
    high: float | None
    n: int
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times ``a`` is ``b``, paired by round."""

    a: str
    b: str
    metric: str
    value: float
    low: float | None
    high: float | None


@dataclass
class Result:
    """A benchmark's findings. ``extra`` holds what one benchmark alone has to say; ``complete`` is false until ``end``."""

    machine: dict[str, Any]
    command: str
    date: str = field(default_factory=now)
    rows: list[Row] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    roofline: dict[str, Any] = field(default_factory=dict)
    failed: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    complete: bool = False

    def add(self, system: str, metric: str, found: Estimate, settings: Mapping[str, Any]) -> None:
        """Append a row, in place of an older one of the same system, metric and settings."""
        new = Row(system, metric, found.value, found.low, found.high, found.n, settings)
        self.rows = [row for row in self.rows if (row.system, row.metric, row.settings) != (system, metric, settings)]
        self.rows.append(new)

    def compare(self, a: str, b: str, metric: str, found: Estimate) -> None:
        """Append a ratio, in place of an older one of the same pair and metric."""
        self.ratios = [item for item in self.ratios if (item.a, item.b, item.metric) != (a, b, metric)]
        self.ratios.append(Ratio(a, b, metric, found.value, found.low, found.high))

    def value(self) -> dict[str, Any]:
        """The JSON value, the contract's keys first."""
        return {
            "machine": self.machine,
            "command": self.command,
            "date": self.date,
            "rows": [asdict(row) for row in self.rows],
            "ratios": [asdict(item) for item in self.ratios],
            "roofline": self.roofline,
            "failed": self.failed,
            "warnings": self.warnings,
            **self.extra,
            "complete": self.complete,
        }

    def write(self, path: Path) -> None:
        """Write the file whole, so that a benchmark that is stopped leaves what it had found. ResourceError if it can't."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps(self.value(), indent=2, ensure_ascii=False) + "\n").encode())


def read(path: Path) -> dict[str, Any]:
    """A result file; DataError when it is missing, broken, or lacks a key of the contract."""
    try:
        value: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise DataError(f"{path}: not readable as JSON: {error}.") from None
    missing = [key for key in KEYS if not isinstance(value, dict) or key not in value]
    if missing:
        raise DataError(f"{path}: not a benchmark's result: {', '.join(missing)} missing.")
    return dict(value)


def over_ceiling(rates: Mapping[str, float], tokens_per_second: float) -> list[str]:
    """A warning for each system that is faster than the ceiling: then a count or a clock is wrong."""
    return [
        f"{name} reaches {rate:.0f} tokens/s, above the ceiling of {tokens_per_second:.0f}: a count or a clock is wrong"
        for name, rate in rates.items()
        if rate > tokens_per_second
    ]


def table(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells as aligned text: the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
