"""A guess at the language of a text, from its script and its function words. It says nothing where it is not sure.

Small on purpose: it tells whether a set is in the language one thinks it is, and finds the rows that are not.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from medlms.datasets import exchanges
from medlms.types import QA

NOT_DETERMINED = "not determined"
READ = 600  # characters of a row: enough to tell, and quick
WORDS = 6  # fewer say too little
SHARE = 0.2  # of the words that must be function words of the language
LEAD = 1.3  # times as many of them as of the next language's
EXAMPLES = 3
# Function words that running text can't do without; a word may stand with several languages.
_WORDS = {
    "English": "a an and are as at be been but by can do does for from has have how if in is it may more not of on or "
    "other should some that the their there these they this to was what when which who will with you your",
    "German": "aber als am auch auf aus bei bis das dass dem den der des die dies durch ein eine einem einen einer es "
    "für haben hat ich im in ist kann können man mit nach nicht noch nur oder sich sie sind so und von was "
    "welche wenn werden wie wird zu zum zur über",
    "French": "au aux avec ce ces cette dans de des du elle en est et il ils la le les leur mais ne nous ont ou où par "
    "pas peut plus pour qu que quel quelle quels quelles qui sa se ses son sont sur un une vous être",
    "Spanish": "al como con cómo cuál cuando de del desde el ella en entre es esta este están está ha hay la las lo los "
    "más muy no o para pero por puede pueden que qué se ser si sin sobre son su sus también un una y",
    "Portuguese": "ao aos as com como da das de do dos e ela ele em entre essa esse esta este está foi há isso mais mas na "
    "não nas no nos o os ou para pela pelo pode por qual que quando se sem ser seu sua são também um uma é",
    "Italian": "al alla anche che chi ci come con da dal dalla dei del della delle di e gli ha hanno i il in io la le lo "
    "ma nel nella non o per più può quale quali quando questa questo se si sono su un una è",
    "Dutch": "aan als bij dat de deze die dit door een en er het hij hoe ik in is kan kunnen maar met na naar niet nog "
    "of om onder ook op over te tot uit van veel voor wanneer wat welke worden wordt ze zich zijn",
    "Swedish": "att av de den det du efter eller en ett från för ha han har hur i inte jag kan man med men nu när och om "
    "på sig sin ska som så till under vad var vid vilka är även",
    "Danish": "af at blev den der det du efter eller en er et for fra ha han har hun hvad hvor hvordan hvornår i ikke "
    "jeg kan med men mere nogle når og også om på sig skal som til ud ved være været",
    "Norwegian": "av at ble den der det du eller en er et etter for fra ha han har hun hva hvor hvordan i ikke jeg kan med "
    "men mer noen når og også om på seg skal som til ut ved være vært",
    "Finnish": "ei en että hän ja joka jos kanssa kuin kun mikä minä mutta myös mukaan niin nyt oli olla on ovat se sekä "
    "sen siitä sitä tai tämä vain voi voivat",
    "Polish": "aby ale być był czy co dla do i ich jak jako jest już które który lub ma może mogą na nie o od oraz po "
    "przez przy się są tak to tym w we z za że",
    "Czech": "a aby ale být co do i jak jako je jeho jsou který která které k na nebo není o od po pro při s se si tak "
    "také to v ve více z za že",
    "Romanian": "al ale am ar au ca care ce cu de din este fi fost în la mai nu o pe pentru prin sau se sunt să un una și "
    "și ți",
    "Hungarian": "a az azt csak de egy ez és ha hogy is kell lehet már meg mely mert mi mint nem s után vagy van volt",
    "Turkish": "bir bu çok da daha de değil en gibi her hangi için ile kadar mi mı nasıl ne nedir o olan olarak sonra "
    "var ve veya",
    "Indonesian": "ada adalah akan apa atau bagaimana bisa dalam dan dapat dari dengan di ini itu juga ke lebih oleh pada "
    "saya sebagai seperti tidak untuk yang",
    "Vietnamese": "bệnh bị các cho có có của của gì là không khi một này như những người hoặc thể trong từ và với được",
}  # fmt: skip
# Scripts that one language of many readers is written in; others are named as scripts, since they serve several.
_SCRIPTS = {
    "HANGUL": "Korean", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "GREEK": "Greek", "THAI": "Thai", "HEBREW": "Hebrew",
    "GEORGIAN": "Georgian", "ARMENIAN": "Armenian", "TAMIL": "Tamil", "TELUGU": "Telugu", "GUJARATI": "Gujarati",
    "CJK": "Chinese", "CYRILLIC": "Cyrillic script", "ARABIC": "Arabic script", "DEVANAGARI": "Devanagari script",
    "BENGALI": "Bengali script",
}  # fmt: skip
_HOLDERS: defaultdict[str, list[str]] = defaultdict(list)
for _name, _list in _WORDS.items():
    for _word in dict.fromkeys(_list.split()):
        _HOLDERS[_word].append(_name)
_LETTERS = re.compile(r"[^\W\d_]+")


def language(text: str) -> str:
    """The language of a text, the script where several languages share it, or ``not determined``."""
    text = text[:READ]
    words = _LETTERS.findall(text.lower())
    if not text.isascii() and (script := _script("".join(words))) != "LATIN":
        return _SCRIPTS.get(script, NOT_DETERMINED)
    if len(words) < WORDS:
        return NOT_DETERMINED
    found = Counter(name for word in words for name in _HOLDERS.get(word, ()))
    (first, most), (_, next_most) = [*found.most_common(2), ("", 0), ("", 0)][:2]
    return first if most >= SHARE * len(words) and most >= LEAD * next_most and most > 1 else NOT_DETERMINED


def account(rows: Sequence[QA]) -> dict[str, Any]:
    """Rows by language for each source, and the first rows that are in another language than most.

    As a JSON-able dict: ``sources`` by name, ``all``, ``main``, ``others`` (place and language).
    """
    told: list[str] = []
    by_source: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        told.append(language(_text(row)))
        by_source[row.source][told[-1]] += 1
    everywhere = Counter(told)
    sure = [name for name, _ in everywhere.most_common() if name != NOT_DETERMINED]
    main = sure[0] if sure and 2 * everywhere[sure[0]] > len(rows) else NOT_DETERMINED
    others = [
        number for number, name in enumerate(told) if name not in (NOT_DETERMINED, main) and main != NOT_DETERMINED
    ]
    return {
        "main": main,
        "all": dict(everywhere.most_common()),
        "sources": {name: dict(counts.most_common()) for name, counts in by_source.items()},
        "others": len(others),
        "first_others": [{"place": rows[number].place, "language": told[number]} for number in others[:EXAMPLES]],
        "meaning": f"Told from script and function words in the first {READ} characters of a row. Where these are too few or "
        "fit several languages it is not determined.",
    }


def _text(row: QA) -> str:
    """The answer first, since it is the longer one: lists of terms in questions say little."""
    question, answer = exchanges(row)[0]
    return f"{answer[: READ - 100]}\n{question[:100]}"


def _script(letters: str) -> str:
    """The script that most letters are of; Japanese is told from Chinese by any tenth of its own signs."""
    counts = Counter(
        "LATIN" if letter.isascii() else unicodedata.name(letter, "NONE").split()[0].split("-")[0] for letter in letters
    )
    if not counts:
        return "NONE"
    own = counts["HIRAGANA"] + counts["KATAKANA"]
    if own and 10 * own >= counts["CJK"]:
        counts["HIRAGANA"] = own + counts.pop("CJK", 0)
    return counts.most_common(1)[0][0]
