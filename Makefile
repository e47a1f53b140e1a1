# make demo   backtest Autopilot against the embedded stand-in exchange and write a report
# make test   lint, types, house rules and tests
# Both set up everything on a fresh machine with Python 3.11+ and pip.
#
# make proof  the long proofs, 40 minutes on two quiet cores: deep properties, kills, chaos of 20 seeds,
#             faults put into the code; MINUTES=12: a slice of them, drawn by the day
#
# make chaos SEEDS=100 FIRST_SEED=1   live sessions under faults on spot and futures, a few seconds each;
#                                      FUTURES=N: so many of them on futures; with 100 or 200 seeds each
#                                      cure is switched off in turn, and docs/reliability.md is written
# make kills                          one position, the bot killed at every request
# make mutation ROOMS="orders gate" SAMPLE=20 MUTATION_SEED=today   does a test fail when the library is
#                                      broken? so many small faults in each room (no room named: all of them),
#                                      10 to 30 seconds each beside what is learnt of the tests once

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATADIR ?=
SEED ?= 7
SEEDS ?= 100
FUTURES ?= 30
ROOMS ?=
SAMPLE ?= 20
MUTATION_SEED ?= today
MINUTES ?=
PROOF_SEED ?= today
FIRST_SEED ?= 1
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo -n)
export PIP_DISABLE_PIP_VERSION_CHECK = 1
unexport PYTHONDONTWRITEBYTECODE # tests start hundreds of processes, which would compile all modules again

.DEFAULT_GOAL := help
.PHONY: help install demo test proof lint types house server unit rehearse chaos kills mutation compat lock docker-check clean

help:
	@sed -n 's/^# //p' Makefile

$(VENV)/.installed: pyproject.toml requirements.lock
	@echo "==> making $(VENV) (two or three minutes, once)"
	@$(PYTHON) -c 'import sys; sys.exit("freqpilot needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make PYTHON=python3.11 …") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --constraint requirements.lock torch # alone, or a GPU's libraries come with it
	@$(BIN)/python -m pip install --progress-bar on --constraint requirements.lock --editable '.[dev]' | sed -n 's/^Collecting \([^ ]*\).*/    \1/p; s/^Successfully.*/    done/p'
	@touch $@

install: $(VENV)/.installed

demo: install
	$(BIN)/freqpilot demo --seed $(SEED) $(if $(DATADIR),--datadir $(DATADIR))

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

house: install
	$(BIN)/lint-imports

# A server for the tests on PostgreSQL; where it cannot be had they skip and say so.
server: install
	@$(BIN)/python -c 'from benchmarks.support.postgres import server_folder; server_folder()' 2>/dev/null \
		|| { command -v apt-get >/dev/null && echo "==> installing PostgreSQL's server for the tests" \
			&& $(AS_ROOT) apt-get update -qq \
			&& $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null; } \
		|| echo "==> PostgreSQL's server cannot be installed here; the tests that need it are skipped"

unit: install server
	$(BIN)/freqpilot warm
	$(BIN)/python -m pytest

test: lint types house unit

proof: install server
	$(BIN)/freqpilot warm
	$(BIN)/python -m benchmarks proof --seed $(PROOF_SEED) $(if $(MINUTES),--minutes $(MINUTES))

chaos: install
	$(BIN)/python -m benchmarks chaos --seeds $(SEEDS) $(if $(FUTURES),--futures $(FUTURES)) --first-seed $(FIRST_SEED) $(if $(filter 100 200,$(SEEDS)),--cures 20 --out docs/reliability.md)

kills: install
	$(BIN)/python -m benchmarks kills
	$(BIN)/python -m benchmarks kills --futures

mutation: install
	$(BIN)/python -m benchmarks mutation $(ROOMS) --sample $(SAMPLE) --seed $(MUTATION_SEED)

rehearse: install
	$(BIN)/freqpilot rehearse --days 3

compat: install
	$(BIN)/python -m benchmarks compat

docker-check: install
	$(BIN)/python docker/check.py

# Exact versions of what is installed now, without the pack itself.
lock: install
	$(BIN)/python -m pip freeze --exclude-editable | grep -v -i '^pip==\|^freqpilot' | sed 's/+cpu$$//' > requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist
