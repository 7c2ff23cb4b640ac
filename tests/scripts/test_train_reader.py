"""What scripts/train_reader.py writes is what it fitted, and what it fits to is what the texts say."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

import train_reader
from medlms.data.identifiers import KINDS, network
from medlms.data.identifiers.pieces import Vocabulary
from tagger_texts import Marked, numbered

WORDS = [
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *"abcdefghijklmnopqrstuvwxyz0123456789.,:-",
    *(f"##{mark}" for mark in "abcdefghijklmnopqrstuvwxyz0123456789"),
]
VOCABULARY = Vocabulary(WORDS)


@pytest.fixture
def reader() -> train_reader.Reader:
    torch.manual_seed(3)
    made = train_reader.Reader(len(WORDS), width=24, inner=48, layers=2)
    made.steps.copy_(torch.from_numpy(train_reader.steps_of(made.words.weight.detach().numpy()).astype(np.float32)))
    return made.eval()


def written(reader: train_reader.Reader) -> network.Network:
    held = train_reader.packed(reader.state_dict())
    return network.Network(
        *network.unpacked({**held, "vocabulary": np.frombuffer("\n".join(WORDS).encode(), dtype=np.uint8)})
    )


def shares(reader: train_reader.Reader, seen: np.ndarray) -> np.ndarray:
    marks = (WORDS.index("[CLS]"), WORDS.index("[SEP]"))
    window = train_reader.Window(seen, np.zeros(seen.shape[1], dtype=np.int64), 1.0)
    other = train_reader.Window(seen[:, :3], np.zeros(3, dtype=np.int64), 1.0)
    stacked = train_reader._stacked([window, other], marks)  # beside a shorter text, so that there is padding
    with torch.no_grad():
        return reader(*stacked[:2]).softmax(-1)[0, 1:-1].numpy()


def test_the_file_gives_the_shares_that_were_fitted(reader: train_reader.Reader) -> None:
    text = "Ana Pike, mrn: 4471-902"
    pieces = VOCABULARY.cut(text)
    seen = np.array([pieces.ids, *network.signs(text, pieces, [])])
    found = written(reader)
    assert np.abs(found.read(seen) - shares(reader, seen)).max() < 0.02, "bytes are near the weights"
    with torch.no_grad():
        for value in (
            one for name, one in reader.named_parameters() if one.ndim > 1 and name.startswith(("layers", "out"))
        ):
            step = value.abs().amax(1, keepdim=True) / 127
            value.copy_((value / step).round() * step)
        for table in (reader.positions, reader.capitals, reader.gaps, reader.kinds, reader.lists):
            step = table.weight.abs().amax(0) / 127
            table.weight.copy_((table.weight / step).round() * step)
    assert written(reader).read(seen) == pytest.approx(shares(reader, seen), abs=2e-6), "weights that bytes hold stay"


def test_windows_hold_every_piece_with_its_class() -> None:
    text = "ana saw bo at 4471 again and again. " * 60
    row = Marked(text, [(0, 3, "name"), (14, 18, "mrn")], "ward/1", 1.0)
    windows = list(train_reader.seen(row, VOCABULARY, random.Random(5)))
    assert len(windows) > 2 and all(len(one.classes) <= network.WINDOW - 2 for one in windows)
    classes = np.concatenate([one.classes for one in windows])
    pieces = VOCABULARY.cut(text)
    assert np.concatenate([one.seen[0] for one in windows]).tolist() == pieces.ids
    named = {
        int(kind): [text[pieces.starts[place]] for place in np.flatnonzero(classes == kind)] for kind in set(classes)
    }
    assert named[1 + KINDS.index("name")] == list("ana") and named[1 + KINDS.index("mrn")] == list("4471")


def test_what_rules_find_in_a_real_text_counts_neither_way() -> None:
    text = "Dr. John Smith saw it. Call 617-482-9913."
    (window,) = train_reader.seen(Marked(text, [], "real/medquad", 0.7), VOCABULARY, random.Random(5))
    assert {train_reader.ASIDE, 0} == set(window.classes.tolist())


def test_numbers_change_and_nothing_else_does() -> None:
    text = "Ana, 12/3/2021, mrn QX-4471, call 555-0142"
    row = Marked(text, [(0, 3, "name"), (5, 14, "date"), (20, 27, "mrn"), (34, 42, "phone")], "ward/1", 1.0)
    made = numbered(row, random.Random(2)).text
    assert made != text and len(made) == len(text) and made[:20] == text[:20] and made[27:34] == text[27:34]
    assert made[22] == "-" and made[23:27].isdigit() and made[37] == "-"


def test_texts_of_like_length_are_read_together_and_none_is_lost() -> None:
    draw = random.Random(1)
    sizes = [draw.randrange(1, network.WINDOW - 1) for _ in range(700)]
    windows = [train_reader.Window(np.zeros((5, size), int), np.zeros(size, int), 1.0) for size in sizes]
    groups = train_reader.batches(windows, (1, 2))
    assert sum(len(there) for _, there, _, _ in groups) == len(sizes)
    assert all(there.numel() <= max(train_reader.PIECES, there.shape[1]) for _, there, _, _ in groups)
    assert sum(int(there.sum()) for _, there, _, _ in groups) == sum(size + 2 for size in sizes)


def test_four_bits_are_near_and_steps_fit_their_rows() -> None:
    values = (
        np.random.default_rng(4).normal(size=(50, 24)).astype(np.float32)
        * np.linspace(0.1, 3, 50, dtype=np.float32)[:, None]
    )
    steps = train_reader.steps_of(values).astype(np.float32)[:, None]
    held = np.clip(np.rint(values / steps), -8, 7) * steps
    assert (np.square(held - values).mean(1) < 0.02 * np.square(values).mean(1)).all()
