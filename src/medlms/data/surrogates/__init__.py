"""Puts invented values in the place of identifiers: the same one for the same original within a group (document, patient)."""

from __future__ import annotations

from medlms.data.surrogates.group import Group
from medlms.data.surrogates.key import secret
from medlms.data.surrogates.replace import Change, Replaced, deidentify, lost

__all__ = ["Change", "Group", "Replaced", "deidentify", "lost", "secret"]
