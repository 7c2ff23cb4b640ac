"""Every generator that a library may draw from behind our back is set before the first draw."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Set Python's, numpy's and torch's own generators (and those of its GPUs).

    What the program itself draws (order, adapters, masks) comes from generators of its own and does not depend on these.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the generator that libraries draw from
    torch.manual_seed(seed)
