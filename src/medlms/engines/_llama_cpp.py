"""llama.cpp asked about a GGUF file, through the xllamacpp wheel where it is installed: what ids it reads, what it writes.

The wheel's server listens on an address of this machine alone, for as long as the questions take.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from medlms.errors import ModelError


def installed() -> bool:
    """Whether the xllamacpp wheel is there."""
    return find_spec("xllamacpp") is not None


def tried(
    path: Path, *, texts: Sequence[str], prompts: Sequence[Sequence[int]], new_tokens: int
) -> tuple[list[list[int]], list[list[int]]]:
    """The ids of each text, and the ids of a greedy answer to each prompt (ids), at most ``new_tokens`` long.

    ModelError when llama.cpp does not open the file.
    """
    import torch
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    settings.n_ctx = max(map(len, prompts)) + new_tokens + 8
    settings.n_parallel = 1
    # Its threads wait for one another by spinning: more of them than there are free cores, and it crawls.
    settings.cpuparams.n_threads = torch.get_num_threads()
    settings.verbosity = -1
    try:
        server = xllamacpp.Server(settings)
        ids = [
            _ask(server, "tokenize", content=text, add_special=False, parse_special=True)["tokens"] for text in texts
        ]
        answers = [_answer(server, prompt, new_tokens) for prompt in prompts]
    except (RuntimeError, OSError, KeyError, urllib.error.URLError) as error:
        raise ModelError(f"{path}: llama.cpp does not take this file: {error}") from None
    return ids, answers


def _answer(server: Any, prompt: Sequence[int], new_tokens: int) -> list[int]:
    said = _ask(
        server, "completion", prompt=list(prompt), n_predict=new_tokens, temperature=0, return_tokens=True,
        cache_prompt=False, samplers=["top_k"], top_k=1,
    )  # fmt: skip
    return list(said["tokens"])


def _ask(server: Any, path: str, **body: Any) -> Any:
    request = urllib.request.Request(  # noqa: S310 - an address of this machine
        f"{server.listening_address}/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=600) as answer:
        return json.load(answer)
