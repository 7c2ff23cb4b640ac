"""A report as a run would write it, with made-up numbers, and the steps of its training."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

HOSTILE = '<script>alert("x")</script> [link](javascript:alert(1)) | **bold** `code` \x00 \x1b[31m \u202egnp.exe \ud800 </svg>'


def score(value: float, spread: float, n: int = 100, **more: Any) -> dict[str, Any]:
    return {
        "value": value,
        "low": max(0.0, value - spread),
        "high": value + spread,
        "n": n,
        "unread": 0,
        "maximum": None,
        **more,
    }


def system(name: str, title: str, note: str, values: tuple[float, ...], perplexity: float | None, words: float, seconds: float,
           rate: float, endings: dict[str, int]) -> dict[str, Any]:  # fmt: skip
    names = ("exact_match", "bleu", "rouge1", "rouge2", "rougeL", "token_f1")
    spreads = (0.0, 0.006, 0.014, 0.008, 0.011, 0.015)
    best = (0.0, 0.21, 0.64, 0.48, 0.61, 0.66)
    metrics = {
        key: score(value, spread, maximum=min(1.0, top + value / 4))
        for key, value, spread, top in zip(names, values, spreads, best, strict=True)
    }
    metrics["chrf"] = score(values[5] + 0.02, 0.014)
    metrics["exact_match"] |= {"low": 0.0, "high": 0.036, "maximum": float(values[0] > 0)}
    if perplexity is not None:
        metrics["perplexity"] = score(perplexity, perplexity * 0.07)
    metrics["length_words"] = score(words, words * 0.08, maximum=402.0)
    speed = {
        "seconds_median": score(seconds, seconds * 0.2, 8, cut=endings["cut by length"] // 12) if perplexity else {},
        "seconds_p95": score(seconds * 1.9, seconds * 0.5, 8),
        "first_token_seconds": score(0.041, 0.003, 8),
        "tokens_per_second": score(rate, rate * 0.04, 8),
    }
    return {
        "name": name, "title": title, "note": note, "metrics": metrics,
        "speed": {} if perplexity is None else speed, "endings": endings,
    }  # fmt: skip


def difference(a: str, b: str, metric: str, value: float, spread: float, p: float) -> dict[str, Any]:
    return {"a": a, "b": b, "metric": metric, "difference": value, "low": value - spread, "high": value + spread,
            "p_value": p, "n": 100}  # fmt: skip


REFERENCE = (
    "Anaemia means that the blood carries less oxygen than the body needs. Common signs are tiredness, pale skin, shortness "
    "of breath on effort, a fast heartbeat and headaches. Some people notice cold hands and feet or feel dizzy when they "
    "stand up. Mild anaemia may cause no signs at all and is then found by a blood test."
)
BASE = (
    "Anemia is a condition in which the body does not have enough healthy red blood cells. Here are some symptoms of anemia:\n\n"
    "1. Fatigue: Feeling tired and weak.\n2. Pale skin: The skin may look pale.\n3. Shortness of breath.\n4. Dizziness.\n"
    "5. Cold hands and feet.\n\nIt is important to note that "
) + "these symptoms can be caused by other conditions, and that these symptoms may vary from person to person. " * 9
TUNED = (
    "The signs and symptoms of anemia may include fatigue, pale skin, shortness of breath, dizziness, headache, and a fast or "
    "irregular heartbeat. Some people have no symptoms. See your doctor if you feel tired and do not know why."
)
NEAREST = (
    "Iron is a mineral that the body needs to make haemoglobin. Foods rich in iron are red meat, beans, lentils and fortified "
    "cereals. Iron tablets may upset the stomach and turn stools dark."
)
CASE_1 = (
    "A 45-year-old man has had a cough for two months. He has lost weight, wakes up at night drenched in sweat, has no fever and "
    "has smoked a pack a day for 20 years. What could be the cause, and what should be done next?"
)
CASE_2 = (
    "A 32-year-old woman who was always healthy has sudden chest pain that gets worse when she breathes in, and she is short of "
    "breath. What could be the cause?"
)


def steps() -> list[dict[str, Any]]:
    generator = random.Random(13)
    return [
        {
            "step": step, "epoch": step / 125, "loss": 1.72 + 0.75 * math.exp(-step / 28) + generator.gauss(0, 0.11),
            "tokens": 4000, "learned_tokens": generator.randint(2500, 3400), "tokens_per_second": 171.0,
            "learning_rate": 2e-4, "grad_norm": 0.8, "seconds": 23.0, "peak_memory_bytes": 4_300_000_000,
        }
        for step in range(1, 251)
    ]  # fmt: skip


def report() -> dict[str, Any]:
    epochs = [
        {"epoch": 0, "dev_loss": score(2.412, 0.09), "bleu": score(0.021, 0.007, 24), "rouge1": score(0.268, 0.021, 24),
         "rouge2": score(0.061, 0.012, 24), "rougeL": score(0.158, 0.014, 24), "token_f1": score(0.244, 0.021, 24)},
        {"epoch": 1, "dev_loss": score(1.874, 0.08), "bleu": score(0.048, 0.013, 24), "rouge1": score(0.329, 0.026, 24),
         "rouge2": score(0.109, 0.017, 24), "rougeL": score(0.221, 0.018, 24), "token_f1": score(0.305, 0.025, 24)},
        {"epoch": 2, "dev_loss": score(1.831, 0.08), "bleu": score(0.055, 0.014, 24), "rouge1": score(0.338, 0.027, 24),
         "rouge2": score(0.118, 0.018, 24), "rougeL": score(0.230, 0.019, 24), "token_f1": score(0.314, 0.026, 24)},
    ]  # fmt: skip
    answers = {
        "base": {"text": BASE, "ending": "repeats itself", "token_f1": 0.214},
        "tuned": {"text": TUNED, "ending": "complete", "token_f1": 0.431},
        "nearest": {"text": NEAREST, "ending": "complete", "token_f1": 0.187},
    }
    cut = {
        "base": {"text": BASE[:420], "ending": "cut by length", "token_f1": 0.239},
        "tuned": {"text": "", "ending": "empty", "token_f1": 0.0},
        "nearest": {"text": NEAREST, "ending": "complete", "token_f1": 0.092},
    }
    case = {
        "base": {"text": BASE[:380], "ending": "cut by length"},
        "tuned": {"text": "Possible causes are tuberculosis and lung cancer. A chest X-ray comes first.",
                  "ending": "complete"},
    }  # fmt: skip
    return copy.deepcopy(
        {
            "run": "medquad",
            "date": "2025-11-22T12:29:31+00:00",
            "command": "medlms train runs/medquad/config.yaml",
            "version": "0.1.0",
            "verdict": [
                "The tuned model beats the base on token F1 by 0.068 [0.049, 0.087] and on ROUGE-L by 0.070 [0.055, 0.085].",
                "It also beats the floor, which copies the answer of the most similar training question.",
                "86 of 100 tuned answers are complete; 9 were cut by the limit of 512 tokens.",
            ],
            "notes": ["BLEU: nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.5.1."],
            "warnings": [
                "identifiers: this version has no scan for patient identifiers; the sources used are public catalogue sets.",
                "medical_meadow_wikidoc: only the first 1,000 of 10,000 rows were at hand.",
            ],
            "model": {
                "name": "smollm2-135m-instruct-q4_1",
                "note": "weights from a 4-bit file (Q4_1), dequantised: not the original 16-bit weights",
                "licence": "Apache-2.0",
                "address": "HuggingFaceTB/SmolLM2-135M-Instruct",
                "parameters": 134_515_008,
                "trainable": 4_884_480,
                "precision": "bf16",
                "device": "CPU, 2 cores",
                "path": "own LoRA step over transformers' Llama; own decode loop",
            },
            "config": {
                "model": "smollm2-135m-instruct-q4_1",
                "data": [{"source": "medquad", "weight": 1.0}, {"source": "wikidoc", "weight": 1.0}],
                "split": {"train": 1900, "dev": 100, "eval": 100, "by": "topic"},
                "instruction": "Answer the question truthfully, you are a medical professional.",
                "max_length": 2048,
                "lora": {"r": 16, "alpha": 16, "dropout": 0.25, "targets": "all-linear"},
                "train": {"epochs": 2, "tokens_per_step": 4096, "learning_rate": 0.0002, "schedule": "cosine"},
                "evaluate": {"systems": ["base", "tuned", "nearest"], "max_new_tokens": 512, "decoding": "greedy"},
                "seed": 13,
            },
            "systems": [
                system("base", "Base", "", (0.0, 0.019, 0.271, 0.063, 0.162, 0.243), 11.14, 214.0, 9.41, 34.2,
                       {"complete": 41, "cut by length": 33, "repeats itself": 25, "empty": 1}),
                system("tuned", "Tuned", "The base with this run's adapter.", (0.01, 0.052, 0.336, 0.119, 0.232, 0.311),
                       6.27, 128.0, 4.62, 33.1, {"complete": 86, "cut by length": 9, "repeats itself": 5, "empty": 0}),
                system("nearest", "Nearest", "Copies the answer of the most similar training question (BM25).",
                       (0.0, 0.047, 0.289, 0.081, 0.187, 0.268), None, 139.0, 0.0, 0.0, {"complete": 100}),
            ],
            "comparisons": [
                difference("tuned", "base", "exact_match", 0.01, 0.0196, 0.317),
                difference("tuned", "base", "bleu", 0.033, 0.009, 0.0002),
                difference("tuned", "base", "rouge1", 0.065, 0.017, 0.0001),
                difference("tuned", "base", "rouge2", 0.056, 0.012, 0.0001),
                difference("tuned", "base", "rougeL", 0.070, 0.015, 0.0001),
                difference("tuned", "base", "token_f1", 0.068, 0.019, 0.0001),
                difference("tuned", "base", "perplexity", -4.87, 0.61, 0.0001),
                difference("tuned", "nearest", "exact_match", 0.01, 0.0196, 0.317),
                difference("tuned", "nearest", "bleu", 0.005, 0.014, 0.47),
                difference("tuned", "nearest", "rouge1", 0.047, 0.021, 0.0008),
                difference("tuned", "nearest", "rouge2", 0.038, 0.017, 0.0021),
                difference("tuned", "nearest", "rougeL", 0.045, 0.018, 0.0004),
                difference("tuned", "nearest", "token_f1", 0.043, 0.022, 0.0012),
            ],
            "training": {
                "steps": 250, "epochs": 2, "rows": 1900, "tokens": 1_012_480, "learned_tokens": 741_022, "seconds": 5871.0,
                "tokens_per_second": 172.5, "peak_memory_bytes": 4_310_000_000, "best_epoch": 2,
            },
            "epochs": epochs,
            "samples": [
                {"id": "medquad:0000817-2", "topic": "Anemia", "question": "What are the symptoms of anemia?",
                 "reference": REFERENCE, "answers": answers},
                {"id": "wikidoc:412", "topic": "Iron overload", "question": "Who is at highest risk for iron overload?",
                 "reference": "Men, and women after the menopause, who carry two changed copies of the HFE gene.",
                 "answers": cut},
            ],
            "prompts": [{"question": CASE_1, "answers": case}, {"question": CASE_2, "answers": case}],
            "data": {
                "sources": {
                    "medquad": {
                        "title": "MedQuAD", "licence": "CC BY 4.0", "citation": "Ben Abacha and Demner-Fushman, 2019",
                        "address": "https://example.org/medquad", "weight": 1.0, "rows_in": 47441, "kept": 15486,
                        "dropped": {"empty answer": 31034, "same question and answer": 48, "near duplicate answer": 873},
                        "cleaned": {"spaces": 812, "boilerplate": 77}, "train": 950, "dev": 94, "eval": 95,
                        "not_drawn": 14347, "said": [],
                    },
                    "wikidoc": {
                        "title": "WikiDoc", "licence": "CC BY-SA", "citation": "medical_meadow_wikidoc, medAlpaca",
                        "address": "https://example.org/wikidoc", "weight": 1.0, "rows_in": 1000, "kept": 961,
                        "dropped": {"answer is nothing but a question": 39}, "train": 950, "dev": 6, "eval": 5,
                        "not_drawn": 0, "said": ["WikiDoc: the first 1,000 of 10,000 rows, taken from the local folder."],
                    },
                },
                "groups": {"all": 5600, "train": 1412, "dev": 81, "eval": 77, "joined_by": "document, topic and question"},
                "mixture": {"asked": {"medquad": 0.5, "wikidoc": 0.5}},
                "passed_over": {"answer too long": 31},
                "overlaps": {"on_two_sides": 0, "values_compared": {"questions": 2099, "topics": 1570}},
                "repeated_questions": {"questions_with_several_answers": 1453, "rows_in_them": 3562},
                "identifiers": {"scanned": False, "asked": "stop", "note": "This version does not look for identifiers."},
            },
            "machine": {"processor": "AMD EPYC 9R14", "cores": 2, "memory_bytes": 33_285_996_544, "system": "Linux 6.1",
                        "python": "3.11.2", "torch": "2.13.0", "transformers": "5.23.0", "peft": "0.21.0"},
        }
    )  # fmt: skip
