"""Cleaning on the published sets, where MEDLMS_DATA names them: the steps find what was counted by hand beforehand."""

import os
import re

import pytest

from medlms import datasets
from medlms.config import Clean, DataSource
from medlms.data import clean

REAL = os.environ.get("MEDLMS_DATA", "")
pytestmark = [pytest.mark.skipif(not REAL, reason="MEDLMS_DATA is not set"), pytest.mark.slow]

# Rows that a step changes or drops when it runs alone, so that no other step has taken them before.
COUNTS = {
    "medquad": {
        ("question_marks", "doubled question mark"): 322,
        # 16,090 have one; 321 of them end in "? ?", which the step above has mended.
        ("question_marks", "space before the question mark"): 15_769,
        ("boilerplate", "answer is a list of link titles"): 1_085,
        ("boilerplate", "how to read the table of symptoms"): 2_243,
        ("boilerplate", "heading Summary"): 295,
        ("boilerplate", "heading Key Points"): 290,
        ("repeated_question", "answer is nothing but a question"): 17,
    },
    "wikidoc_patient_information": {
        ("escapes", "percent escapes"): 140,
        ("question_marks", "space before the question mark"): 2_013,
    },
    "wikidoc": {
        ("chat", "question left over from a chat"): 58,
        ("links", "answer of links or template marks only"): 7,
        ("white_space", "carriage returns"): 447,
        # 13 begin with one; three of these go on behind the closing one, and are left over from a chat.
        ("question_marks", "quotation marks around the question"): 10,
    },
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_of_the_published_sets(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLMS_DATA", REAL)
    rows = datasets.load(DataSource(source=name), offline=True).examples
    found = {}
    for switch in {switch for switch, _ in COUNTS[name]}:
        only = Clean(**{key: key == switch for key in Clean.model_fields})
        for step in clean.clean(rows, datasets.noise(name), only).account:
            if step["switch"] == switch:
                found[switch, step["what"]] = step["changed"] + step["dropped"]
    assert {key: found[key] for key in COUNTS[name]} == COUNTS[name]


def test_what_is_left_of_medquad_holds_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLMS_DATA", REAL)
    loaded = datasets.load(DataSource(source="medquad"), offline=True)
    done = clean.clean(loaded.examples, datasets.noise("medquad"))
    assert len(done.examples) + len(done.dropped) == len(loaded.examples)
    again = re.compile(
        r"MedlinePlus Medical Dictionary to look up|click the brackets|\A(?:Summary :|Key Points\s+-)|  "
    )
    assert not [row.id for row in done.examples if again.search(row.answer)]
    assert not any(clean.clean(done.examples, datasets.noise("medquad")).changed.values())
