"""What stands before and behind names of people, weighed; and what shows that a name is a disease's or a device's."""

from __future__ import annotations

import re

from medlms.data.identifiers.view import View

SURE, FIRM, FAIR, WEAK, NOTHING = 4, 3, 2, 1, 0  # weights of what stands around a name

TITLES = frozenset(
    "dr drs dres mr mrs ms mx miss mister missus missis prof professor doctor sr sra srta señor señora señorita don doña dra "
    "herr herrn frau mme mlle monsieur madame mademoiselle sig sigra signor signora dott nurse sister aunt auntie uncle tía "
    "tío tia tio tante onkel rev reverend father pastor rabbi imam sheikh sgt sergeant capt captain lt lieutenant officer "
    "judge attorney sir dame lady madam chaplain constable deputy detective coach principal senator".split()
)
# Titles that are ordinary words as well: 'the nurse said'. Behind them a name must be no word.
WORDED = frozenset(
    "miss doctor don nurse sister aunt auntie uncle father pastor officer judge sir lady madam captain lieutenant sergeant "
    "attorney chaplain constable deputy detective coach principal senator professor".split()
)
_CALLED = frozenset(
    "my name is|name is|name's|names are|mi nombre es|me llamo|ich heiße|ich heisse|i'm called|call me|goes by|née|nee|called|"
    "nicknamed|preferred name|legal name|maiden name|also known as|aka|a k a|named|known as|alias".split("|")
)
# Who is named in forms and notes. Before a colon or alone: 'Nurse: Kim', 'attending Kim', 'cc Kim'.
_ROLES = frozenset(
    "patient patients pt pts pat pte paciente name names surname forename nombre apellido apellidos nachname vorname nom prénom nok kin "
    "contact attending surgeon assistant physician provider pcp gp doctor nurse rn lpn md np pa-c signed signature sign author "
    "witness mother father mom mum mam dad wife husband son daughter brother sister spouse partner fiancé fiancée guardian "
    "caregiver carer parent parents dear regards sincerely yours thanks cheers best love gruß grüße grüßen saludos atentamente "
    "cc bcc to from re attn attention fao ref referring requesting consultant anesthesiologist anesthesia anesthetist anaesthetist "
    "radiologist pathologist cardiologist oncologist neurologist psychiatrist psychologist therapist interpreter visitor driver "
    "member subscriber insured policyholder guarantor employee employer subject client resident beneficiary payer payee "
    "cardholder holder owner tenant user username login by clerk tech technician technologist operator donor recipient baby infant "
    "proxy poa caller reporter informant escort student teacher person scrub circulator circulating runner midwife doula "
    "pharmacist pharmacy dentist hygienist optometrist audiologist dietitian cosigner scribe proband sender addressee aide cna "
    "ot slp msw lcsw coordinator navigator educator registrar houseman intern fellow resident specialist supervisor manager "
    "director secretary receptionist volunteer chaplain paramedic medic emt crew team staff decedent deceased complainant "
    "applicant claimant participant candidate registrant enrollee dependent dependant account acct pet neighbor neighbour "
    "performer collector phlebotomist orderer verifier prescriber initials who assigned bill ship sold".split()
)
_ROLES_LONG = frozenset(
    "next of kin|emergency contact|contact person|responsible party|bill to|ship to|account holder|policy holder|card holder|"
    "seen by|signed by|dictated by|transcribed by|reviewed by|verified by|thank you|yours truly|power of attorney|social worker|"
    "case manager|charge nurse|care of|in care of|collected by|drawn by|prepared by|entered by|read by|ordered by|reported by|"
    "performed by|referred by|accompanied by|regards to|with respect|kind regards|best wishes|warm regards|many thanks|"
    "primary care|lab tech|front desk|on call".split("|")
)
_KIN = frozenset(
    "son sons daughter daughters mother mom mum mam mama momma father dad papa daddy wife husband brother brothers sister sisters "
    "aunt auntie uncle niece nephew cousin grandson granddaughter grandmother grandfather grandma grandpa granny nana nan gran "
    "spouse partner fiancé fiancée fiance fiancee friend neighbor neighbour boyfriend girlfriend roommate flatmate caregiver "
    "carer guardian stepson stepdaughter stepfather stepmother twin baby child boss coworker colleague visitor aide driver clerk "
    "interpreter therapist midwife tech technician pharmacist resident hijo hija esposa esposo madre padre hermana hermano sohn "
    "tochter ehefrau ehemann mutter vater tante oma opa counselor counsellor coach surgeon doctor nurse caller student worker "
    "law manager owner kids children teacher lawyer godmother godfather godson babysitter nanny landlord tenant lady girl boy".split()
)
# Words that part a title or a role from the name behind it, and belong to no name.
BREAKS = (_ROLES | _KIN) - frozenset("love best guy grant dean page lane ward tenant bill may sold sender patient".split())
_ADDRESSED = frozenset(
    "told asked met thanks thank hi hello hey bye dear saw see call called calls paged page texted text emailed email phoned ring rang notified "
    "informed tell ask welcome congratulations sorry okay ok yes no please morning afternoon evening goodbye signed i'm am this it's "
    "its visited visiting advised updated consulted contacted messaged reached faxed remind reminded".split()
)
_NEAR = frozenset(
    "by with for and to from of per via von vom an und y et e & plus or about regarding re says said that as is was are were if "
    "when because but while after before since against let has does did than like between including".split()
)
_ARTICLES = frozenset("the a an this that these those each every any no some such le la der die das el los las".split())
# Lines of a dialogue and of a form begin alike; in a dialogue a name does not follow.
SPEAKERS = frozenset(
    "doctor dr patient pt nurse mother father mom dad wife husband son daughter parent caregiver therapist clinician provider "
    "physician interpreter tech paramedic medic pharmacist social worker guest guardian speaker caller q a".split()
)
_MARKS = " .,:;\"'([{<=>|*_-#/\n\t~^"
_LOOK = 44  # characters looked at before a name
_BEFORE = re.compile(r"(?:([^\W\d_]+(?:['-][^\W\d_]+)*) )?(?:([^\W\d_]+(?:['-][^\W\d_]+)*) )?([^\W\d_]+(?:['-][^\W\d_]+)*)$")
_TIGHT_LABEL = re.compile(r"[:=>]|#|\||^ - $|^ -$|^\($")


