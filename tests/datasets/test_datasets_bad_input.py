"""What people bring: each fault has a sentence and a place, and a check lists all of them in one go."""

import json
from pathlib import Path

import pytest

from medlms import datasets
from medlms.config import DataSource
from medlms.datasets import medquad
from medlms.errors import DataError


def load(path: Path, **keys: object):
    return datasets.load(DataSource(source=str(path), **keys))  # type: ignore[arg-type]


def faults(loaded) -> list[tuple[str, str]]:
    return [(fault.place.rsplit(":", 1)[-1], fault.reason) for fault in loaded.faults]


GOOD = '{"question": "Why?", "answer": "So."}\n'


def test_malformed_xml_is_named_with_its_line_and_the_rest_is_read(tmp_path: Path) -> None:
    good = (
        '<Document><QAPairs><QAPair pid="1"><Question>Why?</Question><Answer>So.</Answer></QAPair></QAPairs></Document>'
    )
    for name, text in (
        ("1.xml", good),
        ("2.xml", good.replace("</Answer>", "")),
        ("3.xml", good.replace("<Answer>", "&x;")),
    ):
        (tmp_path / "MedQuAD" / "1_First_QA").mkdir(parents=True, exist_ok=True)
        (tmp_path / "MedQuAD" / "1_First_QA" / name).write_text(good if name == "1.xml" else "<!-- -->\n" + text)
    loaded = medquad.read(path=tmp_path / "MedQuAD")
    assert len(loaded.examples) == 1
    assert [(fault.place.rsplit("/", 1)[1], fault.reason) for fault in loaded.faults] == [
        ("2.xml", "broken document"),
        ("3.xml", "broken document"),
    ]
    assert all("line 2" in fault.detail for fault in loaded.faults)
    assert [fault.reason for fault in datasets.check(tmp_path / "MedQuAD").faults] == ["broken document"] * 2


def test_mark_of_byte_order_and_line_ends_of_windows(tmp_path: Path) -> None:
    for name, text in (("a.csv", "question,answer\r\nWhy?,So.\r\n"), ("a.jsonl", GOOD.replace("\n", "\r\n"))):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
        loaded = load(tmp_path / name)
        assert [(row.question, row.answer) for row in loaded.examples] == [("Why?", "So.")]
        assert not loaded.faults


def test_line_ends_of_old_macs(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"question,answer\rWhy?,So.\rHow?,Thus.\r")
    assert [row.question for row in load(tmp_path / "a.csv").examples] == ["Why?", "How?"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_latin_1_and_nul_stop_a_run_and_a_check_lists_every_such_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    rows = ["Why?,So.", "Caf\xe9?,So.", "How?,Thus.", "Nul\0?,So.", "\xfcber?,So."]
    if name.endswith("l"):
        lines = [
            json.dumps(dict(zip(("question", "answer"), row.split(","), strict=True)), ensure_ascii=False)
            for row in rows
        ]
        lines[3] = lines[3].replace("\\u0000", "\0")
    else:
        lines = ["question,answer", *rows]
    path.write_bytes("\n".join(lines).encode("latin-1"))
    line = 2 if name.endswith("l") else 3
    with pytest.raises(DataError, match=rf"{name}:{line}: not UTF-8 text \(byte \d+ is 0xe9\)") as error:
        load(path)
    assert "iconv" in error.value.hint
    loaded = datasets.check(path)
    assert [row.question for row in loaded.examples] == ["Why?", "How?"]
    assert faults(loaded) == [
        (str(line), "broken text"),
        (str(line + 2), "broken text"),
        (str(line + 3), "broken text"),
    ]
    assert "NUL" in loaded.faults[1].detail


def test_a_table_with_all_that_can_be_wrong_with_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('question,answer\na,b\na,b,c\nd\n"x"y,z\ne,\n,f\ng,h\nlast,"never closed\ni,j\n')
    with pytest.raises(DataError, match=r"a\.csv:5"):
        load(path)
    assert faults(datasets.check(path)) == [
        ("3", "ragged row"),
        ("4", "ragged row"),
        ("5", "broken row"),
        ("6", "empty answer"),
        ("7", "empty question"),
        ("9", "broken row"),
    ]
    assert "lines 9 to 10 are lost" in datasets.check(path).faults[-1].detail


def test_an_object_of_lists(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"question": ["Why?", "How?"], "answer": ["So.", None]}))
    loaded = datasets.check(path)
    assert [(row.question, row.place.rsplit("#", 1)[1]) for row in loaded.examples] == [("Why?", "1")]
    assert [fault.reason for fault in loaded.faults] == ["empty answer"]
    assert any("object of lists" in sentence for sentence in loaded.said)
    path.write_text(json.dumps({"question": ["Why?", "How?"], "answer": ["So."]}))
    with pytest.raises(DataError, match=r"different lengths: question \(2\), answer \(1\)"):
        load(path)
    path.write_text(json.dumps({"data": [{"question": "Why?", "answer": "So."}]}))
    assert load(path).examples[0].answer == "So."


