"""What the road says while it works: sentences and bars. The command line shows them; the Python API is silent by default."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int, int], None]
"""Called with (done, wanted)."""


class Talk(Protocol):
    """Someone who listens to progress."""

    def say(self, text: str) -> None:
        """One sentence for the reader."""
        ...

    def bar(self, title: str) -> AbstractContextManager[Advance]:
        """A bar that lives as long as the block."""
        ...


class Silent:
    """Says nothing."""

    def say(self, text: str) -> None:
        """Nothing is said."""

    @contextmanager
    def bar(self, title: str) -> Iterator[Advance]:
        """No bar is shown."""
        yield lambda done, wanted: None
