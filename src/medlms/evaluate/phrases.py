"""Pieces of the sentences that findings and verdicts are written in."""

from __future__ import annotations

from collections.abc import Sequence

from medlms.catalogue import find


def title(metric: str) -> str:
    """A metric's title as it stands within a sentence."""
    text = str(find("metrics", metric).TITLE)
    return text if text[1:2].isupper() else text[0].lower() + text[1:]


def capital(text: str) -> str:
    """The text as a sentence begins with it."""
    return text[0].upper() + text[1:]


def listed(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
