"""The scores of a report against the reference libraries: values, Wilson's intervals, McNemar's test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medlms.catalogue import find
from medlms.evaluate.rows import groups, rows
from medlms.run import REPORT
from medlms.types import Prediction
from medlms.verify import reference
from medlms.verify.ledger import Ledger

KIND = "values by reference libraries"


def scores(system: Mapping[str, Any], items: Sequence[Prediction], ledger: Ledger) -> None:
    """Check what a system's metrics state, where a reference implementation is known."""
    alone = len(set(groups(items).tolist())) == len(items)
    for name, stated in (system.get("metrics") or {}).items():
        key = f"systems[{system['name']}].metrics.{name}"
        each = reference.values(name, items)
        value = float(np.mean(each)) if each is not None else reference.whole(name, items)
        if value is None:
            continue
        ledger.check(KIND, REPORT, f"{key}.value", stated.get("value"), value)
        if each is not None:
            ledger.check(KIND, REPORT, f"{key}.maximum", stated.get("maximum"), max(each))
        if each is not None and alone and getattr(find("metrics", name), "YES_NO", False):
            low, high = reference.wilson(round(sum(each)), len(each))
            ledger.check(KIND, REPORT, f"{key}.low", stated.get("low"), low)
            ledger.check(KIND, REPORT, f"{key}.high", stated.get("high"), high)


def comparisons(stated: Sequence[Mapping[str, Any]], items: Mapping[str, Sequence[Prediction]], ledger: Ledger) -> None:
    """Check differences, and McNemar's p-values where every item is a group of its own."""
    for item in stated:
        name, a, b = str(item.get("metric")), items.get(str(item.get("a"))), items.get(str(item.get("b")))
        if not a or not b or [one.id for one in a] != [one.id for one in b]:
            continue
        key = f"comparisons[{item['a']} - {item['b']}, {name}]"
        left, right = reference.values(name, a), reference.values(name, b)
        if left is None or right is None:
            one, other = reference.whole(name, a), reference.whole(name, b)
            if one is not None and other is not None and _same_items(name, a, b):
                ledger.check(KIND, REPORT, f"{key}.difference", item.get("difference"), one - other)
            continue
        change = np.subtract(left, right)
        ledger.check(KIND, REPORT, f"{key}.difference", item.get("difference"), float(change.mean()))
        if getattr(find("metrics", name), "YES_NO", False) and len(set(groups(a).tolist())) == len(a):
            p = reference.mcnemar(int((change > 0).sum()), int((change < 0).sum()))
            ledger.check(KIND, REPORT, f"{key}.p_value", item.get("p_value"), p)


def _same_items(name: str, a: Sequence[Prediction], b: Sequence[Prediction]) -> bool:
    """Whether the metric applies to the same items of both: else the comparison rests on fewer than each score."""
    return bool((rows(name, a).applies == rows(name, b).applies).all())
