"""Which number format a model computes in on a given device, and why. A pure function: the device is described, not asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from medlms.errors import AskedWrongly

Format = Literal["bf16", "fp16", "fp32"]


@dataclass(frozen=True, slots=True)
class Hardware:
    """A device as far as the choice needs it.

    ``capability`` is CUDA's compute capability (None elsewhere): T4 and RTX 8000 have (7, 5), V100 (7, 0), A100 (8, 0).
    """

    kind: Literal["cpu", "cuda"]
    bf16: bool
    name: str = ""
    capability: tuple[int, int] | None = None

    @property
    def fast_fp16(self) -> bool:
        """Whether this GPU multiplies fp16 matrices faster than fp32 (P100, and all from Volta on)."""
        return (
            self.kind == "cuda"
            and self.capability is not None
            and (self.capability == (6, 0) or self.capability >= (7, 0))
        )

    @property
    def called(self) -> str:
        """The device in a sentence."""
        return "this processor" if self.kind == "cpu" else f"this GPU ({self.name})" if self.name else "this GPU"


def choose(asked: str, hardware: Hardware, *, fp16: bool = True) -> tuple[Format, str]:
    """The format for ``asked`` (auto, bf16, fp16 or fp32) and the reason.

    ``fp16`` is False for a model whose activations leave its range. AskedWrongly when the device or the model can't have
    what was asked for.
    """
    if asked == "fp32":
        return "fp32", "fp32, as asked"
    if asked == "fp16":
        if not fp16:
            raise AskedWrongly(
                "precision: fp16 was asked for, but activations of this model leave its range.",
                hint="Use precision: auto.",
            )
        return "fp16", "fp16, as asked; loss scaling and norms in fp32"
    if hardware.bf16:
        return "bf16", f"bf16: {hardware.called} computes in it"
    if asked == "bf16":
        raise AskedWrongly(
            f"precision: bf16 was asked for, but {hardware.called} does not compute in it.",
            hint="Use precision: auto.",
        )
    if hardware.fast_fp16 and not fp16:
        return "fp32", f"fp32: {hardware.called} does not compute in bf16, and this model leaves the range of fp16"
    if hardware.fast_fp16:
        return "fp16", f"fp16: {hardware.called} does not compute in bf16; loss scaling and norms in fp32"
    return "fp32", f"fp32: {hardware.called} does not compute in bf16"
