"""Positions in a sentence where English has a person: 'seen by X', 'd/w X', 'X and her aunt'. They hold for words of no list."""

from __future__ import annotations

import re

from medlms.data.identifiers.view import View

_LOOK = 64  # characters before a name
_BACK = 4  # words before a preposition among which the word is looked for that asks for a person


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Before a preposition: what is done with, by, to ... somebody.
_ASKS = {
    "by": _words(
        "seen examined evaluated assessed reviewed signed cosigned placed accompanied collected brought driven "
        "supervised assisted "
        "interviewed counselled counseled taught witnessed updated read dictated typed verified approved entered "
        "interpreted raised "
        "adopted delivered performed referred admitted discharged visited called phoned found escorted notified "
        "informed told asked "
        "consented cleared inserted removed drawn obtained translated chaperoned staffed followed cared authored "
        "prepared completed "
        "countersigned attended covered relieved held checked filed written recorded stopped dropped joined "
        "treated operated"
    ),
    "with": _words(
        "discussed discuss discussing spoke speak speaking talked talk talking met meet meeting reviewed review "
        "stay stays staying "
        "stayed live lives living lived follow followup follow-up f/u appointment appt visit visited seen "
        "examined bloods labs "
        "session sessions consult consulted consultation counselled counseled conference married engaged friends "
        "house travelled "
        "traveled came comes coming along audiogram physio therapy walk walked ambulated transfers checked "
        "coordinated confirmed "
        "communicated shared arranged scheduled rescheduled booked plan interview call rounds rounded touched "
        "spoken contact together "
        "went going works worked working moved away trained father mother parents handover signed agreed case "
        "spends spent sits sat "
        "appears arrived lunch dinner dance classes class group custody relationship argument fight fought broke "
        "split plays"
    ),
    "to": _words(
        "handed handover handoff reported report referred refer spoke speak talked talk given gave married born "
        "copy copied letter "
        "message results called sign signed recall reassigned assigned listened wrote write addressed explained "
        "introduced endorsed "
        "returned delegated according mentioned apologised apologized confided next close related faxed mailed "
        "emailed sent shown "
        "relayed paged demonstrated engaged son daughter brother sister wife husband cousin deferred forwarded cc"
    ),
    "from": _words(
        "call calls message letter rents heard referral note fax text email voicemail consent input help support "
        "report received "
        "separated divorced handover visit history collateral estranged reminder"
    ),
    "for": _words(
        "called works covering care cares caring behalf letter note message form asked asking looking "
        "interpreting interpreter "
        "prescription refill appointment booked referral waiting caregiver guardian proxy worked working carer "
        "results scheduled "
        "speak speaking filled delivered"
    ),
    "under": _words("admitted care seen followed listed booked consultant clinic"),
    "of": _words("care son daughter wife husband mother father brother sister behalf supervision name "
        "friend death birth partner parents"),
    "via": _words("interpreter daughter son wife husband mother father"),
    "beside": _words("sat sits slept sleeps lives"),
    "and": _words("me"),
    "or": _words("you me him her them"),
}  # fmt: skip
# Right before a name, with or without a comma, a bracket or a quotation mark.
_RIGHT_BEFORE = _words(
    "d/w dw c/o w/ per/ friends aunts uncles cousins colleagues colleague mate mates buddy nieces nephews "
    "grandsons granddaughters "
    "grandchildren siblings siblings sisters brothers twins ex-wife ex-husband ex housemate housemates classmate "
    "teammate carer "
    "sitter grandmothers grandparents stepchildren flatmates roommates helper bystander bystanders witness "
    "witnesses neighbors "
    "neighbours passenger foreman boss named nicknamed toddler newborn preschooler sibling half-brother "
    "half-sister fiancée fiancee "
    "husband's wife's paramour girlfriend boyfriend godchild grandchild stepsister stepbrother pupil trainee "
    "student warden "
    "caretaker employer landlady godparents parishioner tutor lola lolo kuya tita tito nana nani dadi bibi baba "
    "nonna nonno abuela abuelo yiayia babushka halmoni begum haji hajji khun "
    "pak bu ibu daw bwana mzee encik puan doamna domnul mevrouw meneer pani kyria headteacher doula investigator "
    "ordering requester approver"
)
_GREETED = frozenset(("hi there", "hello there", "hey there", "good morning", "good afternoon", "good evening"))
_STOP = re.compile(r"[.!?;:](?: |$)")
_BEFORE_NAME = " \"'(,:"

