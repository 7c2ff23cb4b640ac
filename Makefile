# `make` lists the targets. Everything is installed into .venv, once, and again when pyproject.toml or constraints.txt
# change. Works with GNU make 3.81 (macOS) and later.
#
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu    torch from that index instead of pip's own (see README)
#   make test PYTHON=/path/to/python3.12                          another Python

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 >/dev/null 2>&1 && python3.11 -c '' >/dev/null 2>&1 && echo python3.11 || echo python3)
TORCH_INDEX ?=
VENV ?= .venv

BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 $(BIN)/python -m pip install
SHOW := | awk -v tty="$$([ -t 1 ] && echo 1 || echo 0)" -f scripts/pip_progress.awk
SOURCES := src tests scripts docs/conf.py docs/_ext $(wildcard benchmarks)
# Two processes of tests, one thread each: more threads than cores slow torch down many times over. A file's tests stay
# together, since they share what they prepare.
PYTEST_ARGS ?= -n 2 --dist loadfile

.PHONY: help demo test check docs clean install format lint types imports licences

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

demo: $(VENV)/.installed-all ## install, then fine-tune and grade the default model on the built-in data
	@$(BIN)/medlms demo

test: $(VENV)/.installed-dev lint types imports ## install, then the fast checks and all tests
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/.installed-dev lint types imports licences docs ## everything: checks, licences, documentation, tests
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

docs: $(VENV)/.installed-dev ## build the documentation into docs/_build/html; a warning is a failure
	@echo "Building the documentation"
	@$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

install: $(VENV)/.installed-dev ## install what developers need, and nothing else

format: $(VENV)/.installed-dev ## lay the code out and mend what ruff can mend
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

lint: $(VENV)/.installed-dev
	@echo "Checking layout and style"
	@$(BIN)/ruff format --check --quiet --output-format concise $(SOURCES)
	@$(BIN)/ruff check --quiet --output-format concise $(SOURCES)

types: $(VENV)/.installed-dev
	@echo "Checking types"
	@$(BIN)/mypy

imports: $(VENV)/.installed-dev
	@echo "Checking who imports whom"
	@$(BIN)/lint-imports --no-logo

licences: $(VENV)/.installed-dev
	@echo "Checking the licences of what is installed"
	@$(BIN)/python scripts/check_licences.py "medlms[all]"

clean: ## remove the venv, caches and built documentation; runs/ is kept
	rm -rf $(VENV) docs/_build build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests scripts docs -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "MedLMs needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)." >&2; \
		echo "Install one and name it: make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making a Python environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.torch: constraints.txt | $(BIN)/python
ifneq ($(strip $(TORCH_INDEX)),)
	@echo "Installing torch from $(TORCH_INDEX)"
	@$(PIP) "$$(grep '^torch==' constraints.txt)" --index-url "$(TORCH_INDEX)"
endif
	@touch $@

$(VENV)/.installed-all: pyproject.toml constraints.txt $(VENV)/.torch
	@echo "Installing MedLMs and its libraries (a few minutes the first time)"
	@set -o pipefail; $(PIP) --constraint constraints.txt --editable '.[all]' $(SHOW)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt $(VENV)/.torch
	@echo "Installing MedLMs, its libraries and the tools of its developers (a few minutes the first time)"
	@set -o pipefail; $(PIP) --constraint constraints.txt --editable '.[dev]' $(SHOW)
	@touch $@ $(VENV)/.installed-all
