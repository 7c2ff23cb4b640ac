"""What stands before and behind names of people, and what shows that a name is no person's."""

from __future__ import annotations

import re

TITLES = (
    r"dr|drs|dres|mr|mrs|ms|mx|miss|mister|missus|missis|prof|professor|doctor|sr|sra|srta|señora?|señorita|don|doña|dra|herr|herrn|frau|fr|mme|mlle|monsieur|madame|mademoiselle|sig|sigra|signora?|"
    r"nurse|sister|uncle|aunt|auntie|tía|tio|tío|rev|reverend|fr|father|pastor|rabbi|imam|sheikh|sgt|sergeant|capt|captain|lt|lieutenant|col|officer|judge|attorney|madam|sir|dame|lady|rn|chaplain|pharmacist|physiotherapist"
)
# A title, or words that can only be followed by a name.
TITLE = re.compile(
    rf"(?:(?<![a-z])(?:{TITLES})\.?,? {{1,2}}|\b(?:my name is|name is|name's|names are|mi nombre es|me llamo|ich heiße|ich heisse|i'm called|call me|goes by|known as|a\.?k\.?a\.?|née|nee|formerly|nicknamed|preferred name:?|prefers to be called|legal name:?) \"?|"
    rf"\b(?:mr|mrs|ms|dr)s?\.? (?:and|&|or) (?:mr|mrs|ms|dr)s?\.? )(?:{TITLES})?\.? ?$"
)
_ROLES = (
    r"patient|pt|pat|pte|paciente|name|names|full name|first name|last name|family name|given name|given names?|surname|maiden name|middle name|forename|nombre|apellidos?|nachname|vorname|nom|prénom|nok|next of kin|kin|"
    r"emergency contact|contact|contact person|attending|attending physician|surgeon|assistant|physician|provider|pcp|gp|doctor|nurse|rn|md|signed|signed by|electronically signed by|esigned by|signature|sign|author|authored by|"
    r"dictated by|transcribed by|reviewed by|verified by|approved by|authenticated by|attested by|cosigned by|witness|witnessed by|entered by|collected by|drawn by|performed by|prepared by|read by|interpreted by|reported by|recorded by|"
    r"mother|father|mom|mum|dad|wife|husband|son|daughter|brother|sister|spouse|partner|guardian|caregiver|carer|parent|parents|dear|regards|sincerely|yours|thanks|thank you|cheers|best|love|gruß|grüße|grüßen|saludos|atentamente|"
    r"cc|c\.c|to|from|re|attn|attention|fao|referring|referring physician|referred by|ordering physician|ordered by|requesting|requested by|ordering|consultant|anesthesiologist|anesthesia|anaesthetist|radiologist|pathologist|"
    r"therapist|interpreter|visitor|driver|member|member name|subscriber|insured|policy ?holder|guarantor|responsible party|employee|subject|client|resident|beneficiary|payer|payee|bill to|ship to|account holder|cardholder|holder|owner|tenant|"
    r"user|username|user name|by|clerk|tech|technician|operator|recorded for|donor|recipient|seen by|baby|infant|mrs|legal guardian|power of attorney|poa|proxy|health care proxy|caller|reporter|informant|escort|accompanied by|student|teacher|person"
)
LABEL = re.compile(rf"(?:(?<![a-z])(?:{_ROLES})(?:[ _-]?name)?(?: ?\([a-z /]{{1,20}}\))? ?(?:[:=#>|]|\.\.+| - |\t)[ \"'>*_\[]{{0,4}}|\b(?:patient|nok|kin|signed|attending|dear|regards|sincerely|thanks|cheers|best|love|hi|hello|hey|cc|re|surgeon|gp|pcp),? {{1,3}})$")
# People spoken of by what they are to somebody; a name often follows.
KIN = re.compile(
    r"\b(?:son|sons|daughter|daughters|mother|mom|mum|father|dad|wife|husband|brother|sister|aunt|auntie|uncle|niece|nephew|cousin|grandson|granddaughter|grandmother|grandfather|grandma|grandpa|spouse|partner|fianc[ée]e?|friend|"
    r"neighbou?r|boyfriend|girlfriend|roommate|caregiver|carer|guardian|stepson|stepdaughter|twin|baby|child|boss|coworker|colleague|visitor|aide|driver|clerk|interpreter|therapist|midwife|tech|technician|pharmacist|resident|"
    r"hijo|hija|esposa|esposo|madre|padre|hermana|hermano|sohn|tochter|ehefrau|ehemann|mutter|vater|tante|oma|opa|counselor|counsellor|coach|surgeon|doctor|nurse|named|called|caller|student|worker|in-law|ex-wife|ex-husband|manager|owner)"
    r",? {1,2}(?:is |was |,)? ?\"?$"
)
# Weaker: a name may follow, as may much else.
NEAR = re.compile(
    r"(?:\b(?:by|with|told|asked|met|for|from|and|to|cc|contact|ask for|speak (?:to|with)|this is|it's|its|here is|i am|i'm|am|saw|see|seeing|call|called|thanks|thank you|bye|hi|hello|hey|morning|afternoon|evening|welcome|ok|okay|sorry|please|yes|no|"
    r"dear|regards|sincerely|love|best|cheers|subject|patient|pt|client|per|via|von|an|de|for|against|let|tell|ask|page|paged|text|texted|emailed|phoned|visited|informed|notified|advised|saw|thank|remember|signed|after|about|of|is|was|as|but|if|when|because|that|says|said)[,:]? {1,2}|[\"(\[/] ?|(?:^|[\n;|]) ?|- |: ?)$"
)
CREDENTIAL = re.compile(
    r",? {0,2}\(?(?:m\.? ?d|d\.? ?o|r\.? ?n|n\.? ?p|pa-c|pa|ph\.? ?d|lpn|lvn|lcsw|lmft|crna|fnp(?:-c|-bc)?|anp|agnp|acnp|dnp|dpt|pt|ot|otr/l|otr|msw|mbbs|mbchb|mb ?bs|dds|dmd|pharm\.? ?d|cnm|aprn|arnp|frcp|frcs|facs|facc|mrcp|bsn|msn|rph|rt|rrt|cma|cna|emt|emt-p|np-c|psy\.? ?d|rd|slp|"
    r"ccc-slp|dvm|od|au\.? ?d|mph|esq|jr|sr|ii|iii|iv|fracp|facharzt|fachärztin)\b\.?(?![a-z'-])"
)
# Behind a person: what people do and are.
BEHIND = re.compile(
    r"(?:'s)?,? {0,2}(?:\((?:dob|d\.o\.b|mrn|age|born|b\.|[0-9]{1,3} ?(?:y|f\b|m\b)|patient|nok|his|her|son|daughter|wife|husband|mother|father|he/him|she/her|they)|dob\b|d\.o\.b|mrn\b|born\b|aged? [0-9]|is an? [0-9]{1,3}|was an? [0-9]{1,3}|an? [0-9]{1,3}[ -]?y|[0-9]{1,3}[ -]?(?:y|year)|[0-9]{1,3} ?[mf]\b|"
    r"(?:now |also |then |today |later |still )?(?:says|said|states|stated|reports|reported|denies|denied|complains|complained|presents|presented|called|calls|told|asked|asks|agrees|agreed|came|comes|went|lives|lived|wants|wanted|thinks|thought|feels|felt|takes|took|"
    r"was (?:seen|admitted|discharged|referred|born|found|brought|last|transferred|diagnosed|evaluated|examined|here|told|given|taken|started|called|informed|contacted|present|advised|accompanied|assessed|reviewed|consented)|were seen|"
    r"is (?:here|accompanied|seen|doing|being|scheduled|coming|seeing|allergic|married|the|our|my|his|her|a pleasant|a very|due|back|on|in)|has (?:a |an |been|had|no|not|agreed|the)|had (?:a |an |been|no)|will (?:follow|return|call|see|be|come|need)|signed|phoned|rang|wrote|writes|"
    r"picked|drove|drives|works|worked|needs|needed|cried|smiled|fell|slept|ate|refused|declined|consented|understands|verbalized|tolerated|arrived|left|died|stayed|attended|visited|helped|helps|texted|emailed|noticed|found|gave|brought|does|did|can|could|would|should)\b)"
)
THING = re.compile(
    r"(?:'s?)? {1,2}(?:and [a-z'-]+ {1,2})?(?:'s? )?(?:[a-z]+ {1,2})?(?:disease|diseases|syndrome|syndromes|sign|signs|test|tests|score|scale|index|catheter|drain|retractor|trocar|repair|procedure|operation|criteria|criterion|stage|staging|class|classification|fracture|tube|palsy|lymphoma|sarcoma|tumou?r|an[ae]+mia|thyroiditis|"
    r"man(?:o?eu)?ver|reflex|phenomenon|contracture|cyst|node|nodes|line|lines|clamp|forceps|needle|stain|virus|position|incision|rating|coma|monitor|o?esophagus|deformity|lesion|nodules?|bodies|body|triad|law|cells?|ducts?|ligament|spots?|rash|chorea|ataxia|dystrophy|neuropathy|encephalopathy|coil|"
    r"wrap|technique|flap|graft|equation|formula|method|inventory|questionnaire|chart|stent|pouch|hernia|diverticulum|sphincter|fistula|ulcer|melanoma|tablets?|pills?|ocp|scissors|scope|blade|bag|mask|laryngoscope|prosthesis|valve|shunt|bypass|anastomosis|resection|approach|osteotomy|arthroplasty|nail|screw|plate|"
    r"speculum|tenaculum|hook|suture|knot|stitch|splint|cast|brace|boot|collar|bed|boots|frame|lamp|murmur|breathing|respirations?|nystagmus|hallucinations?|gland|glands|canal|fossa|space|pouch|tubercle|area|cortex|apparatus|membrane|corpuscles?|fibers?|granules?|inclusions?|crystals?|rings?|lines?|striae|plaques?|"
    r"disorder|purpura|granulomatosis|vasculitis|arteritis|malformation|anomaly|tetralogy|type|grade|principle|effect|theory|unit|units|model|plot|curve|analysis|correction|ratio|estimate|estimator|hospital|clinic|university|medical cent(?:er|re)|institute|foundation|school|college|prize|award|lecture|pharmacy|pharma|labs?|laboratories|"
    r"street|road|avenue|county|drive|lane|boulevard|inc|llc|ltd|corp|corporation|company|gmbh|toxin|antigen|antibody|agglutination|medium|agar|solution|ringer|diet|exercises?|regimen|protocol|trial|study|nomogram|staining|quotient|position|powder|paste|dressing|osteodystrophy|paralysis|an?emia|gait|tremor|point|sinus|nerve)\b"
)
"""Eponyms: 'Parkinson disease', 'Foley catheter', 'Kocher clamp'."""
BEFORE_THING = re.compile(r"\b(?:syndrome of|disease of|sign of|hx|history of|h/o|hx of|known|with known|has|have|diagnosed with|s/p|negative|positive|neg|pos|scale|classification|score|type|circle of|loop of|bundle of|islets of|sphincter of|tetralogy of|canal of|ligament of|mount|university of|st\.?) $")