def test_missing_columns_show_what_was_found_and_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("frage,anwser\na,b\n")
    with pytest.raises(DataError, match="no column for the question or the answer; found: frage, anwser") as error:
        load(path)
    assert "answer: anwser" in error.value.hint
    with pytest.raises(DataError, match="no column 'fragen', 'x'; found: frage, anwser") as error:
        load(path, columns={"question": "fragen", "answer": "x"})
    assert "Did you mean frage?" in error.value.hint


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_field_of_50_megabytes_is_one_fault(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    long = "a" * (50 * 2**20)
    with path.open("w") as file:
        if name == "a.csv":
            file.write(f"question,answer\nWhy?,So.\nHow?,{long}\nWho?,Us.\n")
        else:
            for question, answer in (("Why?", "So."), ("How?", long), ("Who?", "Us.")):
                file.write(json.dumps({"question": question, "answer": answer}) + "\n")
    loaded = load(path)
    assert [row.question for row in loaded.examples] == ["Why?", "Who?"]
    assert [fault.reason for fault in loaded.faults] == ["answer too long"]
    assert "52,428,800 characters" in loaded.faults[0].detail


SCRIPTS = [
    ("Was hilft bei \U0001f912?", "Ruhe \U0001f6cc\U0001f3fd und Tee \u2615\ufe0f."),
    (
        "\u0645\u0627 \u0647\u064a \u0627\u0644\u062d\u0645\u0649\u061f",
        "\u0627\u0631\u062a\u0641\u0627\u0639 \u200f37.5\u200f",
    ),
    ("\u05de\u05d4 \u05d6\u05d4 \u05d7\u05d5\u05dd?", "\u05e2\u05dc\u05d9\u05d9\u05d4"),
    ("\u767a\u71b1\u3068\u306f\uff1f", "\u4f53\u6e29\u306e\u4e0a\u6607"),
]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_emoji_and_other_scripts_stay_as_they_are(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "a.csv":
        text = "question,answer\n" + "".join(f"{q},{a}\n" for q, a in SCRIPTS)
    else:
        text = "".join(json.dumps({"question": q, "answer": a}, ensure_ascii=False) + "\n" for q, a in SCRIPTS)
    path.write_text(text, encoding="utf-8")
    assert [(row.question, row.answer) for row in load(path).examples] == SCRIPTS


def test_ten_thousand_faulty_rows_are_all_listed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "Why?"}\n' * 10_000 + GOOD)
    with pytest.raises(DataError, match="10,000 of 10,001 rows") as error:
        load(path)
    assert str(error.value).count("\n") == 5 and "medlms data check" in error.value.hint
    loaded = datasets.check(path)
    assert len(loaded.faults) == 10_000 and len(loaded.examples) == 1
    assert loaded.faults[-1].place == f"{path}:10000"
