"""Six subjects of MMLU, as papers on medical models use them: four options."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from medlms.datasets import _exams, _originals, _text_tables
from medlms.datasets._loaded import Progress, Read, normalised
from medlms.datasets._open import Opened
from medlms.types import Choice, Fault, Source

SUBJECTS = (
    "anatomy",
    "clinical_knowledge",
    "college_biology",
    "college_medicine",
    "medical_genetics",
    "professional_medicine",
)
PARTS = ("test", "val", "dev")
_HEADER = ("question", "A", "B", "C", "D", "answer")
_TEST = (
    "https://raw.githubusercontent.com/Teddy-XiongGZ/MIRAGE/224ebe9a721e1bc525a07b10eceb01ed52df7b29/rawdata/mmlu/data"
)
_REST = "https://raw.githubusercontent.com/hendrycks/test/785eba57b455b9f9be12a0d3c1106d67274fea0e/data"
_SUMS = {
    "anatomy_dev": "0985685cf5ab13ccc1629f03a1308a9add8767582ffeb195b68b18c3415c9993",
    "anatomy_test": "966dfd5c4579885ebdb8c05d6754ae5834f672632586d8595be3c0f9360e6f4e",
    "anatomy_val": "09e9959486ebf3643e4ecbf173a77b029c6f08665ab8f89daf99399956f26b8e",
    "clinical_knowledge_dev": "a82e8b10da8168f8fe9f7315165e6e87a4b3bebe91f6445b9aafbefb162cc531",
    "clinical_knowledge_test": "06a1ea973000d5ef5d2664c4ac1c68d0423f1cab6b3b682be7942633740811f1",
    "clinical_knowledge_val": "aa4a98fac4cb6c0ed219d44ef46a6aa9e8d56b0a62046bb220b836dbee4ff6a7",
    "college_biology_dev": "31f4ae0707ba3f742e0d5546ff970949be8a05e217921fe87b1814d6a0ab8184",
    "college_biology_test": "e1204cb9d19887ea266145f038b5d4cc1fbc33d7efce186259c4ecca1cbe3119",
    "college_biology_val": "f624eaf75ee2add75a9f2b189bb703e0a2591981d45c60bb5f9dcd9bfe168456",
    "college_medicine_dev": "63928a944fda769d7e52a3a4549d4f37f094896e65e7db35029261e1ae79909b",
    "college_medicine_test": "9c533cfff89edaa317b2e79bbabcdd5e2e522e019679cb4a6475e5f2a1861b1e",
    "college_medicine_val": "9a490f6aaeb2e7c15cc8ce4c5745ff449568971ac447c4aa616858f7f4dcef35",
    "medical_genetics_dev": "70cd9ff940bef360693eeb4e05b5b8e53ad75a81d6b74a784222d4cae6dcb896",
    "medical_genetics_test": "cc30c698e94f12c00e610a39c62d1a1d9587fa53c005359317346081f722c5e6",
    "medical_genetics_val": "03d44b759f35da638d7432bb7f050cc0bc5886497285980e91d387fe23478d6a",
    "professional_medicine_dev": "486456d578890d4700dd8044ac236c8ac2ee3389e35fc81ac37529f4f4487785",
    "professional_medicine_test": "a034bf0dda10cb0848bdd3097eb1547d61ca2dac9e9b871563691621c38d51e9",
    "professional_medicine_val": "8ccce8d3ca49f2a8ff645a12151ec36f4d567b53bf146bcefcb44c993efd7392",
}
SOURCE = Source(
    name="mmlu_medical",
    title="MMLU, six medical subjects",
    licence="MIT",
    citation="Hendrycks et al., Measuring massive multitask language understanding, ICLR 2021",
    address="https://github.com/hendrycks/test",
    files={
        f"{subject}_{part}.csv": f"{_TEST if part == 'test' else _REST}/{part}/{subject}_{part}.csv"
        for part in PARTS
        for subject in SUBJECTS
    },
    kind="exam",
)
ORIGINALS = tuple(
    _originals.Original("mmlu_medical", (name,), (address,), _SUMS[name.removesuffix(".csv")])
    for name, address in SOURCE.files.items()
)


def choices(*, part: str = "test", offline: bool = False, progress: Progress | None = None) -> Read[Choice]:
    """The questions of all six subjects; ``topic`` is the subject. Raises DataError and FetchError."""
    sheet = _exams.Sheet(SOURCE)
    files: dict[str, str] = {}
    where: dict[str, None] = {}
    for subject in SUBJECTS:
        name = f"{subject}_{part}.csv"
        original = next(item for item in ORIGINALS if item.names == (name,))
        found = _originals.get(original, offline=offline, progress=progress)
        where[found.where] = None
        files[str(found.path)] = _subject(sheet, found.path, part, subject)
    said = [f"mmlu_medical: {part}, {', '.join(where)}"]
    if again := _repeated(sheet.rows):
        said.append(f"mmlu_medical: {again:,} questions stand in two subjects and count in both")
    return sheet.read(files, said)


def _subject(sheet: _exams.Sheet, path: Path, part: str, subject: str) -> str:
    """Add a file's questions, and return its checksum. The files have no header."""
    opened = Opened(path)
    for row in _text_tables.csv_rows(path, opened.stream, ",", tolerant=True, header=_HEADER):
        if isinstance(row, Fault):
            sheet.faults.append(row)
            continue
        options = [row.values[letter] for letter in "ABCD"]
        answer = _exams.by_letter(row.place, row.values["answer"], tuple("ABCD"))
        name = f"{part}/{subject}/{row.number}"
        sheet.add(row.place, name, row.values["question"], options, answer, topic=subject.replace("_", " "))
    checksum = opened.sha256()
    opened.close()
    return checksum


def _repeated(rows: list[Choice]) -> int:
    seen = Counter((normalised(row.question), row.options) for row in rows)
    return sum(count > 1 for count in seen.values())
