import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from medlms import datasets
from medlms.config import DataSource
from medlms.datasets import medquad
from medlms.errors import DataError

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<Document id="0000001" source="X" url="http://example.org/a">
<Focus>Dry  cough</Focus>
<FocusAnnotations><UMLS><CUIs><CUI>C0000001</CUI><CUI>C0000002</CUI></CUIs></UMLS></FocusAnnotations>
<QAPairs>
<QAPair pid="1"><Question qid="1-1" qtype="information">What is (are) Dry cough ?</Question><Answer>A cough
without phlegm &amp; more.</Answer></QAPair>
<QAPair pid="2"><Question qid="1-2" qtype="symptoms">What are the symptoms of Dry cough ?</Question><Answer/></QAPair>
</QAPairs></Document>
"""
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Document><Focus>&b;</Focus></Document>'
)
FILES = {
    "1_First_QA/0000001.xml": DOCUMENT.encode(),
    "10_Tenth_QA/0000002.xml": DOCUMENT.encode(),
    "2_Second_QA/0000003.xml": BOMB.encode(),
    "2_Second_QA/0000004.xml": b"<Document><Focus>never closed",
    "2_Second_QA/0000005.xml": b"<Document>\xff</Document>",
}


def folder(root: Path) -> Path:
    for name, content in FILES.items():
        path = root / "MedQuAD" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root / "MedQuAD"


def zipped(root: Path) -> Path:
    path = root / "MedQuAD-master.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("MedQuAD-master/readme.txt", "no document")
        for name, content in reversed(FILES.items()):
            archive.writestr(f"MedQuAD-master/{name}", content)
    return path


def tarred(root: Path) -> Path:
    path = root / "medquad_xml.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in FILES.items():
            info = tarfile.TarInfo(f"MedQuAD/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("pack", [folder, zipped, tarred])
def test_reads_the_same_from_folder_zip_and_tar(pack, tmp_path: Path) -> None:
    loaded = datasets.load(DataSource(source=str(pack(tmp_path))), offline=True)
    assert [row.id for row in loaded.examples] == ["medquad/1_First_QA/0000001#1", "medquad/10_Tenth_QA/0000002#1"]
    row = loaded.examples[0]
    assert (row.question, row.answer) == ("What is (are) Dry cough ?", "A cough\nwithout phlegm & more.")
    assert (row.topic, row.kind, row.source, row.licence) == ("Dry cough", "information", "medquad", "CC BY 4.0")
    assert row.links == ("document:medquad/1_First_QA/0000001", "topic:dry cough", "cui:C0000001", "cui:C0000002")
    assert [(fault.reason, fault.place.split("!")[1]) for fault in loaded.faults] == [
        ("empty answer", "1_First_QA/0000001.xml#2"),
        ("broken document", "2_Second_QA/0000003.xml"),
        ("broken document", "2_Second_QA/0000004.xml"),
        ("broken document", "2_Second_QA/0000005.xml"),
        ("empty answer", "10_Tenth_QA/0000002.xml#2"),
    ]
    assert loaded.rows_in == len(loaded.examples) + len(loaded.faults)
    assert "document type" in loaded.faults[1].detail


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    loaded = medquad.read(path=folder(tmp_path))
    assert "aaaa" not in loaded.topics


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_cut_off_archives(pack, share: float, tmp_path: Path) -> None:
    path = pack(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match=r"cut off|not a whole"):
        medquad.read(path=path)


def test_members_that_unpack_to_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medquad, "LARGEST_MEMBER", 100)
    for pack in (zipped, tarred):
        with pytest.raises(DataError, match="larger than a document"):
            medquad.read(path=pack(tmp_path))


def test_nothing_is_written_outside(tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../escape/0000001.xml", DOCUMENT)
    medquad.read(path=path)
    assert [item.name for item in tmp_path.iterdir()] == ["evil.zip"]


def test_an_archive_without_documents(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(DataError, match="no MedQuAD documents"):
        datasets.load(DataSource(source=str(path)))
