"""A run's config: defaults <- YAML file <- key=value. Read once, checked once, every fault reported together.

The models below are the reference for every key. Names that users bring from LLaMA-Factory, axolotl and TRL are accepted
as aliases (``ALIASES``) and said so. Nothing here opens data or models.
"""

from __future__ import annotations

import difflib
import math
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from medlms.catalogue import near
from medlms.errors import ConfigError

Method = Literal["lora", "rslora", "dora", "lora+", "pissa", "soft_prompt", "full"]
INSTRUCTION = "Answer the question truthfully, you are a medical professional."
USUAL_TOKENS = 1024
"""What ``train.micro_tokens: auto`` means where nothing was measured."""
Share = Annotated[float, Field(ge=0, lt=1)]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", validate_default=True, protected_namespaces=(), allow_inf_nan=False, coerce_numbers_to_str=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch(cls, value: Any, info: ValidationInfo) -> Any:
        # Python counts true as 1, and YAML reads yes, no, on and off as true and false.
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("must not be true or false (nor yes, no, on, off, unless in quotes)")
        return value


def _count_or(value: Any, word: str) -> Any:
    if isinstance(value, bool) or value == word:
        return value  # _no_switch has a word for the first
    if (isinstance(value, str) and value.strip().isdecimal()) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"must be a whole number of at least 1, or {word}")
    return value


class Columns(_Part):
    """Which column of a file holds what, where the names do not tell."""

    question: str | None = Field(None, description="Column that holds the question.")
    answer: str | None = Field(None, description="Column that holds the answer.")
    messages: str | None = Field(None, description="Column that holds a list of turns, instead of question and answer.")
    topic: str | None = Field(None, description="As `topic` beside it.")
    kind: str | None = Field(None, description="Column that holds the kind of question.")
    document: str | None = Field(
        None, description="Column with the document or patient that a row is from; its rows are never split apart."
    )
    id: str | None = Field(None, description="Column that holds the row's id.")


class DataSource(_Part):
    """One source of rows."""

    source: str = Field(
        description="A known name (`medlms data list`), a file (JSONL, JSON, CSV, TSV, XLSX or Parquet, also as .gz or "
        ".zst), a folder of such files, a pattern (`parts/*.jsonl`), or a hub id (`owner/name`, `owner/name@revision`)."
    )
    weight: float = Field(
        1.0, gt=0, description="Share of the training rows drawn from this source, relative to the others."
    )
    rows: int | None = Field(
        None,
        ge=1,
        description="So many training rows of this source, whatever its weight, which then only says how dev and eval are drawn.",
    )
    repeats: int | Literal["auto"] = Field(
        1,
        description="How often each of its training rows is read in an epoch, dev and eval never. auto: as often as `rows` or "
        "the source's share asks, when it has too few.",
    )
    files: str | None = Field(
        None, description="Pattern of the files to read in a folder or a hub set, such as `data/train-*`."
    )
    licence: str | None = Field(
        None,
        description="Licence of the rows of a file or a hub set, for the report and the model card; known sets have theirs.",
    )
    columns: Columns = Field(default_factory=Columns)
    question: str | None = Field(None, description="Short for `columns.question`.")
    answer: str | None = Field(None, description="Short for `columns.answer`.")
    topic: str | None = Field(
        None, description="Column whose equal values are never split apart (topic, document, patient)."
    )

    @field_validator("repeats", mode="before")
    @classmethod
    def _times(cls, value: Any) -> Any:
        return _count_or(value, "auto")

    @model_validator(mode="after")
    def _named_once(self) -> DataSource:
        for name in ("question", "answer", "topic"):
            short, long = getattr(self, name), getattr(self.columns, name)
            if short and long and short != long:
                raise ValueError(f"{name} is {short!r} and columns.{name} is {long!r}; name it once")
        return self

    @property
    def chosen(self) -> dict[str, str]:
        """Column by what it holds, for those that are named."""
        named: dict[str, str | None] = self.columns.model_dump()
        named |= {key: value for key in ("question", "answer", "topic") if (value := getattr(self, key))}
        return {key: column for key, column in named.items() if column}


class Split(_Part):
    """How rows are parted into training, development and evaluation."""

    train: int | None = Field(None, ge=1, description="Training rows; all that remain when empty.")
    dev: int = Field(100, ge=0, description="Rows for the held-out loss that picks the best epoch.")
    eval: int = Field(100, ge=1, description="Rows for the final grades.")
    by: Literal["topic"] = Field(
        "topic", description="What is never split apart: document, topic and question together."
    )
    seed: int | None = Field(
        None,
        ge=0,
        lt=2**63,
        description="Seed of the split alone, so that runs of several seeds share rows.",
    )
    reserve: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Share of the groups that is set aside for dev and eval, half for each, by a hash of their name. Training "
        "never takes from it, so that no row ever changes sides when rows are added; what is not drawn of it is left out.",
    )


class Mix(_Part):
    """How the sources' shares of the training rows come about."""

    temperature: float | None = Field(
        None,
        gt=0,
        description="Shares go by weight x rows^(1 / temperature): 1 is in proportion to the rows that a source has, higher is "
        "more even. Empty: by weight alone.",
    )
    most_repeats: int = Field(10, ge=1, description="`repeats: auto` reads no row more often than this in an epoch.")


