"""Check digits and valid ranges of public numbers. Each function takes the number without blanks and dashes."""

from __future__ import annotations

_VIN = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1: cards, IMEI, Canadian SIN."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def npi(digits: str) -> bool:
    """US National Provider Identifier: ten digits, Luhn behind the prefix 80840."""
    return len(digits) == 10 and digits[0] in "12" and luhn("80840" + digits)


def dea(code: str) -> bool:
    """US Drug Enforcement Administration number: two letters, seven digits, the last one of which checks."""
    digits = [int(digit) for digit in code[2:]]
    odd, even = sum(digits[0:6:2]), sum(digits[1:6:2])
    return len(digits) == 7 and (odd + 2 * even) % 10 == digits[6]


def nhs(digits: str) -> bool:
    """NHS number of England and Wales: ten digits, modulo 11."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False))
    return len(digits) == 10 and (11 - total % 11) % 11 == int(digits[9])


def iban(code: str) -> bool:
    """ISO 13616, modulo 97."""
    turned = code[4:] + code[:4]
    return 15 <= len(code) <= 34 and int("".join(str(int(mark, 36)) for mark in turned)) % 97 == 1


def vin(code: str) -> bool:
    """Vehicle number of North America: the ninth place checks."""
    values = [int(mark) if mark.isdigit() else _VIN.get(mark, 99) for mark in code.upper()]
    if len(values) != 17 or 99 in values:
        return False
    rest = sum(value * weight for value, weight in zip(values, _VIN_WEIGHTS, strict=True)) % 11
    return code[8].upper() == ("X" if rest == 10 else str(rest))
