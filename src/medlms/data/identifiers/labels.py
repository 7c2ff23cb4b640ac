"""The words that say whose number follows: from a text before a code to the class of the code."""

from __future__ import annotations

import re

# Words, and phrases of two or three words, in front of a code.
_LABELS = {
    "ssn":
        "ssn ssns ss social socials|social security|soc sec|social sec|social insurance|seguro social|"
        "sozialversicherungsnummer nss",
    "fax": "fax",
    "device":
        "serial serials seriennummer udi imei meid device devices implant implants implanted pump "
        "pacemaker icd defibrillator cpap bipap glucometer concentrator walker wheelchair meter monitor "
        "lot equipment serie generator lead stent "
    "valve sensor transmitter reader ventilator scanner prosthesis stimulator cgm sn crt unit loop "
    "recorder iud mesh asset oxygen nebulizer gerät gerätenummer dispositivo marcapasos "
    "herzschrittmacher|s n|hearing aid|hearing aids|mac address|asset tag|insulin pump",
    "mrn":
        "mrn mrns mr record records chart charts hospital patient pat nhs chi hcn pid ur urn empi mpi "
        "file folder historia hc nhc expediente patientennummer fallnummer aktenzeichen dossier ipp uhid "
        "hosp hn|medical record|med rec|med record|"
    "hospital number|patient id|patient number|unit number|unit no|unit record|m r n|m r|historia "
    "clínica|patienten nr|patienten id|fall nr|h n",
    "plan":
        "policy policies plan member members membership subscriber subscribers group grp claim claims "
        "medicare medicaid mbi hic hicn insurance insured insurer beneficiary payer coverage benefits "
        "benefit póliza poliza afiliado afiliada "
    "versichertennummer krankenkasse krankenversicherung versicherung kvnr authorization "
    "authorisation auth tricare medi bcbs aetna cigna humana precert ohip rxgrp medigap kaiser|"
    "prior auth|health card|health plan|member id|policy number|group number|medi cal|blue cross|"
    "healthcare card",
    "account":
        "account accounts acct accts acc bank card cards visa mastercard amex discover debit credit "
        "ending ends iban invoice invoices bill bills billing guarantor routing bsb har csn statement "
        "payment receipt transaction cuenta tarjeta factura konto "
    "kontonummer rechnung rechnungsnummer kreditkarte cheque check ledger clabe balance checking "
    "savings fin financial|a c|ending in|ends in|card ending|sort code|patient account|account "
    "number|credit card|debit card|bank account",
    "licence":
        "license licence licenses licences licensed licenced lic npi npis dea gmc nmc driver drivers "
        "passport passports certificate certificates certification registered permit dl cdl pasaporte "
        "licencia führerschein reisepass ausweis personalausweis approbation lanr "
    "ahpra upin taxonomy board cédula cedula gphc hcpc|driver's license|drivers license|driving "
    "licence|driver's licence|driving license|state id|medical license|green card|visa number|"
    "license number",
    "vehicle":
        "vin vins plate plates car vehicle tag truck van suv sedan motorcycle motorbike scooter "
        "kennzeichen placa placas matrícula matricula reg rego registration parked driving drove taxi "
        "cab jeep toyota ford honda bmw audi volkswagen vw tesla "
    "nissan chevrolet chevy hyundai kia subaru mazda mercedes volvo chassis pickup trailer "
    "fahrgestellnummer|license plate|licence plate|number plate|registration plate",
    "other":
        "accession acc accn specimen specimens sample samples encounter encounters visit study studies "
        "subject participant enrollee employee employees emp staff badge rx prescription prescriptions "
        "script case national student order orders id ids ref reference ticket "
    "tracking barcode session requisition req lab path pathology slide block biopsy exam procedure "
    "episode admission appointment booking confirmation randomization randomisation rand screening "
    "cohort trial protocol dni nie nif curp rfc cpf rg bsn pesel aadhaar "
    "aadhar pan personnummer cpr fødselsnummer hetu nino sin tin ein itin steuer steuernummer nir "
    "token uuid guid user username login message msg document doc report request incident event "
    "donor biobank site tissue block kit tube bag wristband bracelet military veteran service dod "
    "inmate locker parcel nin ni rut cuil cuit cuid qid emirates nric fin iqama mykad rrn psn ppsn "
    "ppsn nif tck tckn oib jmbg egn cnp|codice fiscale|national id|national insurance|case number|"
    "steuer id|study id|employee id|tax id|bar code",
}  # fmt: skip
_BETWEEN = frozenset(
    "issued expires expiring class type state under his her al ak az ar ca co ct fl ga il ky ma md "
    "mi mn mo nc nd ne nh nj nm nv ny oh ok or pa ri sc sd tn tx ut va vt wa wi wv wy california "
    "texas ohio florida york georgia michigan illinois oregon nevada arizona colorado virginia "
    "washington uk us german british mexican indian canadian number numbers numero número nummer num "
    "no nr nbr id ids is was are and code the old new one in says say reads read shows on my of for "
    "his her your their our it its to card plate with under as ref device last four digits current "
    "prior previous former second "
    "primary secondary also a string value es el la de del lautet ist der die das same holder "
    "registered marked labelled labeled bearing tagged named called carrying that which wears has "
    "had gave listed given have ending ends identifier key issued valid "
    "please so here original full complete first third either or plus not be s u re new scanned "
    "printed written pls by at company state u".split()
)
# Labels that give way to another one right before them: 'member ID', 'patient account'.
_GENERAL = frozenset(
    "id ids ref reference card plate device number code patient hospital unit registration "
    "registered file case record check reading report order".split()
)
_WORD = re.compile(r"[^\W\d_]+")
_REACH = 52  # characters before a code in which its label is looked for


