import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from medlms import datasets
from medlms.config import DataSource
from medlms.datasets import _hub, _places
from medlms.errors import ConfigError, CouldNot, DataError, FetchError, UnknownName


def write(path: Path, *names: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(json.dumps({"question": f"What is {name}?", "answer": f"It is {name}."}) + "\n" for name in names)
    )
    return path


def load(source: object, **keys: object):
    return datasets.load(DataSource(source=str(source), **keys))  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "parts"
    write(root / "part-10.jsonl", "c")
    write(root / "part-2.jsonl", "a", "b")
    write(root / "more" / "part-2.jsonl", "d")
    (root / "table.csv").write_text("question,answer\nWhat is e?,It is e.\n")
    (root / "README.md").write_text("no table")
    (root / "dataset_infos.json").write_text("{}")
    write(root / ".cache" / "x.jsonl", "hidden")
    return root


def named(loaded) -> list[str]:
    """Ids with the hash at their end left away: the file each row is from."""
    return [row.id.rpartition("/")[0] for row in loaded.examples]


def test_a_folder_is_all_its_tables_in_natural_order(folder: Path) -> None:
    loaded = load(folder)
    assert named(loaded) == [
        "parts/more/part-2",
        "parts/part-2",
        "parts/part-2",
        "parts/part-10",
        "parts/table",
    ]
    assert loaded.rows_in == 5 and len(loaded.files) == 4
    assert loaded.said[0] == "parts: 4 files"
    assert any("not read: " in sentence for sentence in loaded.said)
    assert loaded.examples[1].place == f"{folder}/part-2.jsonl:1"


def test_files_of_a_folder_can_be_chosen(folder: Path) -> None:
    assert named(load(folder, files="part-*")) == [
        "parts/part-2",
        "parts/part-2",
        "parts/part-10",
    ]
    with pytest.raises(DataError, match="no file that 'x-\\*' fits"):
        load(folder, files="x-*")


def test_a_pattern_is_the_tables_that_it_fits(folder: Path) -> None:
    loaded = load(f"{folder}/**/part-2.*")
    assert sorted(row.question for row in loaded.examples) == ["What is a?", "What is b?", "What is d?"]
    assert loaded.source.name == "parts"
    assert set(named(loaded)) == {"parts/part-2", "parts/more/part-2"}
    with pytest.raises(DataError, match="fits no file"):
        load(f"{folder}/*.parquet")
    with pytest.raises(DataError, match="no tables"):
        load(f"{folder}/*.md")
    assert len(datasets.check(f"{folder}/part-*").examples) == 3


def test_files_of_one_name_keep_their_endings(tmp_path: Path) -> None:
    write(tmp_path / "x" / "a.jsonl", "a")
    (tmp_path / "x" / "a.csv").write_text("question,answer\nb,b\n")
    assert named(load(tmp_path / "x")) == ["x/a.csv", "x/a.jsonl"]


def test_an_empty_folder_and_one_without_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found: nothing"):
        load(tmp_path)
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(DataError, match=r"found: notes\.md"):
        load(tmp_path)


def test_one_table_of_a_folder_without_the_columns_is_named(folder: Path) -> None:
    (folder / "odd.csv").write_text("Frage,Antwort\na,b\n")
    with pytest.raises(DataError, match=r"odd\.csv: no column for the question or the answer; found: Frage, Antwort"):
        load(folder)


def test_columns_and_files_are_not_for_known_sources() -> None:
    with pytest.raises(ConfigError, match="files"):
        load("starter", files="*")
    with pytest.raises(ConfigError, match="document"):
        load("starter", columns={"document": "x"})


