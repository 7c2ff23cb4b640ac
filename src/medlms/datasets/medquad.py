"""MedQuAD: consumer questions and answers cut from 12 sites of the U.S. National Institutes of Health, as XML.

Reads the authors' folder, a zip or a tar of it. Nothing is unpacked to disk.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from medlms.datasets import _originals, _read
from medlms.datasets._loaded import Loaded, Noise, Progress, normalised
from medlms.errors import DataError
from medlms.types import QA, Fault, Source

COMMIT = "577bd37b96c02d1833b2c9eed2de9f96964e96cb"
SOURCE = Source(
    name="medquad",
    title="MedQuAD, Medical Question Answering Dataset",
    licence="CC BY 4.0",
    citation=(
        "Ben Abacha and Demner-Fushman, A question-entailment approach to question answering, "
        "BMC Bioinformatics 20:511, 2019"
    ),
    address="https://github.com/abachaa/MedQuAD",
    files={"MedQuAD.zip": f"https://github.com/abachaa/MedQuAD/archive/{COMMIT}.zip"},
)
ORIGINAL = _originals.Original(
    shelf="medquad",
    names=(
        "MedQuAD.zip",
        "MedQuAD-master.zip",
        f"MedQuAD-{COMMIT}.zip",
        "medquad_xml.tar",
        "MedQuAD.tar",
        "MedQuAD",
        "MedQuAD-master",
        "",
    ),
    addresses=tuple(SOURCE.files.values()),
)
# sha256 over the names and contents of all documents at COMMIT, however they are packed.
CONTENTS = "bfe459feb4181f25183f8d45b18272dec3e8bbfeac00653fb153156e56e60d34"
# What the sites repeat around their texts: sentences that stand word for word in hundreds of answers, the headings of pages,
# and pointers to what is on the page but not in the text.
NOISE = (
    Noise(
        "answer is a list of link titles",
        "answer",
        re.compile(r"\A\s*These resources address the "),
        needs=("These resources address the ",),
    ),
    Noise(
        "how to read the table of symptoms",
        "answer",
        re.compile(
            r"\s*If the information is available, the table below\b.{0,400}?Signs and Symptoms\s+Approximate number of "
            r"patients \(when available\)"
            r"|\s*The Human Phenotype Ontology \(HPO\) has collected information on how often\b.{0,1200}?"
            r"may be rare or common\.",
            re.DOTALL,
        ),
        "",
        needs=("If the information is available", "The Human Phenotype Ontology"),
    ),
    Noise("heading Summary", "answer", re.compile(r"\A\s*Summary\s*:\s*"), "", needs=("Summary",)),
    Noise("heading Key Points", "answer", re.compile(r"\A\s*Key Points\s+"), "", needs=("Key Points",)),
    Noise(
        "pointers to videos",
        "answer",
        re.compile(
            r"\s*\((?:Watch|To (?:enlarge|see|learn))\b(?=[^()]{0,300}\bvideos?\b)[^()]*(?:\([^()]*\)[^()]*)*\)"
            r"|(?:\A|(?<=[.!?)]))\s*Watch (?:a|an|the|this|these)\b(?=[^.!?]{0,80}\bvideos?\b)[^.!?]*[.!?]"
            r"|(?:\A|(?<=[.!?)]))\s*To (?:enlarge|reduce) the videos?,[^.!?]*(?:\.\)|[.!?])"
        ),
        "",
        needs=("video",),
    ),
    Noise(
        "pointers to other pages",
        "answer",
        re.compile(r"(?:\A|(?<=[.!?)]))\s*(?:Learn more about|Get tips on)\b[^.!?]*[.!?]"),
        "",
        needs=("Learn more about", "Get tips on"),
    ),
)
LARGEST_MEMBER = 16 * 2**20
LARGEST_ARCHIVE = 2 * 2**30


def read(*, path: Path | None = None, offline: bool = False, progress: Progress | None = None) -> Loaded:
    """All pairs, from ``path`` or from where the original lies; pairs without an answer become faults.

    Ids are ``medquad/<folder>/<file stem>#<pid>``. Raises DataError and FetchError.
    """
    given = _originals.Found(path, "given by path") if path else None
    found = given or _originals.get(ORIGINAL, offline=offline, progress=progress)
    members, checksum = _members(found.path)
    examples: list[QA] = []
    faults: list[Fault] = []
    contents = hashlib.sha256()
    foci: dict[str, None] = {}
    for number, (folder, stem, content) in enumerate(members, 1):
        contents.update(f"{folder}/{stem}\0{len(content)}\0".encode() + content)
        foci[_document(folder, stem, content, found.path.name, examples, faults)] = None
        if progress and (number % 500 == 0 or number == len(members)):
            progress("reading medquad", number, len(members))
    if not members:
        raise DataError(f"{found.path}: holds no MedQuAD documents (FOLDER/NUMBER.xml).")
    same = contents.hexdigest() == CONTENTS
    version = f"the documents of commit {COMMIT[:8]}" if same else "not the documents of the commit we know"
    return Loaded(
        examples=examples,
        faults=faults,
        rows_in=len(examples) + len(faults),
        source=SOURCE,
        files={str(found.path): checksum or contents.hexdigest()},
        said=[
            f"medquad: {len(examples):,} of {len(examples) + len(faults):,} pairs have an answer, "
            f"{len(members):,} documents ({version}), {found.where}"
        ],
        # Documents whose answers were taken back still name conditions and drugs.
        topics=tuple(focus for focus in foci if focus),
    )


def recognises(path: Path) -> bool:
    """Whether a folder or an archive looks like MedQuAD: it holds XML documents in folders."""
    if path.is_dir():
        return any(path.glob("*/*.xml")) or any(path.glob("*/*/*.xml"))
    return path.name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz"))


def _members(path: Path) -> tuple[list[tuple[str, str, bytes]], str]:
    """(folder, stem, content) of each document in a fixed order, and the sha256 of the archive."""
    if path.is_dir():
        files = {**{str(f): f for f in path.glob("*/*.xml")}, **{str(f): f for f in path.glob("*/*/*.xml")}}
        found = [(f.parent.name, f.stem, _read.raw(f)) for f in files.values()]
        checksum = ""
    else:
        raw = _read.raw(path)
        checksum = _read.sha256(raw)
        reader = _zipped if zipfile.is_zipfile(io.BytesIO(raw)) else _tarred
        found = [
            (place.parent.name, place.stem, content)
            for name, content in reader(path, raw)
            if (place := PurePosixPath(name)).parent.name
        ]
    found.sort(key=lambda item: (_natural(item[0]), item[1]))
    return found, checksum


def _zipped(path: Path, raw: bytes) -> Iterator[tuple[str, bytes]]:
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for info in archive.infolist():
                if not info.filename.endswith(".xml"):
                    continue
                total = _within_limits(path, info.filename, info.file_size, total)
                # The size in the directory is the archive's word: read no more than it says.
                with archive.open(info) as member:
                    yield info.filename, member.read(LARGEST_MEMBER)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: not a whole zip file: {error}.", hint="Fetch or copy it again.") from None


def _tarred(path: Path, raw: bytes) -> Iterator[tuple[str, bytes]]:
    plain = memoryview(_read.unpacked(path, raw))
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
            for info in archive:
                if not info.isfile() or not info.name.endswith(".xml"):
                    continue
                total = _within_limits(path, info.name, info.size, total)
                content = bytes(plain[info.offset_data : info.offset_data + info.size])
                if len(content) < info.size:
                    raise DataError(f"{path}: cut off inside {info.name}.", hint="Fetch or copy it again.")
                yield info.name, content
    except tarfile.TarError as error:
        raise DataError(f"{path}: not a whole zip or tar file: {error}.", hint="Fetch or copy it again.") from None


def _within_limits(path: Path, name: str, size: int, total: int) -> int:
    if size > LARGEST_MEMBER or total + size > LARGEST_ARCHIVE:
        raise DataError(f"{path}: {name} is larger than a document of MedQuAD can be; the archive is not read.")
    return total + size


def _document(folder: str, stem: str, content: bytes, archive: str, examples: list[QA], faults: list[Fault]) -> str:
    """Add a document's pairs to ``examples`` or ``faults`` and return its focus."""
    place = f"{archive}!{folder}/{stem}.xml"
    try:
        # Decoding first keeps an encoding line from hiding what follows; entities could grow without bound.
        text = content.decode("utf-8-sig")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            faults.append(Fault(place, "broken document", "declares a document type, which is refused"))
            return ""
        root = ElementTree.fromstring(text)  # noqa: S314 - without a document type there are no entities to expand
    except UnicodeDecodeError as error:
        faults.append(Fault(place, "broken document", f"not UTF-8 (byte {error.start:,})"))
        return ""
    except ElementTree.ParseError as error:
        faults.append(Fault(place, "broken document", f"not well-formed XML: {error}"))
        return ""
    except ValueError as error:
        faults.append(Fault(place, "broken document", str(error)))
        return ""
    document = f"medquad/{folder}/{stem}"
    focus = " ".join((root.findtext("Focus") or "").split())
    links = [f"document:{document}"]
    if topic := normalised(focus):
        links.append(f"topic:{topic}")
    links += [f"cui:{cui}" for cui in dict.fromkeys((item.text or "").strip() for item in root.iter("CUI")) if cui]
    shared = tuple(links)
    for pair in root.iter("QAPair"):
        pid = pair.get("pid") or ""
        asked = pair.find("Question")
        question = (asked.text or "").strip() if asked is not None else ""
        answer = (pair.findtext("Answer") or "").strip()
        here = f"{place}#{pid}"
        if not question or not answer:
            faults.append(Fault(here, "empty answer" if question else "empty question", question))
            continue
        examples.append(
            QA(
                id=f"{document}#{pid}",
                source="medquad",
                licence=SOURCE.licence,
                place=here,
                question=question,
                answer=answer,
                topic=focus,
                kind=(asked.get("qtype") or "") if asked is not None else "",
                links=shared,
            )
        )
    return focus


def _natural(name: str) -> tuple[int, str]:
    number = re.match(r"\d+", name)
    return (int(number.group()) if number else 10**9, name)
