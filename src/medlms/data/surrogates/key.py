"""The secret that surrogates are drawn with: a private file on this machine, made when first asked for.

Who holds it and a de-identified text can try out originals, so it is as private as the originals. No run, report or copy
holds it. Deleting the file cuts the link between old and new surrogates for good.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from medlms.errors import ResourceError
from medlms.run import home

SIZE = 32  # bytes


def secret(path: Path | None = None) -> bytes:
    """The key in ``path`` (``surrogates.key`` in the cache folder), drawn anew where there is none. Raises ResourceError."""
    path = path or home() / "surrogates.key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            # Made whole under another name: a second process never reads half a key.
            part = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(secrets.token_bytes(SIZE))
                os.link(part, path)
            finally:
                part.unlink()
        key = path.read_bytes()
    except OSError as error:
        raise ResourceError(
            f"{path}: the secret for surrogates can't be kept: {error.strerror}.",
            hint="Set MEDLMS_HOME to a folder of your own.",
        ) from None
    if len(key) != SIZE:
        raise ResourceError(
            f"{path}: holds {len(key)} bytes, a secret for surrogates has {SIZE}.",
            hint="Delete it; a new one is drawn.",
        )
    return key
