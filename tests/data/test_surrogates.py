"""Surrogates: one for one within a group, text around them untouched, dates apart by the same days, ranges kept for fiction."""

import re
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlms.data.identifiers import KINDS, Finding, scan_closely
from medlms.data.identifiers.checks import dea, luhn, nhs, npi, vin
from medlms.data.surrogates import Group, deidentify, secret
from medlms.data.surrogates.dates import UNREAD, is_age, moved
from medlms.data.surrogates.replace import learn, lost
from medlms.errors import ResourceError

KEY = bytes(range(32))
CARRIERS = (
    "Mr. {} was seen on {} by Dr. {}.",
    "Patient: {}\nDOB: {}\nAttending: Dr. {}, M.D. BP 120/80, HbA1c 7.1 %.",
    "Dear Mrs. {}, your visit of {} went well. Regards, Dr. {}",
)
EDGES = st.integers(-3, 63)
NAMES = ("John Smith", "Anne O'Brien", "MARIA GARCIA", "Wei Chen", "Karl-Heinz Müller", "Smith", "Emily R. Jones")
DAYS = ("03/14/2021", "March 5, 2020", "12 May 2019", "2018-11-02", "1/9/2022", "14-MAR-21")


def group(name: str = "patient 1", key: bytes = KEY) -> Group:
    return Group(key, name)


@st.composite
def notes(draw):
    return draw(st.sampled_from(CARRIERS)).format(
        draw(st.sampled_from(NAMES)), draw(st.sampled_from(DAYS)), draw(st.sampled_from(NAMES))
    )


def put_back(text: str, changes) -> str:
    for change in reversed(changes):
        assert text[change.at : change.at + len(change.surrogate)] == change.surrogate
        text = text[: change.at] + change.original + text[change.at + len(change.surrogate) :]
    return text


@settings(max_examples=60, deadline=None)
@given(notes())
def test_text_around_findings_is_untouched_and_all_findings_are_replaced(text):
    done = deidentify(text, group())
    assert put_back(done.text, done.changes) == text
    covered = {at for change in done.changes for at in range(change.start, change.end)}
    assert all(at in covered for found in scan_closely(text) for at in range(found.start, found.end))
    assert done.characters == len(covered)
    assert done.left == ()
    inside = {at for change in done.changes for at in range(change.at, change.at + len(change.surrogate))}
    assert all(at in inside for found in scan_closely(done.text) for at in range(found.start, found.end))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.lists(st.tuples(EDGES, EDGES, st.sampled_from(KINDS), st.floats(0, 1)), max_size=6))
def test_any_findings_of_any_text_overlapping_or_not(text, spans):
    findings = [Finding(start, end, kind, "test", trust) for start, end, kind, trust in spans]
    done = deidentify(text, group(), findings=findings, scan=lambda _: [])
    assert put_back(done.text, done.changes) == text
    covered = {at for change in done.changes for at in range(change.start, change.end)}
    assert covered == {at for f in findings for at in range(max(0, f.start), min(len(text), f.end))}


@settings(max_examples=30, deadline=None)
@given(st.lists(notes(), min_size=1, max_size=3))
def test_the_same_within_a_group_whatever_the_order_of_asking(texts):
    one, other = group(), group()
    for each in (one, other):
        for text in texts:
            learn(text, each)
    first = [deidentify(text, one) for text in texts]
    assert [deidentify(text, one) for text in texts] == first
    assert [deidentify(text, other) for text in texts] == first
    table: dict[tuple[str, str], str] = {}
    for change in (change for done in first for change in done.changes):
        assert table.setdefault((change.kind, change.original), change.surrogate) == change.surrogate


def test_a_person_stays_one_person_in_every_writing():
    names = ("John Smith", "SMITH", "Smith, John", "john")
    made = [deidentify(text, here, findings=[Finding(0, len(text), "name", "test", 1)], scan=lambda _: []).text
            for here in [group()] for text in names]  # fmt: skip
    first, last = made[0].split()
    assert made[1:] == [last.upper(), f"{last}, {first}", first.lower()]
    assert {"john", "smith"}.isdisjoint({first.lower(), last.lower()})


