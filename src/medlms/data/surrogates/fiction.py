"""Invented people and places. Given names go for women and men alike, so that 'she' and 'he' around them stay true."""

from __future__ import annotations

from medlms.data.surrogates.group import Stream

GIVEN = (
    "Alvy", "Ambry", "Ansley", "Arlen", "Ashby", "Avery", "Bexley", "Blair", "Brynn", "Camry", "Carey", "Casey", "Corin",
    "Cory", "Dacey", "Dallin", "Darcy", "Devan", "Dorian", "Eddy", "Ellery", "Ember", "Emery", "Fenley", "Finley", "Frankie",
    "Garnet", "Greer", "Hadley", "Halsey", "Harley", "Hollis", "Ilary", "Indy", "Jody", "Jules", "Karsey", "Keegan", "Kelby",
    "Kendry", "Kersey", "Kim", "Lanny", "Leslie", "Linley", "Lorin", "Lumen", "Marlo", "Merle", "Micah", "Morgan", "Nevin",
    "Noel", "Oakley", "Odell", "Palmer", "Perrin", "Quill", "Quinn", "Rainey", "Raven", "Reese", "Remy", "Riley", "Robin",
    "Rory", "Rowan", "Sandy", "Sasha", "Sawyer", "Selby", "Shelby", "Sidney", "Skyler", "Sorrel", "Tansy", "Tarin", "Tatum",
    "Teagan", "Terrin", "Toby", "Tyne", "Vale", "Valen", "Vesper", "Wallis", "Wynn", "Yael", "Yarrow", "Zephyr",
)  # fmt: skip
_STARTS = (
    "Ald", "Amber", "Ash", "Bar", "Bel", "Birch", "Bram", "Cald", "Cor", "Dar", "Del", "Dun", "Eld", "Fal", "Fen", "Gar",
    "Glen", "Hal", "Haw", "Hol", "Ister", "Kel", "Kes", "Lang", "Lor", "Mar", "Mel", "Nor", "Oak", "Orm", "Pel", "Quar",
    "Rav", "Ros", "Sel", "Sil", "Tam", "Thorn", "Ulm", "Val", "Wend", "Wil", "Yar", "Zel",
)  # fmt: skip
_FAMILIES = (
    "acre", "bane", "beck", "brand", "combe", "croft", "den", "dine", "fell", "gate", "grave", "hart", "holt", "hurst",
    "idge", "lake", "low", "mere", "mond", "nell", "quist", "rick", "shaw", "sworth", "thorpe", "vane", "wick", "worth",
)  # fmt: skip
_TOWNS = (
    "borough",
    "bridge",
    "bury",
    "dale",
    "ford",
    "haven",
    "ingham",
    "minster",
    "mouth",
    "stead",
    "ton",
    "vale",
    "ville",
)


def given(draw: Stream) -> str:
    """A given name."""
    return draw.of(GIVEN)


def family(draw: Stream) -> str:
    """A family name."""
    return draw.of(_STARTS) + draw.of(_FAMILIES)


def town(draw: Stream) -> str:
    """A town, a street or a county."""
    return draw.of(_STARTS) + draw.of(_TOWNS)
