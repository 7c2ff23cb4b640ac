"""Reads several files of one source one after another, as if they were one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from medlms.datasets._files import Reading
from medlms.datasets._open import plain_name
from medlms.types import QA, Fault, Source


class Readings:
    """The rows of all files in their order; ids are ``<source>/<file>/<row's id or hash>``. Otherwise as a Reading."""

    def __init__(
        self,
        paths: Sequence[Path],
        source: Source,
        *,
        chosen: Mapping[str, str] | None = None,
        tolerant: bool = False,
        said: Sequence[str] = (),
    ) -> None:
        self.source = source
        self.topics: tuple[str, ...] = ()
        self.files: dict[str, str] = {}
        self.rows_in = 0
        self.remarks: list[Fault] = []
        self.said = [f"{source.name}: {len(paths):,} file{'' if len(paths) == 1 else 's'}", *said]
        self._paths = list(paths)
        self._chosen, self._tolerant = chosen, tolerant

    def __iter__(self) -> Iterator[QA | Fault]:
        for path, short in zip(self._paths, _short_names(self._paths), strict=True):
            reading = Reading(
                path, chosen=self._chosen, tolerant=self._tolerant, source=self.source, prefix=f"{short}/"
            )
            yield from reading
            self.rows_in += reading.rows_in
            self.files |= reading.files
            self.remarks += reading.remarks
            self.said += reading.said

    def close(self) -> None:
        """Nothing is open before the rows are read, or behind the last one."""


def _short_names(paths: Sequence[Path]) -> list[str]:
    """The files' names below the folder that they share, without endings where that keeps them apart."""
    root = os.path.commonpath([str(path.parent) for path in paths])
    full = [path.relative_to(root).as_posix() for path in paths]
    bare = [
        str(Path(name).with_name(plain_name(path).rsplit(".", 1)[0])) for name, path in zip(full, paths, strict=True)
    ]
    return bare if len(set(bare)) == len(bare) else full
