"""Write the labelled set of planted identifiers as JSONL: `python -m tests.identifiers.build --split test --out FILE`."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.identifiers.carriers import Carrier, carriers, filled
from tests.identifiers.clinical import CLINICAL
from tests.identifiers.draw import Draw, Piece

COPIES = {"test": 6, "development": 7, "second": 4}
# How often a style is drawn among those that a carrier of the second set allows; real notes are mostly in ordinary case.
SHARES = {"plain": 10, "wrapped": 4, "lower": 3, "upper": 6, "transcript": 10}
KEEP_CASE = {"url", "email", "variant", "gene"}
SPACED = re.compile(r"(?<=[\w)])([,.?!;:])(?=\s|$)")


def rows(split: str) -> Iterator[dict[str, Any]]:
    """The rows of a split, always the same: every carrier in turn, several times over with other contents."""
    number = 0
    for copy in range(COPIES[split]):
        for carrier in carriers(split):
            number += 1
            yield row(f"{split}-{number:04d}", split, carrier, copy)


def row(name: str, split: str, carrier: Carrier, copy: int) -> dict[str, Any]:
    """One text with its identifiers, traps and clinical content; positions count code points."""
    draw = Draw(split, f"identifiers/1/{split}/{carrier.name}/{copy}")
    pieces = filled(draw, carrier)
    style = draw.pick(weighed(carrier.styles) if split == "second" else carrier.styles)
    pieces = [Piece(styled(piece, style), piece.role, piece.kind, piece.tag, piece.culture) for piece in pieces]
    text = "".join(piece.text for piece in pieces)
    if style == "wrapped":
        text = wrapped(text, draw.between(38, 76))
    found: dict[str, list[dict[str, Any]]] = {"identifiers": [], "negatives": [], "clinical": []}
    start = 0
    for piece in pieces:
        end = start + len(piece.text)
        label(found, piece, start, end)
        start = end
    return {"id": name, "carrier": carrier.name, "genre": carrier.genre, "style": style, "text": text, **found}


def weighed(styles: tuple[str, ...]) -> list[str]:
    """The styles as often as the second set draws them."""
    return [style for style in styles for _ in range(SHARES[style])]


def label(found: dict[str, list[dict[str, Any]]], piece: Piece, start: int, end: int) -> None:
    """Enter a piece where it belongs; a trap of a clinical kind is clinical content as well."""
    if piece.role == "identifier":
        entry = {"start": start, "end": end, "class": piece.kind, "tag": piece.tag}
        found["identifiers"].append(entry | ({"culture": piece.culture} if piece.culture else {}))
    if piece.role == "negative":
        found["negatives"].append({"start": start, "end": end, "kind": piece.kind})
    if piece.role == "clinical" or (piece.role == "negative" and piece.kind in CLINICAL):
        found["clinical"].append({"start": start, "end": end, "kind": piece.kind})


def styled(piece: Piece, style: str) -> str:
    """The piece's text in lower or upper case, or with the spaced punctuation of transcripts."""
    text = piece.text
    if style == "transcript" and not piece.role:
        text = SPACED.sub(r" \1", text)
    if style in {"lower", "transcript"}:
        return "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in text)
    if style == "upper" and piece.kind not in KEEP_CASE:
        return "".join(sign.upper() if len(sign.upper()) == 1 else sign for sign in text)
    return text


def wrapped(text: str, width: int) -> str:
    """The text with line breaks in place of blanks, so that no position moves and identifiers are cut as others are."""
    signs = list(text)
    begin, blank = 0, -1
    for place, sign in enumerate(signs):
        if sign == "\n":
            begin, blank = place + 1, -1
        elif place - begin >= width and blank >= 0:
            signs[blank] = "\n"
            begin, blank = blank + 1, -1
        if sign == " ":
            blank = place
    return "".join(signs)


def written(entries: Iterable[dict[str, Any]]) -> bytes:
    """The rows as JSONL."""
    return "".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n" for entry in entries).encode()


def counts(entries: Iterable[dict[str, Any]]) -> dict[str, Counter[str]]:
    """How often each class, tag and kind occurs."""
    found: dict[str, Counter[str]] = {
        name: Counter() for name in ("classes", "tags", "negatives", "clinical", "genres", "styles", "cultures")
    }
    for entry in entries:
        found["genres"][entry["genre"]] += 1
        found["styles"][entry["style"]] += 1
        for item in entry["identifiers"]:
            found["classes"][item["class"]] += 1
            found["tags"][f"{item['class']}/{item['tag']}"] += 1
            if item["class"] == "name":
                found["cultures"][item["culture"]] += 1
        found["negatives"].update(item["kind"] for item in entry["negatives"])
        found["clinical"].update(item["kind"] for item in entry["clinical"])
    return found


def main(arguments: list[str] | None = None) -> None:
    """Write one split, and its counts to stderr."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--split", choices=sorted(COPIES), default="test")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    entries = list(rows(chosen.split))
    content = written(entries)
    chosen.out.write_bytes(content)
    for name, counter in counts(entries).items():
        said = ", ".join(f"{key} {value}" for key, value in counter.most_common())
        print(f"{name} ({sum(counter.values())}): {said}", file=sys.stderr)
    print(f"sha256 {hashlib.sha256(content).hexdigest()}", file=sys.stderr)


if __name__ == "__main__":
    main()
