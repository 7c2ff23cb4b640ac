"""What stands before and behind names of people, and what shows that a name is no person's."""

from __future__ import annotations

import re

TITLES = frozenset(
    "dr drs dres mr mrs ms mx miss mister missus missis prof professor doctor sr sra srta señor "
    "señora señorita don doña dra herr herrn frau mme mlle monsieur madame mademoiselle sig sigra "
    "signor signora nurse sister uncle aunt auntie tía tío "
    "rev reverend father pastor rabbi imam sheikh sgt sergeant capt captain lt lieutenant col "
    "officer judge attorney madam sir dame lady chaplain pharmacist physiotherapist".split()
)
_CALLED = frozenset(
    (
        "my name is",
        "name is",
        "name's",
        "names are",
        "mi nombre es",
        "me llamo",
        "ich heiße",
        "ich heisse",
        "i'm called",
        "call me",
        "goes by",
        "née",
        "nee",
        "formerly",
        "nicknamed",
        "preferred name",
        "to be called",
        "legal name",
        "this is dr",
    )
)
_ROLES = frozenset(
    "patient pt pat pte paciente name names surname forename nombre apellido apellidos nachname "
    "vorname nom prénom nok kin contact attending surgeon assistant physician provider pcp gp doctor "
    "nurse rn md signed signature sign author witness "
    "mother father mom mum dad wife husband son daughter brother sister spouse partner guardian "
    "caregiver carer parent parents dear regards sincerely yours thanks cheers best love gruß grüße "
    "grüßen saludos atentamente cc to from re attn attention fao "
    "referring requesting consultant anesthesiologist anesthesia anaesthetist radiologist "
    "pathologist therapist interpreter visitor driver member subscriber insured policyholder "
    "guarantor employee subject client resident beneficiary payer payee cardholder holder "
    "owner tenant user username by clerk tech technician operator donor recipient baby infant proxy "
    "poa caller reporter informant escort student teacher person surgeons assistants staff midwife "
    "pharmacist dentist cosigner scribe proband sender addressee".split()
)
_ROLES_LONG = frozenset(
    (
        "next of kin",
        "emergency contact",
        "contact person",
        "responsible party",
        "bill to",
        "ship to",
        "account holder",
        "policy holder",
        "seen by",
        "signed by",
        "dictated by",
        "transcribed by",
        "reviewed by",
        "verified by",
        "thank you",
        "yours truly",
        "power of attorney",
    )
)
_DIRECT = frozenset(
    "patient pt nok kin signed attending dear regards sincerely thanks cheers best love hi hello hey "
    "cc re surgeon gp pcp paciente".split()
)
_KIN = frozenset(
    "son sons daughter daughters mother mom mum father dad wife husband brother sister aunt auntie "
    "uncle niece nephew cousin grandson granddaughter grandmother grandfather grandma grandpa spouse "
    "partner fiancé fiancée fiance fiancee friend "
    "neighbor neighbour boyfriend girlfriend roommate caregiver carer guardian stepson stepdaughter "
    "twin baby child boss coworker colleague visitor aide driver clerk interpreter therapist midwife "
    "tech technician pharmacist resident hijo hija esposa esposo madre "
    "padre hermana hermano sohn tochter ehefrau ehemann mutter vater tante oma opa counselor "
    "counsellor coach surgeon doctor nurse named called caller student worker law manager owner kids "
    "daughters children brothers sisters".split()
)
_NEAR = frozenset(
    "by with told asked met for from and to cc contact ask this it's its i'm am saw see seeing call "
    "called thanks you bye hi hello hey morning afternoon evening welcome ok okay sorry please yes "
    "no dear regards sincerely love best cheers subject patient pt client per "
    "via von an against let tell page paged text texted emailed phoned visited informed notified "
    "advised thank remember signed after about is was as but if when because that says said".split()
)
LEADING = TITLES | _ROLES | _KIN | _NEAR
TITLED, LABELLED, RELATED, NEARBY, WORDED = 1, 2, 4, 8, 16
_WORDS = frozenset(
    "doctor nurse sister uncle aunt auntie father pastor officer judge lady sir madam "
    "physiotherapist pharmacist captain sergeant attorney dame chaplain don lt col sr".split()
)
_MARKS = " .,:;\"'([{<=>|*_-#/\n\t~^"
_LOOK = 44  # characters looked at before a name


