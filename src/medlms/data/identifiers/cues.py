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
    "my name is|name is|name's|names are|mi nombre es|me llamo|ich heiße|ich heisse|i'm called|call me|goes by|née|nee|"
    "nicknamed|preferred name|legal name|maiden name".split("|")
)
# Who is named in forms and notes. Before a colon or alone: 'Nurse: Kim', 'attending Kim', 'cc Kim'.
_ROLES = frozenset(
    "patient patients pt pts pat pte paciente name names surname forename nombre apellido apellidos nachname vorname nom "
    "prénom nok kin "
    "contact attending surgeon assistant physician provider pcp gp doctor nurse rn lpn md np pa-c signed signature sign author "
    "witness mother father mom mum mam dad wife husband son daughter brother sister spouse partner fiancé fiancée guardian "
    "caregiver carer parent parents dear regards sincerely yours thanks cheers best love gruß grüße grüßen saludos atentamente "
    "cc bcc to from re attn attention fao ref referring requesting consultant anesthesiologist anesthesia anesthetist "
    "anaesthetist "
    "radiologist pathologist cardiologist oncologist neurologist psychiatrist psychologist therapist interpreter visitor driver "
    "member subscriber insured policyholder guarantor employee employer subject client resident beneficiary payer payee "
    "cardholder holder owner tenant user username login by clerk tech technician technologist operator donor recipient "
    "baby infant "
    "proxy poa caller reporter informant escort student teacher person sonographer radiographer perfusionist scrub "
    "circulator circulating runner midwife doula "
    "pharmacist pharmacy dentist hygienist optometrist audiologist dietitian cosigner scribe proband sender addressee aide cna "
    "ot slp msw lcsw coordinator navigator educator registrar houseman intern fellow resident specialist supervisor manager "
    "director secretary receptionist volunteer chaplain paramedic medic emt crew team staff decedent deceased complainant "
    "victim family "
    "applicant claimant participant candidate registrant enrollee dependent dependant account acct pet neighbor neighbour "
    "performer collector phlebotomist orderer verifier prescriber initials who assigned bill ship sold".split()
)
_ROLES_LONG = frozenset(
    "next of kin|emergency contact|contact person|responsible party|bill to|ship to|account holder|policy holder|card holder|"
    "seen by|signed by|dictated by|transcribed by|reviewed by|verified by|thank you|yours truly|power of attorney|social worker|"
    "case manager|charge nurse|care of|in care of|collected by|drawn by|prepared by|entered by|read by|ordered by|reported by|"
    "performed by|referred by|accompanied by|regards to|with respect|kind regards|best wishes|warm regards|many thanks|"
    "talked to|talked with|talk to|talk with|spoke to|spoke with|speak to|speak with|speaking with|speaking to|spoken to|"
    "spoken with|met with|lives with|"
    "living with|stays with|staying with|visit with|here with|came with|comes with|conversation with|message from|call "
    "from|letter from|primary care|lab tech|front desk|on call".split("|")
)
_KIN = frozenset(
    "dtr dau sis bro hubby gf bf son sons daughter daughters mother mom mum mam mama momma father dad papa daddy wife "
    "husband brother brothers sister "
    "sisters "
    "aunt auntie uncle niece nephew cousin grandson granddaughter grandmother grandfather grandma grandpa granny nana nan gran "
    "spouse partner fiancé fiancée fiance fiancee friend neighbor neighbour boyfriend girlfriend roommate flatmate caregiver "
    "carer guardian stepson stepdaughter stepfather stepmother twin baby child boss coworker colleague visitor aide driver clerk "
    "interpreter therapist midwife tech technician pharmacist resident hijo hija esposa esposo madre padre hermana hermano sohn "
    "tochter ehefrau ehemann mutter vater tante oma opa counselor counsellor coach surgeon doctor nurse caller student worker "
    "law manager owner kids children teacher lawyer godmother godfather godson babysitter nanny landlord tenant lady girl "
    "boy".split()
)
# Words that part a title or a role from the name behind it, and belong to no name.
BREAKS = (_ROLES | _KIN) - frozenset(
    "love best guy grant dean page lane ward tenant bill may sold sender patient".split()
)
_ADDRESSED = frozenset(
    "which told asked met call thanks thank hi hello hey bye dear saw see paged page texted text emailed email phoned ring "
    "rang notified "
    "informed tell ask welcome congratulations sorry okay ok yes no please morning afternoon evening goodbye signed i'm am "
    "this it's "
    "its visited visiting advised updated consulted contacted messaged reached faxed remind reminded".split()
)
_NEAR = frozenset(
    "by with for and to from of per via von vom an und y et e & plus or about regarding re says said that as is was are were if "
    "called calls named when because but while after before since against let has does did than like between including".split()
)
_ARTICLES = frozenset("the a an this that these those each every any no some such le la der die das el los las".split())
# Lines of a dialogue and of a form begin alike; in a dialogue a name does not follow.
SPEAKERS = frozenset(
    "doctor dr patient pt nurse mother father mom dad wife husband son daughter parent caregiver therapist clinician provider "
    "physician interpreter tech paramedic medic pharmacist social worker guest guardian speaker caller q a".split()
)
_MARKS = " .,:;\"'([{<=>|*_-#/\n\t~^"
_LOOK = 44  # characters looked at before a name
_BEFORE = re.compile(
    r"(?:([^\W\d_]+(?:['-][^\W\d_]+)*) )?(?:([^\W\d_]+(?:['-][^\W\d_]+)*) )?([^\W\d_]+(?:['-][^\W\d_]+)*)$"
)
_TIME = re.compile(
    r"(?:[0-9]{1,2}:[0-9]{2}|(?<![\w.,/-])[0-2][0-9][0-5][0-9]|[0-9] ?[ap]\.?m\.?|\bnoon) $"
)  # a schedule
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
        return (FIRM if _closes(seen, start) else WEAK), ""
    if _TIME.search(look):
        return WEAK, ""
    hit = _BEFORE.search(body.replace("_", " "))
    if not hit:
        return (WEAK if gap.strip() or not gap else NOTHING), ""
    weight = _weighed(hit, gap, dialogue)
    if line and _closes(seen, start):
        weight = FIRM
    return (max(weight, WEAK) if line and weight >= NOTHING else weight), hit[3]


