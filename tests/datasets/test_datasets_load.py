import json
import subprocess
import sys
from pathlib import Path

import pytest

from medlms import datasets
from medlms.config import DataSource
from medlms.errors import ConfigError, DataError, FetchError, UnknownName
from medlms.types import Source


def test_every_module_of_the_catalogue_keeps_the_contract() -> None:
    assert {"medquad", "starter", "wikidoc", "wikidoc_patient_information"} <= set(datasets.names())
    for name in datasets.names():
        record = datasets.source(name)
        assert isinstance(record, Source)
        assert record.name == name
        assert record.title and record.licence and record.citation and record.address
        assert all(noise.field in ("question", "answer") for noise in datasets.noise(name))


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("wikidoc-patient-information", "wikidoc_patient_information"),
        ("medalpaca/medical_meadow_wikidoc", "wikidoc"),
        ("abachaa/MedQuAD", "medquad"),
    ],
)
def test_names_that_users_carry_over(alias: str, name: str) -> None:
    assert datasets.source(alias).name == name


def test_unknown_name_gets_a_near_one() -> None:
    with pytest.raises(UnknownName) as error:
        datasets.load(DataSource(source="medqaud"))
    assert "medquad" in error.value.hint


def test_missing_file_is_no_unknown_name(tmp_path: Path) -> None:
    (tmp_path / "questions.csv").write_text("question,answer\na,b\n")
    with pytest.raises(DataError, match="there is no such file") as error:
        datasets.load(DataSource(source=str(tmp_path / "qestions.csv")))
    assert "questions.csv" in error.value.hint


def test_columns_beside_a_known_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="question"):
        datasets.load(DataSource(source="medquad", question="Q"))


def test_offline_says_where_to_put_the_file() -> None:
    with pytest.raises(FetchError, match="offline") as error:
        datasets.load(DataSource(source="wikidoc"), offline=True)
    assert "MEDLMS_DATA" in error.value.hint
    assert datasets.where("wikidoc") == ""
    assert datasets.where("starter") == "in the package"


def test_medlms_data_that_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLMS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="MEDLMS_DATA"):
        datasets.load(DataSource(source="wikidoc"))


def test_medlms_data_goes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for root, answer in ((tmp_path / "data", "from MEDLMS_DATA"), (tmp_path / "home" / "data", "from the cache")):
        shelf = root / "medical_meadow_wikidoc"
        shelf.mkdir(parents=True)
        (shelf / "medical_meadow_wikidoc.json").write_text(json.dumps([{"input": "Why?", "output": answer}]))
    assert datasets.load(DataSource(source="wikidoc"), offline=True).examples[0].answer == "from the cache"
    monkeypatch.setenv("MEDLMS_DATA", str(tmp_path / "data"))
    loaded = datasets.load(DataSource(source="wikidoc"), offline=True)
    assert loaded.examples[0].answer == "from MEDLMS_DATA"
    assert "found in MEDLMS_DATA" in loaded.said[0]
    assert len(next(iter(loaded.files.values()))) == 64


def test_listing_sources_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'openpyxl', 'numpy'}"
    code = f"import sys; from medlms import datasets; datasets.names(); print([*{heavy} & sys.modules.keys()])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
