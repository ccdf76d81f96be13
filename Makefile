# Two commands matter: `make run` (the platform, with its main job shown on real parts) and `make test` (everything).
# Everything is fetched from package registries, pinned in requirements.lock, and kept in .venv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run demo test bench lock clean

# Where scripts are held: bubblewrap, or none on a machine that cannot (the platform then says so in every session).
SANDBOX ?= bubblewrap
DATA ?= data

# Interpreters come from this machine; uv is not to fetch any.
export UV_PYTHON_DOWNLOADS := never

UV := $(shell if uv --version >/dev/null 2>&1; then echo uv; else echo .tools/bin/uv; fi)
FETCHED := $(filter .tools/bin/uv,$(UV))
PYTHON := .venv/bin/python
READY := .venv/in-step-with-the-lock

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: $(READY) ## start the platform, walk through its main job once, stay up
	$(PYTHON) -m walk --stay --data $(DATA) --sandbox $(SANDBOX)

demo: $(READY) ## the same walk in a folder of its own; exits 0 when all went as told
	$(PYTHON) -m walk --sandbox $(SANDBOX)

test: $(READY) ## every check and every test
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PYTHON) -m pytest

bench: $(READY) ## print figures beside the floor that this machine gives
	$(PYTHON) -m benchmarks

lock: $(FETCHED) ## resolve requirements.lock anew from pyproject.toml
	$(UV) pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --all-extras \
	    --output-file requirements.lock pyproject.toml

clean: ## remove the environment, the walk's data and everything that can be made again
	rm -rf .venv .tools build-cache dist $(DATA) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# The lock is installed with its hashes; then the tree itself, built by the hatchling that the lock brought.
$(READY): requirements.lock pyproject.toml $(FETCHED)
	[ -x $(PYTHON) ] || $(UV) venv --quiet --python 3.11 .venv
	$(UV) pip sync --quiet --python $(PYTHON) --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation --editable .
	touch $@

# Debian's pip refuses to install outside an environment, but not into a folder; python3-venv does as well.
.tools/bin/uv:
	@if python3 -m pip --version >/dev/null 2>&1; then \
	    echo "uv is not here: fetching it with pip into .tools"; \
	    python3 -m pip install --quiet --disable-pip-version-check --target .tools uv; \
	elif python3 -c 'import ensurepip' 2>/dev/null; then \
	    echo "uv is not here: fetching it into .tools with an environment's pip"; \
	    python3 -m venv .tools/fetch; \
	    .tools/fetch/bin/pip install --quiet --disable-pip-version-check uv; \
	    mkdir -p .tools/bin && ln -sf ../fetch/bin/uv $@; \
	else \
	    echo "error: this machine has neither uv, nor pip to fetch it with (apt-get install python3-pip)" >&2; exit 2; \
	fi
