"""The config: every fault at once with its place, names that users carry over, and settings that win over the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medlms.config import ALIASES, Config, dump, load, reference
from medlms.errors import ConfigError

ROOT = Path(__file__).parent.parent
LEAST = {"model": "m", "data": "d.csv"}


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "c.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def faults(source: Any, *overrides: str, **keys: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(source, overrides, **keys)
    assert caught.value.exit_code == 2
    return caught.value.faults


@pytest.mark.parametrize(
    "path",
    [path for path in sorted((ROOT / "configs").rglob("*.yaml")) if not path.stem.startswith("study-")],
    ids=lambda path: path.stem,
)
def test_every_config_of_the_repository_loads(path: Path) -> None:
    config, notes = load(path)
    assert config.data or config.evaluate.tasks == ["exam"]
    aliases = [key for key in path.read_text(encoding="utf-8").replace(":", " ").split() if key in ALIASES]
    assert all(" is read as " in note for note in notes)
    assert bool(notes) == bool(set(aliases) - {"r", "learning_rate", "weight_decay", "max_new_tokens"})


def test_all_faults_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = "model: m\ndata: d.csv\nlora:\n  r: x\n  rank: 3\nmax_len: 9\nseed: -1\ntrain: {schedule: cosin}\n"
    path = written(tmp_path, text)
    found = faults(path)
    assert found == [
        f"{path}:5: lora.rank: unknown key.",
        f"{path}:6: max_len: unknown key. Did you mean max_length or max_seq_len or max_seq_length?",
        f"{path}:4: lora.r: must be a whole number (found 'x').",
        f"{path}:8: train.schedule: must be 'cosine', 'linear' or 'constant' (found 'cosin'). Did you mean cosine?",
        f"{path}:7: seed: must be at least 0 (found -1).",
    ]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("modle", "model"),
        ("epochs", "train.epochs"),
        ("lora.rr", "lora.r"),
        ("lora.lora_alpha", "lora.alpha"),
        ("train.max_length", "max_length"),
        ("train.lr_scheduler_type", "train.schedule"),
        ("data.0.sorce", "data.0.source"),
        ("num_train_epoch", "num_train_epochs"),
    ],
)
def test_an_unknown_key_gets_the_nearest_name(key: str, hint: str) -> None:
    (fault,) = faults(LEAST, f"{key}=1")
    assert fault.startswith(f"{key}: unknown key. Did you mean ")
    assert hint in fault.partition("Did you mean ")[2].rstrip("?").split(" or ")


def test_an_unknown_key_like_none_gets_no_hint() -> None:
    assert faults(LEAST, "zzz=1") == ["zzz: unknown key."]


def test_a_dotted_key_in_a_file_is_told_how_to_be_written(tmp_path: Path) -> None:
    path = written(tmp_path, "model: m\ndata: d\nlora.r: 8\n")
    assert faults(path) == [f"{path}:3: lora.r: unknown key. In a file it is written lora: {{r: ...}}."]


def test_missing_keys_are_named() -> None:
    assert faults({}) == ["config: model is missing.", "config: data is missing."]
    assert faults({"model": "m", "data": [{"weight": 1}]}) == ["data.0.source is missing."]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("lora=3", "lora: must hold keys of its own (found 3)."),
        ("lora.r=0", "lora.r: must be at least 1 (found 0)."),
        ("lora.r=true", "lora.r: must not be true or false (nor yes, no, on, off, unless in quotes) (found True)."),
        ("lora.r=1.5", "lora.r: must be a whole number (found 1.5)."),
        *(
            (
                f"train.micro_tokens={value}",
                f"train.micro_tokens: must be a whole number of at least 1, or auto (found {seen}).",
            )
            for value, seen in (
                ("0", "0"),
                ("1.5", "1.5"),
                ("most", "'most'"),
                (".inf", "inf"),
                (".nan", "nan"),
                ("[1]", "[1]"),
            )
        ),
        (
            "train.micro_tokens=true",
            "train.micro_tokens: must not be true or false (nor yes, no, on, off, unless in quotes) (found True).",
        ),
        ("lora.dropout=1", "lora.dropout: must be below 1.0 (found 1)."),
        (
            "lora.targets=3",
            "lora.targets: must be all-linear or a list of module names, such as [q_proj, v_proj] (found 3).",
        ),
        ("train.learning_rate=0", "train.learning_rate: must be above 0.0 (found 0)."),
        ("train.learning_rate=.inf", "train.learning_rate: must be a finite number (found inf)."),
        ("train.learning_rate=.nan", "train.learning_rate: must be a finite number (found nan)."),
        ("load_in_4bit=maybe", "load_in_4bit: must be true or false (found 'maybe')."),
        ("prompts=Why?", "prompts: must be a list, such as [first, second] (found 'Why?')."),
        ("data=[]", "data: must hold at least 1 (found [])."),
        ("run=", "run: must be text."),
        ("run=on", "run: must not be true or false (nor yes, no, on, off, unless in quotes) (found True)."),
        ("seed=9223372036854775808", "seed: must be below 9223372036854775808 (found 9223372036854775808)."),
        (
            "evaluate.systems=[tune]",
            "evaluate.systems.0: must be 'base', 'best_prompt', 'few_shot', 'tuned', 'nearest' or 'sentence' "
            "(found 'tune'). Did you mean tuned?",
        ),
        ("split.dev=0", "config: train.evaluate_every: epoch needs split.dev of at least 1 (or set it to never)."),
    ],
)
def test_wrong_values_get_a_sentence_without_jargon(setting: str, sentence: str) -> None:
    assert faults(LEAST, setting) == [sentence]


@pytest.mark.parametrize("name", ["pydantic", "input should", "instance of", "Error"])
def test_no_word_of_the_checking_library_comes_through(name: str) -> None:
    everything = [f"{key.replace('[]', '.0')}={{a: [1]}}" for key, _, _ in reference()]
    assert name not in "\n".join(faults(LEAST, *everything))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("model: m\nmodel: n\n", ":2: not valid YAML: the key 'model' is given twice."),
        ("model: m\nlora:\n  r: 1\n  r: 2\n", ":4: not valid YAML: the key 'r' is given twice."),
        ("model: m\nlora: {r: 8\ndata: x\n", ":3: not valid YAML: expected ',' or '}', but got ':'."),
        ("model: m\n\tdata: b\n", ":2: not valid YAML: found character '\\t' that cannot start any token."),
        ("model: *a\n", ":1: not valid YAML: found undefined alias 'a'."),
        ("? [a, b]\n: 1\n", ":1: not valid YAML: a key must be a single word."),
        ("model: !!python/name:os.system\n", ":1: not valid YAML: could not determine a constructor for the tag "),
        ("model: m\n---\nmodel: n\n", ":2: not valid YAML: but found another document."),
        ("a: " + "[" * 1100, ": not valid YAML: nested too deeply."),
        ("seed: 2025-13-45\n", ": not valid YAML: month must be in 1..12."),
        (b"model: \x00", ": not valid YAML: unacceptable character #x0000"),
        ("", ": a config is a list of `key: value` lines, this is empty."),
        ("# nothing\n", ": a config is a list of `key: value` lines, this is empty."),
        ("- a\n- b\n", ": a config is a list of `key: value` lines, this is a list."),
        ("hello", ": a config is a list of `key: value` lines, this is a piece of text."),
        (b"model: caf\xe9\n", ": not UTF-8 text (byte 10)."),
    ],
)
def test_a_file_that_is_no_config_gets_a_sentence(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    path = written(tmp_path, text)
    (fault,) = faults(path)
    assert fault.startswith(f"{path}{sentence}")


def test_keys_that_are_no_text_are_unknown_keys(tmp_path: Path) -> None:
    path = written(tmp_path, "model: m\ndata: d\n1: 2\n")
    assert faults(path) == [f"{path}:3: 1: unknown key."]


def test_files_that_are_not_there_or_no_files(tmp_path: Path) -> None:
    written(tmp_path, "model: m\ndata: d\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "c.yml")
    assert "there is no such config file" in str(caught.value)
    assert caught.value.hint == "Did you mean c.yaml?"
    with pytest.raises(ConfigError, match="a folder, not a config file"):
        load(tmp_path)
    (tmp_path / "config.yaml").write_text("model: m\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert "medlms train --resume" in caught.value.hint


def test_a_table_given_as_config_leads_to_init(tmp_path: Path) -> None:
    table = tmp_path / "my.csv"
    table.write_text("question,answer\na,b\n")
    with pytest.raises(ConfigError) as caught:
        load(table)
    assert f"medlms init {table}" in caught.value.hint


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, b"\xef\xbb\xbfmodel: m\r\ndata: d.csv\r\n")
    assert load(path)[0].model == "m"
    path = written(tmp_path, b"\xef\xbb\xbfmodel: m\r\ndata: d.csv\r\nxyz: 1\r\n")
    assert faults(path) == [f"{path}:3: xyz: unknown key."]


def test_a_part_whose_keys_are_all_commented_out_has_its_defaults(tmp_path: Path) -> None:
    path = written(tmp_path, "model: m\ndata: d\nlora:\n  # r: 8\ntrain:\nprompts:\n")
    assert load(path)[0] == load({"model": "m", "data": "d"})[0]


@pytest.mark.parametrize(("alias", "target"), ALIASES.items())
def test_every_alias_leads_to_a_key_and_is_told(alias: str, target: str) -> None:
    known = {key for key, _, _ in reference()} | {"data"}
    assert target in known
    values: dict[str, Any] = {
        "data": "d",
        "lora.targets": "q_proj",
        "train.schedule": "linear",
        "train.optimiser": "adamw_8bit",
        "train.checkpoint_gradients": "on",
        "method": "full",
        "model": "m",
        "run": "x",
    }
    value = values.get(target, 0.5 if target in ("lora.dropout", "train.warmup") else 17)
    config, notes = load({**{key: text for key, text in LEAST.items() if key != target}, alias: value})
    assert notes == [f"{alias} is read as {target}"]
    if target != "data":
        found: Any = config
        for part in target.split("."):
            found = getattr(found, part)
        assert found == (["q_proj"] if target == "lora.targets" else value)


def test_an_alias_beside_its_target_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "model: m\ndata: d\nlora: {alpha: 8}\nlora_alpha: 16\n")
    assert faults(path) == [f"{path}:4: lora_alpha: given beside lora.alpha, which means the same; keep one of them."]


def test_a_wrong_value_under_an_alias_is_found_at_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "model: m\ndata: d\nlora_alpha: much\ndatasets:\n  - {path: x}\n")
    path.write_text(path.read_text().replace("data: d\n", ""))
    assert faults(path) == [
        f"{path}:4: data.0.path: unknown key.",
        f"{path}:4: data.0.source is missing.",
        f"{path}:2: lora.alpha: must be a number (found 'much').",
    ]


@pytest.mark.parametrize(
    ("keys", "rows"),
    [
        ({"per_device_train_batch_size": 4}, 4),
        ({"gradient_accumulation_steps": 8}, 8),
        ({"per_device_train_batch_size": 4, "gradient_accumulation_steps": 8}, 32),
        ({"micro_batch_size": 2, "gradient_accumulation_steps": 3}, 6),
    ],
)
def test_batch_and_accumulation_are_multiplied(keys: dict[str, int], rows: int) -> None:
    config, notes = load({**LEAST, **keys})
    assert config.train.rows_per_step == rows
    assert notes == [f"{' x '.join(keys)} is read as train.rows_per_step = {rows}"]


def test_batch_sizes_that_contradict_or_are_none() -> None:
    assert faults({**LEAST, "batch_size": 4, "train": {"rows_per_step": 4}}) == [
        "batch_size: given beside train.rows_per_step, which means the same; keep one of them."
    ]
    assert faults({**LEAST, "batch_size": 4, "micro_batch_size": 4}) == [
        "batch_size: given beside micro_batch_size, which means the same; keep one of them."
    ]
    assert faults({**LEAST, "batch_size": True, "gradient_accumulation_steps": 2}) == [
        "batch_size: must be a whole number above 0 (found True)."
    ]


def test_settings_win_over_the_file_whatever_name_either_uses() -> None:
    source = {
        **LEAST,
        "lora": {"r": 4},
        "lora_alpha": 8,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 8,
    }
    config, notes = load(source, ["lora_r=2", "lora.alpha=3", "gradient_accumulation_steps=2"])
    assert (config.lora.r, config.lora.alpha, config.train.rows_per_step) == (2, 3, 8)
    assert "lora_r is read as lora.r" in notes
    assert load({**LEAST, "batch_size": 4}, ["train.rows_per_step=6"])[0].train.rows_per_step == 6
    assert load({**LEAST, "train": {"rows_per_step": 6}}, ["batch_size=4"])[0].train.rows_per_step == 4


def test_the_last_setting_wins_and_keywords_win_over_settings() -> None:
    assert load(LEAST, ["seed=1", "seed=2"])[0].seed == 2
    assert load(LEAST, ["seed=1"], seed=3)[0].seed == 3


def test_a_setting_forgets_the_line_of_what_it_replaces(tmp_path: Path) -> None:
    path = written(tmp_path, "model: m\ndata: d\nseed: 1\n")
    assert faults(path, "seed=-1") == ["seed: must be at least 0 (found -1)."]


def test_a_part_given_as_mapping_leaves_its_other_keys() -> None:
    source = {**LEAST, "train": {"epochs": 5, "clip": 2.0}}
    assert load(source, train={"epochs": 1})[0].train.clip == 2.0
    assert load(source, ["train={epochs: 1}"])[0].train.clip == 2.0


@pytest.mark.parametrize("data", ["a.csv", ["a.csv"], [{"source": "a.csv"}]])
def test_settings_reach_into_the_list_of_sources_in_every_form(data: Any) -> None:
    config, _ = load({"model": "m", "data": data}, ["data.0.weight=2", "data.0.topic=Thema"])
    assert [(item.source, item.weight, item.topic) for item in config.data] == [("a.csv", 2, "Thema")]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("data.1.weight=2", "data.1.weight: data has no item '1' (the first is 0)."),
        ("data.x.weight=2", "data.x.weight: data has no item 'x' (the first is 0)."),
        ("data.1=b.csv", "data.1: data has no item '1' (the first is 0)."),
        ("model.x=1", "model.x: model is a single value, so it has no part 'x'."),
        ("lora.r", "'lora.r': a setting is written key=value, for example lora.r=8."),
        ("=3", "'=3': a setting is written key=value, for example lora.r=8."),
    ],
)
def test_settings_that_lead_nowhere(setting: str, sentence: str) -> None:
    assert faults(LEAST, setting) == [sentence]
    assert len(faults(LEAST, setting, "seed=-1")) == 2, "other faults are told beside it"


def test_settings_are_read_as_yaml_but_sentences_stay_text() -> None:
    settings = [
        "instruction=Answer: be brief",
        "run=2024",
        "evaluate.systems=[base]",
        "split.train=null",
        "prompts=[a, b]",
    ]
    config, _ = load(LEAST, [*settings, "train.learning_rate=2e-4", "lora.targets=q_proj, v_proj"])
    assert config.instruction == "Answer: be brief"
    assert config.run == "2024"
    assert config.evaluate.systems == ["base"]
    assert config.split.train is None
    assert config.prompts == ["a", "b"]
    assert config.train.learning_rate == 2e-4
    assert config.lora.targets == ["q_proj", "v_proj"]


def test_what_the_caller_gave_is_left_alone() -> None:
    source = {"model": Path("m"), "data": (Path("d.csv"),), "lora": {"r": 4}, "lora_alpha": 8}
    part = {"r": 2}
    config, _ = load(source, ["data.0.weight=3"], lora=part, lora_dropout=0.5)
    assert (config.model, config.data[0].source, config.lora.r, config.lora.alpha) == ("m", "d.csv", 2, 8)
    assert source == {"model": Path("m"), "data": (Path("d.csv"),), "lora": {"r": 4}, "lora_alpha": 8}
    assert part == {"r": 2}
    assert load(config, ["seed=1"])[0].seed == 1
    assert config.seed == 13


@settings(deadline=None, max_examples=30)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    rate=st.floats(1e-9, 10, allow_nan=False),
    seed=st.integers(0, 2**63 - 1),
)
@example(text="a\x85b", rate=1.0, seed=0)
def test_the_resolved_config_reads_back_the_same(text: str, rate: float, seed: int) -> None:
    import yaml

    config = Config.model_validate(
        {
            "model": text,
            "data": [{"source": "d.csv", "question": text}],
            "instruction": text,
            "prompts": [text, ""],
            "train": {"learning_rate": rate},
            "lora": {"targets": ["q_proj"]},
            "seed": seed,
        }
    )
    assert load(yaml.safe_load(dump(config)))[0] == config


def test_the_reference_lists_every_key_once_with_a_meaning() -> None:
    rows = list(reference())
    assert len({key for key, _, _ in rows}) == len(rows)
    assert all(meaning for _, _, meaning in rows)
    assert {"model", "data[].weight", "lora.r", "train.learning_rate", "evaluate.systems"} <= {
        key for key, _, _ in rows
    }


@pytest.mark.parametrize(
    ("said", "meant"), [("on", "on"), ("off", "off"), ("auto", "auto"), ("true", "on"), ("'on'", "on")]
)
def test_a_switch_may_be_written_as_yaml_reads_it(tmp_path: Path, said: str, meant: str) -> None:
    path = written(tmp_path, f"model: m\ndata: d\ntrain: {{checkpoint_gradients: {said}}}\n")
    config, _ = load(path)
    assert config.train.checkpoint_gradients == meant
    path.write_text(dump(config))
    assert load(path)[0] == config
    assert load(LEAST, [f"train.checkpoint_gradients={said}"])[0].train.checkpoint_gradients == meant


@pytest.mark.parametrize(
    ("said", "meant", "at_once"), [("auto", "auto", 1024), ("512", 512, 512), ("'512'", 512, 512), ("64.0", 64, 64)]
)
def test_tokens_read_at_once_are_a_number_or_left_to_the_machine(said: str, meant: int | str, at_once: int) -> None:
    train = load(LEAST, [f"train.micro_tokens={said}"])[0].train
    assert (train.micro_tokens, train.at_once) == (meant, at_once)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"early_stopping": 0}, "early_stopping"),
        ({"early_stopping": 1, "evaluate_every": "never"}, "early_stopping needs train.evaluate_every: epoch"),
        ({"best_by": "rougeL", "evaluate_every": "never"}, "best_by: rougeL needs train.evaluate_every: epoch"),
        ({"best_by": "bleu"}, "best_by"),
        ({"optimiser": "sgd"}, "optimiser"),
        ({"checkpoint_gradients": "sometimes"}, "checkpoint_gradients"),
        ({"checkpoint_gradients": 1}, "checkpoint_gradients"),
    ],
)
def test_settings_of_training_that_can_not_be_meant(settings: dict[str, Any], said: str) -> None:
    (fault,) = faults({**LEAST, "train": settings})
    assert said in fault
