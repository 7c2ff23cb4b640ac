"""The words in front of numbers that say whose they are, by class."""

from __future__ import annotations

# Words; behind each bar a phrase of two or three words. The first class that has a word keeps it.
LABELS = {
    "ssn":
        "ssn ssns ss soc social socials sss socsec|social security|soc sec|social sec|social insurance|seguro social|ss card|"
        "sozialversicherungsnummer nss",
    "fax": "fax faxes faxed efax telefax facsimile fx",
    "phone":
        "phone telephone tel cell mobile ph pager beeper bleep tty tdd telefon telefono teléfono telefone tél sími tlf tfn "
        "telf handy celular móvil portable rufnummer mob whatsapp sms pgr spectra ascom callback",
    "device":
        "mac serial serials seriennummer ser udi imei meid device devices implant implants implanted pump pacemaker icd "
        "defibrillator cpap bipap glucometer concentrator walker wheelchair meter monitor lot equipment serie generator lead "
        "stent valve sensor transmitter reader ventilator scanner prosthesis stimulator cgm sn crt unit loop recorder iud "
        "mesh asset oxygen nebulizer gerät gerätenummer dispositivo marcapasos herzschrittmacher processor "
        "neurostimulator "
        "machine printer forklift workstation lens iol|s n|hearing aid|hearing aids|mac address|asset tag|insulin pump|ankle "
        "unit|ankle monitor",
    "mrn":
        "history mrn mrns mr record records chart charts hospital patient pat nhs chi pid ur urn empi mpi file folder historia "
        "hc nhc expediente patientennummer fallnummer aktenzeichen dossier ipp uhid hosp hn hrn nhn nhi ihi emr ehr opd ipd "
        "crn abha utente cip armband wristband bracelet bracelets band krankenaktennummer prontuario prontuário cartella "
        "journalnummer|medical record|med rec|hospital number|"
        "patient id|patient number|unit number|unit no|unit record|m r n|m r|historia clínica|patienten nr|patienten id|"
        "fall nr|h n|h c|op no|ip no|patient card|hospital card|clinic card|clinic number|red book|health book|health id|"
        "hosp no|patient folder|pt no|pt id|pt num|pt number|lab patient",
    "plan":
        "hcn sub nhia dva pol policy policies plan plans member members membership mbr memb mem subscriber subscribers group "
        "grp claim claims clm "
        "medicare medicaid mbi hic hicn insurance insured insurer ins beneficiary payer coverage benefits "
        "benefit póliza poliza "
        "polis polisse polizza apólice afiliado afiliada versichertennummer versichertennr krankenkasse krankenversicherung "
        "versicherung kvnr mutuelle carte authorization authorisation auth auths authorized preauth preauthorization precert "
        "precertification tricare champva medi bcbs aetna cigna humana uhc unitedhealthcare anthem molina centene wellcare "
        "amerigroup healthnet emblem oscar medica optum carefirst premera regence wellpoint highmark ohip msp "
        "rxgrp rxid medigap "
        "kaiser aarp bupa vhi axa philhealth jkn bpjs nhif shif nhis cbhi medisave gms icn dcn eob appeal grievance|"
        "prior auth|pre auth|health card|health plan|member id|policy number|group number|medi cal|blue cross|blue shield|"
        "healthcare card|health insurance|insurance card|ins card|medical aid|medical card|pyr icn|payer control|"
        "claim control|sub id|delta dental|united healthcare|va claim|workers comp|alberta health|health number",
    "account":
        "superbill superbills account accounts acct accts acc bank card cards visa mastercard amex discover debit credit "
        "ending ends iban "
        "invoice invoices inv bill bills billing guarantor guar routing bsb har csn statement stmt payment "
        "receipt receipts rcpt "
        "transaction txn cuenta tarjeta factura facture konto kontonummer rechnung rechnungsnummer kreditkarte cheque check "
        "checks chk ck ledger clabe balance checking savings fin financial remit remittance refund deposit slip gpay paypal "
        "upi creditor debtor recibo quittung reçu|a c|ending in|ends in|card ending|sort code|patient account|account number|"
        "credit card|debit card|bank account|refund ck|paid ck|remit ck|money order",
    "licence":
        "license licence licenses licences licensed licenced lic npi npis dea gmc nmc driver drivers passport passports "
        "certificate certificates certification certified cert registered permit dl cdl oln pasaporte passeport licencia "
        "führerschein reisepass ausweis personalausweis approbation lanr rpps ahpra upin taxonomy board "
        "cédula cedula gphc hcpc "
        "cds colegiado colegiada matr crm imc nmbi cpso prc ecfmg goc gdc tnmc tcmc scfhs pwz clia hpcsa mdcn kmpdc pmdc "
        "bmdc slmc pin notary seaman's|driver's license|drivers license|"
        "driving licence|driver's licence|driving license|state id|medical license|green card|visa number|license number|"
        "bar no|bar number|practice no|practice number|medical council|cert no|seaman's book|controlled substance",
    "vehicle":
        "vin vins plate plates car vehicle veh tag tags truck van suv sedan motorcycle motorbike scooter hearse limousine "
        "kennzeichen placa placas matrícula matricula reg rego regs registration parked driving drove taxi "
        "cab jeep toyota ford "
        "honda bmw audi volkswagen vw tesla nissan chevrolet chevy hyundai kia subaru mazda mercedes volvo buick tacoma "
        "odyssey tail chassis pickup trailer fahrgestellnummer targa kfz kenteken immatriculation boat snowmobile|"
        "license plate|licence plate|number plate|"
        "registration plate|hull number|hull no|boat reg|tail number",
    "other":
        "accession accessions accn specimen specimens spec sample samples encounter encounters enc visit visits study studies "
        "subject participant enrollee employee employees emp staff badge shield rx prescription prescriptions "
        "script case "
        "national student order orders ord subj id ids ref refs reference ticket tracking barcode session requisition "
        "req lab path "
        "pathology slide block biopsy exam procedure episode admission appointment booking confirmation conf randomization "
        "randomisation rand screening cohort trial protocol dni nie nif hkid curp rfc cpf rg bsn pesel aadhaar aadhar pan "
        "personnummer cpr fødselsnummer hetu nino sin tin ein itin steuer steuernummer nir token uuid guid user username login "
        "message msg document doc report request incident event donor biobank site tissue kit tube bag military "
        "placard trip pnr waybill voucher "
        "veteran service dod inmate locker parcel nin ni rut cuil cuit cuid qid emirates nric iqama mykad rrn "
        "psn ppsn tck tckn "
        "oib jmbg egn cnp docket warrant citation complaint dispatch cad job run occurrence ofc officer trooper constable "
        "deputy regimental collar uscis alien shipment rma claimant brn nik ktp kimlik labour regd|codice fiscale|"
        "national id|national insurance|case number|steuer id|study id|employee id|tax id|bar code|labour card|blood unit|"
        "id card|file no|path acc|case file|lab serial|police report|service number|p o",
}  # fmt: skip
# Between a label and its number.
BETWEEN = frozenset(
    "issued expires expiring class type state under his her al ak az ar ca co ct fl ga il ky ma md mi mn mo nc nd ne nh nj "
    "nm nv ny oh ok or pa ri sc sd tn tx ut va vt wa wi wv wy california texas ohio florida york georgia michigan illinois "
    "oregon nevada arizona colorado virginia washington uk us german british mexican indian canadian number numbers numero "
    "número nummer num numéro no nos nr nbr nº id ids is was are and code the old new one in says say reads read shows on my "
    "of for your their our it its to card plate with under as ref device last four digits current prior previous former "
    "second primary secondary also a string value es el la de del lautet ist der die das same holder registered marked "
    "labelled labeled bearing tagged named called carrying that which wears has had gave listed given have ending ends "
    "identifier key issued valid please so here original full complete first third either plus not be s u re new scanned "
    "printed written pls by at company still will nummer found up set seen uh um copy l fm scanned shown".split()
)
# Labels that give way to another one right before them: 'member ID', 'patient account'.
GENERAL = frozenset(
    "id ids ref refs reference card cards device number code patient hospital unit registration registered file case "
    "record check reading report order slip book control lot run job conf ending ends".split()
) | {"ending in", "ends in", "card ending"}
# Words that are labels only with a mark of a number behind them: 'star' and 'bar' are words, 'CK' is an enzyme.
MARKED_ONLY = frozenset(
    "history job sub soc ser spec machine printer boat mem medica oscar optum emblem officer deputy constable claimant "
    "alien event events deposit savings plans regs ck matr prc carte collar star "
    "dispatch complaint cad citation warrant occurrence shipment axa regence premera highmark balance grievance appeal "
    "refund remit slip certified "
    "authorized conf".split()
)
# Not in names, though no label; and labels that are names, too.
NEVER_NAMES = frozenset(
    "vers lic aufnahme kollegin telefax efax edd isbn issn doi dev ip hla crossmatch exp tele mobil".split()
)
NAMES_TOO = frozenset(
    "sub band dva cip trip chase rand ross visa golf audi dev ni pan fin rut pat chi case page ford law nino hall cui "
    "oscar emblem axa ins ser carte "
    "medica optum polis spec machine printer boat job deposit slip constable deputy collar alien tags cert imc crm jkn vhi "
    "cases visits regs checks sin grievance appeal odyssey tacoma conf slip nik board balance notary anthem humana regence "
    "soc memb reg ord subj mac history portable handy cell mobile phone pager phones tel tty tdd shield run service officer "
    "trooper labour regd event events".split()
)
# What is numbered one by one: two or three signs are enough behind the word.
SINGLED = frozenset(
    "accession specimen encounter subject participant employee badge shield staff rx prescription script requisition booking "
    "appointment confirmation ticket enrollment enrolment enrollee screening randomization randomisation inmate prisoner "
    "detainee custody student pupil payroll clock personnel volunteer donor recipient trainee officer warrant visitor cad "
    "incident report call dispatch order block biopsy autopsy evidence exhibit docket case receipt invoice check "
    "cheque tag tags".split()
)
# Papers whose number may look like a year: 'invoice 2027'.
ARTICLES = frozenset("invoice invoices inv check cheque ck receipt badge shield docket case order".split())
