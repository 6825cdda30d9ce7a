# Everything starts here, on a machine that has python3 (3.11 or newer, with venv and pip) and make.
# Every target makes .venv itself when it has to; the second time that costs nothing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
RUN := $(VENV)/bin/python
# The newest of these that is there, is 3.11 or newer, and can make an environment.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
# What a stamp stands for: requirements installed (the lock changed) and this tree installed (names changed).
TOOLS_STAMP := $(VENV)/.tools-installed
TREE_STAMP := $(VENV)/.tree-installed

# In CI the test runner has the last word.
next = @if [ -z "$${CI:-}" ]; then printf '\n%s\n' '$(1)'; fi
title = @printf '\n== %s\n' "$(1)"

.PHONY: help demo test serve check bench facts openapi policies conformance lock clean setup
.PHONY: check-format check-lint check-types check-imports check-openapi check-interpreted check-bounds

help:  ## Shows this list
	@echo 'vmemsim: a simulated guest whose memory a hypervisor grows and takes back'
	@echo
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*##[ ]*/make \1\t/' | expand -t 17
	@echo
	@echo 'Start with: make demo'

demo: setup  ## Shows the main job: a captured guest, its map, and memory taken back step by step
	@$(RUN) -m clients.demo
	$(call next,Next: `make serve` keeps a service running for you$(,) `make test` runs the tests.)

test: setup  ## Runs the tests (ARGS="tests/mm -k buddy" for some of them)
	@$(RUN) -m pytest $(ARGS)
	$(call next,Next: `make demo` shows the main job$(,) `make check` does what CI does.)

serve: setup  ## Runs the service in the foreground (ARGS="--port 9000")
	@echo 'Next: in another terminal, `$(VENV)/bin/vmemctl --help`. Ctrl-C stops the service.'
	@$(RUN) -m app serve $(ARGS)

check: check-format check-lint check-types check-imports check-openapi check-interpreted check-bounds  ## Does what CI does: format, lint, types, imports, all tests
	$(call title,tests)
	@$(RUN) -m pytest
	$(call next,All is well. Next: commit; CONTRIBUTING.md says how.)

bench: setup  ## Measures speed and memory, and writes the table that README quotes
	@$(RUN) -m tests.bench $(ARGS)
	$(call next,Next: compare with the table in README.md$(,) "Speed and memory".)

facts: setup  ## Writes docs/kernel-facts.md: what real kernels did, beside what the simulator does
	@$(RUN) -m tests.kernel_facts
	$(call next,Next: `git diff docs/kernel-facts.md` shows which facts changed.)

fuzz: setup  ## Looks ten minutes for schedules that break a law (ARGS="--minutes 1 --seed 7")
	@$(RUN) -m tests.fuzz $(ARGS)
	$(call next,Next: a scenario that was printed runs with `vmemsim scenario run --file FILE --watch`.)

openapi: setup  ## Writes openapi.json from the code
	@$(RUN) -m app openapi > openapi.json.new
	@mv openapi.json.new openapi.json
	$(call next,Next: `git diff openapi.json` shows what callers will notice.)

policies: setup  ## Writes docs/policies.md from the code
	@$(RUN) -m app policies > docs/policies.md.new
	@mv docs/policies.md.new docs/policies.md
	$(call next,Next: `git diff docs/policies.md`$(,) then commit it with the change.)

conformance: setup  ## Writes docs/conformance.md: what virtio-mem demands, how vmemsim keeps it, and the test of each row
	@$(RUN) -m tests.conformance
	$(call next,Next: `git diff docs/conformance.md`$(,) then commit it with the change.)

lock: setup  ## Writes both requirements files anew, for every platform, with hashes
	@$(RUN) -m pip install --quiet uv
	@for group in '' '--group dev'; do \
	  $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links $$group pyproject.toml \
	    --output-file requirements$${group:+-dev}.txt; \
	done
	$(call next,Next: `make check`$(,) then commit pyproject.toml and both requirements files together.)

clean:  ## Removes all that make made, .venv too
	@rm -rf $(VENV) .cache .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find app clients tests -type d -name __pycache__ -prune -exec rm -rf {} +
	$(call next,Next: `make demo` sets all up again.)

setup: $(TOOLS_STAMP) $(TREE_STAMP)

check-format: setup
	$(call title,format)
	@$(RUN) -m ruff format --check .

check-lint: setup
	$(call title,lint)
	@$(RUN) -m ruff check .

check-types: setup
	$(call title,types)
	@$(RUN) -m mypy

check-imports: setup
	$(call title,imports)
	@$(VENV)/bin/lint-imports

check-openapi: setup
	$(call title,openapi.json is what the code says)
	@$(RUN) -m app openapi | cmp - openapi.json

check-interpreted: setup
	$(call title,kernels as plain Python)
	@NUMBA_DISABLE_JIT=1 $(RUN) -m pytest -q -m interpreted --cov=app/mm/kernels --cov-branch --cov-report=term --cov-fail-under=80

check-bounds: setup
	$(call title,state machines with bounds checks in the kernels)
	@NUMBA_BOUNDSCHECK=1 $(RUN) -m pytest -q -m boundscheck

$(RUN):
	@for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Setting up $(VENV) with $$("$$python" --version) (once; a minute or two) ..."; \
	    "$$python" -m venv $(VENV); exit 0; \
	  fi; \
	done; \
	echo 'Needed: python3, 3.11 or newer, with venv and pip (on Debian: apt install python3-venv).' >&2; exit 1

$(TOOLS_STAMP): requirements-dev.txt | $(RUN)
	@echo '[1/2] Installing what requirements-dev.txt pins ...'
	@$(RUN) -m pip install --disable-pip-version-check --progress-bar on --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

$(TREE_STAMP): pyproject.toml $(TOOLS_STAMP) | $(RUN)
	@echo '[2/2] Installing vmemsim and vmemctl from this tree ...'
	@$(RUN) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

# A comma inside an argument of $(call ...).
, := ,