_CLOSINGS = frozenset(
    "regards sincerely thanks cheers best love yours truly faithfully wishes you gruß grüße grüßen saludos atentamente kind "
    "warm warmest many thank with respectfully cordially mit freundlichen vielen dank un saludo".split()
)


def _closes(seen: View, start: int) -> bool:
    """Whether the line above ``start`` is the close of a letter: 'Yours sincerely,'."""
    above = seen.text[max(0, start - 60) : start].rstrip().rpartition("\n")[2].strip(" ,.!-").lower().split()
    return 0 < len(above) < 4 and all(word in _CLOSINGS for word in above)


def _weighed(hit: re.Match[str], gap: str, dialogue: bool) -> int:
    last = hit[3]
    two = f"{hit[2] or hit[1]} {last}"
    three = f"{hit[1]} {two}"
    tight = gap.strip()
    if last in TITLES and (not tight or (tight == "." and last not in WORDED)):
        return SURE
    if tight in ("", ":", '"', "=", "'", "(", ",") and (last in _CALLED or two in _CALLED or three in _CALLED):
        return SURE
    labelled = any(mark in gap for mark in ":=#>|_")
    if gap in (" - ", " -"):
        return WEAK
    if labelled:
        if last in SPEAKERS and dialogue and ":" in gap:
            return NOTHING
        return FIRM if last in _ROLES or two in _ROLES_LONG or three in _ROLES_LONG else WEAK
    if tight in ("", ",", '"', "(", "-", ".") or tight == "/":
        if tight == "." and len(last) > 4:
            return NOTHING
        if last in _KIN or (last in _ROLES and last != "to") or two in _ROLES_LONG or three in _ROLES_LONG:
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
    r",? {0,2}\(?(?:m\.? ?d|d\.? ?o|r\.? ?n|n\.? ?p|pa-c|p\.? ?a|ph\.? ?d|lpn|lvn|lcsw|lmft|crna|fnp(?:-c|-bc)?|anp|agnp|"
    r"acnp|dnp|dpt|ot|"
    r"otr/l|otr|msw|mbbs|mbchb|mb ?bs|dds|dmd|pharm\.? ?d|cnm|aprn|arnp|frcp|frcs|facs|facc|mrcp|bsn|msn|rph|rt|rrt|cma|"
    r"cna|emt|emt-p|"
    r"np-c|psy\.? ?d|rdn?|slp|ccc-slp|dvm|au\.? ?d|mph|esq|jr|sr|ii|iii|iv|fracp|facharzt|fachärztin|cpht|rdms|ccrn|lmt|"
    r"lpc|bcba)\b"
    r"\.?(?![a-z'-])"
)
_RECORD = re.compile(
    r"(?:'s)?,? {0,3}[-/|;:]? {0,2}(?:\(?(?:dob|d\.o\.b|nacid[oa]|n[ée]e? le|geboren|nat[oa] il|mrn|mr ?#|id ?#|pt ?#|"
    r"record|born|b\.|geb|nhs|acct|chart|room|rm|"
    r"bed|unit|ssn|ext)\b|\(?(?:aged? |age: ?)?[0-9]{1,3} "
    r"?-? ?(?:y|f\b|m\b|wk|mo\b)|\((?:age|aged)? ?[0-9]{1,3}\)|aged? [0-9]|\((?:patient|pt|nok|his|her|the|my|son|daughter|"
    r"wife|husband|"
    r"mother|father|brother|sister|cousin|aunt|uncle|niece|nephew|friend|spouse|partner|neighbor|neighbour|he/him|she/her|"
    r"they/them|"
    r"cell|mobile|home|work|day|next)|,? ?(?:[0-9]{1,2}[/.-][0-9]{1,2}[/.-](?:19|20)?[0-9]{2}\b))"
)
_IS = re.compile(
    r" (?:is|was) (?:an? |now )?(?:[0-9]{1,3}[ -]?(?:y|mo|w|d)|(?:very |pleasant |delightful |lovely |elderly |[0-9a-z-]+ "
    r")?(?:woman|man|lady|gentleman|male|female|girl|boy)\b)"
)
_OFTEN = r"(?:,| \([^()]{1,24}\))? (?:also |now |then |still |just |later |already |initially |kindly |never )?"
# What people alone do, and what people, drugs and diseases do.
_SPEAKS = re.compile(
    _OFTEN
    + r"(?:says?|said|told|asks|asked|agrees|agreed|lives|lived (?:in|with|alone)|wants|wanted|thinks|thought|drove|"
    r"drives|phoned|rang|wrote|"
    r"cried|smiled|slept|refused|declined|consented|understands|verbali[sz]ed|texted|emailed|noticed|mentioned|mentions|"
    r"admits|confirmed|"
    r"insists|insisted|remembers|remembered|loves|hates|enjoys|walked|talked|spoke|denies|denied|complains|complained|"
    r"wishes|worries|uploads|"
    r"knows|knew|read|watched|looked|woke|tried|signed|picks? (?:him|her|me|them)|was (?:crying|sleeping|walking|talking|"
    r"upset|angry|worried|tearful|asleep|awake|alone|there|late|born|accompanied|contacted|informed|advised|driving)|"
    r"is (?:married|here|accompanied|my|our|his|her))\b"
)
_DOES = re.compile(
    _OFTEN + r"(?:states|stated|reports|reported|presents|presented|calls|called|came|comes|went|feels|felt|takes|took|"
    r"was (?:seen|admitted|discharged|referred|born|brought|transferred|evaluated|examined|here|told|given|taken|started|called|"
    r"present|assessed|reviewed|doing|able|in (?:the|his|her)|at (?:the|home)|on (?:the|his|her)|his|her|my|our)|"
    r"is (?:doing|being seen|scheduled|coming|seeing|allergic|an? [0-9]|a pleasant|due|back|on (?:his|her|my)|in (?:his|"
    r"her|room|bed))|"
    r"has (?:been (?:seen|doing|feeling|having|taking)|had|agreed|her |his )|had (?:her |his |a (?:fall|stroke|baby))|"
    r"will (?:follow|return|call|see|come|be (?:seen|back|here|discharged|calling|out))|picked|picks|worked|needs|needed|"
    r"fell|ate|refuses|tolerated|arrived|left the|died|passed away|stayed|attended|visited|helped|helps|gave|gives|brought|"
    r"brings|does not|did not|"
    r"doesn't|didn't|can't|got|gets|goes|admitted|confirms|likes|sleeps|eats|walks|speaks|returned|returns|sent|sends|paid|"
    r"pays|does|did)\b"
)
_OWNS = re.compile(
    r"'s (?:mother|mom|mum|father|dad|wife|husband|son|daughter|brother|sister|family|parents?|chart|room|house|home|case|"
    r"visit|doctor|"
    r"nurse|labs?|results?|blood|medication|meds|prescription|surgery|appointment|birthday|stroke|diabetes|asthma|fall|"
    r"weight|appetite|temperature|pain|cough|rash|medicine|breathing|seizures|ears|laptop|bag|glasses|walker|wallet|keys|"
    r"tablet|place|phone|number|records?|file|bed|office|"
    r"insurance|school|caregiver|partner|file|note|account|clinic|condition|history|age|address|car)\b"
)
_FAMILY = re.compile(
    r" family\b(?! (?:history|members?|practice|medicine|doctor|of))|s (?:family|household|residence)\b"
)
_NUMBERED = re.compile(r",? (?:at |on |\(|cell |mobile |tel\.? |phone |mail |e-?mail )?(?:\(?\+?[0-9]|[\w.]{2,30}@)")


