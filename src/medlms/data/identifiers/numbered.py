"""Short numbers and codes of people whose label says so: 'Employee #4417', 'participant 0231', 'booking reference QX7TTR'."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.view import View

# With 'no.', 'number', 'ID', '#' or a colon behind them.
_MARKED = frozenset(
    "accession specimen sample encounter visit study subject participant employee badge staff rx prescription "
    "script case order "
    "requisition lab booking appointment reference confirmation ticket enrollment enrolment enrollee screening "
    "randomization "
    "randomisation kit inmate prisoner detainee custody custodial student pupil payroll clock collar pager crew "
    "run cad incident "
    "locker personnel volunteer donor recipient volunteer trainee officer shield warrant member_of_staff guest "
    "visitor queue token "
    "tribal alien refugee asylum immigration household file_of report call dispatch slide block biopsy cassette "
    "autopsy morgue "
    "evidence exhibit docket".split()
)
# With nothing but a blank behind them.
_BARE = frozenset("participant subject employee badge inmate payroll enrollee detainee prisoner case cad".split())
_WORD = re.compile(
    rf"(?<![^\W_])({'|'.join(sorted(_MARKED | _BARE))})(?:'s)?((?: (?:id|identification|reference|ref|card|"
    rf"tracking|file|code))?"
    r"(?: ?(?:no\b\.?|nos\b\.?|num\b\.?|number|nr\b\.?|id|code|ref\b\.?|reference|#|:|=))+(?: is| was)?)?[ :#=]{1,3}"
    r"([a-z0-9](?:[a-z0-9/.-]{0,18}[a-z0-9])?)(?![\w/%-])"
)
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_COUNTED = re.compile(
    r" ?(?:mg|ml|mcg|%|days?|weeks?|months?|years?|hours?|patients?|people|cases|subjects|participants|[ap]m\b|"
    r"[.,][0-9])"
)


def numbered(seen: View) -> Iterator[Finding]:
    """Codes of three signs or more behind a label for what singles a person out."""
    if not seen.digits or seen.vocabulary.isdisjoint(_MARKED):
        return
    for hit in _WORD.finditer(seen.low):
        said = hit[3]
        digits = sum(map(str.isdigit, said))
        if not digits or len(said) < 3 or _COUNTED.match(seen.low, hit.end()):
            continue
        if not hit[2] and (hit[1] not in _BARE or digits < 3 or _YEAR.fullmatch(said)):
            continue
        if said.isdigit() or digits > 1 or (len(said) > 4 and seen.flat[hit.start(3)].isupper()):
            yield Finding(hit.start(3), hit.end(3), "other", "numbered", 0.72)
