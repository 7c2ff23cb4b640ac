"""Check digits, so that planted numbers are valid where validity is defined. Each function returns the digits to add."""

from __future__ import annotations

VIN_VALUES = dict(zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", "012345678912345678123457923456789", strict=True))
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
VERHOEFF_TURNS = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)
VERHOEFF_INVERSE = "0432156789"


def luhn(digits: str) -> str:
    """Cards, NPI (over 80840 and nine digits), IMEI, Canadian SIN, Swedish personal numbers."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def dea(digits: str) -> str:
    """The seventh digit of a DEA number from its first six."""
    values = [int(digit) for digit in digits]
    return str((values[0] + values[2] + values[4] + 2 * (values[1] + values[3] + values[5])) % 10)


def gtin(digits: str) -> str:
    """The last digit of a GS1 number, as in a UDI's device identifier."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def nhs(digits: str) -> str:
    """The tenth digit of an NHS number from nine; "10" where that number is never given out."""
    rest = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits)) % 11
    return "0" if rest == 11 else str(rest)


def vin(text: str) -> str:
    """The vehicle number of 17 signs with its ninth sign put right."""
    total = sum(int(VIN_VALUES[sign]) * weight for sign, weight in zip(text, VIN_WEIGHTS, strict=True))
    return text[:8] + ("X" if total % 11 == 10 else str(total % 11)) + text[9:]


def verhoeff(digits: str) -> str:
    """The last digit of an Indian Aadhaar number from eleven."""
    state = 0
    for place, digit in enumerate(reversed(digits), start=1):
        state = dihedral(state, int(VERHOEFF_TURNS[place % 8][int(digit)]))
    return VERHOEFF_INVERSE[state]


def dihedral(left: int, right: int) -> int:
    """The product of two elements of the symmetry group of a pentagon, numbered 0-4 (turns) and 5-9 (flips)."""
    turn = (left % 5 + (right % 5 if left < 5 else -(right % 5))) % 5
    return turn + (5 if (left < 5) != (right < 5) else 0)


def iban(country: str, account: str) -> str:
    """The two check digits of an IBAN."""
    number = "".join(str(int(sign, 36)) for sign in account + country + "00")
    return f"{98 - int(number) % 97:02d}"


def pesel(digits: str) -> str:
    """The last digit of a Polish personal number from ten."""
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
    return str(-sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 10)


def kvnr(text: str) -> str:
    """The last digit of a German health insurance number from a letter and eight digits."""
    digits = f"{ord(text[0]) - 64:02d}{text[1:]}"
    total = 0
    for place, digit in enumerate(digits):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return str(total % 10)
