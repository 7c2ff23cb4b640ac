"""States and countries, which are no identifiers, and the forms of towns and post codes that all rules of places share."""

from __future__ import annotations

import re

from medlms.data.identifiers.view import View
from medlms.data.identifiers.words import words

SHORT = (
    "al|ak|az|ar|ca|co|ct|de|fl|ga|hi|id|il|in|ia|ks|ky|la|me|md|ma|mi|mn|ms|mo|mt|ne|nv|nh|nj|nm|ny|"
    "nc|nd|oh|ok|or|pa|ri|sc|sd|tn|tx|ut|vt|va|wa|wv|wi|wy|dc|pr|"
    "nsw|vic|qld|tas|act|nt|on|qc|bc|ab|mb|sk|ns|nb|nl|pe"
)
LONG = (
    "alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia|hawaii|"
    "idaho|illinois|indiana|iowa|kansas|kentucky|louisiana|maine|"
    "maryland|massachusetts|michigan|minnesota|mississippi|missouri|montana|nebraska|nevada|new "
    "hampshire|new jersey|new mexico|new york|north carolina|"
    "north dakota|ohio|oklahoma|oregon|pennsylvania|rhode island|south carolina|south dakota|"
    "tennessee|texas|utah|vermont|virginia|washington|west virginia|"
    "wisconsin|wyoming|ontario|quebec|british columbia|alberta|manitoba|saskatchewan|nova scotia|new "
    "brunswick|new south wales|queensland|tasmania|victoria|"
    "england|scotland|wales|northern ireland|ireland|germany|france|spain|italy|mexico|india|nigeria|"
    "kenya|ghana|japan|china|canada|australia|puerto rico|brazil|peru|vietnam|philippines"
)
STATES = frozenset(LONG.split("|"))
TOWN = (
    r"(?:(?:st|ste|saint|sainte|san|santa|santo|sao|são|los|las|new|north|south|east|west|fort|ft|"
    r"port|mount|mt|el|la|le|des|de|baton|cedar|grand|long|salt lake|green|palm|high|cape|bad|kuala|"
    r"ho chi|rio de|mar del|upper|lower|great|little|old|lake|royal|abu|addis|tel|cape|santa|villa|"
    r"ciudad)\.? )?[^\W\d_][\w'-]{2,24}"
)
CODE = (
    r"[0-9]{5}(?:-[0-9]{4})?|[0-9]{3} [0-9]{2,3}|[0-9]{2}-[0-9]{3}|[0-9]{3}-[0-9]{4}|"
    r"[0-9]{5}-[0-9]{3}|[0-9]{6}|[0-9]{4}(?: [a-z]{2}\b)?|[a-z]{1,2}[0-9][a-z0-9]? ?[0-9][a-z]{2}|"
    r"[a-z][0-9][a-z] ?[0-9][a-z][0-9]"
)
SHORT_STATES = frozenset(SHORT.split("|"))
WORDY_STATES = frozenset("in or me on hi ok de la al pa ma id ms md ne pe ab act co".split())
NOT_TOWNS = frozenset(
    "the this that these with when his her their and for she they but not patient phone fax tel dob "
    "mrn home last week month year yesterday today since then while room apt suite united "
    "who was has had is are from until after before because where telephone mobile cell email".split()
)


def trimmed(seen: View, hit: re.Match[str], part: int) -> tuple[int, int]:
    """The town without a state's short name at its end."""
    start, end = hit.span(part)
    last = hit[part].rpartition(" ")
    if (
        last[0]
        and not (
            seen.cased
            and seen.flat[end - len(last[2])].isupper()
            and last[2] not in STATES
            and last[2] not in SHORT.split("|")
        )
        and (last[2] in STATES or last[2] in SHORT.split("|") or last[2] in NOT_TOWNS or last[2] in words("common"))
        and last[2] not in words("towns")
    ):
        end = start + len(last[0])
    return start, end


def is_town(seen: View, hit: re.Match[str], part: int) -> bool:
    """Whether a group of ``hit`` can name a town: no state, no ordinary word, with a capital where case says something."""
    said = hit[part]
    first = said.split()[0].strip(".")
    if first in NOT_TOWNS or said in STATES:
        return False
    return (
        seen.flat[hit.start(part)].isupper() if seen.cased else first not in words("common") or said in words("towns")
    )
