"""What the road says while it works: sentences and bars. The command line shows them; the Python API is silent by default."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int, int], None]
"""Called with (done, wanted)."""


Stage = Callable[[str, int, int], None]
"""Called with (title, done, wanted)."""


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


def stages(talk: Talk, advance: Advance) -> Stage:
    """Listens to work of several stages under one bar: a title that is a sentence (how long it will take) is said, once."""
    said: set[str] = set()

    def step(title: str, done: int, wanted: int) -> None:
        if title.endswith(".") and title not in said:
            said.add(title)
            talk.say(title)
        advance(done, wanted)

    return step
