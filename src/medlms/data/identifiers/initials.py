"""Initials without dots, where a word says that somebody signed, and behind a typist's dash."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import is_common, is_word
from medlms.data.identifiers.view import View

_CUES = frozenset(
    "user initials initialed initialled signed subject participant recipient operator collector login tech volunteer "
    "victim suspect plaintiff defendant decedent".split()
)
_BY = re.compile(r"[bB][yY] ?[:=#(]? ?([A-Z]{2,4})(?![\w.'&-])")
# Who does what is done 'by' somebody: before 'by' and initials.
_DONE = re.compile(
    r"\b(?:coll(?:ected)?|drawn|dict(?:ated)?|typed|signed|checked|verified|entered|witnessed|performed|reviewed|read|"
    r"reported|done|seen|given|"
    r"administered|prepared|processed|received|taken|recorded|transcribed|co-?signed|placed|removed|scanned|called|faxed|"
    r"ordered|released|"
    r"approved|tested|labell?ed|completed|filed)\.? $"
)
_SIGNED = re.compile(
    r"\b(?i:user|initials|initialed|initialled|login|signed|operator|collector|tech|volunteer|victim|suspect|plaintiff|"
    r"defendant|decedent|(?:subject|participant|recipient|case|pt|patient) "
    r"(?:[\w-]*[0-9][\w-]* ?)?\(?|recipient|participant) ?[:=#(]? ?([A-Z]{2,4})(?![\w.'&-])"
)
_SMALL = re.compile(r"\bsigned:? (?:by )?([^\W\d_]{2,3})\b")
_TYPED = re.compile(r"(?<![A-Za-z])([A-Z]{2,3})[:/]([a-z]{2,3})\b(?= ?(?:$|\n| [dtDT]:))")
# Abbreviations that stand behind 'by', 'patient' and the like.
_ABBREVIATED = frozenset(
    "ct mri mra cta pcr ems vats ivf iv im po sq sc pca us usg tee tte ecg ekg eeg emg pet cxr rn md do np pa pt ot rt lpn "
    "cna icu "
    "ed er or ob gyn ent gi gu id hx dx tx rx mrn dob ssn nhs va fda cdc who nih aaa sob loc dnr dni npo prn bid tid qd hs "
    "egd ercp "
    "lp ng og ett bipap cpap mom dad she her his has had was not and for the new ama snf rehab pcp hcp poa dpoa sw cm tpn "
    "ffp prbc "
    "h p q a i ii iii iv v vi ok no yes dna rna hla abo rh wbc rbc hgb name sig age sex all".split()
)


def initials(seen: View) -> Iterator[Finding]:
    """'collected by JKM', 'subject 014-2 (DDW)', and the initials of author and typist at the end of a letter ('JKM/ab')."""
    if "by" in seen.vocabulary:
        for hit in _BY.finditer(seen.flat):
            if _DONE.search(seen.low, max(0, hit.start() - 16), hit.start()) and _unusual(hit[1]):
                yield Finding(*hit.span(1), "name", "initials", 0.7)
    if not seen.vocabulary.isdisjoint(_CUES):
        yield from (
            Finding(*hit.span(1), "name", "initials", 0.7) for hit in _SIGNED.finditer(seen.flat) if _unusual(hit[1])
        )
    if not seen.cased and "signed" in seen.vocabulary:
        for hit in _SMALL.finditer(seen.low):
            if hit[1] not in _ABBREVIATED and not is_word(hit[1]):
                yield Finding(*hit.span(1), "name", "initials", 0.7)
    if "/" in seen.text or (":" in seen.text and "\n" in seen.text):
        yield from (Finding(*hit.span(), "name", "initials of a typist", 0.7) for hit in _TYPED.finditer(seen.text))


def _unusual(said: str) -> bool:
    return said.lower() not in _ABBREVIATED and not is_common(said.lower())