def before(seen: View, start: int, dialogue: bool) -> tuple[int, str]:
    """How much the words before ``start`` speak for a name there, and the last of them ('' where none stands directly).

    ``dialogue``: labels such as 'doctor:' begin what somebody says.
    """
    look = seen.low[max(0, start - _LOOK) : start]
    body = look.rstrip(_MARKS)
    gap = look[len(body) :]
    line = "\n" in seen.text[start - len(gap) : start]  # wrapped, perhaps: the words before it may still count
    if "\n\n" in gap or not body:
        signed = body.rpartition("\n")[2].split()[-1:]
        return (FIRM if signed and signed[0] in _CLOSINGS else WEAK), ""
    hit = _BEFORE.search(body.replace("_", " "))
    if not hit:
        return (WEAK if gap.strip() or not gap else NOTHING), ""
    weight = _weighed(hit, gap, dialogue)
    if line and hit[3] in _CLOSINGS:
        weight = FIRM
    return (max(weight, WEAK) if line and weight >= NOTHING else weight), hit[3]


_CLOSINGS = frozenset("regards sincerely thanks cheers best love yours truly faithfully wishes you gruß grüße grüßen saludos atentamente".split())


def _weighed(hit: re.Match[str], gap: str, dialogue: bool) -> int:
    last = hit[3]
    two = f"{hit[2] or hit[1]} {last}"
    three = f"{hit[1]} {two}"
    tight = gap.strip()
    if last in TITLES and tight in ("", "."):
        return SURE
    if tight in ("", ":", '"', "=", "'", "(", ",") and (last in _CALLED or two in _CALLED or three in _CALLED):
        return SURE if last != "called" or not tight else FAIR
    labelled = any(mark in gap for mark in ":=#>|") or gap in (" - ", " -", "_")
    if labelled:
        if last in SPEAKERS and dialogue and ":" in gap:
            return NOTHING
        return FIRM if last in _ROLES or two in _ROLES_LONG or three in _ROLES_LONG else WEAK
    if tight in ("", ",", '"', "(", "-", ".") or tight == "/":
        if tight == "." and len(last) > 4:
            return NOTHING
        if last in _KIN or last in _ROLES and last != "to" or two in _ROLES_LONG or three in _ROLES_LONG:
            return FAIR
        if last in ("is", "was") and (hit[2] or hit[1]) in _KIN:
            return FAIR
        if last in _ADDRESSED:
            return FAIR
        if last in _ARTICLES and not tight:
            return -WEAK
        return WEAK if last in _NEAR or tight in (",", '"', "(", "-", "/") else NOTHING
    return WEAK if any(mark in gap for mark in '"([/|;\n*') else NOTHING


