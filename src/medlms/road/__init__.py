"""The whole way, from a config to a graded model. These functions are the Python API; the command line calls them too."""

from __future__ import annotations

from medlms.road.asking import Answer, ask
from medlms.road.evaluating import evaluate
from medlms.road.training import Result, train

__all__ = ["Answer", "Result", "ask", "evaluate", "train"]
