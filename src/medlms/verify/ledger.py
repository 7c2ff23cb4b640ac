"""What was checked, and what does not follow: one Fault a place, with what is stated there and what was found instead."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NEAR = 1e-9
"""Relative and absolute difference up to which two numbers count as the same: rounding of sums in another order."""
_NAMES = ("name", "id", "metric", "epoch", "question")


@dataclass(frozen=True, slots=True)
class Fault:
    """A place that does not follow: its file, its key, what it states and what was recomputed."""

    file: str
    key: str
    stated: Any
    recomputed: Any


@dataclass
class Ledger:
    """The account of a verification: values checked by kind, faults in the order found, and remarks."""

    checked: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def check(self, kind: str, file: str, key: str, stated: Any, recomputed: Any) -> bool:
        """Count one value, and a fault where the two differ; numbers may differ by rounding."""
        self.checked[kind] += 1
        if same(stated, recomputed):
            return True
        self.fault(file, key, stated, recomputed)
        return False

    def fault(self, file: str, key: str, stated: Any, recomputed: Any) -> None:
        """Note a fault once; a place that was found wrong by two ways is one fault."""
        if not any((item.file, item.key) == (file, key) for item in self.faults):
            self.faults.append(Fault(file, key, stated, recomputed))

    def tree(self, file: str, stated: Any, recomputed: Any, key: str = "", *, kind: str = "values") -> None:
        """Check every leaf of two trees of mappings and lists; ``key`` is where they stand."""
        if isinstance(recomputed, Mapping) and isinstance(stated, Mapping):
            for name in dict.fromkeys([*recomputed, *stated]):
                place = f"{key}.{name}" if key else str(name)
                self._branch(file, place, stated, recomputed, name, kind)
        elif _is_list(recomputed) and _is_list(stated) and len(stated) == len(recomputed):
            for index, (left, right) in enumerate(zip(stated, recomputed, strict=True)):
                self.tree(file, left, right, f"{key}[{_label(right, index)}]", kind=kind)
        elif _is_list(recomputed) and _is_list(stated):
            self.check(kind, file, key, f"{len(stated)} entries", f"{len(recomputed)} entries")
        else:
            self.check(kind, file, key, stated, recomputed)

    def _branch(
        self, file: str, place: str, stated: Mapping[str, Any], recomputed: Mapping[str, Any], name: str, kind: str
    ) -> None:
        if name not in stated:
            self.fault(file, place, "missing", recomputed[name])
        elif name not in recomputed:
            self.fault(file, place, stated[name], "nothing")
        else:
            self.tree(file, stated[name], recomputed[name], place, kind=kind)


def same(left: Any, right: Any) -> bool:
    """Whether two leaves say the same; numbers up to rounding."""
    if _is_number(left) and _is_number(right):
        return left == right or math.isclose(left, right, rel_tol=NEAR, abs_tol=NEAR)
    return bool(left == right) and type(left) is type(right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _label(item: Any, index: int) -> str:
    """How an entry of a list is called: by its systems, name or id, else by its number."""
    if isinstance(item, Mapping):
        if "a" in item and "b" in item:
            return f"{item['a']} - {item['b']}, {item.get('metric')}"
        if "system" in item and ("way" in item or "strategy" in item):
            return f"{item['system']}, {item.get('way') or item.get('strategy')}"
        for name in _NAMES:
            if name in item:
                return str(item[name])
    return str(index)