_CREDENTIAL = re.compile(
    r",? {0,2}\(?(?:m\.? ?d|d\.? ?o|r\.? ?n|n\.? ?p|pa-c|p\.? ?a|ph\.? ?d|lpn|lvn|lcsw|lmft|crna|fnp(?:-c|-bc)?|anp|agnp|acnp|dnp|dpt|ot|"
    r"otr/l|otr|msw|mbbs|mbchb|mb ?bs|dds|dmd|pharm\.? ?d|cnm|aprn|arnp|frcp|frcs|facs|facc|mrcp|bsn|msn|rph|rt|rrt|cma|cna|emt|emt-p|"
    r"np-c|psy\.? ?d|rdn?|slp|ccc-slp|dvm|au\.? ?d|mph|esq|jr|sr|ii|iii|iv|fracp|facharzt|fachärztin|cpht|rdms|ccrn|lmt|lpc|bcba)\b"
    r"\.?(?![a-z'-])"
)
_RECORD = re.compile(
    r"(?:'s)?,? {0,2}[-/|;:]? {0,2}(?:\(?(?:dob|d\.o\.b|mrn|born|b\.|geb|nhs|acct|chart|room|rm|bed|unit|ssn|ext)\b|\(?(?:aged? |age: ?)?[0-9]{1,3} "
    r"?-? ?(?:y|f\b|m\b|wk|mo\b)|\((?:age|aged)? ?[0-9]{1,3}\)|aged? [0-9]|\((?:patient|pt|nok|his|her|the|my|son|daughter|wife|husband|"
    r"mother|father|brother|sister|cousin|aunt|uncle|niece|nephew|friend|spouse|partner|neighbor|neighbour|he/him|she/her|they/them|"
    r"cell|mobile|home|work|day|next)|,? ?(?:[0-9]{1,2}[/.-][0-9]{1,2}[/.-](?:19|20)?[0-9]{2}\b))"
)
_DOES = re.compile(
    r"(?:,| \([^()]{1,24}\))? (?:also |now |then |still |just |later |already |initially |kindly |never )?(?:says?|said|states|stated|reports|reported|denies|denied|complains|"
    r"complained|presents|presented|calls|called|told|asks|asked|agrees|agreed|came|comes|went|lives|lived|wants|wanted|thinks|"
    r"thought|feels|felt|takes|took|was (?:seen|admitted|discharged|referred|born|found|brought|last|transferred|evaluated|"
    r"examined|here|told|given|taken|started|called|informed|contacted|present|advised|accompanied|assessed|reviewed|consented|"
    r"driving|doing|able|very|at|in|on|the|his|her|my|our)|is (?:here|accompanied|seen|doing|being|scheduled|coming|seeing|"
    r"allergic|married|the|our|my|his|her|an? [0-9]|a pleasant|a very|due|back|on (?:his|her|my)|in (?:his|her|room|bed))|has (?:a |an |been (?:seen|"
    r"doing|feeling|on|having)|had|no |not |agreed|the |her |his )|had (?:a |an |been|no |her |his )|will (?:follow|return|call|see|come|need|be (?:seen|"
    r"back|here|discharged|calling|at|in|out|able))|signed|phoned|rang|wrote|writes|picked|picks|drove|drives|works|worked|needs|needed|cried|"
    r"smiled|fell|slept|ate|refused|refuses|declined|consented|understands|verbali[sz]ed|tolerated|arrived|left the|died|passed|"
    r"stayed|attended|visited|helped|helps|texted|emailed|noticed|gave|gives|brought|brings|does not|did not|doesn't|didn't|can't|got|gets|goes|"
    r"mentioned|mentions|admits|admitted|confirmed|confirms|insists|insisted|remembers|remembered|likes|loves|hates|enjoys|sleeps|"
    r"eats|walks|walked|talked|spoke|speaks|returned|returns|uploads|sent|sends|knows|knew|paid|pays|read|watched|looked|woke|tried)\b"
)
_OWNS = re.compile(
    r"'s (?:mother|mom|mum|father|dad|wife|husband|son|daughter|brother|sister|family|parents?|chart|room|house|home|case|care|visit|doctor|"
    r"nurse|labs?|results?|blood|medication|meds|prescription|surgery|appointment|birthday|place|phone|number|records?|file|bed|office|"
    r"insurance|school|caregiver|partner|file|note|account|clinic|condition|history|age|address|car)\b"
)
_NUMBERED = re.compile(r",? (?:at |on |\(|cell |mobile |tel\.? |phone |mail |e-?mail )?(?:\(?\+?[0-9]|[\w.]{2,30}@)")


def behind(low: str, end: int) -> int:
    """How much what follows ``end`` speaks for a name before it."""
    follow = low[end : end + 1]
    if not follow or follow not in " ,('/|;-:":
        return NOTHING
    if _CREDENTIAL.match(low, end) or _RECORD.match(low, end):
        return FIRM
    if _DOES.match(low, end) or _OWNS.match(low, end):
        return FAIR
    return WEAK if _NUMBERED.match(low, end) else NOTHING


