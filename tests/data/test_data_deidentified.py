"""Copies of files with surrogates: same format, other columns and clean rows as they were, a private review list."""

import csv
import gzip
import io
import json
import re
from datetime import date, datetime
from pathlib import Path

import pytest

from medlms import datasets
from medlms.data import deidentified
from medlms.errors import AskedWrongly, DataError

KEY = bytes(range(32))
ROWS = [
    {"patient": "P-1", "question": "Mr. John Smith, seen 03/14/2021. Plan?", "answer": "Dr. Anne Keller: rest, é.", "score": "3"},
    {"patient": "P-1", "question": "Is Mr. Smith better on 03/21/2021?", "answer": "Yes; BP 120/80.", "score": "4"},
    {"patient": "P-2", "question": "What is anaemia?", "answer": "Too few red cells.", "score": "5"},
]  # fmt: skip
BORN = datetime(1950, 3, 14)  # noqa: DTZ001 - what a cell of a spreadsheet holds
SECRETS = ("John", "Smith", "Keller", "03/14/2021", "03/21/2021")


def as_csv(rows, delimiter=",") -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def as_jsonl(rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


FORMATS = {
    "a.jsonl": as_jsonl(ROWS),
    "a.json": json.dumps(ROWS, indent=1).encode(),
    "wrapped.json": json.dumps({"version": "by John Smith", "rows": ROWS}).encode(),
    "columns.json": json.dumps({key: [row[key] for row in ROWS] for key in ROWS[0]}).encode(),
    "lines.json": as_jsonl(ROWS),
    "a.csv": b"\xef\xbb\xbf" + as_csv(ROWS),
    "semicolon.csv": as_csv(ROWS, ";"),
    "a.tsv": as_csv(ROWS, "\t"),
    "a.jsonl.gz": gzip.compress(as_jsonl(ROWS)),
}


def copied(path: Path, target: Path, **keys) -> deidentified.Copy:
    shape, _, _ = datasets.columns(path)
    return deidentified.write(path, target, shape, key=KEY, **keys)


def rows_of(path: Path) -> list:
    loaded = datasets.check(path)
    assert not loaded.faults
    return loaded.examples


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_written_as_it_was(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FORMATS[name])
    target = tmp_path / f"copy-{name}"
    done = copied(path, target)
    assert path.read_bytes() == FORMATS[name]
    plain = datasets.plain_bytes(target).decode("utf-8-sig")
    assert not any(secret in plain for secret in SECRETS)
    before, after = rows_of(path), rows_of(target)
    assert len(after) == 3 and after[2].question == before[2].question and after[2].answer == before[2].answer
    assert after[1].answer == before[1].answer == "Yes; BP 120/80." and after[0].answer.endswith(": rest, é.")
    name_of = after[0].question.split()[2].rstrip(",")
    assert f"Mr. {name_of} better" in after[1].question, "one patient, one name"
    seen = [re.search(r"(\d\d)/(\d\d)/(\d{4})", row.question) for row in after[:2]]
    days = [date(int(hit[3]), int(hit[1]), int(hit[2])) for hit in seen]
    assert (days[1] - days[0]).days == 7
    assert done.rows in (3, 4) and done.left == 0 and done.by_class["name"] >= 3
    assert 0 < done.replaced < done.characters
    for file in (target, done.review):
        assert file.stat().st_mode & 0o777 == 0o600
    review = list(csv.DictReader(io.StringIO(done.review.read_text(encoding="utf-8"))))
    assert {(line["class"], line["original"]) for line in review} >= {("name", "John Smith"), ("date", "03/14/2021")}
    assert all(line["file"] == name and f">>{line['original']}<<" in line["surrounding text"] for line in review)
    assert len(review) == sum(done.by_class.values())


def test_lines_and_tables_keep_their_bytes_where_nothing_was_found(tmp_path):
    lines = tmp_path / "a.jsonl"
    lines.write_bytes(
        b'{"question":"What  is it?", "answer": "\\u00e9", "n": 1.50}\r\n\n{"question": "q", "answer": "Dr. John Smith."}\n'
    )
    copied(lines, tmp_path / "b.jsonl")
    old, new = lines.read_bytes().split(b"\n"), (tmp_path / "b.jsonl").read_bytes().split(b"\n")
    assert new[:2] == old[:2] and new[2] != old[2] and len(new) == len(old)
    table = tmp_path / "a.csv"
    table.write_bytes(as_csv([{key: ROWS[2][key] for key in ("question", "answer")}]))
    copied(table, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_bytes() == table.read_bytes()


def test_turns_numbers_and_nested_values_are_looked_at(tmp_path):
    row = {
        "messages": [
            {"role": "user", "content": "I am John Smith."},
            {"role": "assistant", "content": "Hello, Mr. Smith."},
        ],
        "mrn": 44719023,
        "meta": {"author": "Dr. Anne Keller", "tags": ["x"], "ok": True, "score": 0.5, "none": None},
    }
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row) + "\n")
    copied(path, tmp_path / "b.jsonl")
    new = json.loads((tmp_path / "b.jsonl").read_text())
    assert [turn["role"] for turn in new["messages"]] == ["user", "assistant"]
    assert new["mrn"] != row["mrn"] and isinstance(new["mrn"], int) and len(str(new["mrn"])) == 8
    assert new["meta"]["author"].startswith("Dr. ") and "Keller" not in str(new)
    assert {key: new["meta"][key] for key in ("tags", "ok", "score", "none")} == {
        "tags": ["x"],
        "ok": True,
        "score": 0.5,
        "none": None,
    }
    assert new["messages"][0]["content"].split()[3].rstrip(".") == new["messages"][1]["content"].split()[2].rstrip(".")


