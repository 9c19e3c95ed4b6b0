# One runner for people, for CI and for the README: `make help` lists the verbs.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EXTRAS := train,embedded,rocksdb,report,dev
# Many tests wait for a broker or a worker: three processes keep two cores busy.
TEST_PROCESSES ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup fmt lint types contracts check test test-slow test-kafka test-chaos fuzz audit compose-check online-eval demo page test-page picture chaos soak bench leaderboard replay-proof broker up down

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

# The files with a broker first, as they are collected: the longest last would run alone.
PYTEST := $(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

test: setup ## All tests but the slow ones, no outside service needed, under five minutes on two cores
	$(PYTEST) -m "not slow and not chaos"

test-slow: setup ## The slow ones, some minutes more
	$(PYTEST) -m "slow and not chaos"

test-kafka: setup ## The tests with a broker against a real Apache Kafka: NEXTCLICK_TEST_BROKER=host:port names one
	@test -n "$$NEXTCLICK_TEST_BROKER$$NEXTCLICK_TEST_KAFKA_CLUSTER" || { echo "Name a broker: make test-kafka NEXTCLICK_TEST_BROKER=host:port" >&2; exit 2; }
	$(BIN)/pytest -m "(broker or kafka) and not chaos"

test-chaos: setup ## Minutes of faults, a checker, and workers broken on purpose that it must catch; more with an Apache Kafka
	$(PYTEST) -n 2 -m chaos

fuzz: setup ## 100,000 damaged records through the decoder, 20,000 through a real worker: SEED=1 for others
	NEXTCLICK_TEST_FUZZ_RECORDS=100000 $(if $(SEED),NEXTCLICK_TEST_FUZZ_SEED=$(SEED)) $(BIN)/pytest tests/workers/test_decoding_fuzz.py tests/integration/test_fuzz.py

audit: setup ## Dependencies against a database of advisories; skipped, with the reason, where none can be reached
	@$(BIN)/python .ci/audit.py $(BIN)/pip-audit

compose-check: setup ## docker-compose.yml against its schema and, where there is one, a compose client; no engine needed
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@if docker compose version >/dev/null 2>&1; then docker compose --profile "*" config --quiet && echo "docker compose config: ok"; \
	elif command -v docker-compose >/dev/null; then docker-compose config --quiet && echo "docker-compose config: ok"; \
	else echo "docker compose config: skipped, there is no compose client"; fi

check: lint types contracts compose-check audit test ## Lint, types, import contracts, compose file, advisories and tests

DATASET ?= eshop
data/prepared/$(DATASET)/prepared.json: | setup
	$(BIN)/nextclick data prepare $(DATASET)

artifacts/$(DATASET)/manifest.json: data/prepared/$(DATASET)/prepared.json
	$(BIN)/nextclick train --dataset $(DATASET)
	$(BIN)/nextclick export checkpoints/$(DATASET) --out artifacts/$(DATASET)

online-eval: artifacts/$(DATASET)/manifest.json ## A worker's published lists against the offline ones: DATASET=eshop
	$(BIN)/nextclick online-eval artifacts/$(DATASET) --dataset $(DATASET)

demo: setup ## Train, serve and recommend on real clicks, all by itself: DEMO_ARGS="--rate 100 --limit 2000", say
	@$(BIN)/nextclick demo $(DEMO_ARGS)

page: setup ## The demo as a page: click, watch your list reorder, kill the worker: DEMO_ARGS="--port 8080", say
	@$(BIN)/nextclick demo --open $(DEMO_ARGS)

test-page: setup ## The page in a real headless Chromium, which apt-get installs where it can; screenshots in build/page
	@$(BIN)/python -m tests.page.chromium
	$(BIN)/pytest tests/page

picture: setup ## docs/page.png and docs/page-red-button.png anew, from the real page
	@$(BIN)/python -m tests.page.chromium
	@$(BIN)/python -m tests.page.picture

# Quix Streams, which we are measured beside, would hold back what our own environment has.
BENCH_VENV := build/benchmarks/venv
$(BENCH_VENV)/.installed: pyproject.toml
	@test -x $(BENCH_VENV)/bin/python || $(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[benchmarks]"
	@touch $@

bench: setup $(BENCH_VENV)/.installed ## Throughput, peers, latency, restore on this machine, half an hour: BENCH_ARGS="--quick", say
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

leaderboard: setup ## Train and measure every model of benchmarks/leaderboard.toml, hours: LEADERBOARD_ARGS="--only 'eshop/*'"
	$(BIN)/nextclick leaderboard $(LEADERBOARD_ARGS); status=$$?; \
	if [ $$status -le 1 ]; then \
		cp build/leaderboard/leaderboard.json benchmarks/ && \
		cp build/leaderboard/leaderboard.md build/leaderboard/leaderboard.png docs/; \
	fi; exit $$status

replay-proof: setup ## Every promise of docs/replay.md on real clicks: NEXTCLICK_DATA=folder REPLAY_ARGS="--full"
	@$(BIN)/python -m tests.replay_proof $(REPLAY_ARGS)

DURATION ?= 600
CLICKS ?= 1000000
USERS ?= 100000
chaos: setup ## Workers and a three-node Kafka broken on purpose, then checked: DURATION=600 SEED=7, CHAOS_ARGS="--rate 50"
	@$(BIN)/python -m tests.chaos --duration $(DURATION) $(if $(SEED),--seed $(SEED)) $(CHAOS_ARGS)

soak: setup ## A million clicks through one worker, and what grew meanwhile: CLICKS=1000000 USERS=100000
	@$(BIN)/python -m tests.chaos.soak --clicks $(CLICKS) --users $(USERS) $(SOAK_ARGS)

broker: setup ## The embedded broker on 127.0.0.1:9092, until Ctrl-C
	$(BIN)/nextclick broker

up: ## Kafka, topics, worker and replayer in containers; train first: docker compose run --rm trainer
	docker compose up --build --detach

down: ## Stop the containers; volumes stay
	docker compose down
