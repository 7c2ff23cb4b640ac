import errno
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from medlms.datasets import _fetch
from medlms.errors import FetchError

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Host(BaseHTTPRequestHandler):
    """Serves CONTENT at /file; other paths fail in their own ways."""

    ranges: ClassVar[list[str | None]] = []
    cut_once = False

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        Host.ranges.append(asked)
        if self.path.startswith("/status/"):
            self.send_error(int(self.path.rsplit("/", 1)[1]))
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.path == "/file" else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end = len(CONTENT)
        if Host.cut_once:
            Host.cut_once, end = False, start + 300_000
        self.wfile.write(CONTENT[start:end])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    Host.ranges, Host.cut_once = [], False
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetch(*addresses: str, target: Path, **rest):
    return _fetch.fetch(addresses, target, hint="set MEDLMS_DATA", timeout=5, **rest)


def test_whole_file_with_progress(host: str, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    fetch(f"{host}/file", target=tmp_path / "a" / "f", sha256=SHA256, progress=lambda *step: seen.append(step))
    assert (tmp_path / "a" / "f").read_bytes() == CONTENT
    assert seen[-1] == ("fetching f", len(CONTENT), len(CONTENT))
    assert [item.name for item in (tmp_path / "a").iterdir()] == ["f"]


def test_goes_on_after_a_broken_connection(host: str, tmp_path: Path) -> None:
    Host.cut_once = True
    fetch(f"{host}/file", target=tmp_path / "f", sha256=SHA256)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert Host.ranges == [None, "bytes=300000-"]


def test_goes_on_in_a_later_call(host: str, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT[:1000])
    fetch(f"{host}/file", target=tmp_path / "f", sha256=SHA256)
    assert Host.ranges == ["bytes=1000-"]


def test_starts_again_where_the_host_knows_no_ranges(host: str, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(b"old")
    fetch(f"{host}/whole", target=tmp_path / "f", sha256=SHA256)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_thrown_away(host: str, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT + b"more")
    fetch(f"{host}/file", target=tmp_path / "f", sha256=SHA256)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_wrong_content_is_refused_and_removed(host: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="not the published file"):
        fetch(f"{host}/file", target=tmp_path / "f", sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "words"), [(404, "404"), (403, r"refuses access \(403\)"), (401, "gated"), (418, "418"), (503, "503")]
)
def test_refusals(host: str, status: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=words) as error:
        fetch(f"{host}/status/{status}", target=tmp_path / "f", tries=2)
    assert "MEDLMS_DATA" in error.value.hint


def test_the_second_address_serves_when_the_first_is_gone(host: str, tmp_path: Path) -> None:
    assert fetch(f"{host}/status/404", f"{host}/file", target=tmp_path / "f", sha256=SHA256) == f"{host}/file"


def test_no_host(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="can't be reached") as error:
        fetch("http://127.0.0.1:9/f", target=tmp_path / "f", tries=1)
    assert "MEDLMS_DATA" in error.value.hint


def test_disk_that_is_full(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(FetchError, match="MiB free"):
        patch.setattr(_fetch.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
        fetch(f"{host}/file", target=tmp_path / "f")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_fetch.Path, "open", full)
    with pytest.raises(FetchError, match="disk is full"):
        fetch(f"{host}/file", target=tmp_path / "f")


def test_a_mirror_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.hospital.example/")
    assert _fetch.hub("https://huggingface.co/datasets/x") == "https://hub.hospital.example/datasets/x"
    assert _fetch.hub("https://github.com/x") == "https://github.com/x"
