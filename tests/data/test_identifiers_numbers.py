"""Numbers of people: by their label, by the form of their neighbours, in columns and messages; and what speaks against one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlms.data.identifiers import scan
from medlms.data.identifiers.labels import label

_REST = "\nStable overnight. She feels well and will follow up."


def found(text: str) -> dict[str, str]:
    """What the scan finds, with its class."""
    return {text[item.start : item.end]: item.kind for item in scan(text)}


@pytest.mark.parametrize(
    ("text", "said", "kind"),
    [
        ("Insurance card mbr H82 551 903 4 was copied.", "H82 551 903 4", "plan"),
        ("The lic DE 70991432 was seen.", "DE 70991432", "licence"),
        ("The folder QS 551 3082 4 is missing.", "QS 551 3082 4", "mrn"),
        ("RA lead, ser. QRW8830516, is in place.", "QRW8830516", "device"),
        ("Paid with check 2053 today.", "2053", "account"),
        ("HRN 0428965 was found.", "0428965", "mrn"),
        ("Per deputy Olin (shield 2298) nobody was hurt.", "2298", "other"),
        ("The Kestrel no. 55231 was noted.", "55231", "other"),
        ("Fx: 614-555-0123 is new.", "614-555-0123", "fax"),
        ("FAX: 1-800-555-0123 is ours.", "1-800-555-0123", "fax"),
        ("Please fax it to my helper at home 614 555 0123.", "614 555 0123", "fax"),
        ("Reviewer is at x5528 today.", "x5528", "phone"),
        ("58M 77231554 - lung nodule.", "77231554", "mrn"),
        ("Sent as face_55213077.pdf to them.", "55213077", "other"),
        ("DOB 14.iii.52 on file.", "14.iii.52", "date"),
        ("Sent home 14Mar24 at noon.", "14Mar24", "date"),
        ("His date of birth is uh five eleven thirty eight.", "five eleven thirty eight", "date"),
        ('{"patientAccount": "PA-11027"}', "PA-11027", "account"),
        ("fax.pharmacy=2815550123", "2815550123", "fax"),
        ('{"clinicFax": "2815550123"}', "2815550123", "fax"),
        ("Phone IMEI 35 309900 276148 1 was kept.", "35 309900 276148 1", "device"),
        ("Last 4 of her SSN: 0931 was checked.", "0931", "ssn"),
        ("Lens on file, ser 22887401.041 today.", "22887401.041", "device"),
        ("Certified by Dr. Bell 06-17 here.", "06-17", "date"),
        ("Drain out 17-09 by us.", "17-09", "date"),
        ("Adm 12-24 to the ward.", "12-24", "date"),
        ("She comes on the 23rd\nwith her aunt.", "23rd", "date"),
        ("Clinic is Thu 14th then.", "14th", "date"),
        ("Return 12 Ginbot for the wound.", "12 Ginbot", "date"),
        ("Seen 1402/05/12 at the clinic.", "1402/05/12", "date"),
        ("His uncle is well at 97.", "97", "date"),
        ("Asked Brenda Quimbleton 97, a retired nurse.", "97", "date"),
        ("Asked the charge nurse, desk 5-0117, about it.", "5-0117", "phone"),
        ("Spectra 6188 was called.", "6188", "phone"),
        ("The wristband says eight one four two seven for him.", "eight one four two seven", "mrn"),
        ("The baby's id band QD 0552 was cut.", "QD 0552", "mrn"),
        ("Plate QUZ 7 was seen.", "QUZ 7", "vehicle"),
        ("Flown here. Tail VH-RTK landed.", "VH-RTK", "vehicle"),
        ("A truck bearing CA 71T 440 left.", "CA 71T 440", "vehicle"),
        ("Parked: a Honda KDA 441, DLR-7718 beside it.", "DLR-7718", "vehicle"),
        ("Nurse Ann Bell, RN, 1234567893, K6431, RN256552, all valid.", "K6431", "licence"),
        ("Subscriber since May, ID YRT 5571 0083 was copied.", "YRT 5571 0083", "plan"),
        ("ERROR fax gateway dest=9135550147 busy.", "9135550147", "fax"),
        ("614-555-0134 is the fax she wants.", "614-555-0134", "fax"),
        ("Workstation tag QS-4W-11C0192 was read.", "QS-4W-11C0192", "other"),
    ],
)
def test_a_number_is_found_with_its_class(text: str, said: str, kind: str) -> None:
    assert found(text + _REST).get(said) == kind


@pytest.mark.parametrize(
    "text",
    [
        "WBC 12500, platelets 145000 and ferritin 12400 were seen.",
        "Urine output 250 310 180 220 and pulse 80 85 90 95 at 0800 1200 1600 2000.",
        "She carries C282Y, R1234X and a 15q11.2 deletion of CYP27B1.",
        "Most cases of 22q11.2 deletion are new. Genes such as ATP2A1 and TBC1D24 matter.",
        "Acuity 6/9 and 6/18, later 6/12.",
        "About 45000 people and 12000 children. Section 55231. Room 10442.",
        "Hb ranges from 11.5-15.5 g/dL. The SF-36 and the CMS-1500 were filled in.",
        "Call 18003182596 for help, open 24/7, on the first or the second try.",
        "Lens -3.25/-0.75x170, wound 3.1x2.4x0.4 and variant 1100delC or M694V/E148Q.",
        "Basal insulin 0300-0700. Log at 08:14:40. Denied with CO-197. Fever over 101 F, walks > 100 m.",
        "GDS 3/15, HADS 9/7, hydrocortisone 15/5 and BiPAP 18/6. Vanderbilt 7/9 and 8/9.",
        "Rest for 10-14 days, 12-12 puffs, range 3-5 and scores 10-10 20-20.",
        "Flovent 110 two puffs. Long philtrum 90% of cases. G2 P2012 at term.",
        "1105 SVD male, 3.4 kg.",
    ],
)
def test_results_codes_and_counts_are_none(text: str) -> None:
    assert found(text) == {}


def test_an_unlabelled_code_takes_the_class_of_one_of_its_form() -> None:
    text = "Pump serial BWK-552871 failed.\nReplaced by another.\nReturned as well\nQRT-330918" + _REST
    assert found(text)["QRT-330918"] == "device"


def test_a_repeated_code_is_found_again() -> None:
    text = "MRN 55213077 was seen. Scanned as page_55213077 later." + _REST
    assert sum("55213077" in said for said in found(text)) == 2


def test_cells_under_headings_parted_by_blanks() -> None:
    text = "Subject      Acct no      Site notes\n0412-017     88203        well\n0412-018     88207        ill"
    assert {"0412-017": "other", "88203": "account", "0412-018": "other", "88207": "account"}.items() <= found(
        text
    ).items()


def test_values_of_an_insert_take_the_class_of_their_column() -> None:
    text = "INSERT INTO visit (visit_no, acct_no, plate) VALUES\n('V7720417', '9941-0027', 'RK 882-204');"
    assert found(text) == {"V7720417": "other", "9941-0027": "account", "RK 882-204": "vehicle"}


def test_fields_of_a_message() -> None:
    text = "PID|1||E3071884^^^HOSP||DOE^ANN||19840311|F|||BOX 88||4065550123|||||5512|516-77-0942|A0311198\n"
    classes = found(text)
    assert classes["E3071884"] == "mrn" and classes["4065550123"] == "phone"
    assert classes["5512"] == "account" and classes["516-77-0942"] == "ssn" and classes["A0311198"] == "licence"


def test_elements_of_a_claim() -> None:
    text = (
        "NM1*IL*1*DOE*ANN****MI*JQE228820771~DMG*D8*19610317*F~REF*SY*219771184~REF*G1*AUTH0092~CLM*BRA00553*310***11:B:1*Y~\n"
        "NM1*82*1*BELL*EVE****XX*1336617704~PER*IC*EVE*TE*6175550142*FX*6175550143~REF*ZZ*778812~"
    )
    assert {
        "JQE228820771": "plan",
        "19610317": "date",
        "219771184": "ssn",
        "AUTH0092": "plan",
        "BRA00553": "account",
        "1336617704": "licence",
        "6175550142": "phone",
        "6175550143": "fax",
    }.items() <= found(text).items()


def test_a_cell_begins_behind_the_whole_mark() -> None:
    text = "asset / serial / ward\nBM-20911 / 14418827 / PACU\nBM-20914 / 14418901 / 3S"
    assert {"14418827", "14418901", "BM-20914"} <= found(text).keys()


def test_a_label_in_one_piece_with_its_code_is_no_part_of_it() -> None:
    assert found("NPI#2557720993, MRN:2-118-441." + _REST) == {"2557720993": "licence", "2-118-441": "mrn"}


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        ("medicare card ", "plan"),
        ("card ending in ", "account"),
        ("ssn ending in ", "ssn"),
        ("mrn 5521307, next the word ", ""),
        ("it is not covered under plan. ", ""),
        ("specimen received, acc ", "other"),
        ("paid, acc ", "account"),
        ("hb in g/dl ", ""),
        ("patient : ", ""),
    ],
)
def test_the_nearest_label_in_the_sentence_counts(before: str, kind: str) -> None:
    assert label(before, len(before)) == kind


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="MRNno.#:|(), -/\n'^~&0123456789abxF\t", max_size=80))
def test_any_run_of_marks_is_read(text: str) -> None:
    for item in scan(f"PID|{text}\ninsert into t ({text}) values ({text})"):
        assert item.start < item.end
