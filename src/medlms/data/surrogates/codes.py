"""Surrogates of numbers and codes: another digit for each digit, another letter for each letter, all else as it is."""

from __future__ import annotations

import re

from medlms.data.identifiers.checks import dea, luhn, nhs, npi, vin
from medlms.data.surrogates.group import Group, Stream

_HEX = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f:.-]{12,}", re.IGNORECASE)
_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_CARD = 12  # digits from which on a code could be a card's number


def code(group: Group, original: str, *, kept: str = "") -> str:
    """A code of the same shape; characters in ``kept`` stay (the X of a masked number).

    The same code in another case or with other marks between its digits gets the same surrogate.
    """
    letters = "abcdef" if _HEX.fullmatch(original) else _LETTERS
    plain = "".join(mark for mark in original if _counts(mark, kept)).upper()
    made = iter(group.one("code", plain, lambda draw: _drawn(plain, draw, letters)))
    return "".join(_cased(next(made), mark) if _counts(mark, kept) else mark for mark in original)


def _counts(mark: str, kept: str) -> bool:
    # Marks that grow in upper case (such as the German sharp s) would put digits out of step.
    return mark.isalnum() and mark not in kept and len(mark.upper()) == 1


def _cased(mark: str, like: str) -> str:
    return mark.lower() if like.islower() else mark


def _drawn(plain: str, draw: Stream, letters: str) -> str:
    made = []
    for place, mark in enumerate(plain):
        if mark.isdecimal():
            # A first nought stays one, and no other first digit becomes one.
            first = not any(before.isdecimal() for before in plain[:place])
            made.append(str(draw.below(10)) if not first else "0" if mark == "0" else str(1 + draw.below(9)))
        else:
            made.append(letters[draw.below(len(letters))].upper())
    last = max((place for place, mark in enumerate(made) if mark.isdecimal()), default=None)
    for _ in range(10):
        if last is None or not _somebodys("".join(made)):
            break
        made[last] = str((int(made[last]) + 1) % 10)
    return "".join(made)


def _somebodys(code: str) -> bool:
    """Whether a check digit says that it could be a real card, IMEI, provider, prescriber, NHS or vehicle number."""
    digits = "".join(mark for mark in code if mark.isdecimal())
    if len(digits) >= _CARD and luhn(digits):
        return True
    if code.isdecimal() and len(code) == 10:
        return npi(code) or nhs(code)
    return (len(code) == 17 and vin(code)) or (len(code) == 9 and code[2:].isdecimal() and dea(code))


def ssn(group: Group, original: str) -> str:
    """A social security number from the area 000, which is given to nobody; the last four alone are any others."""
    made = code(group, original, kept="Xx*")
    if sum(mark.isdigit() for mark in made) < 9:
        return made
    left = 3
    marks = list(made)
    for place, mark in enumerate(marks):
        if mark.isdigit() and left:
            marks[place], left = "0", left - 1
    return "".join(marks)


def post_code(group: Group, original: str) -> str:
    """A post code of the same shape; of five digits, or nine, one that begins with 000 and lies nowhere in the US."""
    made = code(group, original)
    return "000" + made[3:] if re.fullmatch(r"\d{5}(-?\d{4})?", made) else made