def lead(low: str, start: int) -> int:
    """What the words before ``start`` say of a name there: LEADING = TITLES | _ROLES | _KIN | _NEAR
    TITLED, LABELLED, RELATED and NEARBY, added up.
    """
    before = low[max(0, start - _LOOK) : start]
    body = before.rstrip(_MARKS)
    gap = before[len(body) :]
    if not body or "\n" in gap:
        return NEARBY | (LABELLED if body and ":" in gap and _role(body) else 0)
    last, tight = _last(body), gap.strip()
    if not last:
        return NEARBY if tight else 0
    parts = body.replace("_", " ").split()
    phrases = [" ".join(parts[-size:]) for size in (2, 3)]
    found = 0
    if (last in TITLES and gap and tight in ("", ".")) or (
        tight in ("", ":", '"', "=") and (last in _CALLED or any(phrase in _CALLED for phrase in phrases))
    ):
        found |= TITLED | (WORDED if last in _WORDS else 0)
    marked = any(mark in gap for mark in ":=#>|") or gap == " - " or gap == "_"
    if (marked and (last in _ROLES or any(phrase in _ROLES_LONG for phrase in phrases))) or (
        tight in ("", ",", ".") and last in _DIRECT
    ):
        found |= LABELLED
    if tight in ("", ",", '"', "(") and (
        last in _KIN or (last in ("is", "was", "called", "named") and len(parts) > 1 and parts[-2] in _KIN)
    ):
        found |= RELATED
    if (tight in ("", ",", ":") and last in _NEAR) or any(mark in gap for mark in '"([/|;:') or " - " in gap:
        found |= NEARBY
    return found


def _role(body: str) -> bool:
    return _last(body) in _ROLES


def _last(body: str) -> str:
    """The word at the end of ``body``."""
    place = len(body)
    while place and (body[place - 1].isalpha() or body[place - 1] == "'"):
        place -= 1
    return body[place:].strip("'")