def test_groups_and_keys_do_not_share_surrogates():
    text = "Patient: John Smith, MRN: 44719023, seen 03/14/2021"
    made = {deidentify(text, group(name, key)).text for name in ("a", "b", "c") for key in (KEY, bytes(32))}
    assert len(made) == 6


@pytest.mark.parametrize(
    "writing",
    ["%m/%d/%Y", "%Y-%m-%d", "%d-%b-%Y", "%B %d, %Y", "%d %B %Y", "%Y%m%d", "%m/%d/%y", "%d.%m.%Y", "%Y/%m/%d"],
)
@settings(max_examples=25, deadline=None)
@given(a=st.dates(date(1960, 1, 1), date(2040, 1, 1)), b=st.dates(date(1960, 1, 1), date(2040, 1, 1)))
def test_dates_keep_intervals_weekdays_and_form(writing, a, b):
    here = group()
    here.day_first = "." in writing
    now = [datetime.strptime(moved(here, day.strftime(writing)), writing).date() for day in (a, b)]  # noqa: DTZ007
    if "%y" in writing:  # the century is a guess of strptime's
        now = [
            new.replace(year=old.year + (new.year - old.year + 50) % 100 - 50)
            for new, old in zip(now, (a, b), strict=True)
        ]
    assert now[1] - now[0] == b - a
    assert now[0].weekday() == a.weekday()
    assert 28 <= abs((now[0] - a).days) <= 364
    assert [re.sub(r"\w", "", moved(here, day.strftime(writing))) for day in (a, b)] == [
        re.sub(r"%\w", "", writing)
    ] * 2


@pytest.mark.parametrize(
    ("writing", "shape"),
    [
        ("March 5th, 2021", r"[A-Z][a-z]+ \d{1,2}(st|nd|rd|th), 20\d\d"),
        ("14-MAR-21", r"\d{1,2}-[A-Z]{3}-2\d"),
        ("05 mai 2020", r"\d\d [a-zéû]+ 20\d\d"),
        ("3. Oktober 2019", r"\d{1,2}\. [A-ZM][a-zä]+ 20\d\d"),
        ("march the third twenty twenty one", r"[a-z]+ the [a-z]+(-[a-z]+)? twenty twenty( [a-z]+)?"),
        ("the fifth of May", r"the [a-z-]+ of [A-Z][a-z]+"),
        ("March 2021", r"[A-Z][a-z]+ 20\d\d"),
        ("March '21", r"[A-Z][a-z]+ '2\d"),
        ("3/14", r"\d{1,2}/\d{1,2}"),
        ("March", r"[A-Z][a-z]+"),
    ],
)
def test_dates_in_words_keep_their_form(writing, shape):
    made = moved(group(), writing)
    assert re.fullmatch(shape, made)
    assert made != writing


def test_an_unclear_date_follows_the_clear_ones_of_its_group():
    here = group()
    for text in ("seen 25/12/2020", "seen 03/04/2021"):
        learn(text, here, scan=lambda text: [Finding(5, len(text), "date", "test", 1)])
    there = date(2021, 4, 3) + here.shift
    assert moved(here, "03/04/2021") == there.strftime("%d/%m/%Y")


@pytest.mark.parametrize(
    ("text", "made"), [("about a fortnight", UNREAD), ("31/31/2020", UNREAD), ("02/30/2021", UNREAD)]
)
def test_a_date_that_cannot_be_read_is_hidden(text, made):
    assert moved(group(), text) == made


@pytest.mark.parametrize(
    ("age", "after", "made"),
    [
        ("94", "-year-old man", "90+"),
        ("94", " yo", "90+"),
        ("101", ", seen", "90 or older"),
        ("ninety-four", " years old", "ninety-plus"),
        ("a hundred", ".", "ninety or older"),
    ],
)
def test_ages_over_89_become_one_class(age, after, made):
    assert is_age(age)
    assert moved(group(), age, after) == made


