"""Medical Meadow WikiDoc: paragraphs of a medical encyclopedia; a model made the questions from the headings."""

from __future__ import annotations

import re

from medlms.datasets import _alpaca, _originals
from medlms.datasets._loaded import Loaded, Noise, Progress
from medlms.types import Source

SOURCE = Source(
    name="wikidoc",
    title="Medical Meadow WikiDoc (Living Textbook)",
    licence="CC BY-SA",
    citation="Han et al., MedAlpaca: an open-source collection of medical conversational AI models and training data, "
    "arXiv:2304.08247, 2023",
    address="https://huggingface.co/datasets/medalpaca/medical_meadow_wikidoc",
    files={
        "medical_meadow_wikidoc.json": "https://huggingface.co/datasets/medalpaca/medical_meadow_wikidoc"
        "/resolve/main/medical_meadow_wikidoc.json"
    },
)
ORIGINAL = _originals.Original(
    shelf="medical_meadow_wikidoc",
    names=("medical_meadow_wikidoc.json", "medical_meadow_wikidoc_first1000.json"),
    addresses=tuple(SOURCE.files.values()),
    sha256="b2dea26346d4b6596fa07efd9f4cf59cf67875ef14f84c6a74d7dbcf5acc0d11",
)
_WIKI = re.compile(
    r"editor in chief|\bredirect\b|left sidebar|\bupload\b|wikidoc (?:meet|site|user)|in wikidoc\b|(?:at|is|create) wikidoc\b"
    r"|editing history|tools for editing|find synonyms|for the synonym\b|user page|type in the references|microchapter"
    r"|\.svg\b|archive016|\bsandbox\b|insert a reference|references appear|size of a font|\(disease name\)"
    r"|page be structured|links black instead|equal signs|(?:sub-)?chapters and sub-chapters|return to top",
    re.IGNORECASE,
)
# Applied to both WikiDoc sets: the encyclopedia's own mark-up, and pages about the wiki instead of medicine.
MARKS = (
    Noise("question about the wiki itself", "question", _WIKI),
    Noise(
        "answer of links or template marks only",
        "answer",
        re.compile(r"\A\s*(?:(?:https?://\S+|Template:.*)\s*)+\Z"),
        step="links",
    ),
    Noise("template marks", "answer", re.compile(r"(?:\A|(?<=[.!?)\n]))\s*Template:.*"), ""),
    Noise("template marks", "answer", re.compile(r"\s*\bTemplate:\w+"), ""),
    Noise("navigation boxes", "answer", re.compile(r"(?:\A|(?<=\s))v t e [A-Z].*\Z", re.DOTALL), ""),
    Noise("links to other languages", "answer", re.compile(r"(?m)^\s*(?:[a-z]{2}:[^\W\d_][^:\n]*)+$"), ""),
)
_LEFT_OVER = re.compile(
    r"rephras|paraphras|proper english|grammatically correct|(?:more|further) context|context in which"
    r"|(?:exact|original|given|current|existing|complete) (?:sentence|text|statement|phrasing|wording)",
    re.IGNORECASE,
)
NOISE = (Noise("question left over from a chat", "question", _LEFT_OVER, step="chat"), *MARKS)

# The last words of most questions name what the paragraph is about.
_SUBJECT = re.compile(
    r".*\b(?:of|for|about|regarding|concerning|on|with|to|by|is|are|does|treat|treating|diagnose|diagnosing|detecting|define)"
    r"\s+(?:an? |the )?(?P<subject>[^,?]{4,70}?)"
    r"(?:\s+(?:mean|means|refer to|involve|entail|include|is|are))?(?:,? please)?\s*\??",
    re.IGNORECASE,
)
_NO_SUBJECT = frozenset(
    {"it", "them", "this", "these", "others", "other diseases", "other illnesses", "other conditions"}
)


def subject(question: str) -> str:
    """What a question seems to ask about, by its last words; a guess that serves to keep like rows together."""
    match = _SUBJECT.fullmatch(" ".join(question.split()))
    found = match["subject"].strip(" \"'.") if match else ""
    return "" if found.lower() in _NO_SUBJECT or len(found.split()) > 7 else found


def read(*, offline: bool = False, progress: Progress | None = None) -> Loaded:
    """All rows that are at hand. Raises DataError and FetchError."""
    return _alpaca.read(SOURCE, ORIGINAL, rows_published=10_000, offline=offline, progress=progress, subject=subject)
