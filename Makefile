# make demo   replay a year on the bundled example
# make test   everything that must hold: format, lint, types, import contracts, tests
# make dagster  the same project under Dagster: http://127.0.0.1:3000
# make soak   20,000 random histories, and what they covered (hours)
# make bench  Drumbeat beside what else one could do, in one table (an hour; docs/performance.md)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# glibc keeps more small pieces of memory at hand: small statements take a seventh less time
export GLIBC_TUNABLES ?= glibc.malloc.tcache_count=2000
# and where jemalloc is installed, tests take a seventh less again
JEMALLOC := $(shell ldconfig -p 2>/dev/null | awk '/libjemalloc\.so\.2/ { print $$NF; exit }')

.PHONY: demo test dagster soak bench clean

demo: $(VENV)/.runtime
	$(BIN)/drumbeat demo demo

test: $(VENV)/.development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	LD_PRELOAD=$(JEMALLOC) $(BIN)/python -m pytest

dagster: $(VENV)/.development
	DAGSTER_HOME="$(CURDIR)" $(BIN)/dagster dev

soak: $(VENV)/.development
	PYTHONPATH=.:tests $(BIN)/python -m support.soak --seeds 0..20000 --report docs/soak.md
	PYTHONPATH=.:tests $(BIN)/python -m support.soak.mutants

bench: $(VENV)/.development
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks.speed --scale 0.1 --workflows 500

clean:
	rm -rf $(VENV) demo dist .dagster

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.runtime: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.development: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dagster]' --group dev
	touch $@ $(VENV)/.runtime
