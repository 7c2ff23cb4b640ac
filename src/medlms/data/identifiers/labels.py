"""The words that say whose number follows: from a text before a code to the class of the code."""

from __future__ import annotations

import re

_N = r"[ _-]?(?:numbers?|numero|número|nummer|num|no|nr|nbr|id|code)?"
_LABELS = (
    ("ssn", r"ssn?|ss|socials?|social[ _]security|soc\.? ?sec|sozialversicherung\w*|seguro social|nss|last (?:four|4)(?: digits)? (?:of (?:his|her|the|my|your) )?(?:ssn|social)"),
    ("fax", r"fax"),
    ("device", r"serials?|serial[ _]n\w*|s/?n|udi|imei|mac|device|implant\w*|pump|pacemaker|icd|defibrillator|cpap|bipap|glucometer|concentrator|walker|wheelchair|hearing aids?|meter|monitor|lot|"
     r"equipment|seriennummer|serie|geräte?\w*|gerätenummer|dispositivo|unit|generator|lead|stent|valve|sensor|transmitter|reader|asset(?: tag)?|tablet|phone imei|ventilator|scanner|prosthesis|stimulator|cgm|ref"),
    ("mrn", r"mrns?|mr|m\.r\.n?\.?|med(?:ical)?\.? ?rec(?:ord)?s?|medical[ _]record|records?|chart|hospital|patient|pat|patient[ _-]?(?:id|identifier|number|nr)|unit (?:no|number|record)|nhs|chi|hcn|pid|urn?|"
     r"empi|mpi|file|folder|historia(?: clínica| clinica)?|hc|nhc|expediente|patientennummer|patienten-?(?:nr|id)|fallnummer|fall-?nr|aktenzeichen|dossier|ipp|umrn|uhid|hosp|h\.?n"),
    ("plan", r"polic(?:y|ies)|plan|members?|membership|member[ _]?id|subscribers?|group|grp|claims?|medicare|medicaid|mbi|hicn?|insurance|insured|insurer|beneficiary|payer|coverage|health ?card|benefits?|"
     r"póliza|poliza|afiliad[oa]|versichertennummer|versicherten-?nr|krankenkasse\w*|versicherung\w*|kvnr|authori[sz]ation|auth|prior auth|tricare|medi-?cal|bcbs|aetna|cigna|humana|pre-?cert\w*|ohip|rxbin|rxgrp|certificate of coverage"),
    ("account", r"accounts?|acct|acc?t?s?|a/c|bank|cards?|visa|mastercard|amex|debit|credit|card ending|ending(?: in| with)?|ends in|iban|invoices?|bills?|billing|guarantor|routing|sort code|bsb|har|csn|statement|"
     r"payment|receipt|transaction|cuenta|tarjeta|factura|konto\w*|rechnung\w*|kreditkarte|cheque|check|financial|fin|ledger|wire|clabe|balance|charge|charged|paid with"),
    ("licence", r"licen[cs]es?|licen[cs]ed?|lic|npi|dea|gmc|nmc|driver'?s?(?: licen[cs]e)?|drivers|passports?|certificates?|certification|registration|registered|permit|dl|cdl|state id|"
     r"pasaporte|licencia|cédula profesional|führerschein\w*|reisepass\w*|ausweis\w*|approbation\w*|lanr|ahpra|upin|taxonomy|board|notary|visa no|green card|alien|a-number|c[ée]dula|pin"),
    ("vehicle", r"vin|plates?|licen[cs]e plates?|number plate|car|vehicle|tag|trucks?|van|suv|sedan|motorcycle|motorbike|scooter|bike|kennzeichen|placas?|matrícula|matricula|reg|rego|registration plate|"
     r"parked|driving|drives|drove|taxi|cab|jeep|toyota|ford|honda|bmw|audi|volkswagen|vw|tesla|nissan|chevrolet|chevy|hyundai|kia|subaru|mazda|chassis|pickup|trailer"),
    ("other", r"accession|acc|specimens?|samples?|encounters?|visits?|stud(?:y|ies)|subjects?|participants?|enrol(?:l)?ee|employees?|emp|staff|badge|rx|prescriptions?|script|case|national[ _-]?(?:id|insurance|identity)?|"
     r"students?|orders?|ids?|ref(?:erence)?|ticket|tracking|barcode|bar code|session|requisition|req|lab|path(?:ology)?|slide|block|biopsy|exam|procedure|episode|admission|appointment|booking|confirmation|"
     r"randomi[sz]ation|rand|screening|cohort|trial|protocol|dni|nie|nif|curp|rfc|cpf|rg|bsn|pesel|aadhaa?r|pan|personnummer|cpr|fødselsnummer|hetu|nino|sin|tin|ein|itin|steuer-?(?:id|nr)?|nir|cédula|"
     r"codice fiscale|token|uuid|guid|user|user[ _]?name|login|message|msg|document|doc|report|request|incident|event|donor|biobank|kit|tube|bag|wristband|bracelet|military|veteran|service|dod|inmate|booking|locker|parcel"),
)  # fmt: skip
_LABEL = re.compile("|".join(rf"(?P<{kind}>(?<![a-z])(?:{words}){_N}(?![a-z]))" for kind, words in _LABELS))
_BETWEEN = re.compile(
    r"(?:[ :#=.,;()\"'>/|_\[\]*?-]{0,8}(?:numbers?|no|nr|num|nbr|id|ids|is|was|are|and|code|the|old|new|one|in|says|say|reads|read|shows|on|my|of|for|his|her|your|their|it|its|it's|to|card|plate|ends|ending|with|"
    r"under|as|ref|device|last|four|digits|current|prior|previous|former|second|primary|secondary|also|a|string|value|es|el|la|de|del|lautet|ist|der|die|das|same|holder|registered|marked|labelled|labeled|bearing|tagged|named|called|sn|s/n|carrying|that|which|wears|has|had|gave|listed|given|you|we|have)\b)"
    r"{0,5}[ :#=.,;()\"'>/|_\[\]*?-]{0,8}$"
)
REACH = 52  # characters before a code in which its label is looked for


def label(low: str, start: int) -> str:
    """The class that the words right before ``start`` give to a code there, or nothing."""
    before = low[max(0, start - REACH) : start]
    last = None
    for last in _LABEL.finditer(before):
        pass
    if last is None or not last.lastgroup or not _BETWEEN.match(before, last.end()):
        return ""
    return last.lastgroup
