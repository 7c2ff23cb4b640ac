"""The shape of report.json: what the road writes and every page reads. All parts may be missing; a missing part is left out.

Numbers are floats in the units of the metric's definition (shares from 0 to 1), None where nothing was measured. Texts
are untrusted: pages escape all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict


class Measured(TypedDict, total=False):
    """A value over ``n`` items with its 95 % interval.

    ``maximum`` is the best single item, ``unread`` items had no readable answer, ``cut`` ones hit the length limit.
    Over several ``seeds`` the value is their mean, from ``lowest`` to ``highest``.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int | None
    unread: int | None
    maximum: float | None
    cut: int
    seeds: int
    lowest: float
    highest: float


class Model(TypedDict, total=False):
    """The base model, and what the model card needs to load it.

    ``address`` is what ``from_pretrained`` takes (hub id or folder), ``gguf_file`` the file in it when it is a GGUF one.
    ``package`` (a requirement) and ``member`` name a GGUF file inside a Python package instead, ``parts`` the packages and
    members of one in pieces.
    """

    name: str
    note: str
    licence: str
    address: str
    gguf_file: str
    package: str
    member: str
    parts: Sequence[Sequence[str]]
    parameters: int | None
    trainable: int | None
    precision: str
    device: str
    path: str


class System(TypedDict, total=False):
    """One row of the results: ``endings`` counts answers by how they ended.

    ``without_hits`` is ``metrics`` again over the items that no training row overlaps with.
    """

    name: str
    title: str
    note: str
    metrics: Mapping[str, Measured]
    without_hits: Mapping[str, Measured]
    speed: Mapping[str, Measured]
    endings: Mapping[str, int]


class Contamination(TypedDict, total=False):
    """Overlaps of graded items with training rows: ``items`` = ``hit`` + ``kept``; ``not_compared`` of them could not be.

    A hit holds ``exam_id`` and ``exam_place`` of the item, ``row`` and ``place`` of the training row, ``field`` and ``part`` (of
    item and row), ``kinds`` and the common ``text``. ``ids`` are the items that were hit.
    """

    items: int
    hit: int
    kept: int
    not_compared: int
    meaning: Sequence[str]
    ids: Sequence[str]
    hits: Sequence[Mapping[str, Any]]


class Difference(TypedDict, total=False):
    """The paired difference ``a - b`` on the same questions; ``p_adjusted`` over all comparisons of the report.

    ``detectable`` is the smallest difference that would be seen four times in five, ``items_needed`` the questions that one
    as small as this takes. Reports of earlier versions have neither, and ``p_adjusted`` for what the verdict rested on.
    """

    a: str
    b: str
    metric: str
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_adjusted: float | None
    n: int | None
    detectable: float | None
    items_needed: int | None


class Training(TypedDict, total=False):
    """What training took; ``best_epoch`` is the one whose adapter was kept."""

    steps: int
    epochs: float
    rows: int
    tokens: int
    learned_tokens: int
    seconds: float
    tokens_per_second: float
    peak_memory_bytes: int
    best_epoch: float | None


class Answer(TypedDict, total=False):
    """One generated answer; ``ending``: complete, cut by length, empty or repeats itself; ``facts`` stand beside it."""

    text: str
    ending: str
    token_f1: float | None
    facts: Sequence[str]


class Sample(TypedDict, total=False):
    """One graded question with the answers of every system, by system name."""

    id: str
    topic: str
    question: str
    reference: str
    answers: Mapping[str, Answer]


class Prompt(TypedDict, total=False):
    """One ungraded question."""

    question: str
    answers: Mapping[str, Answer]


class DataSourceRows(TypedDict, total=False):
    """Rows of one source: ``rows_in`` = ``kept`` + the sum of ``dropped``; ``kept`` = train + dev + eval + not_drawn.

    ``cleaned`` counts the rows that each cleaning step changed, ``weight`` is the share asked for.
    """

    title: str
    licence: str
    citation: str
    address: str
    weight: float
    said: list[str]
    rows_in: int
    kept: int
    dropped: Mapping[str, int]
    cleaned: Mapping[str, int]
    train: int
    dev: int
    eval: int
    not_drawn: int