def test_columns_by_what_they_hold(tmp_path: Path) -> None:
    rows = [{"F": "a?", "A": "b", "T": "skin", "D": 7, "K": "cause", "N": "x1", "more": 1}]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = {"question": "F", "answer": "A", "topic": "T", "document": "D", "kind": "K", "id": "N"}
    loaded = load(path, columns=columns)
    row = loaded.examples[0]
    assert (row.id, row.question, row.answer, row.topic, row.kind) == ("mine/x1", "a?", "b", "skin", "cause")
    assert row.links == ("topic:skin", "document:mine/7")
    assert any("question from 'F'" in said and "id from 'N'" in said for said in loaded.said)
    assert any("not used: more" in said for said in loaded.said)
    turns = [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"}]
    path.write_text(json.dumps({"talk": turns}) + "\n")
    assert load(path, columns={"messages": "talk"}).examples[0].answer == "b"


def test_a_column_named_twice_in_two_ways() -> None:
    with pytest.raises(ValueError, match="name it once"):
        DataSource(source="x.csv", question="a", columns={"question": "b"})  # type: ignore[arg-type]
    assert DataSource(source="x.csv", question="a", columns={"question": "a", "id": "n"}).chosen == {  # type: ignore[arg-type]
        "question": "a",
        "id": "n",
    }


def test_a_column_that_only_later_rows_have(tmp_path: Path) -> None:
    rows = [{"question": f"q{n}", "answer": "a"} for n in range(1200)]
    rows[1100] = {"Frage": "late", "answer": "a"}  # type: ignore[dict-item]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    loaded = datasets.check(path, chosen=DataSource(source="x", question="Frage"))
    assert [row.question for row in loaded.examples] == ["late"]
    assert len(loaded.faults) == 1199


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Stands in for huggingface_hub: a folder is the set; what is asked of it is written down."""
    root = tmp_path / "snapshot"
    asked: list[tuple] = []

    class NotFound(Exception):
        pass

    NotFound.__name__ = "RepositoryNotFoundError"

    class Api:
        def list_repo_files(self, repo: str, **keys: object) -> list[str]:
            asked.append(("list", repo, keys["revision"]))
            if not root.exists():
                raise NotFound
            return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]

    def snapshot_download(repo: str, **keys: object) -> str:
        asked.append(("get", repo, keys["revision"], keys.get("allow_patterns"), keys.get("local_files_only", False)))
        return str(root)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(HfApi=Api, snapshot_download=snapshot_download))
    return SimpleNamespace(root=root, asked=asked)


def test_a_hub_id_reads_the_training_files(hub) -> None:
    write(hub.root / "data" / "train-00000-of-00001.jsonl", "a", "b")
    write(hub.root / "data" / "test-00000-of-00001.jsonl", "c")
    (hub.root / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# A set")
    loaded = load("someone/questions@v2")
    assert [row.question for row in loaded.examples] == ["What is a?", "What is b?"]
    assert loaded.source.name == "questions" and loaded.source.licence == "cc-by-4.0" and not loaded.source.public
    assert loaded.source.address == "https://huggingface.co/datasets/someone/questions"
    assert any("1 of 2 files are read" in sentence for sentence in loaded.said)
    files = ["data/train-00000-of-00001.jsonl", "README.md"]
    assert hub.asked == [("list", "someone/questions", "v2"), ("get", "someone/questions", "v2", files, False)]
    assert [row.question for row in load("someone/questions", files="data/test-*").examples] == ["What is c?"]


def test_offline_nothing_is_asked_of_the_hub(hub) -> None:
    write(hub.root / "all.jsonl", "a")
    loaded = datasets.load(DataSource(source="someone/questions"), offline=True)
    assert len(loaded.examples) == 1 and loaded.source.licence == "not stated"
    assert hub.asked == [("get", "someone/questions", None, None, True)]


def test_hub_sets_that_can_not_be_had(hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FetchError, match="no such data set"):
        load("someone/nothing")
    (hub.root / "images").mkdir(parents=True)
    (hub.root / "images" / "a.png").write_text("x")
    with pytest.raises(DataError, match=r"no table.*a\.png"):
        load("someone/pictures")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CouldNot, match="huggingface_hub") as error:
        load("someone/questions")
    assert "medlms[hub]" in error.value.hint


@pytest.mark.parametrize(
    ("name", "is_id"),
    [
        ("a/b", True),
        ("a/b@refs/convert/parquet", True),
        ("a", False),
        ("a/b/c", False),
        ("a/b.csv", False),
        ("../b", False),
    ],
)
def test_names_that_are_hub_ids(name: str, is_id: bool) -> None:
    assert _hub.is_id(name) is is_id


def test_a_word_alone_is_never_looked_for_on_the_hub(hub) -> None:
    with pytest.raises(UnknownName):
        load("medqaud")
    with pytest.raises(DataError, match="no such file"):
        load("folder/missing.csv")
    assert hub.asked == []


def test_natural_order() -> None:
    assert sorted(["p10", "p2", "q1", "p2b"], key=_places.natural) == ["p2", "p2b", "p10", "q1"]
