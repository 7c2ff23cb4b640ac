"""From sources to a set that can be trained and graded on: cleaned, without repetitions, split by topic, all counted.

Rows in, rows out; what is dropped is dropped with a reason and a place. This room knows no source by name.
"""

from __future__ import annotations

from medlms.data.prepared import Prepared, prepare

__all__ = ["Prepared", "prepare"]