@pytest.mark.parametrize(
    ("kind", "original", "shape"),
    [
        ("phone", "(617) 482-9913", r"\([2-9]\d\d\) 555-01\d\d"),
        ("phone", "1-617-482-9913 ext. 12", r"1-[2-9]\d\d-555-01\d\d ext\. \d\d"),
        ("phone", "482-9913", r"555-01\d\d"),
        ("phone", "+49 30 1234567", r"\+1 [2-9]\d\d 555 01\d\d"),
        ("phone", "07123 456789", r"07700 900\d\d\d"),
        ("phone", "six one seven four eight two nine nine one three", r"(\w+ ){3}five five five oh one \w+ \w+"),
        ("fax", "617.482.9913", r"[2-9]\d\d\.555\.01\d\d"),
        ("email", "j.smith@clinic.com", r"[a-z.]+@example\.org"),
        ("url", "https://www.clinic.com/p/77?id=4", r"https://www\.example\.org/[a-z]{8}"),
        ("ip", "10.2.3.4", r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}"),
        ("ip", "fe80::1", r"2001:db8::[0-9a-f]+:[0-9a-f]+"),
        ("ssn", "123-45-6789", r"000-\d\d-\d{4}"),
        ("ssn", "XXX-XX-6789", r"XXX-XX-\d{4}"),
        ("mrn", "MRN-004471", r"[A-Z]{3}-0\d{5}"),
        ("account", "4111 1111 1111 1111", r"[1-9]\d{3}( \d{4}){3}"),
        ("device", "00:1b:44:11:3a:b7", r"0\d(:[0-9a-f]{2}){5}"),
        ("place", "62704", r"000\d\d"),
        ("place", "SW1A 1AA", r"[A-Z]{2}\d[A-Z] \d[A-Z]{2}"),
        ("place", "12 Oak Street, Apt 4B", r"[1-9]\d [A-Z][a-z]+ Street, Apt [1-9][A-Z]"),
        ("place", "Hauptstraße 7", r"[A-Z][a-z]+straße [1-9]"),
        ("place", "SPRINGFIELD", r"[A-Z]{5,}"),
    ],
)
def test_surrogates_keep_the_shape_and_come_from_ranges_that_are_nobodys(kind, original, shape):
    made = deidentify(original, group(), findings=[Finding(0, len(original), kind, "test", 1)], scan=lambda _: []).text
    assert re.fullmatch(shape, made), made
    assert made != original


def test_a_code_in_other_writings_keeps_its_surrogate():
    here = group()
    texts = ("AB 44-71 x", "ab4471X")
    made = [deidentify(t, here, findings=[Finding(0, len(t), "mrn", "test", 1)], scan=lambda _: []).text for t in texts]
    assert re.sub(r"\W", "", made[0]).lower() == re.sub(r"\W", "", made[1]).lower()


def test_what_is_lost_is_counted():
    text = "Mr. Smith has a cough."
    done = deidentify(text, group(), findings=[Finding(4, 9, "name", "test", 1)], scan=lambda _: [])
    assert lost([done], [text]) == 5 / len(text)
    assert lost([], []) == 0


def test_a_rule_that_sees_more_behind_a_surrogate_is_followed():
    def scan(text):
        hits = [Finding(*hit.span(), "name", "test", 1) for hit in re.finditer("Smith", text)]
        return hits or [Finding(*hit.span(), "name", "test", 1) for hit in re.finditer("Keller", text)]

    done = deidentify("Smith met Keller", group(), scan=scan)
    assert [change.original for change in done.changes] == ["Smith", "Keller"]


def test_the_secret_is_private_and_lasts(tmp_path):
    path = tmp_path / "deep" / "key"
    key = secret(path)
    assert len(key) == 32
    assert secret(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    path.write_bytes(b"short")
    with pytest.raises(ResourceError, match="32"):
        secret(path)


@pytest.mark.parametrize(
    ("original", "valid"),
    [
        ("1234567893", npi),
        ("9434765919", nhs),
        ("1M8GDM9AXKP042788", vin),
        ("AB1234563", dea),
        ("4111111111111111", luhn),
    ],
)
def test_no_surrogate_passes_a_check_that_makes_it_somebodys(original, valid):
    assert valid(original)
    made = [
        deidentify(
            original, group(str(number)), findings=[Finding(0, len(original), "other", "test", 1)], scan=lambda _: []
        )
        for number in range(60)
    ]
    assert len({item.text for item in made}) > 50 and not any(valid(item.text) for item in made)
