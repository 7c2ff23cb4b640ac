"""The text rules of the SQuAD v1.1 evaluation: lower case, no punctuation, no articles, single spaces."""

from __future__ import annotations

import re
import string

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def words(text: str) -> list[str]:
    """The words that SQuAD compares. Only ASCII punctuation is removed, as the original does."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()
