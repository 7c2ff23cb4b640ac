"""What `medlms doctor` finds out about this machine."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from medlms.bench import probed
from medlms.bench.machine import libraries, machine
from medlms.models.known import DEFAULT
from medlms.road import probing
from medlms.run import home

NEEDED = {
    "torch": "train", "transformers": "train", "peft": "train", "safetensors": "train", "gguf": "train",
    "sacrebleu": "eval", "rouge_score": "eval", "scipy": "eval", "altair": "report", "vl_convert": "report",
}  # fmt: skip


def examine() -> dict[str, Any]:
    """The machine, the libraries, what will run, what was measured of the training step here, and what to fix; JSON-able."""
    have = machine()
    missing = {extra for name, extra in NEEDED.items() if find_spec(name) is None}
    fix = (
        [f"some of what tuning and grading need is missing: pip install 'medlms[{','.join(sorted(missing))}]'"]
        if missing
        else []
    )
    runs, measured = [], []
    if not missing & {"train"}:
        runs += _compute()
        measured = [{**asdict(found), "said": probing.line(found)} for found in probed.of_this_machine()]
    folder = home()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    have["free_disk_bytes"] = free
    if free < 3e9:
        fix.append(f"only {free / 1e9:.1f} GB of disk are free at {there}; the default model and a run need about 2")
    if not os.access(there, os.W_OK):
        fix.append(f"{folder} can't be written: set MEDLMS_HOME to a folder of yours")
    if not (folder / "models" / DEFAULT).is_dir():
        runs.append(f"the default model is not here yet: medlms models get {DEFAULT}")
    return {"machine": have, "libraries": libraries(), "will_run": runs, "measured": measured, "to_fix": fix}


def _compute() -> list[str]:
    from medlms.models.load import choose_device, choose_dtype
    from medlms.models.plan import matmul_flops

    device = choose_device()
    dtype, why = choose_dtype("auto", device)
    speed = matmul_flops(dtype, device)
    return [
        f"device {device}; {why}; matrix products at {speed / 1e9:.0f} GFLOP/s",
        "training: fused LoRA step over packed rows; answers: own greedy loop over transformers' layers",
        "base weights in 4 or 8 bit (load_in_4bit, load_in_8bit): "
        + ("to save memory, never time" if find_spec("bitsandbytes") else "need pip install 'medlms[4bit]'"),
    ]
