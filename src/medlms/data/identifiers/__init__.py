"""Looks for identifiers of people in text: the 16 Safe Harbor classes that occur in it. Rules, and behind
them a small tagger of names and places (``scan``) or a small neural network (``scan_closely``); nothing is fetched or sent.
"""

from __future__ import annotations

from medlms.data.identifiers.finding import KINDS, Finding
from medlms.data.identifiers.scan import scan, scan_closely

__all__ = ["KINDS", "Finding", "scan", "scan_closely"]
