"""Parts a stream into lines of text, one at a time; what is no UTF-8 text is told by line and byte."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from medlms.errors import DataError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(slots=True)
class Lines:
    """The lines of a text file with their ends.

    A line that is no text ends the reading with a DataError; when ``tolerant`` it comes with question marks in it, and
    ``wrong`` says what is wrong with it until ``taken`` is called.
    """

    path: Path
    stream: BinaryIO
    tolerant: bool = False
    wrong: str = ""
    blank: bool = field(default=True, init=False)

    def __iter__(self) -> Iterator[str]:
        offset = 0
        for number, content in enumerate(self.stream, 1):
            line = content
            if number == 1:
                self._refuse_utf16(content)
                line = content.removeprefix(codecs.BOM_UTF8)
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                at = offset + error.start + len(content) - len(line)
                self._tell(
                    f"{self.path}:{number}",
                    f"not UTF-8 text (byte {at:,} is 0x{line[error.start]:02x})",
                    f"Often Windows-1252: iconv -f WINDOWS-1252 -t UTF-8 {self.path.name} > utf8-{self.path.name}",
                )
                text = line.decode("utf-8", "replace")
            if b"\0" in content:
                self._tell(
                    f"{self.path}:{number}",
                    f"holds a NUL byte (byte {offset + content.index(0):,}), so it is not plain text",
                    "A damaged copy, a binary file, or UTF-16 without a mark; save it as UTF-8 text.",
                )
            self.blank = self.blank and not text.strip()
            offset += len(content)
            yield text

    def taken(self) -> str:
        """What is wrong with the lines since the last call; an empty text when nothing is."""
        wrong, self.wrong = self.wrong, ""
        return wrong

    def by_any_end(self) -> Iterator[str]:
        """The lines, parted at carriage returns too, as old tables are."""
        for text in self:
            if "\r" in text[:-2]:
                yield from io.StringIO(text, newline="")
            else:
                yield text

    def _tell(self, place: str, detail: str, hint: str) -> None:
        if not self.tolerant:
            raise DataError(f"{place}: {detail}.", hint=hint)
        self.wrong = self.wrong or detail

    def _refuse_utf16(self, content: bytes) -> None:
        if content.startswith(_UTF16):
            raise DataError(
                f"{self.path}: UTF-16 text, not UTF-8 (it starts with a UTF-16 byte order mark).",
                hint=f"Save it as UTF-8, for example: iconv -f UTF-16 -t UTF-8 {self.path.name} > utf8-{self.path.name}",
            )
