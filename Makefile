# `make` lists the targets. A fresh machine needs python3 (>= 3.11) with venv, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/sh

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench bench-serve bench-validate hostile s3 schemathesis accuracy docs fuzz kill clean

help: ## Show the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "trialkg needs Python 3.11 or newer; say make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip
	@touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[test]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## Build the graph of five trials, validate it, and ask which CD123 trials use allogeneic cells
	@$(BIN)/kg build
	@$(BIN)/kg validate --fail-on never
	@echo
	@echo "Which CD123 trials use allogeneic cells?"
	@$(BIN)/kg query trials_by_target_and_source --param target=CD123 --param cell_source=allogeneic

test: $(VENV)/.test ## Install the test extras, then lint, check types and layers, and run every test
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -n auto --dist loadgroup --cov --cov-report=term:skip-covered

lint: $(VENV)/.test ## Lint and check types and layers only
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.test ## Measure speed on the shared corpora
	@$(BIN)/python -m benchmarks

bench-serve: $(VENV)/.test ## Measure the server beside oxigraph and rdflib-endpoint; KG_STORE names a store of the corpora
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[bench]'
	@$(BIN)/python -m benchmarks.serving

hostile: $(VENV)/.test ## Send more than 300 hostile queries to a server
	@$(BIN)/pytest -q tests/web/hostile_run.py

s3: $(VENV)/.test ## Read from and write to buckets of a real S3 server, which is installed (150 MB)
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[s3server]'
	@$(BIN)/pytest -q tests/s3_run.py

schemathesis: $(VENV)/.test ## Try the REST interface with 1,000 and more cases from its OpenAPI document
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[bench]'
	@$(BIN)/pytest -q tests/web/schemathesis_run.py

accuracy: $(VENV)/.test ## Score the graph against labels and write docs/accuracy.md
	@$(BIN)/python -m benchmarks.accuracy

bench-validate: $(VENV)/.test ## Measure validation with both engines, on 3,008 studies and on 30,000
	@$(BIN)/python -m benchmarks.validation

docs: $(VENV)/.test ## Write docs/shapes.md anew from the shapes
	@$(BIN)/python -m kg.shapes.manuals > docs/shapes.md.new && mv docs/shapes.md.new docs/shapes.md

fuzz: $(VENV)/.test ## Feed the readers and rules 100,000 odd strings
	@$(BIN)/pytest -q tests/fuzz.py

kill: $(VENV)/.test ## Kill a build at sixty random moments; each time the next one must end as if nothing had been
	@TRIALKG_KILLS=60 $(BIN)/pytest -q -s tests/pipeline/test_kills.py

clean: ## Remove the environment and the demo's graph
	@rm -rf $(VENV) .kg-store build dist
