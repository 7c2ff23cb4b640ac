"""Every metric of the catalogue keeps the contract; a new file is tried here without being named."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from metric_texts import varied

from medlms import catalogue

EXAM = {
    "options": ("yes", "no", "maybe"),
    "option_logprobs": (-1.0, -0.5, -4.0),
    "option_bytes": (3, 2, 5),
    "chosen": 1,
}
PREDICTIONS = [
    replace(item, reference_logprob=-3.5, reference_tokens=7, right=number % 3, similarity=0.25 + 0.01 * number, **EXAM)
    for number, item in enumerate(varied(1, items=10, longest=60))
]


@pytest.mark.parametrize("name", catalogue.names("metrics"))
def test_contract(name):
    metric = catalogue.find("metrics", name)
    assert name == metric.NAME
    assert metric.TITLE and metric.__doc__
    assert metric.HIGHER_IS_BETTER in (True, False, None)
    rows = [row for row in map(metric.row, PREDICTIONS) if row is not None]
    assert rows and len({len(row) for row in rows}) == 1
    table = np.array(rows)
    assert np.isfinite(table).all()
    weights = np.random.default_rng(0).integers(0, 4, size=(3, 5, len(rows)))
    values = metric.value(weights @ table)
    assert values.shape == (3, 5)
    assert np.isfinite(values).all()
    assert values[1, 2] == pytest.approx(float(metric.value(weights[1, 2] @ table)), rel=1e-12)
    assert metric.value(table).shape == (len(rows),)
    if metric.HIGHER_IS_BETTER and name != "similarity":
        assert ((metric.value(table) >= 0) & (metric.value(table) <= 1 + 1e-9)).all()
    for part in getattr(metric, "PARTS", {}).values():
        assert part(weights @ table).shape == (3, 5) and np.isnan(part(np.zeros(table.shape[1])))


@pytest.mark.parametrize("name", catalogue.names("metrics"))
def test_nothing_summed_is_no_perfect_score(name):
    metric = catalogue.find("metrics", name)
    width = next(len(row) for row in map(metric.row, PREDICTIONS) if row is not None)
    value = float(metric.value(np.zeros(width)))
    assert np.isnan(value) or value == 0


def test_importing_metrics_loads_no_scoring_library():
    code = (
        "import sys; from medlms import catalogue\n"
        "for name in catalogue.names('metrics'): catalogue.find('metrics', name)\n"
        "print([name for name in ('torch', 'sacrebleu', 'rouge_score', 'nltk', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