CREDENTIAL = re.compile(
    r",? {0,2}\(?(?:m\.? ?d|d\.? ?o|r\.? ?n|n\.? ?p|pa-c|pa|ph\.? ?d|lpn|lvn|lcsw|lmft|crna|fnp(?:-c|"
    r"-bc)?|anp|agnp|acnp|dnp|dpt|pt|ot|otr/l|otr|msw|mbbs|mbchb|mb ?bs|dds|dmd|pharm\.? ?d|cnm|aprn|"
    r"arnp|frcp|frcs|facs|facc|mrcp|bsn|msn|rph|rt|rrt|cma|cna|emt|emt-p|np-c|psy\.? ?d|rd|slp|"
    r"ccc-slp|dvm|od|au\.? ?d|mph|esq|jr|sr|ii|iii|iv|fracp|facharzt|fachärztin)\b\.?(?![a-z'-])"
)
# Behind a person: what people do and are.
BEHIND = re.compile(
    r"(?:'s)?,? {0,2}(?:\((?:dob|d\.o\.b|mrn|age|born|b\.|[0-9]{1,3} ?(?:y|f\b|m\b)|patient|nok|his|"
    r"her|son|daughter|wife|husband|mother|father|he/him|she/her|they)|dob\b|d\.o\.b|mrn\b|born\b|"
    r"aged? [0-9]|is an? [0-9]{1,3}|was an? [0-9]{1,3}|an? [0-9]{1,3}[ -]?y|[0-9]{1,3}[ -]?(?:y|year)|"
    r"[0-9]{1,3} ?[mf]\b|"
    r"(?:now |also |then |today |later |still )?(?:says|said|states|stated|reports|reported|denies|"
    r"denied|complains|complained|presents|presented|called|calls|told|asked|asks|agrees|agreed|came|"
    r"comes|went|lives|lived|wants|wanted|thinks|thought|feels|felt|takes|took|"
    r"was (?:seen|admitted|discharged|referred|born|found|brought|last|transferred|diagnosed|"
    r"evaluated|examined|here|told|given|taken|started|called|informed|contacted|present|advised|"
    r"accompanied|assessed|reviewed|consented)|were seen|"
    r"is (?:here|accompanied|seen|doing|being|scheduled|coming|seeing|allergic|married|the|our|my|his|"
    r"her|a pleasant|a very|due|back|on|in)|has (?:a |an |been|had|no|not|agreed|the)|had (?:a |an |"
    r"been|no)|will (?:follow|return|call|see|be|come|need)|signed|phoned|rang|wrote|writes|"
    r"picked|drove|drives|works|worked|needs|needed|cried|smiled|fell|slept|ate|refused|declined|"
    r"consented|understands|verbalized|tolerated|arrived|left|died|stayed|attended|visited|helped|"
    r"helps|texted|emailed|noticed|found|gave|brought|does|did|can|could|would|should)\b)"
)
_THINGS = (
    r"(?:disease|diseases|syndrome|syndromes|sign|signs|test|tests|score|scale|index|catheter|drain|"
    r"retractor|trocar|repair|procedure|operation|criteria|criterion|stage|staging|class|"
    r"classification|fracture|tube|palsy|lymphoma|sarcoma|tumou?r|an[ae]+mia|thyroiditis|"
    r"man(?:o?eu)?ver|reflex|phenomenon|contracture|cyst|node|nodes|line|lines|clamp|forceps|needle|"
    r"stain|virus|position|incision|rating|coma|monitor|o?esophagus|deformity|lesion|nodules?|bodies|"
    r"body|triad|law|cells?|ducts?|ligament|spots?|rash|chorea|ataxia|dystrophy|neuropathy|"
    r"encephalopathy|coil|"
    r"wrap|technique|flap|graft|equation|formula|method|inventory|questionnaire|chart|stent|pouch|"
    r"hernia|diverticulum|sphincter|fistula|ulcer|melanoma|tablets?|pills?|ocp|scissors|scope|blade|"
    r"bag|mask|laryngoscope|prosthesis|valve|shunt|bypass|anastomosis|resection|approach|osteotomy|"
    r"arthroplasty|nail|screw|plate|"
    r"speculum|tenaculum|hook|suture|knot|stitch|splint|cast|brace|boot|collar|bed|boots|frame|lamp|"
    r"murmur|breathing|respirations?|nystagmus|hallucinations?|gland|glands|canal|fossa|space|pouch|"
    r"tubercle|area|cortex|apparatus|membrane|corpuscles?|fibers?|granules?|inclusions?|crystals?|"
    r"rings?|lines?|striae|plaques?|"
    r"disorder|purpura|granulomatosis|vasculitis|arteritis|malformation|anomaly|tetralogy|type|grade|"
    r"principle|effect|theory|unit|units|model|plot|curve|analysis|correction|ratio|estimate|"
    r"estimator|hospital|clinic|university|medical cent(?:er|re)|institute|foundation|school|college|"
    r"prize|award|lecture|pharmacy|pharma|labs?|laboratories|"
    r"street|road|avenue|county|drive|lane|boulevard|inc|llc|ltd|corp|corporation|company|gmbh|toxin|"
    r"antigen|antibody|agglutination|medium|agar|solution|ringer|diet|exercises?|regimen|protocol|"
    r"trial|study|nomogram|staining|quotient|position|powder|paste|dressing|osteodystrophy|paralysis|"
    r"an?emia|gait|tremor|point|sinus|nerve|encephalitis|crisis|hip|knee|stapler|device|system|"
    r"machine|implant|clip|staples|solution|warmer|hugger|balloon|introducer|wire|cannula|sheath|port|"
    r"elevator|curette|dilator|rongeur|saw|rasp|"
    r"electrode|lens|chamber|tonometer|hammer|fork|questionnaire|assessment|cough|facies|gangrene|"
    r"hematoma|keratosis|leukemia|meningitis|myopathy|myotonia|nephritis|pneumonia|psychosis|sweat|"
    r"tic|pox|fever|coloboma|cataract|goit(?:er|re)|seizures?|epilepsy)\b"
)
_POSSESSED = r"(?:'s?)? {1,2}(?:and [a-z'-]+ {1,2})?(?:'s? )?"
THING = re.compile(_POSSESSED + _THINGS)
THING_SOON = re.compile(_POSSESSED + r"(?:[a-z-]+ {1,2}){0,2}" + _THINGS)
"""Eponyms: 'Parkinson disease', 'Foley catheter', 'Kocher clamp'."""
