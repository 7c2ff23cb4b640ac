"""What the licences of training data ask of who passes on an adapter tuned on it. Names are read, not texts; no legal advice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

UNSETTLED = (
    "Whether tuned weights are a work derived from their training texts is not settled in law. What stands here takes the "
    "careful view: that they are. The base model's licence comes on top. This is no legal advice."
)
_UNKNOWN = re.compile(r"\A\s*(?:|-|\?|none|unknown|other|not stated|own|n/?a)\s*\Z", re.IGNORECASE)
_FREE = re.compile(r"\b(?:cc[- ]?0|cc[- ]?zero|public[- ]domain|pddl|unlicense|pdm)\b", re.IGNORECASE)
_CREATIVE = re.compile(r"\bcc[- ]by\b|\bcreative commons attribution\b", re.IGNORECASE)
_CREDIT_ONLY = re.compile(r"\b(?:mit|apache(?:[- ]2(?:\.0)?)?|bsd|odc[- ]by|isc)\b", re.IGNORECASE)
_SHARE_ALIKE = re.compile(r"\bsa\b|share[- ]?alike|\bodbl\b|\bgfdl\b|\b[al]?gpl\b", re.IGNORECASE)
_NON_COMMERCIAL = re.compile(r"\bnc\b|non[- ]?commercial|research[- ]only|academic[- ]only", re.IGNORECASE)
_NO_DERIVATIVES = re.compile(r"\bnd\b|no[- ]?deriv", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a licence asks. ``known`` is false where its name says nothing that we can read; then the others mean nothing."""

    known: bool
    attribution: bool = False
    share_alike: bool = False
    non_commercial: bool = False
    no_derivatives: bool = False

    @property
    def words(self) -> str:
        """The terms in a few words."""
        if not self.known:
            return "not known"
        said = [
            name
            for name, holds in (
                ("give credit", self.attribution),
                ("pass on under the same licence", self.share_alike),
                ("no commercial use", self.non_commercial),
                ("no changed versions", self.no_derivatives),
            )
            if holds
        ]
        return ", ".join(said) or "no conditions"


def terms(licence: str) -> Terms:
    """The terms of a licence, from its name."""
    free, creative = bool(_FREE.search(licence)), bool(_CREATIVE.search(licence))
    alike, bound = bool(_SHARE_ALIKE.search(licence)), bool(_NON_COMMERCIAL.search(licence))
    fixed = bool(_NO_DERIVATIVES.search(licence))
    credit = creative or bool(_CREDIT_ONLY.search(licence)) or alike
    if _UNKNOWN.match(licence) or not (free or credit or bound or fixed):
        return Terms(known=False)
    if free and not (alike or bound or fixed or creative):
        return Terms(known=True)
    return Terms(True, credit, alike, bound, fixed)


def of(licence: str) -> dict[str, Any]:
    """The terms as a JSON-able dict, with ``words``."""
    found = terms(licence)
    return {**asdict(found), "words": found.words}


def adapter(licences: Mapping[str, Iterable[str]]) -> list[str]:
    """What follows for an adapter tuned on rows under these ``licences`` (each with its sources), a sentence each."""
    held = {name: (terms(name), list(sources)) for name, sources in licences.items()}

    def under(key: str) -> dict[str, list[str]]:
        return {name or "not stated": who for name, (found, who) in held.items() if found.known and getattr(found, key)}

    said = []
    unknown = [source for found, sources in held.values() if not found.known for source in sources]
    if unknown:
        said.append(
            f"Terms not known: {', '.join(unknown)}. Find out what its owner allows before the adapter leaves your hands."
        )
    if kept := under("no_derivatives"):
        said.append(f"Do not pass the adapter on: {_named(kept)} allows no changed versions.")
    if bound := under("non_commercial"):
        said.append(f"No commercial use of the adapter: {_named(bound)}.")
    alike = under("share_alike")
    if len(alike) > 1:
        said.append(
            f"Share-alike terms that may not go together: {_named(alike)}. Check that one licence satisfies all of them "
            "before you pass the adapter on."
        )
    elif alike:
        said.append(f"Share-alike: if you pass the adapter on, do so under {next(iter(alike))} ({_named(alike)}).")
    if credit := under("attribution"):
        said.append(f"Give credit, in the model card for instance: {_named(credit)}.")
    if not said and held:
        said.append("No conditions come with the training data.")
    return [*said, UNSETTLED] if held else []


def _named(licences: Mapping[str, Iterable[str]]) -> str:
    return "; ".join(f"{', '.join(sources)} ({name})" for name, sources in licences.items())
