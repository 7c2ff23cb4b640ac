"""What a run was made with: versions, machine, code, seeds, and a hash of everything that went in."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medlms import __version__
from medlms.bench.machine import libraries, machine
from medlms.run import now


def manifest(*, seed: int, files: Mapping[str, str], template: str, weights: Mapping[str, str]) -> dict[str, Any]:
    """The manifest of a run that starts now. Paths are given by their last two parts: nothing of the machine leaks."""
    return {
        "medlms": __version__,
        "started": now(),
        "code_sha256": code_hash(),
        "git": git_commit(),
        "seed": seed,
        "data_sha256": {short(path): value for path, value in files.items()},
        "template_sha256": template,
        "weights_sha256": dict(weights),
        "libraries": libraries(),
        "machine": machine(),
    }


def code_hash() -> str:
    """sha256 over the package's own source files."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def git_commit() -> str:
    """The commit of the checkout that this package runs from, with + when files differ; empty outside a checkout."""
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return ""
    try:
        commit = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10
        )
        dirty = subprocess.run(
            ["git", "-C", str(root), "status", "--porcelain", "--", "src"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return commit.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def short(path: str) -> str:
    """The last two parts of a path."""
    return "/".join(Path(path).parts[-2:])
