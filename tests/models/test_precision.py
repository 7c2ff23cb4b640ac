"""The number format follows the device, with a reason; norms stay in fp32 where 16 bits are too few."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from medlms.errors import AskedWrongly
from medlms.models import load, norms
from medlms.models.fetch import locate
from medlms.models.precision import Hardware, choose

T4 = Hardware("cuda", bf16=False, name="Tesla T4", capability=(7, 5))
V100 = Hardware("cuda", bf16=False, name="Tesla V100-SXM2-32GB", capability=(7, 0))
RTX_8000 = Hardware("cuda", bf16=False, name="Quadro RTX 8000", capability=(7, 5))
P100 = Hardware("cuda", bf16=False, name="Tesla P100", capability=(6, 0))
P40 = Hardware("cuda", bf16=False, name="Tesla P40", capability=(6, 1))
A100 = Hardware("cuda", bf16=True, name="NVIDIA A100-SXM4-80GB", capability=(8, 0))
OLD_CPU = Hardware("cpu", bf16=False)
NEW_CPU = Hardware("cpu", bf16=True)


@pytest.mark.parametrize(
    ("device", "wanted"),
    [
        (T4, "fp16"),
        (V100, "fp16"),
        (RTX_8000, "fp16"),
        (P100, "fp16"),
        (P40, "fp32"),
        (A100, "bf16"),
        (OLD_CPU, "fp32"),
        (NEW_CPU, "bf16"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name or value.kind,
)
def test_auto_takes_what_the_device_computes_fast(device: Hardware, wanted: str) -> None:
    found, why = choose("auto", device)
    assert found == wanted
    assert why.startswith(f"{wanted}: this ")
    assert device.name in why
    assert ("loss scaling and norms in fp32" in why) == (wanted == "fp16")


@pytest.mark.parametrize("device", [T4, A100, OLD_CPU, NEW_CPU])
def test_what_is_asked_for_is_had_or_refused(device: Hardware) -> None:
    assert choose("fp32", device) == ("fp32", "fp32, as asked")
    assert choose("fp16", device)[0] == "fp16"
    if device.bf16:
        assert choose("bf16", device)[0] == "bf16"
    else:
        with pytest.raises(AskedWrongly, match="does not compute in it") as caught:
            choose("bf16", device)
        assert "auto" in caught.value.hint


def test_a_family_that_leaves_the_range_of_fp16_gets_fp32(tiny_folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("auto", T4, fp16=False)[0] == choose("auto", OLD_CPU, fp16=False)[0] == "fp32"
    assert "range of fp16" in choose("auto", V100, fp16=False)[1]
    assert choose("auto", A100, fp16=False)[0] == "bf16"
    with pytest.raises(AskedWrongly, match="leave its range"):
        choose("fp16", T4, fp16=False)
    monkeypatch.setattr(load, "hardware", lambda device: T4)  # its choice, computed on this processor
    assert load.load(locate(str(tiny_folder("gemma")))).dtype == torch.float32
    assert load.load(locate(str(tiny_folder("llama")))).dtype == torch.float16


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3"])
def test_norms_compute_in_fp32_and_hand_on_fp16(tiny: Any, family: str) -> None:
    model = tiny(family).model.half()
    found = [module for module in model.modules() if type(module).__name__.endswith("Norm")]
    x = torch.full((1, 3, found[0].weight.shape[0]), 300.0)  # whose square is no fp16 number
    x[..., ::2] = -100
    wanted = found[0].float()(x)
    found[0].half()
    assert norms.keep_in_fp32(model, torch.float16) == len(found) > 2
    got = found[0](x.half())
    assert got.dtype == torch.float16
    torch.testing.assert_close(got.float(), wanted, rtol=2e-3, atol=2e-3)
    assert {parameter.dtype for module in found for parameter in module.parameters()} == {torch.float32}
    rest = {p.dtype for name, p in model.named_parameters() if "norm" not in name and "ln_" not in name}
    assert rest == {torch.float16}
