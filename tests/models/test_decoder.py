"""The own decoder computes what transformers computes, but for rounding, however texts are read, shared and gone on with."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from medlms.config import Lora
from medlms.models import adapters, native, products
from medlms.models.decoder import Decoder, decoder_of, state
from medlms.models.decoder_passes import PAGE, Heads, Passes
from medlms.models.pages import Pages, Text, needed, reading, shared
from medlms.testing import CONTEXT

OWN = ["llama", "llama2", "llama3", "mistral", "qwen2", "qwen3"]


@pytest.fixture(scope="module")
def passes() -> Passes:
    found, why = native.built()
    if found is None:
        pytest.skip(f"decoder.c is not built here: {why}")
    return Passes(found)


def own(loaded: Any, model: Any = None, **options: Any) -> Decoder:
    found, why = decoder_of(model or loaded.model, loaded.model, device=loaded.device, **options)
    assert found is not None, why
    return found


def texts(count: int = 5, seed: int = 0) -> list[list[int]]:
    random = torch.Generator().manual_seed(seed)
    return [torch.randint(5, 390, (7 + 41 * number,), generator=random).tolist() for number in range(count)]


@torch.inference_mode()
def theirs(model: Any, ids: list[int]) -> Tensor:
    logits: Tensor = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    return logits


@torch.inference_mode()
def read(decoder: Decoder, pages: Pages, parts: list[tuple[Text, list[int]]]) -> list[Tensor]:
    """Logits of each part, all read in one pass."""
    hidden = decoder.read(reading([(text, ids, pages.grow(text, len(ids))) for text, ids in parts]), pages)
    return list(decoder.logits(hidden).split([len(ids) for _, ids in parts]))


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", OWN)
def test_packed_texts_have_transformers_logits(passes: Passes, tiny: Any, family: str) -> None:
    loaded = tiny(family)
    decoder = own(loaded)
    pages = decoder.pages(40)
    for found, ids in zip(read(decoder, pages, [(Text(), ids) for ids in texts()]), texts(), strict=True):
        close(found, theirs(loaded.model, ids))


@pytest.mark.parametrize("family", OWN)
@pytest.mark.parametrize("piece", [1, 16, 63, 100])
def test_texts_may_be_read_in_pieces(passes: Passes, tiny: Any, family: str, piece: int) -> None:
    loaded = tiny(family)
    decoder = own(loaded)
    pages, ids, text = decoder.pages(8), texts()[-1], Text()
    found = [read(decoder, pages, [(text, ids[at : at + piece])])[0] for at in range(0, len(ids), piece)]
    close(torch.cat(found), theirs(loaded.model, ids))


@pytest.mark.parametrize("family", OWN)
def test_forks_go_on_from_shared_pages_in_the_same_pass(passes: Passes, tiny: Any, family: str) -> None:
    loaded = tiny(family)
    decoder = own(loaded)
    pages = decoder.pages(60)
    stem, other, third = texts(5)[4], texts(5, 1)[2], texts(5, 2)[1]
    first = Text()
    parts = [(first, stem)]
    wanted = [stem, *(stem[:length] + other for length in (20, 63, 64, 65, 100, len(stem)))]
    read(decoder, pages, parts)
    forks = [pages.fork(first, length) for length in (20, 63, 64, 65, 100, len(stem))]
    own_parts = [(fork, ids[fork.length :]) for fork, ids in zip(forks, wanted[1:], strict=True)]
    begins = [fork.length for fork in forks]
    for found, begin, ids in zip(read(decoder, pages, own_parts), begins, wanted[1:], strict=True):
        close(found, theirs(loaded.model, ids)[begin:])
    deep = pages.branch(forks[3])
    close(read(decoder, pages, [(deep, third)])[0], theirs(loaded.model, wanted[4] + third)[-len(third) :])
    whole = Text()
    slots = pages.grow(whole, len(stem))
    branch = pages.branch(whole)
    with torch.inference_mode():  # read together: a branch sees what is written in this very pass
        both = reading([(whole, stem, slots), (branch, other, pages.grow(branch, len(other)))])
        logits = decoder.logits(decoder.read(both, pages))
    close(logits[len(stem) :], theirs(loaded.model, stem + other)[len(stem) :])


def test_pages_are_given_back_and_hold_nothing_of_before(passes: Passes, tiny: Any) -> None:
    loaded = tiny()
    decoder = own(loaded)
    pages = decoder.pages(6)
    pages.keys.fill_(float("nan"))
    pages.values.fill_(float("nan"))
    for ids in texts():
        text = Text()
        (found,) = read(decoder, pages, [(text, ids)])
        close(found, theirs(loaded.model, ids))
        fork = pages.fork(text, len(ids) - 3)
        pages.drop(text)
        assert pages.free == 6 - len(fork.pages)
        pages.drop(fork)
        assert pages.free == 6


def test_a_short_end_is_read_again_and_not_shared() -> None:
    pages = Pages(9, 1, Heads(2, 1, 16), torch.float32)
    text = Text()
    pages.grow(text, 2 * PAGE + 20)
    assert [pages.fork(text, length).length for length in (5, 16, PAGE + 15, PAGE + 16, 2 * PAGE + 20)] == [
        0,
        16,
        PAGE,
        PAGE + 16,
        2 * PAGE + 20,
    ]
    assert (shared([1, 2, 3], [1, 2, 4, 5]), shared([1], [1, 2]), shared([], [1])) == (2, 1, 0)
    assert needed(PAGE) >= len(text.pages) - 1


@pytest.mark.parametrize("kind", ["plain", "packed"])
def test_bf16_is_as_near_as_transformers_own(passes: Passes, tiny: Any, kind: Any) -> None:
    loaded = tiny()
    ids = texts()[-1]
    exact = theirs(loaded.model, ids)
    loaded.model.to(torch.bfloat16)
    decoder = own(loaded, kind=kind)
    (found,) = read(decoder, decoder.pages(8), [(Text(), ids)])
    error, their_error = (float((logits.float() - exact).norm()) for logits in (found, theirs(loaded.model, ids)))
    assert error < 1.3 * their_error


def test_in_bf16_another_token_is_chosen_at_near_ties_only(passes: Passes, tiny: Any) -> None:
    loaded = tiny()
    prompts = texts(5, 3)
    exact = [theirs(loaded.model, ids) for ids in prompts]
    loaded.model.to(torch.bfloat16)
    decoder = own(loaded, kind="packed")
    pages = decoder.pages(40)
    others = 0
    for ids, right, logits in zip(
        prompts, exact, read(decoder, pages, [(Text(), ids) for ids in prompts]), strict=True
    ):
        best, wanted = logits.argmax(-1), theirs(loaded.model, ids).argmax(-1)
        for place in (best != wanted).nonzero()[:, 0].tolist():
            others += 1
            assert float((right[place, best[place]] - right[place, wanted[place]]).abs()) < 0.02 * float(
                right.abs().max()
            )
    assert others < 0.05 * sum(map(len, prompts))


def test_eight_bits_are_near(passes: Passes, tiny: Any) -> None:
    loaded = tiny()
    ids = texts()[-1]
    exact = theirs(loaded.model, ids)
    decoder = own(loaded, kind="int8")
    (found,) = read(decoder, decoder.pages(8), [(Text(), ids)])
    assert 0 < float((found - exact).norm() / exact.norm()) < 0.05
    (few,) = read(decoder, decoder.pages(8), [(Text(), ids[:3])])
    torch.testing.assert_close(few, found[:3], rtol=1e-3, atol=1e-3)


# Adapters


def tuned(loaded: Any, **settings: Any) -> Any:
    model = adapters.create(loaded, Lora(r=4, dropout=0.25, **settings), seed=1)
    random = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for tensor in adapters.tensors(model).values():
            tensor.add_(torch.randn(tensor.shape, generator=random) * 0.2)
    return model.eval()


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "v_proj", "up_proj"]])
@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_adapters_beside_the_weights_or_in_them(
    passes: Passes, tiny: Any, family: str, targets: Any, merged: bool
) -> None:
    loaded = tiny(family)
    ids = texts()[2]
    base = theirs(loaded.model, ids)
    model = tuned(loaded, targets=targets)
    decoder = own(loaded, model, merged=merged)
    (found,) = read(decoder, decoder.pages(8), [(Text(), ids)])
    close(found, theirs(model, ids))
    assert float((found - base).abs().max()) > 0.1
    plain = own(loaded)  # the base under the adapters
    close(read(plain, plain.pages(8), [(Text(), ids)])[0], base)


def test_weights_that_change_are_noticed(passes: Passes, tiny: Any) -> None:
    loaded = tiny()
    model = tuned(loaded)
    before = state(model)
    assert state(model) == before
    with torch.no_grad():
        next(iter(adapters.tensors(model).values())).mul_(2)
    assert state(model) != before


@pytest.mark.parametrize("family", ["gpt2", "gemma", "gemma2", "gemma3"])
def test_other_architectures_are_left_to_transformers(tiny: Any, family: str) -> None:
    loaded = tiny(family)
    found, why = decoder_of(loaded.model, loaded.model, device=loaded.device)
    assert found is None
    assert "not Llama-shaped" in why


def test_what_is_not_covered_says_so(passes: Passes, tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def why(loaded: Any, model: Any = None) -> str:
        found, reason = decoder_of(model or loaded.model, loaded.model, device=loaded.device)
        assert found is None
        return reason

    loaded = tiny()
    dora = adapters.create(loaded, Lora(r=4), seed=1, method="dora")
    assert "plain linear ones with LoRA" in why(loaded, dora)
    assert "activation gelu" in why(tiny(hidden_act="gelu"))
    assert "heads of a size" in why(tiny(head_dim=24))
    assert "float16" in why((half := tiny(), half.model.half())[0])
    monkeypatch.setattr(native, "built", lambda: (None, "no C compiler here"))
    assert why(tiny()) == "no C compiler here"


# Passes


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_likeliest_and_the_whole(passes: Passes, dtype: torch.dtype) -> None:
    logits = (torch.randn(9, 1000, generator=torch.Generator().manual_seed(2)) * 5).to(dtype)
    logits[3, 700] = logits[3, 20] = 40
    best, whole = passes.likeliest(logits)
    assert best.tolist() == logits.float().argmax(-1).tolist()
    assert best[3] == 20
    torch.testing.assert_close(whole, logits.double().logsumexp(-1).float(), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_eight_bits_and_back(passes: Passes, dtype: torch.dtype) -> None:
    x = torch.randn(5, 300, generator=torch.Generator().manual_seed(3)).to(dtype)
    x[2] = 0
    low, steps = passes.eight_bit(x)
    assert low[0].abs().max() == 127
    assert ((low * steps[:, None]) - x.float()).abs().max() <= steps.max() / 2 * 1.001
    weight, scales = products.eight_bit(torch.randn(40, 300, generator=torch.Generator().manual_seed(4)))
    sums = (low.int() @ weight.t().int()).to(torch.int32)
    found = passes.opened(sums, steps, scales, torch.float32)
    torch.testing.assert_close(found, sums * steps[:, None] * scales, rtol=1e-6, atol=1e-6)


def test_a_text_as_long_as_the_context(passes: Passes, tiny: Any) -> None:
    loaded = tiny("mistral")
    ids = (texts()[-1] * 2)[:CONTEXT]
    decoder = own(loaded)
    close(read(decoder, decoder.pages(8), [(Text(), ids)])[0], theirs(loaded.model, ids))
