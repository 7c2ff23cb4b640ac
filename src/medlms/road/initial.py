"""`medlms init FILE`: looks at a file of questions and answers, writes a config for it and says what is possible."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import yaml

from medlms.config import Config, load
from medlms.data.look import look
from medlms.errors import AskedWrongly, DataError, FetchError
from medlms.models.fetch import locate
from medlms.models.known import DEFAULT
from medlms.run import write_whole

HEAD = """\
# Made by `medlms init {file}`. Every key and its default: `medlms train --keys`.
# {said}
"""


def init(file: str | Path, *, out: str | Path | None = None, model: str = DEFAULT) -> dict[str, Any]:
    """Write a config for ``file`` (to ``out``, by default the file's name with .yaml) and return what was found.

    Raises DataError when the file can't be read or is too small, AskedWrongly when the config exists already.
    """
    source = Path(file)
    found = look(source)
    split = found["suggested_split"]
    if not split:
        hint = f"What is wrong with its rows: medlms data check {source}" if found["faults"] else "Add rows."
        raise DataError(f"{source}: {found['possible'][0]}.", hint=hint)
    with contextlib.suppress(FetchError):  # a model that is not here yet is fetched when training starts
        locate(model, fetch=False)
    target = Path(out) if out else Path(f"{source.name.split('.')[0]}.yaml")
    if target.exists():
        raise AskedWrongly(f"{target} exists already.", hint="Give another name with --out.")
    config = suggested(source, found, model)
    text = HEAD.format(file=source.name, said="\n# ".join(found["possible"])) + yaml.safe_dump(
        config, sort_keys=False, allow_unicode=True, width=100
    )
    load(config)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, text.encode("utf-8"))
    return {**found, "config": str(target)}


def suggested(source: Path, found: dict[str, Any], model: str) -> dict[str, Any]:
    """The config that fits what was found."""
    split = found["suggested_split"]
    used = found["columns"].get("used", {})
    columns = (
        {key: used[key] for key in ("question", "answer", "topic") if isinstance(used.get(key), str)}
        if found["columns"].get("kind") == "columns"
        else {}
    )
    longest = found["answer_words"]["max"] * 2 + found["question_words"]["max"] * 2 + 64
    length = next((size for size in (256, 512, 1024, 2048) if size >= longest), 2048)
    limit = next((size for size in (64, 128, 256, 512) if size >= found["answer_words"]["p95"] * 1.6), 512)
    return {
        "model": model,
        "data": [{"source": str(source), **columns}],
        "split": {"train": None, "dev": split["dev"], "eval": split["eval"], "by": "topic"},
        "max_length": length,
        "train": {
            "epochs": 2 if split["train"] >= 500 else 3,
            "tokens_per_step": 2048 if split["train"] < 1000 else 4096,
        },
        "evaluate": {"max_new_tokens": limit},
        "run": re.sub(r"[^\w.-]+", "-", source.name.split(".")[0]).strip("-.") or "run",
    }


def keys() -> list[tuple[str, str, str]]:
    """Every key of a config with its default and meaning."""
    from medlms.config import reference

    return list(reference(Config))