def test_spreadsheets(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for line in (
        ["patient", "dob", "question", "answer", "score"],
        *([r["patient"], BORN, r["question"], r["answer"], 3] for r in ROWS),
    ):
        book.active.append(line)
    book.create_sheet("more").append(["who"])
    book["more"].append(["seen by Dr. John Smith"])
    book.save(tmp_path / "a.xlsx")
    copied(tmp_path / "a.xlsx", tmp_path / "b.xlsx")
    new = openpyxl.load_workbook(tmp_path / "b.xlsx")
    text = str([[cell.value for cell in row] for sheet in new.worksheets for row in sheet.iter_rows()])
    assert not any(secret in text for secret in SECRETS)
    births = [row[1].value for row in list(new.worksheets[0].iter_rows())[1:]]
    assert all(isinstance(value, datetime) and value != BORN for value in births) and births[0] == births[1]
    assert [row[4].value for row in list(new.worksheets[0].iter_rows())[1:]] == [3, 3, 3]


def test_parquet(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pyarrow.Table.from_pylist([{**row, "score": int(row["score"])} for row in ROWS])
    parquet.write_table(table, tmp_path / "a.parquet")
    copied(tmp_path / "a.parquet", tmp_path / "b.parquet")
    new = parquet.read_table(tmp_path / "b.parquet")
    assert new.schema == table.schema and new.column("score").to_pylist() == [3, 4, 5]
    assert not any(secret in str(new.to_pylist()) for secret in SECRETS)


@pytest.mark.parametrize("there", ["b.jsonl", "b.jsonl.review.csv", "a.jsonl"])
def test_nothing_is_overwritten(tmp_path, there):
    (tmp_path / "a.jsonl").write_bytes(FORMATS["a.jsonl"])
    (tmp_path / there).write_bytes((tmp_path / there).read_bytes() if there == "a.jsonl" else b"mine")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(AskedWrongly, match="is there already"):
        copied(tmp_path / "a.jsonl", tmp_path / ("a.jsonl" if there == "a.jsonl" else "b.jsonl"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.jsonl", as_jsonl(ROWS) + b"{broken\n", ":4"),
        ("a.csv", as_csv(ROWS) + b"a,b\n", ":5"),
        ("a.json", b'[{"question": "q", "answer": "a"}, 3]', "a.json"),
    ],
)
def test_what_cannot_be_read_is_not_copied(tmp_path, name, content, place):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match="Nothing was written") as caught:
        copied(path, tmp_path / f"b-{name}")
    assert place in str(caught.value) and list(tmp_path.iterdir()) == [path]


def test_the_copy_has_the_format_of_the_original(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(FORMATS["a.jsonl.gz"])
    with pytest.raises(AskedWrongly, match=r"\.jsonl\.gz"):
        copied(tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl")


def test_patients_stay_apart_in_their_column(tmp_path):
    path = tmp_path / "a.csv"
    rows = [{"mrn": f"MRN: {number:06d}", "question": "q", "answer": "a"} for number in range(300)]
    path.write_bytes(as_csv(rows))
    shape, _, _ = datasets.columns(path, None)
    from dataclasses import replace

    done = deidentified.write(path, tmp_path / "b.csv", replace(shape, document="mrn"), key=KEY)
    new = [row["mrn"] for row in csv.DictReader((tmp_path / "b.csv").open())]
    assert len(set(new)) == 300 and set(new).isdisjoint(row["mrn"] for row in rows)
    assert not any("WARNING" in sentence for sentence in done.said)
