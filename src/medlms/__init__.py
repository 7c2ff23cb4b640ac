"""MedLMs: a language model of your own for medicine, tuned, graded and served on your own machine.

``train``, ``evaluate`` and ``ask`` take what the commands of the same names take and give the same run.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medlms.road import Answer, Result, ask, evaluate, train

__version__ = "0.1.0"
__all__ = ["Answer", "Result", "__version__", "ask", "evaluate", "train"]


def __getattr__(name: str) -> Any:
    # The road and what it needs are loaded when they are first asked for: `medlms --help` must not wait for them.
    if name in __all__:
        from medlms import road

        return getattr(road, name)
    raise AttributeError(f"module 'medlms' has no attribute {name!r}")


class _Package(ModuleType):
    """``train`` and ``evaluate`` are functions here and rooms below: importing a room must not hide its function."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
