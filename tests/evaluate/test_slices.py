"""Slices of a test by length: all items are in one bin, equal lengths together, bins from short to long."""

import numpy as np

from medlms.evaluate.slices import binned, in_order


def test_bins_hold_all_and_keep_equal_lengths_together():
    sizes = np.random.default_rng(3).integers(1, 40, size=200).tolist()
    labels = binned(sizes)
    assert len(set(labels)) == 4
    for label in set(labels):
        low, high = int(label.split()[0]), int(label.split()[-2])
        assert {size for size, found in zip(sizes, labels, strict=True) if low <= size <= high} == {
            size for size, found in zip(sizes, labels, strict=True) if found == label
        }
    assert [int(label.split()[0]) for label in in_order("question length", labels)] == sorted(
        int(label.split()[0]) for label in set(labels)
    )


def test_few_lengths_make_few_bins():
    assert binned([5, 5, 5]) == ["5 words"] * 3
    assert binned([1]) == ["1 word"]
    assert binned([]) == []
