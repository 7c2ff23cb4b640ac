"""Codes of medicine, science and everyday life that look like a person's and are nobody's."""

from __future__ import annotations

import re

_VOCABULARIES = frozenset(
    "bin rxbin pcn cpt hcpcs icd loinc ndc snomed sctid rxnorm rxcui pmid pmcid pubmed doi isbn issn omim mim mesh "
    "umls cui hgnc ensembl uniprot orpha orphanet ec unii clinicaltrials atc drg model catalog "
    "version release firmware build size gauge "
    "page pages pp vol volume copyright population approximately nearly chr chromosome position exon dbsnp".split()
)
# What is measured or counted: the number behind is a result. Room and bed, tables and figures are nobody's either.
_RESULTS = frozenset(
    "wbc wbcs rbc rbcs plt plts platelet platelets bnp ntprobnp probnp cpk ldh ast alt alp ggt hcg bhcg cfu rna dna vl load "
    "anc alc ige igg ferritin crp esr triglycerides lipase amylase psa afp troponin myoglobin count counts titer titre copies "
    "heparin insulin units penicillin nystatin dose doses room rm bed ward bay page table figure fig step "
    "eosinophils neutrophils lymphocytes leukocytes about around roughly over under nearly almost than exceeds exceeding "
    "affects affecting every per cost costs paid".split()
)
_LAST = re.compile(r"(?<![^\W\d_])([^\W\d_]+)[^\w\n]{0,3}$")
_UNIT = re.compile(
    r" ?(?:mg|mcg|µg|ug|g|kg|ml|dl|l|cc|iu|units?|u/l|u|cells?|copies|/(?! ?[+(0-9])|%|mm|cm|mmhg|bpm|kcal|"
    r"calories|cal|steps|people|patients|cases|children|women|men|adults|births|persons|individuals|"
    r"americans|"
    r"deaths|years?|yrs?|y/o|yo|months?|weeks?|days?|hours|hrs?|minutes|min|bp|kb|base|kda|da|daltons|participants|"
    r"subjects with|platelets|genes|hz|dollars|euros|usd|eur|million|x ?10|×)(?![a-z])"
)
_FILLERS = frozenset("code codes id number no ct concept term cm pcs gov of".split())
_WORD = re.compile(r"[^\W\d_]+")
_LONG = re.compile(r"[0-9]{4,}")  # another number: the word before it is not this one's
_MARK = re.compile(r"(?:[$€£] ?|\+/-|±|[<≤≥~] ?|(?<![\w\"'/])> ?|[0-9],|[0-9]\.)$")
_FORM = re.compile(
    r"(?:1-)?8(?:00|33|44|55|66|77|88)-[0-9]{3}-[0-9]{4}|rs[0-9]{3,11}|ss[0-9]{6,}|(?:n[mprcgt]|"
    r"x[mpr])_[0-9.]+(?::.*)?|ens[gtp][0-9]+(?:\.[0-9]+)?|nct[0-9]+|isrctn[0-9]+|eudract.*|pmc[0-9]+|"
    r"pmid:?[0-9]+|gse[0-9]+|gsm[0-9]+|srr[0-9]+|prjna[0-9]+|omim:?[0-9]+|"
    r"orpha:?[0-9]+|hgnc:[0-9]+|hp:[0-9]+|mondo:[0-9]+|go:[0-9]+|doid:[0-9]+|chembl[0-9]+|db[0-9]{5}|"
    r"cas:.*|doi:.*|arxiv.*|10\.[0-9]{4,}/.*|[cgpnm]\.[0-9*_+-]*[a-z0-9>*_+-]+|chr[0-9xy]+(?::.*)?|hla-[a-z].*|[0-9_+-]{2,}(?:del|dup|ins|inv|fs)[acgt0-9]*|"
    r"(?:[0-9]{1,2}|[xy])[pq][0-9]{1,2}(?:\.[0-9]{1,3})?(?:-.*)?|18(?:00|33|44|55|66|77|88)[0-9]{7}|mir-?[0-9]+.*|(?:p\.\(?)?(?:ala|arg|asn|asp|cys|gl[nuy]|his|ile|leu|lys|met|phe|pro|ser|thr|trp|tyr|val)[0-9]{1,4}[a-z*=].*"
)
_LOOSE = re.compile(
    r"[a-tv-z][0-9][0-9ab](?:\.[0-9a-z]{1,4})?|[a-tv-z][0-9]{2}[0-9]{2,3}[ads]|[a-v][0-9]{4}|"
    r"[0-9]{1,5}-[0-9]|[0-9]{5}-(?:2[2-7]|5[0-9]|6[26]|7[4-9]|8[0-2]|91|95|99)|[0-9]{4}-[0-9]{4}-[0-9]{2}|[0-9]{5}-[0-9]{3,4}-[0-9]{1,2}|"
    r"[0-9]{2,7}-[0-9]{2}-[0-9]|"
    r"[0-9]{4};[0-9:(-]+|[0-9]{1,4}\([0-9]+\).*|[ginosx][0-9]{1,5}|o[0-9]{1,3}:h[0-9]{1,2}|[acgt][0-9]{2,5}[acgt](?:/.*)?|[ac-ik-np-twyv][0-9]{2,4}[ac-ik-np-twyvx](?:/[a-y][0-9]{2,4}[a-y])?|"
    r"cd[0-9]{6}|(?:[01][0-9]|2[0-4])[0-5][0-9]-(?:[01][0-9]|2[0-4])[0-5][0-9]|"
    r"[0-9]{2,4}s[0-9]{2,4}s|(?:19|20)[0-9]{2}(?:19|20)[0-9]{2}|(?:to|of|in|and|or)[0-9]+|[a-z0-9]+\*[0-9].*|"
    r"[0-9]+-[0-9]+\.[a-z]+|(?:[0-9]{1,2}|"
    r"[xy])[pq][0-9]{1,2}(?:\.[0-9]{1,3})?(?:-?[pq]?[0-9.]+)?|(?:mid|late|early|post|pre)-[0-9]{4}s?|"
    r"[0-9]-?8[0-9]{2}-?(?:[a-z]+-?)+|[0-9]{3}-[0-9]{1,2}-[a-z]{4,}|slc[0-9]+a[0-9]+|v[0-9]{1,3}(?:\.[0-9]+)*|"
    r"(?:[0-9]+[.:/][0-9.:/-]*|[0-9]{1,4}(?:-[0-9]{1,2})?|(?:[0-9]{1,3}|(?:19|20)[0-9]{2})-[0-9]{3})|(?:1[89]|20)[0-9]{2}(?:-(?:(?:1[89]|"
    r"20)[0-9]{2}|[0-9]{2}))?|"
    r"[0-9]{1,6}(?:\.[0-9]+)?(?:mg|mcg|ml|g|kg|cm|mm|iu|units?|u|l|h|hr|hrs|min|s|ms|mo|wks?|yrs?|yo|x|k|"
    r"m|%|th|st|nd|rd|°[cf]?|f|c|fr|ga?|mhz|hz|mmhg|bp|kb|da|kda|kcal|cc|meq|mmol|nmol|gy|"
    r"cgy)(?:/.*)?|"
    r"cha2ds2.*|has-?bled.*|(?:covid|sars|cov|hiv|hcv|hbv|hpv|hhv|htlv|il|cd|ca|vitamin|omega|alpha|beta|gamma|factor|type|"
    r"grade|stage|phq|gad|mmse|bmi|hba)-?(?:[0-9]{1,4}(?:[.-][0-9]+)?|[0-9.-]{1,4})|t[0-9x][a-d]?n[0-9x][a-d]?m[0-9x]|g[0-9]p[0-9].*|"
    r"(?:mk|azd|bms|abt|gsk|ly|pf|ro|sb|cp|amg|bay|bi|ino|jnj|ono|tak|nsc)-?[0-9]{4,7}"
)  # fmt: skip


