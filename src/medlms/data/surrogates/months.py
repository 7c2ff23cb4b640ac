"""Names of months, and days and years as they are spoken."""

from __future__ import annotations

MONTHS = {
    "en": "january february march april may june july august september october november december".split(),
    "short": "jan feb mar apr may jun jul aug sep oct nov dec".split(),
    "de": "januar februar märz april mai juni juli august september oktober november dezember".split(),
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(),
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(),
}
_SPELT = {"sept": ("short", 9), "maerz": ("de", 3), "marz": ("de", 3), "fevrier": ("fr", 2), "aout": ("fr", 8)}
_SPELT |= {"decembre": ("fr", 12), "setiembre": ("es", 9)}

_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
_COUNT = (_ONES + "nineteen").split()
_TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty", 60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety"}
_ODD = {
    1: "first",
    2: "second",
    3: "third",
    5: "fifth",
    8: "eighth",
    9: "ninth",
    12: "twelfth",
    20: "twentieth",
    30: "thirtieth",
}


def month(word: str, hint: str = "") -> tuple[str, int] | None:
    """The list that a month's name is in and its number; ``hint`` is the list that is looked in first."""
    plain = word.casefold()
    for name in filter(None, (hint, *MONTHS)):
        if plain in MONTHS[name]:
            return name, 1 + MONTHS[name].index(plain)
    return _SPELT.get(plain)


def counted(number: int) -> str:
    """1 to 99 in words."""
    if number < 20:
        return _COUNT[number - 1]
    ten, one = number - number % 10, number % 10
    return _TENS[ten] + (f" {_COUNT[one - 1]}" if one else "")


def ordinal(number: int) -> str:
    """1 to 31 in words: 'twenty-first'."""
    if number in _ODD:
        return _ODD[number]
    if number < 20:
        return _COUNT[number - 1] + "th"
    return f"{_TENS[number - number % 10]}-{ordinal(number % 10)}"


def year(number: int) -> str:
    """1900 to 2099 in words: 'nineteen eighty four', 'two thousand five', 'twenty twenty one'."""
    century, rest = divmod(number, 100)
    if not rest:
        return "two thousand" if century == 20 else "nineteen hundred"
    if rest < 10:
        return f"two thousand {counted(rest)}" if century == 20 else f"nineteen oh {counted(rest)}"
    return f"{'twenty' if century == 20 else 'nineteen'} {counted(rest)}"


ORDINALS = {ordinal(number): number for number in range(1, 32)}
YEARS = {year(number): number for number in range(1900, 2100)}
YEARS |= {f"twenty oh {counted(number)}": 2000 + number for number in range(1, 10)}
YEARS |= {f"two thousand {counted(number)}": 2000 + number for number in range(10, 100)}
YEARS |= {f"two thousand and {counted(number)}": 2000 + number for number in range(1, 100)}
