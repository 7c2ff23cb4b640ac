import gzip
import json
import re
from pathlib import Path

import openpyxl
import pytest

from medlms import datasets
from medlms.config import DataSource
from medlms.errors import DataError

PAIRS = [("What is a fever?", "A raised body temperature."), ("What is a rash?", "A change of the skin.")]


def load(path: Path, **columns: str):
    return datasets.load(DataSource(source=str(path), **columns))


def texts(path: Path, **columns: str) -> list[tuple[str, str]]:
    return [(row.question, row.answer) for row in load(path, **columns).examples]


def jsonl(path: Path, rows: list) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


SHAPES = {
    "question and answer": lambda q, a: {"question": q, "answer": a},
    "other words and case": lambda q, a: {"Query": q, "RESPONSE": a, "extra": 1},
    "prompt and completion": lambda q, a: {"prompt": q, "completion": a},
    "Alpaca": lambda q, a: {"instruction": "Answer truthfully", "input": q, "output": a},
    "Alpaca without input": lambda q, a: {"instruction": q, "input": "", "output": a},
    "messages": lambda q, a: {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": q},
            {"role": "assistant", "content": a},
        ]
    },
    "ShareGPT": lambda q, a: {"conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_are_told_from_the_columns(shape: str, tmp_path: Path) -> None:
    rows = [SHAPES[shape](*pair) for pair in PAIRS]
    assert texts(jsonl(tmp_path / "mine.jsonl", rows)) == PAIRS
    (tmp_path / "mine.json").write_text(json.dumps(rows))
    assert texts(tmp_path / "mine.json") == PAIRS


def test_the_mapping_and_what_it_leaves_out_is_said(tmp_path: Path) -> None:
    said = " ".join(load(jsonl(tmp_path / "a.jsonl", [SHAPES["messages"](*pair) for pair in PAIRS])).said)
    assert "'messages'" in said and "system messages are not used" in said
    said = " ".join(load(jsonl(tmp_path / "b.jsonl", [SHAPES["Alpaca"](*pair) for pair in PAIRS])).said)
    assert "question from 'input'" in said and "config's instruction takes its place" in said


def test_differing_instructions_belong_to_the_question(tmp_path: Path) -> None:
    rows = [{"instruction": f"Explain {n}", "input": q, "output": a} for n, (q, a) in enumerate(PAIRS)]
    assert texts(jsonl(tmp_path / "mine.jsonl", rows))[1][0] == "Explain 1\nWhat is a rash?"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_tables(delimiter: str, tmp_path: Path) -> None:
    lines = [["id", "Question", "Answer", "Topic"], *([str(n), q, f'"{a}"', "Skin"] for n, (q, a) in enumerate(PAIRS))]
    content = "\r\n".join(delimiter.join(line) for line in lines)
    path = tmp_path / ("mine.tsv" if delimiter == "\t" else "mine.csv")
    path.write_text("\ufeff" + content, encoding="utf-8")
    loaded = load(path)
    assert [(row.question, row.answer) for row in loaded.examples] == PAIRS
    assert [row.id for row in loaded.examples] == ["mine/0", "mine/1"]
    assert [row.place.rsplit(":", 1)[1] for row in loaded.examples] == ["2", "3"]
    assert loaded.examples[0].links == ("topic:skin",)
    assert loaded.source.public is False


def test_gzip_and_cells_over_several_lines(tmp_path: Path) -> None:
    long = "x" * 200_000
    path = tmp_path / "mine.csv.gz"
    path.write_bytes(gzip.compress(f'question,answer\n"Why?","one\ntwo"\nHow?,{long}\n'.encode()))
    loaded = load(path)
    assert [row.answer for row in loaded.examples] == ["one\ntwo", long]
    assert [row.place.rsplit(":", 1)[1] for row in loaded.examples] == ["2", "4"]


def test_xlsx(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [
        ("Question", "Answer", None),
        *PAIRS,
        (None, None, None),
        ("How many?", 42, None),
        ("No answer?", None),
    ]:
        book.active.append(row)
    book.save(tmp_path / "mine.xlsx")
    loaded = load(tmp_path / "mine.xlsx")
    assert [(row.question, row.answer) for row in loaded.examples] == [*PAIRS, ("How many?", "42")]
    assert [(fault.reason, fault.place.rsplit(":", 1)[1]) for fault in loaded.faults] == [("empty answer", "6")]
    (tmp_path / "broken.xlsx").write_bytes((tmp_path / "mine.xlsx").read_bytes()[:500])
    with pytest.raises(DataError, match=r"not a whole \.xlsx"):
        load(tmp_path / "broken.xlsx")


def test_explicit_columns_win(tmp_path: Path) -> None:
    rows = [{"question": "wrong", "answer": "wrong", "Frage": q, "Antwort": a, "Akte": "7"} for q, a in PAIRS]
    path = jsonl(tmp_path / "mine.jsonl", rows)
    assert texts(path, question="Frage", answer="Antwort") == PAIRS
    assert load(path, question="Frage", answer="Antwort", topic="Akte").examples[0].topic == "7"
    with pytest.raises(DataError, match="no column 'Frge'") as error:
        load(path, question="Frge")
    assert "Frage" in error.value.hint


def test_missing_column_says_what_was_found(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "mine.jsonl", [{"patient_question_text": q, "reply_by": a} for q, a in PAIRS])
    with pytest.raises(DataError, match="found: patient_question_text, reply_by") as error:
        load(path)
    assert "question: patient_question_text" in error.value.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"  \n\n", "white space"),
        ('{"question": "a"}'.encode("utf-16"), "UTF-16"),
        (b'{"question": "a",\n "answer": "caf\xe9"}', r"mine\.jsonl:2: not UTF-8 text \(byte 33 is 0xe9\)"),
        (b"\xef\xbb\xbfab\n\xff", r"mine\.jsonl:2: .*byte 6 is 0xff"),
        (b'{"question": "a"}\n\x00\x00', r"mine\.jsonl:2: holds a NUL byte"),
        (b"nothing\nof\njson", "no row can be read.*:1"),
    ],
)
def test_files_that_are_no_text(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        load(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", '[{"question": "a", "answer": "b"}, {"ques', "cut off"),
        ("a.json", '[{"question": "a"\n "answer": "b"}]', r"a\.json:2"),
        ("a.json", '{"one": [], "two": []}', "list of rows"),
        ("a.json", '"text"', "list of rows"),
        ("a.json", "[]", "no rows"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.csv", "question,answer\n", "no rows"),
        ("a.csv", 'question,answer\nx,y\nx,"never closed\nx,y\n', r"a\.csv:3: .*never closed"),
        ("a.csv", "question,answer,answer\nx,y,z\n", "twice"),
        ("a.parquet", "PAR1", "not a whole Parquet"),
        ("a.docx", "x", "can't be read"),
    ],
)
def test_whole_file_problems(name: str, content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=words):
        load(tmp_path / name)


def test_cut_off_gzip(tmp_path: Path) -> None:
    content = gzip.compress(json.dumps({"question": "a", "answer": "b" * 999}).encode())
    (tmp_path / "a.jsonl.gz").write_bytes(content[:-5])
    with pytest.raises(DataError, match="cut off"):
        load(tmp_path / "a.jsonl.gz")


def test_json_lines_under_the_name_of_json(tmp_path: Path) -> None:
    jsonl(tmp_path / "mine.json", [{"question": q, "answer": a} for q, a in PAIRS])
    assert texts(tmp_path / "mine.json") == PAIRS


BAD = [
    ('{"question": "a", "answer": ', "broken row"),
    ("[1, 2]", "wrong type"),
    ('{"question": 3, "answer": "b"}', "wrong type"),
    ('{"question": "a", "answer": ["b"]}', "wrong type"),
    ('{"question": " ", "answer": "b"}', "empty question"),
    ('{"question": "a"}', "empty answer"),
    ('{"question": "a", "answer": null}', "empty answer"),
    ('{"question": "a", "answer": "\\ud800"}', "broken text"),
    ('{"question": "a\\u0000", "answer": "b"}', "broken text"),
    ("9" * 5000, "broken row"),
]


def bad_file(path: Path, good: int) -> Path:
    lines = [json.dumps({"question": f"q{n}", "answer": f"a{n}"}) for n in range(good)] + [line for line, _ in BAD]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_row_problems_are_faults_with_places(tmp_path: Path) -> None:
    loaded = load(bad_file(tmp_path / "mine.jsonl", good=11))
    assert [fault.reason for fault in loaded.faults] == [reason for _, reason in BAD]
    assert [fault.place for fault in loaded.faults] == [f"{tmp_path}/mine.jsonl:{line}" for line in range(12, 22)]
    assert loaded.rows_in == 21


def test_more_than_half_faulty_is_an_error_but_check_lists_all(tmp_path: Path) -> None:
    path = bad_file(tmp_path / "mine.jsonl", good=9)
    with pytest.raises(DataError, match="10 of 19 rows") as error:
        load(path)
    assert str(error.value).count("\n") == 5
    assert len(datasets.check(path).faults) == 10
    assert len(load(bad_file(path, good=10)).faults) == 10


def test_ragged_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("question,answer\na,b\na,b,c\n\nd\ne,f\ng,h\n")
    assert [(fault.place.rsplit(":", 1)[1], fault.reason) for fault in load(path).faults] == [
        ("3", "ragged row"),
        ("5", "ragged row"),
    ]


def test_ids_that_repeat_or_lack_are_replaced_and_named(tmp_path: Path) -> None:
    rows = [{"id": id, "question": f"{q} {id}", "answer": a} for id in (5, 2, 5, "") for q, a in PAIRS[:1]]
    loaded = load(jsonl(tmp_path / "mine.jsonl", rows))
    ids = [row.id for row in loaded.examples]
    assert ids[:2] == ["mine/5", "mine/2"]
    assert all(re.fullmatch(r"mine/#[0-9a-f]{12}(~2)?", name) for name in ids[2:]) and len(set(ids)) == 4
    assert [(note.place.rsplit(":", 1)[1], note.reason) for note in loaded.remarks] == [
        ("3", "id stands twice"),
        ("4", "no id"),
    ]
    assert "mine.jsonl:1" in loaded.remarks[0].detail
    assert any("'id'" in sentence and "2 rows" in sentence for sentence in loaded.said)
    assert loaded.rows_in == 4 and not loaded.faults


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("What's  HIV-1?", "what s hiv 1"),
        ("Ｆever ½", "fever 1 2"),
        ("Что такое грипп?", "что такое грипп"),
        ("Sjögren’s", "sj gren s"),
    ],
)
def test_normalised(text: str, folded: str) -> None:
    assert datasets.normalised(text) == folded