# What is never a code, whatever label stands before: pressures, ratios, times, most drug packages.
NEVER = re.compile(
    r"[0-9]{2,3}/[0-9]{2,3}|1:[0-9,]+|[0-9]{5}-[0-9]{3,4}-[0-9]{1,2}|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:[.,][0-9]{1,6})?[ap]?m?|"
    r"[+-]?[0-9.]+(?:/[+-]?[0-9.]+)?(?:x[0-9.]+){1,2}(?:[cm]m)?|(?:co|pr|oa|pi)-[0-9]{1,3}|"
    r"[0-9]{1,3}-(?:year|yr|month|week|"
    r"day)s?(?:-?old)?|[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}|(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9](?:t[0-9:.+z-]*)?|"
    r"[a-z_]\w*\.(?:pdf|docx?|xlsx?|csv|zpl|txt|jpe?g|png|tiff?|dcm|hl7|xml|json)|[0-9]+\.[0-9]+-[0-9]+\.[0-9]+|"
    r"(?:cms|hcfa|irs|iso|dsm|icd)-[0-9]{1,5}[a-z]?|(?:sf|ub)-[0-9]{1,2}|"
    r"(?:fx?|fax|t|tel|ph?|c|m|h|w)[:./]?\(?[0-9]{3}\)?[./-]?[0-9]{3}[.-][0-9]{4}|m?[mu]?[a-z]{1,3}/[a-z]{2,4}/[0-9.]+m2"
)


def harmless(low: str, start: int, end: int) -> bool:
    """Whether the code at ``start`` is surely one of a vocabulary, a gene, a trial, or money, whatever stands before."""
    if (
        NEVER.fullmatch(low, start, end)
        or _FORM.fullmatch(low, start, end)
        or _MARK.search(low, max(0, start - 3), start)
    ):
        return True
    before = _LONG.split(low[max(0, start - 32) : start])[-1]
    said = _WORD.findall(before)
    while said and said[-1] in _FILLERS:
        said.pop()
    return bool(said) and said[-1] in _VOCABULARIES


def counted(low: str, end: int) -> bool:
    """Whether a unit, or what is counted, stands right behind ``end``."""
    return _UNIT.match(low, end) is not None


def measured(low: str, start: int) -> bool:
    """Whether the word right before ``start`` is what is measured, counted or only a place in a house or a book."""
    said = _LAST.search(low, max(0, start - 24), start)
    return said is not None and said[1] in _RESULTS


def usual(low: str, start: int, end: int) -> bool:
    """Whether a code without a label has the form of a diagnosis, a procedure, a drug package, a measurement or a year."""
    return bool(_LOOSE.fullmatch(low, start, end))