_THINGS = (
    r"(?:disease|diseases|dz|syndromes?|sign|signs|test|tests|testing|score|scores|scale|index|catheters?|drains?|clamps?|forceps|retractors?|tubes?|"
    r"needles?|blades?|pins?|wires?|plates?|screws?|nails?|rods?|frame|splints?|casts?|collar|brace|bandage|criteria|criterion|"
    r"classification|class|staging|stage|grade|grading|system|method|methods|technique|procedure|operation|maneuver|manoeuvre|approach|incision|repair|"
    r"reduction|fractures?|dislocation|deformity|contracture|lesions?|sarcoma|lymphoma|tumou?rs?|carcinoma|cancer|cells?|bod(?:y|ies)|"
    r"nodes?|nodules?|glands?|ducts?|canals?|spaces?|triangle|ligaments?|pouch|loops?|capsule|islets?|cysts?|hernias?|diverticulum|"
    r"valves?|shunt|stain|phenomenon|reaction|reflex|response|law|rule|equation|formula|number|curve|block|rhythm|murmur|"
    r"pulse|breathing|respirations?|edema|palsy|chorea|ataxia|dystrophy|atrophy|neuropathy|neuralgia|thyroiditis|hepatitis|nephritis|"
    r"encephalopathy|aphasia|dementia|area|cortex|apparatus|membrane|corpuscles?|fib(?:er|re)s?|granules?|inclusions?|crystals?|"
    r"rings?|lines?|striae|plaques?|disorders?|purpura|granulomatosis|vasculitis|arteritis|malformation|anomaly|tetralogy|type|"
    r"types|principle|effect|theory|units?|model|plot|analysis|correction|ratio|estimate|estimator|hospitals?|clinic|clinics|university|"
    r"medical|children's|memorial|general|institute|foundation|school|college|prize|award|lecture|pharma|pharmaceuticals?|labs?|laboratories|inc|llc|"
    r"ltd|corp|corporation|company|gmbh|toxin|antigen|antibody|agglutination|medium|agar|solution|ringer|diet|exercises?|"
    r"regimen|protocol|trial|study|studies|nomogram|staining|quotient|position|powder|paste|dressing|osteodystrophy|paralysis|an?emia|gait|"
    r"tremor|point|sinus|nerve|encephalitis|crisis|hip|knee|stapler|device|machine|implant|clip|staples|warmer|hugger|balloon|"
    r"introducer|cannula|sheath|port|elevator|curette|dilator|rongeur|saw|rasp|electrode|lens|chamber|tonometer|hammer|fork|"
    r"questionnaire|assessment|inventory|cough|facies|gangrene|hematoma|keratosis|leukemia|meningitis|myopathy|myotonia|pneumonia|psychosis|"
    r"sweat|tic|pox|fever|coloboma|cataract|goit(?:er|re)|seizures?|epilepsy|virus|bacillus|bacteria|mutation|gene|genes|protein|"
    r"variants?|spots?|papules?|osteotomy|arthroplasty|fundoplication|thyroid|symptoms?|cardiomyopathy|coma|association|sequence|complex|"
    r"spectrum|variant|trait|phenotype|patients|hypoplasia|dysplasia|aplasia|amaurosis|optic|muscular|hereditary|congenital|familial|"
    r"macular|retinal|granuloma|melanoma|nevus|naevus|blindness|deficiency|insufficiency|defect|duodenum|esophagus|oesophagus|"
    r"esophagitis|ulcers?|tears?|arthropathy|foot|elbow|finger|joint|bone|osteitis|diplegia|kidney|glomerul\w+|hemorrhage)\b"
)
_POSSESSED = r"(?:['-]?s?['-]?)(?: {1,2}|-)(?:(?:and|&|or) [a-z'-]+ {1,2}(?:['-]?s )?)?"
_DOSED = r"|,? ?[0-9][0-9.,/-]* ?(?:mg|mcg|µg|ml|g|units?|%|iu|meq|tabs?|tablets?|fr|french)\b| (?:tablets?|tabs?|capsules?|caps|pills?|cream|ointment|"
_DOSED += r"injections?|inhaler|spray|drops|patch|daily|bid|tid|qd|qhs|prn|hct|xr|er|cr|sr|xl|po)\b"
_THING = re.compile(f"(?:{_POSSESSED}{_THINGS}{_DOSED})")
_THING_SOON = re.compile(_POSSESSED + r"(?:[a-z0-9-]+ {1,2}){0,2}" + _THINGS + _DOSED)


def names_a_thing(low: str, end: int, eponym: bool) -> bool:
    """Whether a disease, a sign, a device or a firm follows: 'Kocher clamp', and of known eponyms 'Down and Turner syndrome'."""
    return bool((_THING_SOON if eponym else _THING).match(low, end))