def behind(low: str, end: int, known: bool) -> int:
    """How much what follows ``end`` speaks for a name before it; ``known``: the lists know a word of it as a name."""
    follow = low[end : end + 1]
    if not follow or follow not in " ,('/|;-:":
        return NOTHING
    if _CREDENTIAL.match(low, end) or _RECORD.match(low, end) or _IS.match(low, end):
        return FIRM
    if _SPEAKS.match(low, end) or _OWNS.match(low, end) or _FAMILY.match(low, end) or (known and _DOES.match(low, end)):
        return FAIR
    return WEAK if _NUMBERED.match(low, end) else NOTHING


_THINGS = (
    r"(?:disease|diseases|dz|syndromes?|sign|signs|test|tests|testing|score|scores|scale|index|catheters?|drains?|clamps?|"
    r"forceps|retractors?|tubes?|"
    r"needles?|blades?|pins?|wires?|plates?|screws?|nails?|rods?|frame|splints?|casts?|collar|brace|bandage|criteria|criterion|"
    r"classification|class|staging|stage|grade|grading|system|method|methods|technique|procedure|operation|maneuver|"
    r"manoeuvre|approach|incision|repair|"
    r"reduction|fractures?|dislocation|deformity|contracture|lesions?|sarcoma|lymphoma|tumou?rs?|carcinoma|cancer|cells?|"
    r"bod(?:y|ies)|"
    r"nodes?|nodules?|glands?|ducts?|canals?|spaces?|triangle|ligaments?|pouch|loops?|capsule|islets?|cysts?|hernias?|"
    r"diverticulum|"
    r"valves?|shunt|stain|phenomenon|reaction|reflex|response|law|rule|equation|formula|number|curve|block|rhythm|murmur|"
    r"pulse|breathing|respirations?|edema|palsy|chorea|ataxia|dystrophy|atrophy|neuropathy|neuralgia|thyroiditis|hepatitis|"
    r"nephritis|"
    r"encephalopathy|aphasia|dementia|area|cortex|apparatus|membrane|corpuscles?|fib(?:er|re)s?|granules?|inclusions?|crystals?|"
    r"rings?|lines?|striae|plaques?|disorders?|purpura|granulomatosis|vasculitis|arteritis|malformation|anomaly|tetralogy|type|"
    r"types|principle|effect|theory|units?|model|plot|analysis|correction|ratio|estimate|estimator|hospitals?|clinic|"
    r"clinics|university|"
    r"medical|medicine|commonwealth|southwestern|deaconess|national|children's|memorial|general|institute|foundation|"
    r"school|college|prize|award|lecture|pharma|pharmaceuticals?|labs?|laboratories|inc|llc|"
    r"ltd|corp|corporation|company|gmbh|toxin|antigen|antibody|agglutination|medium|agar|solution|ringer|diet|exercises?|"
    r"regimen|protocol|trial|study|studies|nomogram|staining|quotient|position|powder|paste|dressing|osteodystrophy|"
    r"paralysis|an?emia|gait|"
    r"tremor|point|sinus|nerve|encephalitis|crisis|hip|knee|stapler|device|machine|implant|clip|staples|warmer|hugger|balloon|"
    r"introducer|cannula|sheath|port|elevator|curette|dilator|rongeur|saw|rasp|electrode|lens|chamber|tonometer|hammer|fork|"
    r"questionnaire|assessment|inventory|cough|facies|gangrene|hematoma|keratosis|leukemia|meningitis|myopathy|myotonia|"
    r"pneumonia|psychosis|"
    r"sweat|tic|pox|fever|coloboma|cataract|goit(?:er|re)|seizures?|epilepsy|virus|bacillus|bacteria|mutation|gene|genes|protein|"
    r"variants?|spots?|papules?|osteotomy|arthroplasty|fundoplication|thyroid|symptoms?|cardiomyopathy|coma|association|"
    r"sequence|complex|"
    r"spectrum|variant|trait|phenotype|patients|hypoplasia|dysplasia|aplasia|amaurosis|optic|factor|factors|inhibitors?|"
    r"ophthalmopathy|opthalmopathy|progeria|stimulation|prosthesis|implants?|mosaic|[a-z]{2,}(?:osis|itis|a?emia|"
    r"pathy|plasia|trophy|cephaly|oma|omas|uria|algia|plegia|lysis|penia|derma|dactyly|melia|kinesia|tensin|sclerosis)|"
    r"muscular|hereditary|congenital|familial|"
    r"macular|retinal|granuloma|melanoma|nevus|naevus|blindness|deficiency|insufficiency|defect|duodenum|esophagus|oesophagus|"
    r"esophagitis|ulcers?|tears?|arthropathy|foot|elbow|finger|joint|bone|osteitis|diplegia|kidney|glomerul\w+|hemorrhage)\b"
)
_POSSESSED = r"(?:['-]?s?['-]?)(?: {1,2}|-)(?:(?:and|&|or) [a-z'-]+ {1,2}(?:['-]?s )?)?"
_DOSED = (
    r"|,? ?[0-9][0-9.,/-]* ?(?:mg|mcg|µg|ml|g|units?|%|iu|meq|tabs?|tablets?|fr|french)\b| (?:tablets?|tabs?|capsules?|"
    r"caps|pills?|cream|ointment|"
)
_DOSED += r"injections?|inhaler|spray|drops|patch|daily|bid|tid|qd|qhs|prn|hct|xr|er|cr|sr|xl|po)\b"
_NO_ADJECTIVE = (
    "has|had|have|is|was|were|are|with|for|to|in|on|at|and|or|of|from|by|who|that|the|a|an|her|his|my|your|their|our|"
    "presents?|presented|denies|"
    "denied|reports?|reported|says|said|states?|stated|complains|feels|felt|came|comes|called|calls|will|would|can|could|"
    "did|does|needs|needed|takes|"
    "took|about|as|but|if|so|then|when|went|got|gets|saw|told|asked|started|underwent|developed|completed|received|re|"
    "regarding|after|before"
)
_THING = re.compile(f"(?:{_POSSESSED}(?:(?!(?:{_NO_ADJECTIVE})\\b)[a-z0-9-]+ {{1,2}}){{0,3}}{_THINGS}{_DOSED})")


def names_a_thing(low: str, end: int) -> bool:
    """Whether a disease, a sign, a device, a firm or a dose follows: 'Kocher clamp', 'Langer mesomelic dysplasia'."""
    return bool(_THING.match(low, end))


_DISEASE = re.compile(
    r"(?:['-]?s?)? {1,2}(?:[a-z]+ )?(?:diseases?|syndromes?|dystrophy|dysplasia|sequence|anomaly|hospitals?|clinics?|"
    r"university|medical|medicine|"
    r"institutes?|national|foundation|school|college|children's|memorial|commonwealth|southwestern)\b"
)


def names_a_disease(low: str, end: int) -> bool:
    """Whether a disease or an institution follows, so that even a full name is its eponym: 'Lou Gehrig disease'."""
    return bool(_DISEASE.match(low, end))
