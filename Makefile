# One runner for people, for CI and for the README: `make help` lists the verbs.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EXTRAS := train,embedded,rocksdb,dev

.DEFAULT_GOAL := help
.PHONY: help setup fmt lint types contracts check test

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The stamp is newer than pyproject.toml once the environment holds what that file asks for.
$(VENV)/.installed: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$(EXTRAS)]"
	@touch $@

setup: $(VENV)/.installed ## Make the project's virtual environment and install into it

fmt: setup ## Format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup ## Formatting and lint, nothing changed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup ## mypy, strict, on everything
	$(BIN)/mypy

contracts: setup ## Imports point one way
	$(BIN)/lint-imports

test: setup ## All tests that need no outside service, under five minutes on two cores
	$(BIN)/pytest

check: lint types contracts test ## Lint, types, import contracts and tests
