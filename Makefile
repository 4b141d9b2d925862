# make demo · test · check · bench · serve — each makes what it needs in .venv first; only Python >= 3.11 is assumed.
# make test ARGS='-k ledger'  passes arguments on; JOBS=4 uses four processes; PYTHON=... chooses the interpreter.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check bench serve lock clean

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
JOBS ?= 2
ARGS ?=
PYTHON ?=

help:
	@echo 'make demo    import the example estate into a new store and question it'
	@echo 'make serve   GraphQL on loopback'
	@echo 'make test    run all tests             (ARGS="-k ledger", JOBS=4)'
	@echo 'make check   format, lint, types, architecture, dependencies'
	@echo 'make bench   measure, beside peers'
	@echo 'make lock    resolve both lock files   (ARGS=--upgrade for newer versions)'
	@echo 'make clean   remove .venv and everything that tools wrote'

demo: $(VENV)/.runtime
	@$(BIN)/cmdb demo $(ARGS)

serve: $(VENV)/.runtime
	@$(BIN)/cmdb serve $(ARGS)

# Tests make hundreds of stores, each of which waits for the disk at every commit: in memory where there is room.
IN_MEMORY := $(shell [ -w /dev/shm ] && [ "$$(df -Pk /dev/shm | awk 'NR == 2 { print $$4 }')" -gt 4000000 ] && echo /dev/shm)
SCRATCH = $(or $(TMPDIR),$(IN_MEMORY),/tmp)

test: $(VENV)/.dev
	@TMPDIR=$(SCRATCH) $(BIN)/pytest --numprocesses=$(JOBS) --dist=loadgroup $(ARGS)

check: $(VENV)/.dev
	@echo '· format';       $(BIN)/ruff format --quiet --check --output-format=concise . || { echo 'mend it with: $(BIN)/ruff format .'; exit 1; }
	@echo '· lint';         $(BIN)/ruff check --quiet .
	@echo '· types';        $(BIN)/basedpyright
	@echo '· architecture'; $(BIN)/lint-imports --no-logo
	@echo '· dependencies'; $(BIN)/deptry .

bench: $(VENV)/.dev
	@$(BIN)/python -m benchmarks $(ARGS)

# Without --upgrade the versions stay where they are, as far as pyproject.toml allows.
COMPILE = $(BIN)/uv pip compile pyproject.toml --quiet --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(ARGS)

lock: $(VENV)/.dev
	@$(COMPILE) --group build --output-file requirements.txt
	@$(COMPILE) --group dev --group bench --constraint requirements.txt --output-file requirements-dev.txt

clean:
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment: a stamp per lock, so that the second run starts at once and a changed lock installs again -------

$(VENV)/.made:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "· making $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv $(VENV) && touch $@ && exit 0; \
	  fi; \
	done; \
	echo 'No usable Python >= 3.11 was found (tried: $(PYTHON) python3, python3.14 to python3.11).' >&2; \
	echo 'Install one with its venv module (Debian: apt install python3-venv), or say make PYTHON=/path/to/python3.' >&2; \
	exit 1

$(VENV)/.runtime: requirements.txt pyproject.toml | $(VENV)/.made
	@echo '· installing what the product needs (requirements.txt); the first time takes a minute or two'
	@$(PIP) install --require-hashes --requirement requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml | $(VENV)/.made
	@echo '· installing what development needs (requirements-dev.txt); the first time takes a minute or two'
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
