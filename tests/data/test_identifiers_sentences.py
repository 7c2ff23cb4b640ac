"""Sentences of our own, identifiers between ⟦ and ⟧: what stands inside is found, what stands outside is not touched alone."""

from __future__ import annotations

import re

import pytest

from medlms.data.identifiers import scan

MARKED = [
    "Patient Name: ⟦Oluwaseun Adebayo-Bright⟧   DOB: ⟦04/02/1961⟧   MRN: ⟦00-43-21-9⟧",
    "Pt ⟦Thandiwe Mkhize⟧ is a 54 y/o F seen on ⟦3/14⟧.",
    "PATIENT: ⟦KOWALSKA, AGNIESZKA M.⟧  ACCT#: ⟦V00012345678⟧",
    "Dear Dr. ⟦van der Berg⟧,",
    "I saw your patient ⟦Nguyễn Thị Lan⟧ (DOB ⟦12.03.1948⟧) in clinic on Tuesday ⟦4 March 2020⟧.",
    "Sincerely,\\\n⟦Priya Raghunathan⟧, MD",
    "/s/ ⟦J. R. Whitcombe⟧, PA-C",
    "my name is ⟦siobhan o'malley⟧ and my number is ⟦415-555-0132⟧",
    "[doctor] hi miss ⟦okafor⟧ how have you been since ⟦february⟧ ?",
    "[patient] well doctor ⟦takahashi⟧ , my son ⟦kenji⟧ drove me . he is thirty one .",
    "Her husband ⟦Giancarlo⟧ and daughter ⟦Fiorella⟧ were present.",
    "Emergency contact: ⟦Mehmet Yıldırım⟧ (brother), ⟦+90 532 555 01 23⟧",
    "Seen with Ms. ⟦Abernethy-Cole⟧ of social work.",
    "⟦Bjørn Ødegaard⟧ presented with chest pain on ⟦12 Sept 2019⟧.",
    "Discussed with ⟦R.K.⟧'s mother.",
    "cc: ⟦Hannah Weisz⟧; ⟦Tomasz Wiśniewski⟧",
    "nok: ⟦fatima al-sayed⟧, ⟦07700 900461⟧",
    "Mrs. ⟦Park⟧ called about her refill.",
    "ID# ⟦A-4471-99⟧. Member ID ⟦XQZ884213907⟧. Group No. ⟦0078841⟧. Claim # ⟦CLM-2019-443210⟧.",
    "Medicare ⟦1EG4-TE5-MK73⟧. Medicaid ID ⟦AB12345C⟧. HICN ⟦123-45-6789A⟧.",
    "Bank acct ⟦000123456789⟧, routing ⟦021000021⟧; IBAN ⟦DE89 3704 0044 0532 0130 00⟧. Card ⟦4111 "
    "1111 1111 1111⟧ exp ⟦09/27⟧.",
    "Visa ending in ⟦4242⟧. Invoice ⟦INV-20931⟧. Paid with card **** **** **** ⟦9921⟧.",
    "DEA ⟦AB1234563⟧; NPI: ⟦1234567893⟧; license no. ⟦MD-45821⟧; passport ⟦C01X00T47⟧; driver's "
    "license ⟦S530-4607-8892⟧.",
    "Pacemaker serial no. ⟦PJN482910⟧. S/N: ⟦4402-118-9⟧. IMEI ⟦490154203237518⟧. MAC ⟦00:1A:2B:3C:4D:5E⟧.",
    "Pump SN ⟦HX99213⟧; UDI ⟦(01)00643169001763(17)220131(21)A1B2C3⟧.",
    "Accession ⟦S19-00412⟧. Specimen #⟦2019-03-11842⟧. Encounter ⟦88210394⟧. Study ID ⟦ABC-0012⟧. Subject ⟦014-0032⟧.",
    "Employee no. ⟦E55821⟧, badge ⟦40211⟧. Rx# ⟦7719203⟧. Case no. ⟦20-11873⟧.",
    "SSN ⟦219-09-9999⟧; last four of social ⟦4471⟧; XXX-XX-⟦8812⟧; ssn ⟦219 09 9999⟧; social is ⟦219099999⟧.",
    "Email ⟦j.doe+clinic@mail.example.org⟧ or ⟦jane dot doe at example dot com⟧ or ⟦jdoe [at] example [dot] org⟧.",
    "See ⟦https://portal.example.org/p/8841?x=1⟧ or ⟦portal.example.org/msg/12⟧ . Login from "
    "⟦2001:db8::8a2e:370:7334⟧ and ⟦203.0.113.9:8080⟧.",
    "Call ⟦(617) 555-0119 x22⟧, ⟦617.555.0199⟧, ⟦1-617-555-0123⟧, ⟦6175550188⟧. Pager ⟦55123⟧. Fax: ⟦020 7946 0321⟧.",
    "reach me at ⟦five five five oh one two three⟧ after five",
    "phone ⟦four one five, five five five, zero one nine nine⟧",
    "Tel. ⟦030/901820-44⟧. Handy ⟦0171 5550123⟧. Tel: ⟦+91 98765 43210⟧. Móvil ⟦612 345 678⟧. Tel "
    "⟦55 5555 0123⟧. ⟦03-5550-0123⟧.",
    "Lives at ⟦4410 N. Kedzie Ave., Apt 3B⟧, ⟦Chicago⟧, IL ⟦60625⟧.",
    "Moved from ⟦Akron⟧, Ohio to ⟦12 Rue des Lilas⟧, ⟦69003⟧ ⟦Lyon⟧.",
    "⟦Hauptstraße 12⟧, ⟦10827⟧ ⟦Berlin⟧. ⟦Calle Mayor 14, 3º B⟧, ⟦28013⟧ ⟦Madrid⟧. ⟦221B Baker "
    "Street⟧, ⟦London⟧ ⟦NW1 6XE⟧.",
    "⟦P.O. Box 1182⟧, ⟦Flagstaff⟧, AZ ⟦86002-1182⟧. ⟦Cook County⟧. lives in ⟦Saskatoon⟧. Zip ⟦02139⟧.",
    "⟦Flat 4, 18 Linden Gardens⟧, ⟦Leeds⟧ ⟦LS1 4AP⟧. ⟦House 22, Road 7⟧, ⟦Dhanmondi⟧, ⟦Dhaka⟧ ⟦1205⟧.",
    "She is ⟦93⟧. A ⟦101⟧-year-old woman. He turned ⟦ninety-four⟧. Aged ⟦90⟧. ⟦97⟧ y/o M. in her "
    "⟦90s⟧. mother died at ⟦92⟧.",
]
CLEAN = [
    "A 45-year-old man with Parkinson's disease, Hodgkin lymphoma, Addison's crisis, and Crohn's.",
    "BP 118/76, HR 98, pain 7/10, strength 5/5, GCS 15, MMSE 28/30, 20/40 vision, SpO2 96%.",
    "CPT 99213, ICD-10 E11.9, LOINC 4548-4, NDC 0002-8215-01, rs1801133, PMID 12345678, BRCA1 c.68_69delAG.",
    "Take 1/2 tablet every 4-6 hours. Stage IIIB, T2N1M0. 5 x 3 cm. ratio 3:1. 1 in 20,000.",
    "In 2015 she had a CABG x3. May cause drowsiness. Will follow up. Mark the site. Grace period. Early Sunday.",
    "Lisinopril 10 mg daily, metoprolol 25 mg bid, Xarelto, Eliquis, Januvia, Yaz, Yasmin, Camila, Errin.",
    "Call 911 or 988 or the poison line at 1-800-222-1222.",
    "Software v12.4.2.1, DICOM release 3.0.1.2. Model 5076. Size 14 Fr. 4-0 Vicryl. L4-L5.",
    "The patient denies pain. Chest clear. Patient states she feels well. Doctor advised rest. Nurse notified.",
    "Virginia and Texas residents; she flew from Kenya. Washington state. Jordan is a country.",
    '")[0])',
]


def unmarked(marked: str) -> tuple[str, list[tuple[int, int]]]:
    text, spans = "", []
    for part in re.split("(⟦.*?⟧)", marked):
        if part.startswith("⟦"):
            spans.append((len(text), len(text) + len(part) - 2))
            part = part[1:-1]
        text += part
    return text, spans


@pytest.mark.parametrize("marked", MARKED)
def test_all_of_them_and_nothing_else(marked: str) -> None:
    text, spans = unmarked(marked)
    found = scan(text)
    covered = {place for item in found for place in range(item.start, item.end)}
    missed = [
        text[start:end]
        for start, end in spans
        if any(text[at].isalnum() and at not in covered for at in range(start, end))
    ]
    inside = {place for start, end in spans for place in range(start, end)}
    alarms = [text[item.start : item.end] for item in found if inside.isdisjoint(range(item.start, item.end))]
    assert not missed and not alarms


@pytest.mark.parametrize("text", CLEAN)
def test_nothing_in_clinical_text(text: str) -> None:
    assert not [(item.kind, text[item.start : item.end]) for item in scan(text)]