class DataReport(TypedDict, total=False):
    """The account that the data room gives of a prepared set (data_report.json); other keys are not shown.

    ``said`` are sentences for the reader, ``cut`` counts rows cut at the longest length. A short form is read as well:
    ``sources`` as a list with ``name`` and ``rows``, ``splits`` with ``rows``, ``groups`` and ``by_source``.

    ``page`` names the file with the whole account, if it was written; ``terms`` say what the licences ask of the adapter.
    ``groups`` counts the groups of each part, ``mixture`` the shares asked for and got, ``identifiers`` holds a ``note`` and,
    where somebody looked, ``by_source`` (policy, rows, rows_with, found, by_class).
    """

    sources: Mapping[str, DataSourceRows]
    said: list[str]
    cut: int
    groups: Mapping[str, Any]
    mixture: Mapping[str, Mapping[str, float]]
    mixing: Mapping[str, Any]
    excluded: Mapping[str, Any]
    overlaps: Mapping[str, Any]
    duplicates: Mapping[str, Any]
    exams: Mapping[str, Any]
    graded: Mapping[str, Any]
    passed_over: Mapping[str, int]
    repeated_questions: Mapping[str, int]
    identifiers: Mapping[str, Any]
    terms: list[str]
    page: str


class Knee(TypedDict, total=False):
    """Where a metric's curve over epochs bends: ``state`` is knee, none or no gain; see ``evaluate.knee``."""

    metric: str
    state: str
    epoch: float | None
    low: float | None
    high: float | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    after: float | None
    after_low: float | None
    after_high: float | None
    last: float
    n: int
    seeds: int


class ExamPart(TypedDict, total=False):
    """One exam: ``rows_in`` = ``asked`` + ``left`` + the sum of ``set_aside``; ``chance`` and ``majority`` are shares.

    An item of ``results`` is one system asked in one way: metrics, ``unread`` and ``unread_why``, a ``verdict`` in words,
    ``places``, ``reliability``, ``selective``, ``topics``; see ``evaluate.exam_results``. ``faults`` are the first rows that
    were set aside.
    """

    name: str
    title: str
    licence: str
    citation: str
    said: list[str]
    files: Mapping[str, str]
    rows_in: int
    asked: int
    left: int
    set_aside: Mapping[str, int]
    faults: list[Mapping[str, str]]
    shots: str
    prompt: str
    options: Mapping[str, int]
    chance: float
    majority: float
    majority_answer: str
    results: list[Mapping[str, Any]]
    comparisons: list[Mapping[str, Any]]
    overlaps: Mapping[str, Any]


class StrategyPart(TypedDict, total=False):
    """What strategies were ``asked``: an exam by its name, or ``answers``, the open questions.

    An item of ``results`` is one system asked by one ``strategy``: metrics, ``unread`` and ``unread_why``, ``cut``,
    ``agreement``, and ``answers``, ``prompt_tokens`` and ``new_tokens`` a question; see ``evaluate.strategy_results``.
    ``comparisons`` are against the first strategy, a ``system`` each.
    """

    name: str
    asked: int
    results: list[Mapping[str, Any]]
    comparisons: list[Mapping[str, Any]]


class Report(TypedDict, total=False):
    """The whole of report.json.

    An item of ``epochs`` is {"epoch": number, metric name: Measured, ...}. ``notes`` stand below the results: how a
    metric was computed (a BLEU signature), say. ``wordings`` are the prompts that best_prompt was chosen of: ``metric``,
    ``rows``, ``answers``, ``tokens``, ``chosen``, and ``wordings`` with name, instruction, question, score, words and tokens.
    """

    kind: str
    run: str
    date: str
    command: str
    version: str
    verdict: list[str]
    notes: list[str]
    warnings: list[str]
    model: Model
    config: Mapping[str, Any]
    systems: list[System]
    exams: list[ExamPart]
    strategies: list[StrategyPart]
    wordings: Mapping[str, Any]
    contamination: Contamination
    comparisons: list[Difference]
    training: Training | None
    epochs: list[Mapping[str, Any]]
    knees: list[Knee]
    samples: list[Sample]
    prompts: list[Prompt]
    data: DataReport
    machine: Mapping[str, Any]
