"""Number plates: by form where capitals say something, by form and a word for a vehicle elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.clinical import usual
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.labels import LABEL_WORDS, label, label_behind
from medlms.data.identifiers.lexicon import is_common, is_word
from medlms.data.identifiers.view import View

# Letters and digits of a plate, in lower case; British, German, French, Indian, North American and others.
_PLATE = re.compile(
    r"(?<![\w.-])(?:"
    r"[a-z]{2}[0-9]{2} ?[a-z]{3}|"  # AB12 CDE
    r"[a-z]{1,3}[- ·][a-z]{1,2} ?[0-9]{1,4}[eh]?|"  # B-MX 1234, M AB 123
    r"[a-z]{2}-[0-9]{3}-[a-z]{2}|"  # AA-123-AA
    r"[a-z]{2}[ -]?[0-9]{1,2}[ -]?[a-z]{1,3}[ -]?[0-9]{4}|"  # MH 12 AB 1234
    r"[a-z]{2,4}[ ·-]?[0-9]{2,4}[a-z]{0,2}|"  # ABC 1234, ABCD 123
    r"[0-9]{1,4}[ ·-]?[a-z]{2,4}(?:[ ·-]?[0-9]{1,3})?|"  # 1ABC234, 123 ABC
    r"[a-z][0-9]{2,3} ?[a-z]{2,3}|[a-z]{1,3}[0-9]{1,3}[a-z]{1,3}|"  # P123 ABC, AB1C
    r"[a-z]{2} [0-9]{2} [a-z]{2}|[a-z0-9]{2,3}-[a-z0-9]{2,3}-[a-z0-9]{2,3}|[0-9]{3}[ -]?[a-z]{2}[ -]?[0-9]{2}"  # NL, HU, SK
    r")(?![\w-]|\.[0-9])"
)
# Forms that are nothing else, in capitals.
_FORM = re.compile(
    r"[A-Z](?<![\w-].)[A-Z][0-9]{2} [A-Z]{3}(?![\w-])|[A-Z](?<![\w-].)[A-Z]{0,2}-[A-Z]{1,2} [0-9]{1,4}[EH]?(?![\w%]|"
    r"[.,-][0-9])|"
    r"[A-Z](?<![\w-].)[A-Z]-[0-9]{3}-[A-Z]{2}(?![\w-])|[A-Z](?<![\w-].)[A-Z][ -][0-9]{1,2}[ -][A-Z]{1,2}[ -][0-9]{4}(?![\w-])|"
    r"[0-9](?<![\w-].)[A-Z]{3}[0-9]{3}(?![\w-])|[0-9](?<![\w.,/-].)[0-9]{3}[ -][B-DF-HJ-NP-TV-Z]{3}(?![\w-])"
)
_VEHICLES = frozenset(
    "targa kfz kenteken immatriculation key keys plate plates tags tag registration reg rego kennzeichen placa placas "
    "matrícula matricula car cars "
    "vehicle veh van truck "
    "suv sedan taxi cab motorcycle "
    "motorbike pickup jeep scooter bike bus ambulance minivan hatchback coupe trailer camper rv toyota ford honda bmw audi "
    "volkswagen vw tesla nissan "
    "chevrolet chevy hyundai kia subaru mazda mercedes volvo renault peugeot fiat skoda seat opel "
    "dodge gmc lexus civic "
    "corolla camry accord fiesta "
    "ram silverado sienna altima sentra impala malibu passat jetta polo clio astra corsa octavia duster "
    "dacia citroen suzuki mitsubishi isuzu hilux rover jaguar scania tata mahindra maruti bajaj yamaha kawasaki harley moped "
    "rickshaw matatu ute wagon automobile towed tow impound valet uber lyft rideshare cruiser vespa "
    "golf prius outback tacoma odyssey buick hearse limousine tail helicopter aircraft lorry tractor snowmobile boat "
    "drive drives driving drove parked parking".split()
)
_PLATED = frozenset(
    "plate plates kennzeichen placa placas matrícula matricula registration reg rego tag tags hearse targa kfz kenteken "
    "immatriculation".split()
)
_TIME = re.compile("(?:[01][0-9]|2[0-3])[0-5][0-9] ")  # '1105 SVD'
_SHORTEST, _USUAL = 3, 5  # signs of a plate: right behind the word, and elsewhere
_TOLD = re.compile(r"(?<![a-z])(?:plates?|placa|kennzeichen|rego)[ :#.]{1,3}$")
_FLYING = frozenset(("tail", "aircraft", "helicopter", "registration", "reg"))
_AIRCRAFT = re.compile(
    r"\b(?:[Tt]ail|[Aa]ircraft|[Hh]elicopter|[Rr]eg(?:istration)?)(?: (?:no|number))?[ "
    r".:#]{1,2}([A-Z]{1,2}-[A-Z]{3,4})(?![\w-])"
)
_STATE = re.compile(r"(?<![\w.-])[A-Z]{2} $")  # 'CA 61T 880'
_TITLED = re.compile("[A-Z][a-z]")
_REACH = 44
_WORDS = re.compile(r"[^\W\d_]+")


def plates(seen: View) -> Iterator[Finding]:
    """Plates of vehicles."""
    if seen.cased and not seen.vocabulary.isdisjoint(_FLYING):
        yield from (Finding(*hit.span(1), "vehicle", "aircraft", 0.8) for hit in _AIRCRAFT.finditer(seen.flat))
    if not seen.digits:
        return
    text = seen.flat if seen.cased else seen.flat.upper()
    ends: set[int] = set()
    for hit in seen.near_digits(_FORM, text):
        lines = seen.text[max(0, hit.start() - 1) : hit.end()]
        timed = _TIME.match(hit.group()) and (lines[0] == "\n" or not hit.start())
        if "\n" in lines[1:] or (timed and not _about(seen.low, hit.start())):
            continue
        if seen.cased or _about(seen.low, hit.start()):
            ends.add(hit.end())
            yield Finding(*hit.span(), "vehicle", "plate", 0.8)
    if seen.vocabulary.isdisjoint(_VEHICLES):
        return
    place = 0
    while groups := _GROUPS.search(seen.low, place):
        found = _plate(seen, groups, beside=not ends.isdisjoint((groups.start() - 2, groups.start() - 5)))
        place = found.end if found else groups.start() + len(re.match(r"\w+", groups.group())[0])  # type: ignore[index]
        if found:
            ends.add(found.end)
            yield found


_GROUPS = re.compile(r"(?<![\w.-])[a-z0-9]{1,8}(?:(?: ?[-·] ?| )[a-z0-9]{1,5}){0,3}(?![\w-]|\.[0-9])")


def _plate(seen: View, groups: re.Match[str], *, beside: bool) -> Finding | None:
    """The longest stretch of groups that can be a plate; ``beside`` another, behind a comma or 'and'."""
    start = groups.start()
    about = _about(seen.low, start) if any(map(str.isdigit, groups.group())) else 0
    if beside and (seen.low[start - 2 : start] in (", ", "; ") or seen.low[start - 5 : start] == " and "):
        about = about or 1
    if not about and label_behind(seen.low, groups.end()) == "vehicle":
        about = 2
    if not about:
        return None
    capitals = seen.cased and not seen.flat[max(0, start - _REACH) : start].isupper()
    told = about > 1 and _TOLD.search(seen.low, max(0, start - 16), start) is not None
    ends = [part.end() + start for part in re.finditer("[a-z0-9]+", groups.group())]
    for end in reversed(ends):
        said = seen.low[start:end]
        if "\n" in seen.text[start:end]:
            continue
        parts = re.findall("[a-z0-9]+", said)
        plain = "".join(parts)
        if (
            not (_SHORTEST if told else _USUAL) <= len(plain) < 10
            or not any(map(str.isdigit, plain))
            or any(_is_word(part, sure=about > 1 or "-" in said or capitals) for part in parts)
        ):
            continue
        shaped = _PLATE.fullmatch(said) is not None
        if _TITLED.search(seen.flat, start, end) and not told:
            continue  # 'B12 Mdm'
        upper = not seen.cased or seen.flat[start:end].isupper()
        mixed = not plain.isdigit() and upper and (seen.cased or sum(map(str.isdigit, plain)) > 1)
        if (about > 1 and (shaped or mixed or (plain.isdigit() and len(parts) == 1))) or (
            shaped and upper and not usual(seen.low, start, end)
        ):
            first = start - 3 if capitals and _STATE.search(seen.flat, max(0, start - 4), start) else start
            return Finding(first, end, "vehicle", "plate behind a word", 0.9 if about > 1 else 0.7)
    return None


def _is_word(said: str, *, sure: bool) -> bool:
    """Whether a group is a word; near a word for a plate only common words count."""
    if not said.isalpha() or len(said) == 1:
        return False
    return said in LABEL_WORDS or said in _VEHICLES or (is_common(said) if sure else is_word(said))


def _about(low: str, start: int) -> int:
    """2 right behind a word for a plate, 1 where a vehicle is spoken of in the same sentence, 0 elsewhere."""
    if label(low, start) == "vehicle":
        return 2
    look = low[max(0, start - _REACH) : start]
    said = _WORDS.findall(re.split(r"[.;!?](?: |$)", look.replace("no. ", "no ").replace("reg. ", "reg "))[-1])
    if any(word in _PLATED for word in said[-4:]):
        return 2
    return int(any(word in _VEHICLES for word in said))
