"""Embeddings of texts by the sentence model, as sentence-transformers makes them: mean over the tokens, then length 1.

Texts are read one at a time, each at its own length. That costs no time on a processor, nothing is padded, and a text has the
same embedding to the bit whatever else is embedded. In fp32.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from medlms.models import sentence_model
from medlms.models.fetch import Say
from medlms.models.load import quiet

LONGEST = 256
"""Word pieces that the model was made for, with the two around them; what is beyond is not read."""


class SentenceEmbedder:
    """Text to vector [384] of length 1."""

    def __init__(self, folder: Path) -> None:
        """Read tokenizer and weights from ``folder`` (see models.sentence_model)."""
        quiet()
        from tokenizers import Tokenizer
        from transformers import BertModel

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._model = BertModel.from_pretrained(
            folder, add_pooling_layer=False, dtype=torch.float32, local_files_only=True, use_safetensors=True
        ).eval()
        self._embedded = functools.lru_cache(maxsize=8192)(self._embed)
        self.cut = 0
        """Different texts that were longer than the model reads."""

    def similarities(self, texts: Sequence[str], others: Sequence[Sequence[str]]) -> list[float]:
        """For each text the highest cosine with any of its ``others``; 0 where it is blank or has none."""
        return [
            max((float(self.embed(text) @ self.embed(other)) for other in found if other.strip()), default=0.0)
            if text.strip()
            else 0.0
            for text, found in zip(texts, others, strict=True)
        ]

    def embed(self, text: str) -> NDArray[np.float32]:
        """The embedding [384] of a text."""
        return self._embedded(text)

    @torch.inference_mode()
    def _embed(self, text: str) -> NDArray[np.float32]:
        ids = self._tokenizer.encode(text).ids
        if len(ids) > LONGEST:
            self.cut += 1
            ids = [*ids[: LONGEST - 1], ids[-1]]  # the last one ends the text
        hidden = self._model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        mean = hidden.mean(dim=0)
        vector: NDArray[np.float32] = torch.nn.functional.normalize(mean, dim=0).numpy()
        return vector


def embedder(*, fetch: bool, say: Say) -> SentenceEmbedder:
    """The sentence model of this machine; FetchError where it is not there and may not, or can't, be fetched."""
    return _loaded(sentence_model.locate(fetch=fetch, say=say))


@functools.lru_cache(maxsize=1)
def _loaded(folder: Path) -> SentenceEmbedder:
    return SentenceEmbedder(folder)
