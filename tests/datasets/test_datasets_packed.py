import gzip
import hashlib
import io
import json
import sys
import tracemalloc
from pathlib import Path

import openpyxl
import pytest

from medlms import datasets
from medlms.config import DataSource
from medlms.datasets import _open
from medlms.errors import CouldNot, DataError

PAIRS = [("What is a fever?", "A raised body temperature."), ("What is a rash?", "A change of the skin.")]
ROWS = [{"question": q, "answer": a} for q, a in PAIRS]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def load(path: Path):
    return datasets.load(DataSource(source=str(path)))


def texts(path: Path) -> list[tuple[str, str]]:
    return [(row.question, row.answer) for row in load(path).examples]


def sheet() -> bytes:
    book = openpyxl.Workbook()
    for row in [("question", "answer"), *PAIRS]:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def parquet(rows: list[dict]) -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    writer = pytest.importorskip("pyarrow.parquet")
    content = io.BytesIO()
    writer.write_table(pyarrow.Table.from_pylist(rows), content, row_group_size=100)
    return content.getvalue()


FORMATS = {
    "jsonl": lambda: LINES,
    "json": lambda: json.dumps(ROWS).encode(),
    "csv": lambda: b"question,answer\n" + "".join(f"{q},{a}\n" for q, a in PAIRS).encode(),
    "tsv": lambda: b"question\tanswer\n" + "".join(f"{q}\t{a}\n" for q, a in PAIRS).encode(),
    "xlsx": sheet,
    "parquet": lambda: parquet(ROWS),
}


@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_plain_and_packed(ending: str, packed: str, tmp_path: Path) -> None:
    content = FORMATS[ending]()
    if packed == ".gz":
        content = gzip.compress(content)
    elif packed == ".zst":
        content = pytest.importorskip("zstandard").ZstdCompressor().compress(content)
    path = tmp_path / f"mine.{ending}{packed}"
    path.write_bytes(content)
    assert texts(path) == PAIRS
    loaded = load(path)
    assert loaded.source.name == "mine"
    assert loaded.files == {str(path): hashlib.sha256(content).hexdigest()}


def test_frames_of_zstd_behind_one_another(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    half = len(LINES) // 2
    frames = [zstandard.ZstdCompressor().compress(part) for part in (LINES[:half], LINES[half:])]
    (tmp_path / "mine.jsonl.zst").write_bytes(b"".join(frames))
    assert texts(tmp_path / "mine.jsonl.zst") == PAIRS
    (tmp_path / "cut.jsonl.zst").write_bytes(b"".join(frames)[:-3])
    with pytest.raises(DataError, match="zstd file is cut off"):
        load(tmp_path / "cut.jsonl.zst")
    (tmp_path / "no.jsonl.zst").write_bytes(b"no zstd at all")
    with pytest.raises(DataError, match="not a whole zstd"):
        load(tmp_path / "no.jsonl.zst")


def test_without_zstandard_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.jsonl.zst").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    with pytest.raises(CouldNot, match="zstandard") as error:
        load(tmp_path / "mine.jsonl.zst")
    assert "medlms[zst]" in error.value.hint


class OneFrame:
    """Stands in for an unpacker of zstd: a frame is a length, then as many bytes."""

    def __init__(self) -> None:
        self.wanted = -1
        self.eof, self.unused_data = False, b""

    def decompress(self, data: bytes) -> bytes:
        if self.wanted < 0:
            self.wanted, data = data[0], data[1:]
        piece, rest = data[: self.wanted], data[self.wanted :]
        self.wanted -= len(piece)
        if not self.wanted:
            self.eof, self.unused_data = True, rest
        return piece


def test_frames_are_unpacked_until_the_last_and_a_cut_one_is_told() -> None:
    def read(content: bytes) -> bytes:
        source = _open._Zst(io.BytesIO(content), OneFrame)  # type: ignore[arg-type]
        return b"".join(iter(lambda: source.read1(3), b""))

    assert read(b"\x05hello\x06 world") == b"hello world"
    with pytest.raises(EOFError):
        read(b"\x05hello\x06 wor")


def test_parquet_of_many_groups_and_turns(tmp_path: Path) -> None:
    rows = [{"question": f"q{n}", "answer": f"a{n}", "id": n} for n in range(2500)]
    (tmp_path / "mine.parquet").write_bytes(parquet(rows))
    loaded = load(tmp_path / "mine.parquet")
    assert [row.id for row in loaded.examples] == [f"mine/{n}" for n in range(2500)]
    assert loaded.examples[-1].place.endswith("mine.parquet#2500")
    turns = [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in PAIRS]
    (tmp_path / "chat.parquet").write_bytes(parquet(turns))
    assert texts(tmp_path / "chat.parquet") == PAIRS


def test_a_cut_gzip_is_told_and_check_lists_the_rows_before(tmp_path: Path) -> None:
    rows = [json.dumps({"question": f"q{n} {n * 7919 % 1000}", "answer": f"a{n * 104729}"}) for n in range(5000)]
    rows[3] = "{"
    content = gzip.compress("\n".join(rows).encode())
    path = tmp_path / "mine.jsonl.gz"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"mine\.jsonl\.gz: the gzip file is cut off"):
        load(path)
    loaded = datasets.check(path)
    assert [fault.reason for fault in loaded.faults] == ["broken row", "broken file"]
    assert "after" in loaded.faults[-1].place and "cut off" in loaded.faults[-1].detail
    assert len(loaded.examples) > 1000


def test_rows_of_long_files_are_never_all_in_memory(tmp_path: Path) -> None:
    rows = 12_000
    for name, header, line in (
        ("mine.jsonl", "", lambda n: json.dumps({"question": f"q{n}", "answer": "a" * 1000}) + "\n"),
        ("mine.csv", "question,answer\n", lambda n: f"q{n},{'a' * 1000}\n"),
    ):
        path = tmp_path / name
        path.write_text(header + "".join(map(line, range(rows))))
        tracemalloc.start()
        stream = datasets.stream(DataSource(source=str(path)))
        count = sum(1 for _ in stream)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == stream.rows_in == rows
        assert peak < path.stat().st_size / 2
        assert stream.files[str(path)] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_stream_gives_what_reading_at_once_gives(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(LINES + b"{\n" + LINES)
    stream = datasets.stream(DataSource(source=str(path)))
    items = list(stream)
    loaded = load(path)
    assert [item for item in items if item in loaded.examples] == loaded.examples
    assert [item for item in items if item in loaded.faults] == loaded.faults
    assert (stream.rows_in, stream.said, stream.files) == (loaded.rows_in, loaded.said, loaded.files)
    starter = datasets.stream(DataSource(source="starter"))
    assert len(list(starter)) == starter.rows_in
