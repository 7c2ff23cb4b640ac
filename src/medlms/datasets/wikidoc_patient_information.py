"""Medical Meadow WikiDoc Patient Information: pages for patients; the questions are the pages' own headings."""

from __future__ import annotations

import re
from urllib.parse import unquote

from medlms.datasets import _alpaca, _originals
from medlms.datasets._loaded import Loaded, Progress
from medlms.datasets.wikidoc import MARKS
from medlms.types import Source

_FILE = "medical_meadow_wikidoc_patient_info.json"
_FOLDER = "https://huggingface.co/datasets/medalpaca/medical_meadow_wikidoc_patient_information"
SOURCE = Source(
    name="wikidoc_patient_information",
    title="Medical Meadow WikiDoc Patient Information",
    licence="CC BY-SA",
    citation="Han et al., MedAlpaca: an open-source collection of medical conversational AI models and training data, "
    "arXiv:2304.08247, 2023",
    address=_FOLDER,
    files={_FILE: f"{_FOLDER}/resolve/main/{_FILE}"},
)
ORIGINAL = _originals.Original(
    shelf="medical_meadow_wikidoc_patient_information",
    names=(_FILE,),
    # The set has been published under two file names; the checksum tells which is right.
    addresses=(*SOURCE.files.values(), f"{_FOLDER}/resolve/main/medical_meadow_wikidoc_patient_information.json"),
    sha256="85d02713906a7cffb17022c84404c205b7cd96f85ec295cedae3892a44b536ce",
)
# The headings that nine rows in ten follow; what stands in the brackets is the page's title.
_HEADINGS = re.compile(
    r"(?:what (?:are|is) (?:the )?(?:symptoms?|signs|signs and symptoms|causes?|risks|complications|treatments?)"
    r" (?:of|for)"
    r"|what causes?"
    r"|who is at (?:highest |high )?risk (?:for|of)"
    r"|when to seek urgent medical care (?:when|if) i have"
    r"|what to expect if i have"
    r"|where to find (?:medical care for|centers that perform)"
    r"|how to know you have)"
    r"\s+(?:an? |the )?(?P<topic>.+?)\s*(?:\(outlook/prognosis\))?\s*(?:patient information)?\s*\??",
    re.IGNORECASE,
)
# Words that some pages carry behind the name of the condition.
_TAIL = re.compile(
    r"\s*(?:\([^()]*\)|\(?outlook/prognosis\)?|patient information|discharge instructions|natural history.*)$",
    re.IGNORECASE,
)
_NO_TOPIC = frozenset({"it", "this", "this condition", "this disease", "these", "treatment", "surgery"})
NOISE = MARKS


def read(*, offline: bool = False, progress: Progress | None = None) -> Loaded:
    """All 5,942 rows. Raises DataError and FetchError."""
    return _alpaca.read(SOURCE, ORIGINAL, rows_published=5_942, offline=offline, progress=progress, topic=topic)


def topic(question: str) -> str:
    """The title of the page that a heading stands on, or nothing when the heading does not name it."""
    plain = " ".join(unquote(question).split())
    match = _HEADINGS.fullmatch(plain)
    if not match:
        return ""
    title, shorter = match["topic"], ""
    while title != shorter:
        title, shorter = _TAIL.sub("", title).strip(" ?.,"), title
    return "" if title.lower() in _NO_TOPIC else title