_KIN = (
    r"(?:mother|father|mom|mum|dad|wife|husband|son|daughter|brother|sister|aunt|uncle|niece|nephew|cousin|"
    r"fianc[ée]e?|partner|"
    r"grandson|granddaughter|grandmother|grandfather|boyfriend|girlfriend|friend|kids|children|baby|family|"
    r"neighbou?r|carer|"
    r"caregiver|twin|parents|spouse|roommate|boss|stepfather|stepmother|ex|mate)"
)
_BEHIND = re.compile(
    rf",? and (?:his|her|my|our|their|your|the) (?:[a-z-]+ )?{_KIN}\b|"
    r" and (?:me|i|myself)\b|"
    r",? (?:he|she) (?:is|was|has|had|lives?|lived|works?|said|says|told|came|comes|drove|helps?|can|could|will|"
    r"would|does|did|"
    r"didn't|doesn't|wants?|thinks?|never|always|used)\b|"
    r", who (?:is|was|has|lives?|lived|works?|will|drove|helps?|came|had|brought|saw|knows?|told|"
    r"said) (?:(?:with|in|at|his|her|my|"
    rf"the|an?|also|next|me|him|us|not) )|"
    rf",? (?:his|her|my|our|their|your) (?:[a-z-]+ )?{_KIN}\b|"
    r" (?:left|told|asked|drives|drove|phoned|texted|visits|visited|invited|married|met|hugged|kissed|thanked|"
    r"hit|pushed|keeps|"
    r"fetched|collected|watches|raised|feeds|bathes|dresses|calls|accompanied|carried|joined) (?:him|her|me|us|"
    r"them|his|my)\b|"
    r" (?:signs|signed|volunteers|babysits|interprets|interpreted|translates|translated|snores|works (?:as|at|in|"
    r"nights|for)|"
    r"lives (?:with|in|at|on|next|alone)|passed away|sat (?:with|up|in)|stood|cooks|laughed|nodded|shrugged|sobbed|"
    r"apologi[sz]ed|goes by|turned [0-9]+|will (?:call|collect|drive|pick|ring|sign|visit)|is (?:at bedside|"
    r"at the bedside|my|his|"
    r"her mother|married|retired|crying|hoping|worried|looking forward)|was (?:at bedside|at the bedside|crying|"
    r"upset|worried))\b|"
    r" at (?:(?:the )?(?:bedside|front desk|desk|reception|triage|pharmacy|counter)|work|school|home)\b|"
    r" (?:tells|told|reminds|reminded|assures|assured|informs|informed) (?:me|us|him|her|staff|the) |"
    r"'s (?:drinking|smoking|gambling|behaviou?r|mood|childhood|kids|children|parents'?|teacher|siblings?|"
    r"boyfriend|girlfriend|"
    r"wedding|funeral|death|birth|illness|care|needs|concerns?|questions?|progress|symptoms|sleep|diet|stay|"
    r"discharge|admission|"
    r"mother-in-law|cousin|aunt|uncle|niece|nephew|neighbou?r|roommate|job|truck|dog|cat|team)\b"
)  # fmt: skip


def led(seen: View, start: int) -> bool:
    """Whether the words before ``start`` ask for a person: 'follow up with', 'handed over to', 'friends,'."""
    look = seen.low[max(0, start - _LOOK) : start]
    clause = _STOP.split(look.rstrip(_BEFORE_NAME))[-1] if look[-1:] in _BEFORE_NAME else ""
    words = [word.strip("(,\"'") for word in clause.split()]
    if not words:
        return False
    if words[-1] in _RIGHT_BEFORE or " ".join(words[-2:]) in _GREETED:
        return True
    asks = _ASKS.get(words[-1])
    if not asks or look.rstrip()[-1:] in ",(:":
        return False
    if words[-1] in ("and", "or", "beside", "via"):
        return len(words) > 1 and words[-2] in asks
    return not asks.isdisjoint(words[-1 - _BACK : -1])


def followed(low: str, end: int) -> bool:
    """Whether what stands behind ``end`` tells of a person: ', he lives', 'and her husband', 'left her', 'at bedside'."""
    return bool(_BEHIND.match(low, end))
