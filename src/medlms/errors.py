"""What can go wrong, drawn as a tree. Each error says what is wrong, where, and what to do next.

MedLMsError
├── AskedWrongly (exit code 2: the request itself can't be met)
│   ├── ConfigError      a config or a key=value, all faults at once
│   └── UnknownName      a name that no catalogue holds, with the nearest that one does
├── CouldNot (exit code 1: the request was fine, this machine or this input was not)
│   ├── DataError        a file that can't be read, rows that can't be used, a set too small to split
│   │   └── IdentifiersFound   rows that may name people, where the config says stop
│   ├── ModelError       weights, tokenizer or architecture missing or unfit
│   ├── FetchError       a hub, index or address that could not be reached or refused
│   ├── ResourceError    memory or disk that will not suffice
│   └── TrainingError    a loss that is no number
└── Interrupted (exit code 130: stopped by the user, the state is kept)
"""

from __future__ import annotations


class MedLMsError(Exception):
    """Base of all errors meant for people: ``str(error)`` is the sentence, ``hint`` the next step."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class AskedWrongly(MedLMsError):
    """The request can't be met as written."""

    exit_code = 2


class ConfigError(AskedWrongly):
    """A config with faults; ``faults`` lists them all."""

    def __init__(self, faults: list[str], *, hint: str = "") -> None:
        super().__init__("\n".join(faults), hint=hint)
        self.faults = faults


class UnknownName(AskedWrongly):
    """A name that is not in a catalogue."""


class CouldNot(MedLMsError):
    """The request was fine; the input or the machine was not."""


class DataError(CouldNot):
    """Data that can't be read or used."""


class IdentifiersFound(DataError):
    """Rows that may hold identifiers of people, where the config says to stop."""


class ModelError(CouldNot):
    """Weights, tokenizer or architecture missing or unfit."""


class FetchError(CouldNot):
    """Something that had to be fetched could not be."""


class ResourceError(CouldNot):
    """Too little memory or disk."""


class TrainingError(CouldNot):
    """Training that can't go on."""


class Interrupted(MedLMsError):
    """Stopped by the user; what was done is kept."""

    exit_code = 130
