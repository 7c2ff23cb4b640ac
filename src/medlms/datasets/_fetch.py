"""Fetches one file over HTTP: resumable, checked, and with a plain sentence for each way it can go wrong."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from medlms.datasets._loaded import Progress
from medlms.errors import FetchError

HINT = (
    "Fetch the file on a machine that can, put it into a folder laid out as FOLDER/{shelf}/{file}, "
    "and set MEDLMS_DATA=FOLDER."
)
_ROOM = 64 * 2**20  # bytes to leave free on the disk


def fetch(
    addresses: tuple[str, ...],
    target: Path,
    *,
    hint: str,
    sha256: str = "",
    progress: Progress | None = None,
    tries: int = 3,
    timeout: float = 30.0,
) -> str:
    """Bring the first of ``addresses`` that exists to ``target`` and return the address used.

    What has arrived is kept in ``target.part``, and the next call goes on from there. A file whose sha256 differs is
    thrown away. Raises FetchError.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FetchError(f"{target.parent}: can't be made: {error.strerror}.", hint=hint) from None
    for address in addresses[:-1]:
        try:
            return _from(address, part, target, hint, sha256, progress, tries, timeout)
        except _NotThere:
            continue
    try:
        return _from(addresses[-1], part, target, hint, sha256, progress, tries, timeout)
    except _NotThere:
        raise FetchError(f"{addresses[-1]}: the host says that there is no such file (404).", hint=hint) from None


class _NotThere(Exception):
    pass


def _from(
    address: str,
    part: Path,
    target: Path,
    hint: str,
    sha256: str,
    progress: Progress | None,
    tries: int,
    timeout: float,
) -> str:
    for attempt in range(1, tries + 1):
        try:
            _receive(address, part, target.name, hint, progress, timeout)
            break
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416 and part.exists():
                part.unlink()
                if attempt < tries:
                    continue
            _refused(error, address, hint, last=attempt == tries)
        except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException, ssl.SSLError) as error:
            if attempt == tries:
                raise FetchError(f"{address}: the host can't be reached: {_reason(error)}.", hint=hint) from None
        except OSError as error:
            raise _disk(error, part, hint) from None
        time.sleep(0.2 * attempt)
    if sha256 and (found := _checksum(part)) != sha256:
        part.unlink()
        raise FetchError(
            f"{address}: what arrived is not the published file (sha256 {found[:12]}..., expected {sha256[:12]}...).",
            hint="Try again; when it stays so, something between here and the host alters files. " + hint,
        )
    part.replace(target)
    return address


def _receive(address: str, part: Path, name: str, hint: str, progress: Progress | None, timeout: float) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"User-Agent": "medlms", "Accept-Encoding": "identity"})  # noqa: S310 - addresses are constants of the catalogue
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=timeout) as reply:  # noqa: S310
        goes_on = reply.status == 206 and _starts_at(reply, have)
        have = have if goes_on else 0
        length = int(reply.headers.get("Content-Length") or 0)
        total = have + length if length else 0
        free = shutil.disk_usage(part.parent).free
        if length and free < length + _ROOM:
            raise FetchError(
                f"{part.parent}: the disk has {free / 2**20:,.0f} MiB free; {name} needs {length / 2**20:,.0f} MiB "
                f"and some room beside it.",
                hint="Free some space, or set MEDLMS_HOME to a folder on another disk.",
            )
        with part.open("ab" if goes_on else "wb") as file:
            while chunk := reply.read(2**18):
                file.write(chunk)
                have += len(chunk)
                if progress:
                    progress(f"fetching {name}", have, total)
        if total and have < total:
            raise ConnectionError(f"the connection ended after {have:,} of {total:,} bytes")


def _starts_at(reply: HTTPResponse, have: int) -> bool:
    return str(reply.headers.get("Content-Range", "")).startswith(f"bytes {have}-")


def _refused(error: urllib.error.HTTPError, address: str, hint: str, *, last: bool) -> None:
    if error.code in (404, 410):
        raise _NotThere from None
    if error.code in (401, 403):
        raise FetchError(
            f"{address}: the host refuses access ({error.code}); the set may be gated, or a proxy may block it.",
            hint=hint,
        ) from None
    if last or (error.code < 500 and error.code != 429):
        raise FetchError(f"{address}: the host answered {error.code} {error.reason}.", hint=hint) from None


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", None) or error
    return str(getattr(inner, "strerror", None) or inner or type(inner).__name__).rstrip(".")


def _disk(error: OSError, part: Path, hint: str) -> FetchError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FetchError(
            f"{part.parent}: the disk is full; {part.name} is kept and the next try goes on from there.",
            hint="Free some space, or set MEDLMS_HOME to a folder on another disk.",
        )
    return FetchError(f"{part}: can't be written: {error.strerror or error}.", hint=hint)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hub(address: str) -> str:
    """The address on the user's own mirror of the hub when ``HF_ENDPOINT`` names one."""
    mirror = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    return address.replace("https://huggingface.co", mirror, 1) if mirror else address