class Clean(_Part):
    """Which cleaning steps run; each can be switched off alone. In the order in which they run."""

    white_space: bool = Field(
        True, description="Line ends, runs of spaces, invisible characters; questions in one line."
    )
    escapes: bool = Field(True, description="HTML entities (`&amp;`) and percent escapes (`%27`).")
    html: bool = Field(True, description="HTML tags.")
    question_marks: bool = Field(
        True, description="`? ?`, a space before the question mark, quotation marks around the question."
    )
    chat: bool = Field(True, description="Rows whose question is left over from a chat with a rephrasing model.")
    boilerplate: bool = Field(
        True, description="What a known source repeats in many rows: frames, template marks, lists of link titles."
    )
    links: bool = Field(True, description="Drop rows whose answer is nothing but links.")
    repeated_question: bool = Field(
        True, description="The question again at the start of the answer; rows whose answer is only a question."
    )
    cut_off: bool = Field(
        True, description="Drop rows whose answer breaks off: at a comma, an opening bracket, or a word such as 'and'."
    )


class Lora(_Part):
    """Low-rank adaptation, as in arXiv:2106.09685."""

    r: int = Field(16, ge=1, description="Rank.")
    alpha: float = Field(16, gt=0, description="Scale: the update is multiplied by alpha / r.")
    dropout: Share = Field(0.25, description="Dropout on the adapters' input.")
    targets: Literal["all-linear"] | list[str] = Field(
        "all-linear", description="Modules that get an adapter: all-linear, or names such as q_proj."
    )
    plus_ratio: float = Field(
        16, ge=1, description="With method lora+: learning rate of the B matrices as a multiple of train.learning_rate."
    )

    @field_validator("targets", mode="before")
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value in ("all", "all-linear"):
                return "all-linear"
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list) or not value:
            raise ValueError("must be all-linear or a list of module names, such as [q_proj, v_proj]")
        return value


class SoftPrompt(_Part):
    """Instruction prompt tuning: vectors before every prompt are learned, the model is frozen (arXiv:2104.08691)."""

    length: int = Field(100, ge=1, description="Vectors before the prompt; each takes the place of a token.")
    init: Literal["instruction", "vocabulary"] = Field(
        "instruction",
        description="What the vectors begin as: those of the instruction's tokens, repeated or cut to length, or of "
        "tokens drawn from the vocabulary.",
    )


class Train(_Part):
    """The training loop."""

    epochs: int = Field(2, ge=1, description="Passes over the training rows.")
    tokens_per_step: int = Field(4096, ge=1, description="Tokens an optimiser step covers (whole rows, at least one).")
    rows_per_step: int | None = Field(
        None, ge=1, description="Rows an optimiser step covers, instead of tokens_per_step."
    )
    micro_tokens: int | Literal["auto"] = Field(
        "auto",
        description="Tokens read at once; bounds memory, and changes no result but by rounding. auto: 512, 1,024 or 2,048, "
        "whichever was measured to be fastest here and leaves half of the free memory; 1,024 where nothing was measured.",
    )
    optimiser: Literal["adamw", "adamw_8bit", "paged_adamw_8bit"] = Field(
        "adamw",
        description="adamw_8bit keeps AdamW's moments in 8 bit (bitsandbytes; GPU or processor): a quarter of their memory. "
        "paged_adamw_8bit also moves them out of a CUDA GPU when it is full.",
    )
    learning_rate: float = Field(2.0e-4, gt=0, description="Peak learning rate of the optimiser.")
    schedule: Literal["cosine", "linear", "constant"] = Field("cosine", description="Shape after the warm-up.")
    warmup: Share = Field(0.03, description="Share of the steps over which the rate rises from 0.")
    weight_decay: float = Field(0.0, ge=0, description="Decoupled weight decay on what learns.")
    clip: float = Field(1.0, gt=0, description="Largest norm of the gradient.")
    evaluate_every: Literal["epoch", "never"] = Field(
        "epoch", description="epoch: held-out loss and generated answers after every epoch, from epoch 0."
    )
    evaluate_rows: int = Field(24, ge=1, description="Development rows answered at each epoch for the learning curves.")
    best_by: Literal["dev_loss", "token_f1", "rougeL"] = Field(
        "dev_loss",
        description="What picks the epoch whose adapter is kept: the lowest held-out loss, or the highest metric of the "
        "answers to evaluate_rows development rows.",
    )
    early_stopping: int | None = Field(
        None, ge=1, description="Stop after this many epochs in a row that are no better by best_by; never when empty."
    )
    checkpoint_gradients: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Make activations again in the backward pass: far less memory, up to half more work, the same "
        "gradients. auto: where memory would not suffice without it.",
    )
    native: bool = Field(
        True,
        description="Build what lies between a step's matrix products with this machine's C compiler, where there is one "
        "(Linux, no GPU): a tenth faster, the same results but for rounding.",
    )
    checkpoint_minutes: float = Field(
        1.0, ge=0, description="Minutes between resumable checkpoints; 0 means every step."
    )

    @field_validator("micro_tokens", mode="before")
    @classmethod
    def _tokens(cls, value: Any) -> Any:
        return _count_or(value, "auto")

    @property
    def at_once(self) -> int:
        """Tokens read at once where nothing else is known: ``micro_tokens``, or what ``auto`` begins from."""
        return USUAL_TOKENS if self.micro_tokens == "auto" else self.micro_tokens

    @field_validator("checkpoint_gradients", mode="before")
    @classmethod
    def _switch(cls, value: Any) -> Any:
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else value  # what YAML makes of on and off


