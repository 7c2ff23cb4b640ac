"""The licence check, on metadata made for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

import pytest

from check_licences import Verdict, closure, findings, judge, licence_of, main

Find = Callable[[str], metadata.Distribution]


def installed(folder: Path, packages: Mapping[str, list[str]]) -> Find:
    """Install packages that consist of metadata; returns what finds them."""
    for name, lines in packages.items():
        place = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        place.mkdir(parents=True)
        text = "\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *lines, ""])
        (place / "METADATA").write_text(text, encoding="utf-8")

    def find(name: str) -> metadata.Distribution:
        found = list(metadata.distributions(name=name, path=[str(folder)]))
        if not found:
            raise metadata.PackageNotFoundError(name)
        return found[0]

    return find


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("MIT", Verdict.FREE),
        ("Apache-2.0 OR BSD-2-Clause", Verdict.FREE),
        ("GPL-3.0-or-later", Verdict.REFUSED),
        ("GPL-2.0", Verdict.REFUSED),
        ("AGPL-3.0-only", Verdict.REFUSED),
        ("GPLv3", Verdict.REFUSED),
        ("GNU General Public License v3 (GPLv3)", Verdict.REFUSED),
        ("GNU Affero General Public License v3", Verdict.REFUSED),
        ("LGPL-2.1-or-later", Verdict.NOTICE),
        ("GNU Lesser General Public License v3 (LGPLv3)", Verdict.NOTICE),
        ("GNU Library or Lesser General Public License (LGPL)", Verdict.NOTICE),
        ("MPL-2.0", Verdict.NOTICE),
        ("MIT OR GPL-3.0-only", Verdict.FREE),
        ("MIT AND GPL-3.0-only", Verdict.REFUSED),
        ("MIT AND (BSD-3-Clause OR AGPL-3.0-only)", Verdict.FREE),
        ("(MIT OR Apache-2.0) AND (GPL-2.0-only)", Verdict.REFUSED),
        ("BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1", Verdict.NOTICE),
        ("LicenseRef-Proprietary", Verdict.UNKNOWN),
    ],
)
def test_judge(text: str, verdict: Verdict) -> None:
    assert judge(text) is verdict


def test_licence_comes_from_expression_then_classifiers_then_text(tmp_path: Path) -> None:
    classifier = "Classifier: License :: OSI Approved :: MIT License"
    find = installed(
        tmp_path,
        {
            "expression": ["License-Expression: BSD-3-Clause", classifier],
            "classifier": ["License: see the file", classifier],
            "whole-text": ["License: Apache License 2.0", "        and then much more", "        of it"],
            "nothing": ["License: UNKNOWN"],
        },
    )
    names = ["expression", "classifier", "whole-text", "nothing"]
    assert [licence_of(find(name)) for name in names] == ["BSD-3-Clause", "MIT License", "Apache License 2.0", ""]


def test_closure_follows_extras_and_markers(tmp_path: Path) -> None:
    find = installed(
        tmp_path,
        {
            "top": [
                "Provides-Extra: all",
                "Provides-Extra: more",
                "Requires-Dist: plain",
                "Requires-Dist: top[more]; extra == 'all'",
                "Requires-Dist: deep[fast]; extra == 'more'",
                "Requires-Dist: other; extra == 'else'",
                "Requires-Dist: windows; sys_platform == 'nowhere'",
            ],
            "plain": ["Requires-Dist: deep"],
            "deep": ["Provides-Extra: fast", "Requires-Dist: engine; extra == 'fast'", "Requires-Dist: gone"],
            "engine": ["Requires-Dist: top"],
            "other": [],
            "windows": [],
        },
    )
    distributions, missing = closure("top[all]", find)
    assert [item.metadata["Name"] for item in distributions] == ["deep", "engine", "plain"]
    assert missing == ["gone"]
    assert [item.metadata["Name"] for item in closure("top", find)[0]] == ["deep", "plain"]


def test_refused_and_unknown_come_first(tmp_path: Path) -> None:
    find = installed(
        tmp_path,
        {"good": ["License-Expression: MIT"], "bad": ["License-Expression: AGPL-3.0-only"], "silent": []},
    )
    rows = findings([find("good"), find("silent"), find("bad")])
    assert [(row.name, row.verdict) for row in rows] == [
        ("bad", Verdict.REFUSED),
        ("silent", Verdict.UNKNOWN),
        ("good", Verdict.FREE),
    ]


def test_main_refuses_gpl_and_only_lists_the_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = installed(
        tmp_path,
        {
            "clean": ["Requires-Dist: silent"],
            "tainted": ["Requires-Dist: copyleft"],
            "copyleft": ["License-Expression: GPL-3.0-only"],
            "silent": [],
        },
    )
    monkeypatch.setattr("check_licences.closure", lambda text: closure(text, find))
    assert main(["clean"]) == 0
    assert "unknown" in capsys.readouterr().out
    assert main(["tainted"]) == 1
    assert "REFUSED          copyleft 1.0: GPL-3.0-only" in capsys.readouterr().out


def test_main_says_when_there_is_nothing_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["a-package-that-is-not-there"]) == 1
    assert "not installed" in capsys.readouterr().err
    assert main([]) == 2
