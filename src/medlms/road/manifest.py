"""What a run was made with: versions, machine, code, seeds, and a hash of everything that went in."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from medlms import __version__
from medlms.run import now

LIBRARIES = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "bitsandbytes",
    "tokenizers",
    "safetensors",
    "numpy",
    "sacrebleu",
    "rouge-score",
)


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


def machine() -> dict[str, Any]:
    """The machine, without names or addresses."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: found for name, found in libraries().items() if name in ("torch", "transformers", "peft")},
    }


def libraries() -> dict[str, str]:
    """Versions of the libraries whose results could differ."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def memory() -> int | None:
    """Bytes of memory in all."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


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
