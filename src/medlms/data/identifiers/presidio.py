"""Findings of Microsoft Presidio beside our own, where it is installed; models only that lie on this machine already.

``patterns`` was run with presidio-analyzer 2.2.366 and spaCy 3.8. ``analyser``, which needs a model, was tested against a
stand-in alone: no model was at hand.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any, Protocol

from medlms.data.identifiers.finding import Finding, settled
from medlms.data.identifiers.scan import scan
from medlms.errors import DataError

MODEL = "en_core_web_lg"
# Presidio's names of what it finds, and ours. Those left out (NRP, CRYPTO, states within LOCATION apart) are none of the classes.
_KINDS = {
    "PERSON": "name", "LOCATION": "place", "DATE_TIME": "date", "PHONE_NUMBER": "phone", "EMAIL_ADDRESS": "email",
    "URL": "url", "IP_ADDRESS": "ip", "US_SSN": "ssn", "MEDICAL_LICENSE": "licence", "US_DRIVER_LICENSE": "licence",
    "US_PASSPORT": "licence", "CREDIT_CARD": "account", "IBAN_CODE": "account", "US_BANK_NUMBER": "account",
    "US_ITIN": "other", "UK_NHS": "mrn", "AU_MEDICARE": "plan",
}  # fmt: skip
_WEIGHT = 0.6  # a model's score counts less than a rule's rank: where both claim a span, ours names its class
_LEAST = 0.5  # scores below are guesses


class Analyser(Protocol):
    """What is used of ``presidio_analyzer.AnalyzerEngine``."""

    def analyze(self, text: str, language: str, entities: list[str] | None = None) -> list[Any]:
        """Results with ``entity_type``, ``start``, ``end`` and ``score``."""


def analyser(model: str = MODEL) -> Analyser:
    """Presidio's engine over the spaCy model ``model``. Nothing is fetched: a model that is missing is an error.

    Raises:
        DataError: Presidio or the model is not installed.

    """
    for needed in ("presidio_analyzer", model):
        _need(needed)
    _offline()
    engines = importlib.import_module("presidio_analyzer.nlp_engine")
    settings = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
    engine = engines.NlpEngineProvider(nlp_configuration=settings).create_engine()
    made: Analyser = importlib.import_module("presidio_analyzer").AnalyzerEngine(
        nlp_engine=engine, supported_languages=["en"]
    )
    return made


def patterns() -> Analyser:
    """Presidio's recognisers of numbers and addresses alone: no names, no model.

    Raises:
        DataError: Presidio is not installed.

    """
    _need("presidio_analyzer")
    _offline()
    engines = importlib.import_module("presidio_analyzer.nlp_engine")
    engine = engines.SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "blank"}])
    engine.nlp = {"en": importlib.import_module("spacy").blank("en")}
    made: Analyser = importlib.import_module("presidio_analyzer").AnalyzerEngine(
        nlp_engine=engine, supported_languages=["en"]
    )
    return made


def _need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise DataError(
            f"{package} is not installed, so Presidio cannot look for identifiers.",
            hint=f"pip install 'medlms[phi]' and install the spaCy model {MODEL} by hand; MedLMs never fetches it.",
        )


def _offline() -> None:
    """Presidio asks tldextract for the domain of a mail, which fetches a list at its first use: the one it brings must do."""
    inner = importlib.import_module("tldextract.tldextract")
    inner.TLD_EXTRACTOR = inner.TLDExtract(suffix_list_urls=(), cache_dir=None)  # type: ignore[attr-defined]


def scan_with(engine: Analyser, text: str) -> list[Finding]:
    """What our rules and ``engine`` find in ``text``, settled as one list."""
    return settled([*scan(text), *_added(engine, text)])


def _added(engine: Analyser, text: str) -> Iterator[Finding]:
    for found in engine.analyze(text=text, language="en", entities=sorted(_KINDS)):
        kind = _KINDS.get(found.entity_type)
        if kind is None or found.score < _LEAST or not 0 <= found.start < found.end <= len(text):
            continue
        # Years, durations and weekdays are no identifiers.
        if kind != "date" or sum(mark.isdigit() for mark in text[found.start : found.end]) > 4:
            yield Finding(found.start, found.end, kind, "presidio", found.score * _WEIGHT)