class Exam(_Part):
    """How exams are asked."""

    ask: list[Literal["letters", "options", "generate"]] = Field(
        ["letters", "options"],
        min_length=1,
        description="letters: the options are shown, and the likeliest letter counts; options: they are not shown, and the "
        "likeliest option counts, raw and by its bytes; generate: an answer is written and read.",
    )
    prompt: Literal["auto", "chat", "plain"] = Field(
        "auto",
        description="chat: in the model's turns, behind the instruction; plain: a text without either, as "
        "lm-evaluation-harness asks; auto: chat where the model brings a template of its own.",
    )
    shots: int = Field(0, ge=0, le=64, description="Solved examples shown before every question.")
    examples: Literal["fixed", "nearest"] = Field(
        "fixed",
        description="fixed: the first rows of the exam's own training part, or development part (of a question's subject, "
        "in MMLU); nearest: its rows with the most similar questions. Where an exam has no such part here, the five "
        "development rows of MMLU professional medicine.",
    )
    examples_from: str | None = Field(
        None, description="Exam or file that the solved examples come from, instead of the exam's own part."
    )
    permutations: int = Field(
        1,
        ge=1,
        le=26,
        description="Orders in which the options are shown, the exam's own first, each turned by one place; at most as many "
        "as a question has options. With more than one the report tells whether answers survive another order.",
    )
    rows: int | None = Field(None, ge=1, description="Questions asked of each exam, the first ones; all when empty.")
    max_new_tokens: int = Field(64, ge=1, description="Longest written answer (ask: generate).")
    coverages: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [0.8, 0.5], description="Shares of the questions, the surest ones first, at which the accuracy is told."
    )

    @field_validator("ask", mode="before")
    @classmethod
    def _one_way(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class Prompting(_Part):
    """What every prompting strategy may set."""

    max_new_tokens: int | None = Field(
        None,
        ge=1,
        description="Longest single answer. When empty: evaluate.exam.max_new_tokens for zero_shot and few_shot of exams, else "
        "evaluate.max_new_tokens.",
    )


class FewShot(Prompting):
    """Solved examples first."""

    shots: int = Field(
        5,
        ge=1,
        le=64,
        description="Solved examples before every question: of exams as evaluate.exam.examples says, of open questions training "
        "rows drawn by the seed.",
    )


class Drawn(Prompting):
    """Answers drawn by chance."""

    temperature: float = Field(0.7, ge=0, le=5, description="0 takes the likeliest token: for a single answer only.")
    top_p: float = Field(1.0, gt=0, le=1, description="Tokens are drawn from the likeliest that hold this share.")

    @model_validator(mode="after")
    def _differ(self) -> Drawn:
        counts = {name: getattr(self, name) for name in ("n", "drafts", "samples") if hasattr(self, name)}
        if self.temperature == 0 and (several := [name for name, count in counts.items() if count > 1]):
            raise ValueError(
                f"at temperature 0 all answers are the same; set a temperature, or {' and '.join(f'{x}: 1' for x in several)}"
            )
        return self


class SelfConsistency(Drawn):
    """Several answers drawn, one made of them."""

    n: int = Field(
        11,
        ge=1,
        le=1000,
        description="Answers drawn. Exams: the option most name; open answers: the one nearest to the others.",
    )


class EnsembleRefinement(Drawn):
    """Drafts drawn, shown to the model, and refined."""

    drafts: int = Field(11, ge=1, le=1000, description="Drafts drawn.")
    samples: int = Field(
        33,
        ge=1,
        le=1000,
        description="Refined answers drawn with all drafts in view, on exams; open questions have one, greedy.",
    )


class Strategy(_Part):
    """One prompting strategy: exactly one of these keys."""

    zero_shot: Prompting | None = Field(None, description="The question alone.")
    few_shot: FewShot | None = Field(None, description="Behind solved examples.")
    chain_of_thought: Prompting | None = Field(None, description="Reasoning first, then the answer.")
    self_consistency: SelfConsistency | None = Field(None, description="Several drawn, one chosen.")
    ensemble_refinement: EnsembleRefinement | None = Field(None, description="Several drawn, shown, refined.")

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value not in cls.model_fields:
                hint = near(value, cls.model_fields)
                raise ValueError(
                    f"{value!r} is no prompting strategy. {hint or 'There are: ' + ', '.join(cls.model_fields)}"
                )
            value = {value: {}}
        if isinstance(value, Mapping):
            if len(value) != 1:
                raise ValueError("an entry of evaluate.strategies holds one strategy")
            return {key: {} if held is None else held for key, held in value.items()}
        return value

    @model_serializer
    def _one(self) -> dict[str, Any]:
        return {self.kind: self.settings.model_dump()}

    @property
    def kind(self) -> str:
        """Which strategy this is."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def settings(self) -> Any:
        """Its settings."""
        return getattr(self, self.kind)

    @property
    def key(self) -> str:
        """Name in files and tables, with all settings that make it another strategy."""
        marks = {"shots": "", "n": "n", "drafts": "d", "samples": "s", "temperature": "t", "top_p": "p"}
        held = self.settings.model_dump()
        own = {name: held[name] for name in marks if name in held and (name, held[name]) != ("top_p", 1.0)}
        return "-".join([self.kind, *(f"{marks[name]}{value:g}" for name, value in own.items())])


class Evaluate(_Part):
    """How base and tuned are graded."""

    tasks: list[Literal["answer", "exam"]] = Field(
        ["answer"],
        min_length=1,
        description="What is asked: answer, the evaluation rows of `data`; exam, the exams. With exam alone `medlms evaluate` "
        "needs no `data`.",
    )
    exams: list[str] = Field(
        [],
        description="Exams asked: a known one (`medlms data list`), one subject of MMLU (mmlu-anatomy), or a file of questions "
        "with options (JSONL, CSV).",
    )
    exam: Exam = Field(default_factory=Exam)
    systems: list[Literal["base", "best_prompt", "few_shot", "tuned", "nearest", "sentence"]] = Field(
        ["base", "best_prompt", "tuned", "nearest", "sentence"],
        min_length=1,
        description="Who answers; nearest copies the most similar training question's answer, sentence the best-matching "
        "sentence of the training answers, best_prompt is the base in the best of five wordings by development rows, few_shot "
        "the base with a few training rows before the question.",
    )
    strategies: list[Strategy] = Field(
        [],
        description="Prompting strategies that base and tuned are asked by, beside all else: zero_shot, few_shot, "
        "chain_of_thought, self_consistency, ensemble_refinement. Each has a row with its accuracy and its tokens.",
    )
    strategy_rows: int | None = Field(
        None, ge=1, description="Questions asked by strategies, the first ones; all that are graded when empty."
    )
    prompt_rows: int = Field(
        32, ge=1, description="Development rows on which each of the wordings of best_prompt is tried."
    )
    examples: int = Field(
        3, ge=1, le=64, description="Training rows that few_shot shows before every question, drawn once by the seed."
    )
    max_new_tokens: int = Field(512, ge=1, description="Longest answer, the same for every system.")
    decoding: Literal["greedy"] = Field("greedy", description="No sampling, no repetition penalty.")
    rows: int | None = Field(None, ge=1, description="Evaluation rows asked; all of the evaluation part when empty.")
    batch: int = Field(32, ge=1, description="Answers generated at once.")
    int8: bool = Field(
        False,
        description="Models write answers and weigh options with weights and inputs cut to 8 bits where the own decoder runs "
        "(Llama-shaped models on a processor): faster, and grades change. Adapters are merged first; references are scored "
        "in full.",
    )
    latency_rows: int = Field(
        8, ge=0, description="Rows asked one at a time, after a warm-up, to measure seconds per answer."
    )
    resamples: int = Field(2000, ge=100, description="Bootstrap resamples behind each interval.")
    similarity: Literal["auto", "fetch", "off"] = Field(
        "auto",
        description="Embedding similarity of answers and references (MiniLM). auto: where the sentence model lies on this "
        "machine; fetch: it is fetched where it does not (84 MB); off: never.",
    )
    cache: bool = Field(
        True,
        description="Take over answers that a run beside this one holds, given by the same weights to the same prompt in the "
        "same settings, instead of asking again.",
    )

    @field_validator("strategies", mode="before")
    @classmethod
    def _one_strategy(cls, value: Any) -> Any:
        return [value] if isinstance(value, str | Mapping) else value

    @field_validator("strategies", mode="after")
    @classmethod
    def _each_once(cls, value: list[Strategy]) -> list[Strategy]:
        keys = [item.key for item in value]
        if twice := next((key for key in keys if keys.count(key) > 1), ""):
            raise ValueError(f"{twice} is named twice")
        return value

    @field_validator("tasks", "exams", mode="before")
    @classmethod
    def _one_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _exams_fit(self) -> Evaluate:
        if self.exams and "exam" not in self.tasks:
            raise ValueError("evaluate.exams are named, but not asked; add exam to evaluate.tasks")
        if "exam" in self.tasks and not self.exams:
            raise ValueError("evaluate.tasks holds exam, but evaluate.exams names none")
        if len(set(self.exams)) < len(self.exams):
            raise ValueError("evaluate.exams names an exam twice")
        return self


class Config(_Part):
    """A whole run."""

    model: str = Field(description="A known name, hub id, local folder, .gguf file, or a run's folder.")
    data: list[DataSource] = Field(description="Sources of rows; none are needed where evaluate.tasks is [exam].")
    split: Split = Field(default_factory=Split)
    clean: Clean = Field(default_factory=Clean)
    mix: Mix = Field(default_factory=Mix)
    exclude: list[str] = Field(
        [],
        description="Files that list rows to leave out of every part, by id, patient or document; "
        "`medlms data trace --write FILE` makes one.",
    )
    near_duplicates: Literal["apart", "drop", "report"] = Field(
        "apart",
        description="Rows whose longer answer or question stands, equal or nearly, in another group too. apart: they are "
        "trained on, never graded on; drop: of rows with such answers the first is kept; report: counted only, and grades may "
        "come out too well.",
    )
    instruction: str = Field(
        INSTRUCTION, description="Said to the model before every question, in training and in use."
    )
    identifiers: Literal["stop", "report", "deidentify"] = Field(
        "stop",
        description="What to do where training, development or evaluation rows may hold identifiers of people (names, dates, "
        "numbers, places). stop: end the run with a list before anything is trained; report: count them and go on; "
        "deidentify: put invented values in their place. Catalogue sets marked public are only reported on.",
    )
    identifier_scan: Literal["close", "quick"] = Field(
        "close",
        description="How texts are searched for identifiers. close: rules and a small network, some 10 KB a second; quick: rules "
        "and a tagger of names, some forty times faster; it misses more than twice as much. Catalogue sets marked public "
        "are always searched quickly.",
    )
    max_length: int = Field(2048, ge=16, description="Longest row in tokens; longer answers are cut there and counted.")
    load_in_4bit: bool = Field(
        False,
        description="NF4 base weights (4 bit, double quantisation) through bitsandbytes: saves memory, never time.",
    )
    load_in_8bit: bool = Field(
        False, description="8-bit base weights through bitsandbytes: saves memory, less than 4 bit, never time."
    )
    precision: Literal["auto", "bf16", "fp16", "fp32"] = Field(
        "auto",
        description="auto: bf16 where the hardware computes in it, fp16 on GPUs that do not (T4, V100), else fp32. "
        "fp16 trains with loss scaling and norms in fp32.",
    )
    method: Method = Field(
        "lora",
        description="What learns. lora, and its variants rslora (scale alpha / sqrt(r)), dora (weight's size and direction "
        "apart), lora+ (B learns faster) and pissa (begins at the largest parts of the weights); soft_prompt: vectors "
        "before the prompt; full: all weights, for small models.",
    )
    lora: Lora = Field(default_factory=Lora)
    soft_prompt: SoftPrompt = Field(default_factory=SoftPrompt)
    train: Train = Field(default_factory=Train)
    evaluate: Evaluate = Field(default_factory=Evaluate)
    trackers: list[Literal["tensorboard", "mlflow", "wandb"]] = Field(
        [],
        description="Who else is told the numbers of steps and epochs. Files in the run's folder; nothing leaves the machine "
        "unless WANDB_MODE or MLFLOW_TRACKING_URI say so.",
    )
    prompts: list[str] = Field([], description="Extra questions whose answers the report shows, ungraded.")
    seed: int = Field(13, ge=0, lt=2**63, description="Seed of everything random.")
    run: str = Field("run", min_length=1, description="Name of the run's folder under runs/, or a path with a slash.")

    @model_validator(mode="before")
    @classmethod
    def _exams_alone(cls, values: Any) -> Any:
        # Data are needed for all but exams alone; what lacks them then has none.
        part = values.get("evaluate") if isinstance(values, Mapping) else None
        tasks = part.get("tasks") if isinstance(part, Mapping) else part.tasks if isinstance(part, Evaluate) else None
        if tasks in ("exam", ["exam"]) and values.get("data") is None:
            return {**values, "data": []}
        return values

    @field_validator("exclude", mode="before")
    @classmethod
    def _one_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("data", mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = [value]
        if isinstance(value, Sequence):
            return [{"source": item} if isinstance(item, str) else item for item in value]
        return value

    @property
    def split_seed(self) -> int:
        """The seed that the split is drawn with."""
        return self.seed if self.split.seed is None else self.split.seed

    @model_validator(mode="after")
    def _rows_fit(self) -> Config:
        if self.train.evaluate_every == "epoch" and self.split.dev == 0:
            raise ValueError("train.evaluate_every: epoch needs split.dev of at least 1 (or set it to never)")
        if self.train.evaluate_every == "never" and self.train.early_stopping is not None:
            raise ValueError("train.early_stopping needs train.evaluate_every: epoch")
        if self.train.evaluate_every == "never" and self.train.best_by != "dev_loss":
            raise ValueError(f"train.best_by: {self.train.best_by} needs train.evaluate_every: epoch")
        return self

    @model_validator(mode="after")
    def _mixture_fits(self) -> Config:
        counts = [entry.rows for entry in self.data if entry.rows]
        asked, train = sum(counts), self.split.train
        if train and asked > train:
            raise ValueError(f"the sources' rows add up to {asked}, more than split.train ({train})")
        if train and len(counts) == len(self.data) and asked < train:
            raise ValueError(
                f"the sources' rows add up to {asked}, split.train is {train}; leave split.train or one of the rows away"
            )
        if self.mix.temperature and not train and all(entry.repeats != "auto" for entry in self.data):
            raise ValueError(
                "mix.temperature needs split.train or a source with repeats: auto; without them all rows are used as they are"
            )
        return self

    @model_validator(mode="after")
    def _one_width(self) -> Config:
        if self.load_in_4bit and self.load_in_8bit:
            raise ValueError("load_in_4bit and load_in_8bit can't both be true")
        return self

    @property
    def places(self) -> int:
        """Tokens that a soft prompt takes in every row, beside ``max_length``."""
        return self.soft_prompt.length if self.method == "soft_prompt" else 0

    @model_validator(mode="after")
    def _method_fits(self) -> Config:
        packed = "load_in_4bit" if self.load_in_4bit else "load_in_8bit" if self.load_in_8bit else ""
        if packed and self.method in ("pissa", "full"):
            raise ValueError(f"method: {self.method} changes the model's weights, which {packed} does not allow")
        if self.places and self.soft_prompt.init == "instruction" and not self.instruction.strip():
            raise ValueError("soft_prompt.init: instruction needs an instruction (or set it to vocabulary)")
        return self


ALIASES: Mapping[str, str] = types.MappingProxyType(
    {
        "base_model": "model",
        "model_name_or_path": "model",
        "model_name": "model",
        "dataset": "data",
        "datasets": "data",
        "dataset_name": "data",
        "r": "lora.r",
        "lora_r": "lora.r",
        "lora_rank": "lora.r",
        "lora_alpha": "lora.alpha",
        "lora_dropout": "lora.dropout",
        "lora_target": "lora.targets",
        "finetuning_type": "method",
        "loraplus_lr_ratio": "lora.plus_ratio",
        "num_virtual_tokens": "soft_prompt.length",
        "lora_target_modules": "lora.targets",
        "target_modules": "lora.targets",
        "max_seq_length": "max_length",
        "max_seq_len": "max_length",
        "cutoff_len": "max_length",
        "sequence_len": "max_length",
        "num_train_epochs": "train.epochs",
        "num_epochs": "train.epochs",
        "learning_rate": "train.learning_rate",
        "lr_scheduler_type": "train.schedule",
        "lr_scheduler": "train.schedule",
        "warmup_ratio": "train.warmup",
        "weight_decay": "train.weight_decay",
        "optim": "train.optimiser",
        "optimizer": "train.optimiser",
        "gradient_checkpointing": "train.checkpoint_gradients",
        "early_stopping_patience": "train.early_stopping",
        "max_grad_norm": "train.clip",
        "val_size": "split.dev",
        "val_set_size": "split.dev",
        "output_dir": "run",
        "max_new_tokens": "evaluate.max_new_tokens",
    }
)
# Peers set the rows of a step as a product; ours is train.rows_per_step.
_BATCH = ("per_device_train_batch_size", "micro_batch_size", "batch_size")
_ACCUMULATION = "gradient_accumulation_steps"
_ROWS = "train.rows_per_step"
_PARTS = ("split", "clean", "mix", "lora", "soft_prompt", "train", "evaluate", "prompts")


class Tree(typing.NamedTuple):
    """Settings that nobody has checked yet: the tree, the line of each key path in it, and the name of their source."""

    settings: dict[str, Any]
    lines: dict[str, int]
    name: str


def read(source: str | Path | Mapping[str, Any]) -> Tree:
    """The settings of a YAML file or a mapping, unchecked; ConfigError when they can't be read."""
    if isinstance(source, Mapping):
        return Tree(_copied(source), {}, "config")
    return Tree(*_read_yaml(Path(source)))


def load(
    source: str | Path | Mapping[str, Any] | Config | Tree, overrides: Sequence[str] = (), **keys: Any
) -> tuple[Config, list[str]]:
    """Read a config and say which aliases were used.

    ``source`` is a YAML file, a mapping or a Config; ``overrides`` are ``key.path=value`` strings whose values are read
    as YAML; ``keys`` are top-level keys. Later ones win; a part given as a mapping changes the keys it names and leaves
    the others. Raises ConfigError with all faults.
    """
    if isinstance(source, Config):
        source = source.model_dump()
    tree, lines, name = source if isinstance(source, Tree) else read(source)
    tree, lines = _copied(tree), dict(lines)
    faults: list[str] = []
    _fill_out(tree)
    notes = _resolve_aliases(tree, lines, faults, name)
    for text in overrides:
        _override(tree, text, lines, faults, notes)
    for key, value in keys.items():
        _set(tree, key, _copied(value), lines, faults, notes)
    _resolve_batch(tree, lines, faults, name, notes)
    _suggest_names(tree, Config, "", lines, faults, name)
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        faults += [_sentence(item, lines, name) for item in error.errors() if item["type"] != "extra_forbidden"]
    else:
        if not config.data and "answer" in config.evaluate.tasks:
            faults.append(f"{_where('data', lines, name)}: must hold at least 1 (found []).")
    if faults:
        raise ConfigError(list(dict.fromkeys(faults)), hint="Every key and its default: `medlms train --keys`.")
    return config, notes


def dump(config: Config) -> str:
    """The resolved config as YAML that ``load`` reads back to an equal Config."""
    values = config.model_dump()
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
    if "\x85" in text:  # a line break to YAML: PyYAML writes it as it is, and reads a space
        text = yaml.safe_dump(values, sort_keys=False, width=100)
    return text


def reference(model: type[BaseModel] = Config, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (key path, default, description) of every key."""
    for name, field in model.model_fields.items():
        inner = _inner(field.annotation)
        if inner is not None:
            yield from reference(inner, f"{prefix}{name}{'[].' if _is_list(field.annotation) else '.'}")
            continue
        default = "(required)" if field.is_required() else yaml.safe_dump(field.get_default(call_default_factory=True))
        yield f"{prefix}{name}", default.removesuffix("...\n").strip() or "''", field.description or ""


class _UniqueKeys(yaml.SafeLoader):
    """A safe loader for which a key given twice is a fault: the first would be lost without a word."""


def _unique_mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a single word", key.start_mark)
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} is given twice", key.start_mark)
        seen.add(key.value)
    return {str(key): value for key, value in yaml.SafeLoader.construct_mapping(loader, node, deep=True).items()}


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def _read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, int], str]:
    text = _text(path)
    try:
        tree = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError([f"{path}:{line}: not valid YAML: {error.problem or error.context}."]) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none, and the like
        reason = " ".join(str(error).split())
        raise ConfigError([f"{path}: not valid YAML: {reason}."]) from None
    except RecursionError:
        raise ConfigError([f"{path}: not valid YAML: nested too deeply."]) from None
    if not isinstance(tree, dict):
        table = path.suffix.lower() in (".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".txt")
        raise ConfigError(
            [f"{path}: a config is a list of `key: value` lines, this is {_kind(tree)}."],
            hint=f"`medlms init {path}` looks at a file of questions and answers and writes a config for it."
            if table
            else "",
        )
    lines: dict[str, int] = {}
    _line_numbers(node, "", lines)
    return tree, lines, str(path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        folder = path.parent if path.parent.is_dir() else Path()
        hint = near(path.name, [item.name for item in folder.glob("*.y*ml")])
        raise ConfigError(
            [f"{path}: there is no such config file."],
            hint=hint or "A config ends in .yaml; a setting is written key=value.",
        ) from None
    except IsADirectoryError:
        hint = "Give a YAML file."
        if (path / "config.yaml").is_file():
            hint = f"A run goes on with: medlms train --resume {path}; anew: medlms train {path / 'config.yaml'}"
        raise ConfigError([f"{path}: a folder, not a config file."], hint=hint) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 text (byte {error.start})."], hint="Save the file as UTF-8.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([f"{path}: can't be read: {reason}."]) from None


def _line_numbers(node: yaml.Node | None, path: str, lines: dict[str, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{path}.{key.value}" if path else str(key.value)
            lines[inner] = key.start_mark.line + 1
            _line_numbers(value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[f"{path}.{index}"] = value.start_mark.line + 1
            _line_numbers(value, f"{path}.{index}", lines)


def _fill_out(tree: dict[str, Any]) -> None:
    """Short forms of ``data`` in full, and parts whose keys are all commented out away, so that settings find their place."""
    for key in [key for key, value in tree.items() if value is None and key in _PARTS]:
        del tree[key]
    for key in ("data", *(alias for alias, target in ALIASES.items() if target == "data")):
        if isinstance(tree.get(key), str):
            tree[key] = [tree[key]]
        if isinstance(tree.get(key), list):
            tree[key] = [{"source": item} if isinstance(item, str) else item for item in tree[key]]


def _override(tree: dict[str, Any], text: str, lines: dict[str, int], faults: list[str], notes: list[str]) -> None:
    key, mark, value = text.partition("=")
    key = key.strip()
    if not mark or not key:
        faults.append(f"{text!r}: a setting is written key=value, for example lora.r=8.")
        return
    try:
        parsed = yaml.load(value, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):
        parsed = value
    if (isinstance(parsed, dict) and "{" not in value) or (isinstance(parsed, list) and "[" not in value):
        parsed = value  # a sentence with a colon or a dash in it
    _set(tree, key, parsed, lines, faults, notes)


def _set(
    tree: dict[str, Any], key: str, value: Any, lines: dict[str, int], faults: list[str], notes: list[str]
) -> None:
    """Let a setting win over what the file says, whichever of its names either uses."""
    target = ALIASES.get(key, key)
    if target != key:
        notes.append(f"{key} is read as {target}")
    for other in {_ROWS: (*_BATCH, _ACCUMULATION), **dict.fromkeys(_BATCH, _BATCH)}.get(target, ()):
        tree.pop(other, None)
    if target in (*_BATCH, _ACCUMULATION) and isinstance(tree.get("train"), dict):
        tree["train"].pop(_ROWS.partition(".")[2], None)
    _put(tree, target, value, faults)
    _fill_out(tree)
    for path in [path for path in lines if path == target or path.startswith(f"{target}.")]:
        del lines[path]


def _put(tree: dict[str, Any], path: str, value: Any, faults: list[str]) -> None:
    *parents, last = path.split(".")
    here: Any = tree
    for index, part in enumerate(parents):
        if isinstance(here, list):
            if not part.isdigit() or int(part) >= len(here):
                faults.append(f"{path}: {'.'.join(parents[:index])} has no item {part!r} (the first is 0).")
                return
            here = here[int(part)]
        else:
            here = here.setdefault(part, {})
        if not isinstance(here, dict | list):
            faults.append(f"{path}: {'.'.join(parents[: index + 1])} is a single value, so it has no part {last!r}.")
            return
    if isinstance(here, list):
        if not last.isdigit() or int(last) >= len(here):
            faults.append(f"{path}: {'.'.join(parents)} has no item {last!r} (the first is 0).")
            return
        here[int(last)] = value
    elif isinstance(value, dict) and isinstance(here.get(last), dict):
        here[last].update(value)
    else:
        here[last] = value


def _resolve_aliases(tree: dict[str, Any], lines: dict[str, int], faults: list[str], name: str) -> list[str]:
    notes = []
    for alias, target in ALIASES.items():
        if alias not in tree:
            continue
        value = tree.pop(alias)
        if _has(tree, target):
            faults.append(
                f"{_where(alias, lines, name)}: given beside {target}, which means the same; keep one of them."
            )
            continue
        for path in [path for path in lines if path == alias or path.startswith(f"{alias}.")]:
            lines[target + path.removeprefix(alias)] = lines[path]
        _put(tree, target, value, faults)
        notes.append(f"{alias} is read as {target}")
    return notes


def _resolve_batch(tree: dict[str, Any], lines: dict[str, int], faults: list[str], name: str, notes: list[str]) -> None:
    batch = [alias for alias in _BATCH if alias in tree]
    parts = [*batch[:1], *([_ACCUMULATION] if _ACCUMULATION in tree else [])]
    values = {part: tree.pop(part) for part in parts}
    for alias in batch[1:]:
        del tree[alias]
        faults.append(f"{_where(alias, lines, name)}: given beside {batch[0]}, which means the same; keep one of them.")
    wrong = [
        part for part, value in values.items() if not isinstance(value, int) or isinstance(value, bool) or value < 1
    ]
    faults += [
        f"{_where(part, lines, name)}: must be a whole number above 0 (found {values[part]!r})." for part in wrong
    ]
    if not parts or wrong:
        return
    if _has(tree, _ROWS):
        faults.append(f"{_where(parts[0], lines, name)}: given beside {_ROWS}, which means the same; keep one of them.")
        return
    rows = math.prod(values.values())
    _put(tree, _ROWS, rows, faults)
    notes.append(f"{' x '.join(parts)} is read as {_ROWS} = {rows}")


def _has(tree: Any, path: str) -> bool:
    for part in path.split("."):
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return True


def _suggest_names(
    tree: Any, model: type[BaseModel], prefix: str, lines: dict[str, int], faults: list[str], name: str
) -> None:
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        field = model.model_fields.get(key)
        if field is None:
            hint = _known_place(key, prefix, model)
            faults.append(f"{_where(prefix + key, lines, name)}: unknown key. {hint}".rstrip())
            continue
        inner = _inner(field.annotation)
        if inner and isinstance(value, list):
            for index, item in enumerate(value):
                _suggest_names(item, inner, f"{prefix}{key}.{index}.", lines, faults, name)
        elif inner:
            _suggest_names(value, inner, f"{prefix}{key}.", lines, faults, name)


def _known_place(key: str, prefix: str, model: type[BaseModel]) -> str:
    if key == "study" and not prefix:
        return "A study runs with `medlms train STUDY.yaml`; here the config of a single run is wanted."
    known = [path for path, _, _ in reference()]
    leaves = [path for path in known if path.rpartition(".")[2] == key.rpartition(".")[2]]
    target = ALIASES.get(key) or (leaves[0] if leaves else "")
    if target == key and "." in key and not prefix:
        part, _, leaf = key.rpartition(".")
        return f"In a file it is written {part}: {{{leaf}: ...}}."
    if target:
        return f"Did you mean {target}?"
    # A list's number says nothing here: data.0.sorce is meant as data.0.source.
    names = [prefix + name for name in difflib.get_close_matches(key, model.model_fields, n=3, cutoff=0.6)]
    if not prefix:
        names += difflib.get_close_matches(key, ALIASES, n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(names[:3])}?" if names else ""


_SENTENCES: Mapping[str, str] = types.MappingProxyType(
    {
        "int": "must be a whole number",
        "float": "must be a number",
        "finite": "must be a finite number",
        "bool": "must be true or false",
        "string_type": "must be text",
        "string_too": "must not be empty",
        "list": "must be a list, such as [first, second]",
        "model": "must hold keys of its own",
        "dict": "must hold keys of its own",
        "too_short": "must hold at least {min_length}",
        "greater_than_equal": "must be at least {ge}",
        "greater_than": "must be above {gt}",
        "less_than_equal": "must be at most {le}",
        "less_than": "must be below {lt}",
        "literal_error": "must be {expected}",
    }
)
"""What is said instead of pydantic's words, by the start of its error type; the longest start that fits is used."""


def _sentence(error: Any, lines: dict[str, int], name: str) -> str:
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "missing":
        parent = path.rpartition(".")[0]
        place = f"{name}:{lines[parent]}: " if parent in lines else "" if parent else f"{name}: "
        return f"{place}{path} is missing."
    start = max((start for start in _SENTENCES if error["type"].startswith(start)), key=len, default="")
    context = error.get("ctx", {})
    message = _SENTENCES[start].format(**context) if start else error["msg"].removeprefix("Value error, ")
    if not path:
        return f"{name}: {message}."
    hint = ""
    if start == "literal_error":
        choices = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        hint = near(str(error["input"]), choices)
    return f"{_where(path, lines, name)}: {message}{_found(error['input'])}. {hint}".rstrip()


def _found(value: Any) -> str:
    if value is None or isinstance(value, dict | BaseModel):
        return ""
    shown = repr(value) if isinstance(value, str) else str(value)
    return f" (found {shown[:60]}{'...' if len(shown) > 60 else ''})"


def _where(path: str, lines: dict[str, int], name: str) -> str:
    return f"{name}:{lines[path]}: {path}" if path in lines else path


def _inner(annotation: Any) -> type[BaseModel] | None:
    for part in (annotation, *typing.get_args(annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _is_list(annotation: Any) -> bool:
    return typing.get_origin(annotation) is list


def _copied(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {str(key): _copied(value) for key, value in tree.items()}
    if isinstance(tree, PurePath):
        return str(tree)
    return [_copied(item) for item in tree] if isinstance(tree, list | tuple) else tree


def _kind(value: Any) -> str:
    return {type(None): "empty", list: "a list", str: "a piece of text"}.get(type(value), f"a {type(value).__name__}")
