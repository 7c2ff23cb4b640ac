"""What `medlms data check` says of identifiers, the copy it writes, and exit codes."""

import json
from pathlib import Path

import pytest

NOTES = """patient,question,answer
P1,"Mr. John Smith, seen 03/14/2021. Plan?","Dr. Anne Keller: rest. Call 617-482-9913."
P1,"Is Mr. Smith better on 03/21/2021?","Yes."
P2,"What is anaemia?","Too few red cells."
"""
SECRETS = ("John", "Smith", "Keller", "482-9913")


@pytest.fixture
def notes(here: Path) -> Path:
    path = here / "notes.csv"
    path.write_text(NOTES)
    return path


def test_a_check_lists_them_by_class_with_places(medlms, notes):
    done = medlms("data", "check", "notes.csv")
    assert done.code == 0, "identifiers are no faults"
    assert "3  names" in done.out and "notes.csv:2 (question)" in done.out and "1  telephone number\n" in done.out
    assert not any(secret in done.out for secret in SECRETS)
    assert "--write-deidentified" in done.out and "proves nothing" in done.out
    found = json.loads(medlms("data", "check", "notes.csv", "--json").out)["identifiers"]
    assert {item["kind"] for item in found} == {"name", "date", "phone"} and not any(s in str(found) for s in SECRETS)
    done = medlms("data", "check", "notes.csv", "--no-identifiers")
    assert "identifiers" not in done.out
    assert json.loads(medlms("data", "check", "notes.csv", "--no-identifiers", "--json").out)["identifiers"] is None


def test_the_whole_list_goes_to_a_private_file(medlms, notes):
    done = medlms("data", "check", "notes.csv", "--identifiers-to", "list.csv")
    assert done.code == 0 and "list.csv" in done.out
    text = Path("list.csv").read_text()
    assert len(text.splitlines()) == 7 and not any(secret in text for secret in SECRETS)
    assert Path("list.csv").stat().st_mode & 0o777 == 0o600


def test_a_copy_is_written_and_said_what_to_do_with_it(medlms, notes):
    done = medlms("data", "check", "notes.csv", "--write-deidentified", "copy.csv")
    assert done.code == 0
    assert (
        "the list holds the originals" in done.out.replace("this list", "the list")
        and "treat it like the original" in done.out
    )
    assert not any(secret in done.out + Path("copy.csv").read_text() for secret in SECRETS)
    assert "John Smith" in Path("copy.csv.review.csv").read_text()
    assert notes.read_text() == NOTES
    assert medlms("data", "check", "notes.csv", "--write-deidentified", "copy.csv").code == 2
    made = json.loads(medlms("data", "check", "notes.csv", "--write-deidentified", "b.csv", "--json").out)
    assert made["by_class"]["phone"] == 1 and made["left"] == 0 and made["copy"] == "b.csv"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("notes.csv", "notes.csv"), 2, "is there already"),
        (("notes.csv", "copy.jsonl"), 2, "has to end in .csv"),
        ((".", "copy.csv"), 2, "one file at a time"),
        (("none.csv", "copy.csv"), 1, "there is no such file"),
        (("broken.csv", "copy.csv"), 1, "broken.csv:3"),
    ],
)
def test_what_cannot_be_copied(medlms, notes, words, code, said):
    Path("broken.csv").write_text("question,answer\nWhy?,So.\nWhy?,a,b\n")
    done = medlms("data", "check", words[0], "--write-deidentified", words[1])
    assert done.code == code
    assert said in done.err
    assert not Path("copy.csv").exists() and notes.read_text() == NOTES


def test_prepare_says_that_training_would_stop(medlms, here):
    rows = "".join(f"What is illness {n}?,Dr. John Smith said {n} on 03/14/2021.\n" for n in range(40))
    Path("my.csv").write_text(f"question,answer\n{rows}")
    Path("c.yaml").write_text("model: m\ndata: my.csv\nsplit: {dev: 4, eval: 6}\n")
    done = medlms("data", "prepare", "c.yaml")
    assert done.code == 0 and "`medlms train` stops here because of my" in done.out
    done = medlms("data", "prepare", "c.yaml", "identifiers=report")
    assert "stops here" not in done.out and "80 possible identifiers in 40 of 40 rows, left as they are" in done.out
    report = json.loads(medlms("data", "prepare", "c.yaml", "identifiers=deidentify", "--json").out)
    assert report["identifiers"]["by_source"]["my"]["left"] == 0
    assert report["identifiers"]["by_source"]["my"]["characters_replaced"] > 0
    assert not Path("runs").exists()