def _table() -> dict[str, str]:
    found: dict[str, str] = {}
    for kind, text in _LABELS.items():
        singles, *phrases = text.split("|")
        rest = [word for phrase in phrases for word in ([phrase] if " " in phrase.strip() else [])]
        for word in (*singles.split(), *rest):
            found.setdefault(word, kind)
    return found


_KIND = _table()
# Words that no name holds: labels of forms, but for those that are names too.
LABEL_WORDS = frozenset(word for word in _KIND if " " not in word) - frozenset(
    "chase rand ross visa golf audi dev ni pan fin rut pat chi case page ford law nino hall cui".split()
)
LABEL_WORDS |= frozenset(
    "vers lic aufnahme kollegin telefax efax edd isbn issn doi dev ip hla crossmatch exp tele mobil".split()
)


def label(low: str, start: int) -> str:
    """The class that the words right before ``start`` give to a code there, or nothing."""
    before = low[max(0, start - _REACH) : start]
    cut = max(before.rfind("\n"), before.rfind("[doctor]"), before.rfind("[patient]"))
    said = _WORD.findall(before[cut + 1 :])
    general = ""
    for place in range(len(said) - 1, max(-1, len(said) - 8), -1):
        word = said[place]
        kind = ""
        for size in (3, 2, 1):
            if place + 1 >= size and (kind := _KIND.get(" ".join(said[place + 1 - size : place + 1]), "")):
                break
        if kind and (word not in _GENERAL or size > 1):
            return kind
        general = general or kind
        if not kind and word not in _BETWEEN:
            break
        if general and word not in _GENERAL:
            break
    return general


_BEHIND = re.compile(
    r"(?: ?\(|,? (?:is|was|as|for|being|,) (?:the |my |his |her |your |their |our |a |an )?|, (?:the|my|his|her) "
    r")((?:[^\W\d_]+['s]*[ ,)]? ?){1,3})"
)


def label_behind(low: str, end: int) -> str:
    """The class that the words right behind ``end`` give to a code there: '4471902 is the record number', '4471902 (MRN)'."""
    hit = _BEHIND.match(low, end)
    return label(hit[1] + " ", len(hit[1]) + 1) if hit else ""
