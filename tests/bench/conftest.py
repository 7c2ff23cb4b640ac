"""Nothing here reads the published sets: a run must not compare its rows with exams that happen to lie on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def nothing_at_hand() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MEDLMS_DATA", raising=False)
        yield
