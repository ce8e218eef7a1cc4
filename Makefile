# Stampbot. Everything runs from .venv, which each goal sets up by itself from the hashed lock files.
#   make demo [PYTHON=python3.12]    a whole small Wasteland, bot included, in this terminal
#   make test                        all tests
#   make check                       style, types, walls between the rooms
#   make bench                       figures beside rivals (about 25 minutes; needs a quiet machine)
#   make mutants [MUTANTS=all]       whether the tests of rules notice a changed rule (15 minutes; all: half an hour)
#   make slow                        the long runs that `make test` leaves out, and each law on 2,000 cases (about 20 minutes)
#   make faults                      the fault matrix, every fault played, and a table of what held (about 10 minutes)
#   make soak MINUTES=10 [SEED=n]    the bot's processes in a storm of kills, wipes and hub trouble; then an audit (a few minutes more)
#   make races [ROUNDS=50 SEED=n]    two sides want one pull in the same moment; who was first, and whether all is true (about 4 minutes)
#   make fuzz [FUZZ=200000]          as many broken comments, read by the grammar (about 8 minutes on two cores)
#   make fidelity [RECORD=1]         both engines of the sandbox play the same stories, then the bot works on Dolt; needs a dolt on PATH or STAMPBOT_DOLT=PATH (about 8 minutes)
#   make docs                        write all generated pages anew (a few minutes: it plays the scenarios)
#   make release                     wheel and source archive in dist/, tried in an empty environment of each Python on PATH (a minute each)
#   make lock                        write the lock files anew (UPGRADE=1: newest versions)
#   make clean                       remove .venv and caches

VENV := .venv
BIN := $(VENV)/bin
export PYTHON

MINUTES ?= 10
ROUNDS ?= 50
LANDING ?= pull

.PHONY: help demo smoke test slow faults soak races fidelity check bench mutants fuzz format docs release lock clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.ready
	@$(BIN)/stampbot demo

smoke: $(VENV)/.ready
	@$(BIN)/stampbot demo --smoke

# Also green beside other work: tests wait for states (tests/patience.py). Four at a time on any machine: much of a test's time goes into waiting for processes of its own.
test: $(VENV)/.ready-dev
	@$(BIN)/pytest -n 4 --dist worksteal

slow: $(VENV)/.ready-dev
	@$(BIN)/pytest -n 4 --dist worksteal -m 'slow or hypothesis' --hypothesis-profile slow --timeout 1200

faults: $(VENV)/.ready-dev
	@$(BIN)/python -m tests.faults

soak: $(VENV)/.ready-dev
	@$(BIN)/python -m tests.soak --minutes $(MINUTES) --landing $(LANDING) $(if $(SEED),--seed $(SEED)) $(SOAK_OPTIONS)

races: $(VENV)/.ready-dev
	@$(BIN)/python -m tests.races --rounds $(ROUNDS) --landing $(LANDING) $(if $(SEED),--seed $(SEED)) $(RACES_OPTIONS)

bench: $(VENV)/.ready-dev
	@$(BIN)/python -m benchmarks.judge
	@$(BIN)/python -m benchmarks.evidence
	@$(BIN)/python -m benchmarks.door
	@$(BIN)/python -m benchmarks.sweep
	@$(BIN)/python -m benchmarks.reviews

# Not in the lock: one of its own packages has no wheel, and only this goal needs it.
mutants: $(VENV)/.ready-dev
	@$(BIN)/python -c 'import cosmic_ray' 2>/dev/null || $(BIN)/python -m pip install --quiet cosmic-ray==8.7.0
	@$(BIN)/python -m tests.mutants $(if $(filter all,$(MUTANTS)),--all,$(MUTANTS))

fuzz: $(VENV)/.ready-dev
	@$(BIN)/python -m tests.fuzz $(FUZZ)

fidelity: $(VENV)/.ready-dev
	@$(BIN)/python -m tests.fidelity $(if $(RECORD),--record)

check: $(VENV)/.ready-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

COMPILE := $(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --build-deps-for editable --generate-hashes --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links $(if $(UPGRADE),--upgrade)

docs: $(VENV)/.ready-dev
	@$(BIN)/python -m tests.house.tables --write
	@$(BIN)/python -m tests.commands.replies --write
	@$(BIN)/python -m tests.commands.answers --write
	@$(BIN)/python -m tests.scenarios --write

release: $(VENV)/.ready-dev
	@$(BIN)/python -m tests.release

lock: $(VENV)/.ready-dev
	$(COMPILE) --extra sandbox -o requirements.lock pyproject.toml
	$(COMPILE) --extra sandbox --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.ready: requirements.lock pyproject.toml bin/setup
	@bin/setup requirements.lock
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock pyproject.toml bin/setup
	@bin/setup requirements-dev.lock
	@touch $(VENV)/.ready $@
