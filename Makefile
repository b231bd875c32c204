# Two commands: `make demo` and `make test`. Each makes the virtual environment it needs.
.DEFAULT_GOAL := help
.ONESHELL:
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: help demo demo-clean azure-demo test test-long lint format bench sql clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_EXTRA := $(VENV)/.demo
TEST_EXTRA := $(VENV)/.test
FORMS ?= ../shared/forms
FORM_SETS := $(addprefix $(FORMS)/,ms_invoice ms_w9 ms_1099 adbuy sroie loan_agreements webofscience fara)

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11 or newer, or set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "formpipe needs Python 3.11 or newer; set PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip

$(DEMO_EXTRA): pyproject.toml | $(BIN)/python
	@echo "installing formpipe into $(VENV) (once, a minute or two) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[demo]'
	touch $@

$(TEST_EXTRA): pyproject.toml | $(BIN)/python
	@echo "installing formpipe and its test tools into $(VENV) (once, a few minutes) ..."
	spark="$$(command -v java >/dev/null && echo ,spark || true)"  # 450 MB that are of no use without Java
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev$$spark]"
	touch $@ $(DEMO_EXTRA)

demo: $(DEMO_EXTRA) ## a small data lake, four parameter rows, one run, and the rows to look at
	@$(BIN)/formpipe demo

demo-clean: ## forget the demos
	rm -rf demo azure-demo

azure-demo: $(TEST_EXTRA) ## the same rows in the cloud: blob server, vault and service on this machine
	@$(BIN)/python -W ignore -m tests.azure.demo

lint: $(TEST_EXTRA) ## ruff, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint ## everything that must hold, in minutes
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m 'not long' --durations 15

test-long: lint ## what takes longer
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup --durations 30

bench: $(TEST_EXTRA) ## measure everything into bench/RESULTS.md, on a quiet machine
	@echo "measuring everything takes about an hour and a half on two cores; nothing else should run ..."
	missed=""
	measure() {
	  printf '\n== %s\n' "$$*"
	  local started=$$SECONDS
	  $(BIN)/python -W ignore "bench/$$1.py" "$${@:2}" --record || missed="$$missed $$1"
	  echo "($$((SECONDS - started)) s)"
	}
	measure reading $(if $(wildcard $(FORMS)),--forms $(FORMS),--only tables)
	measure pairs --demo
	measure demo
	measure backlog
	measure listing
	measure upsert $(if $(DLT_PYTHON),--dlt-python $(DLT_PYTHON),)
	measure overhead --workers 2 --postgresql
	measure chaos
	measure scale
	measure service_rate
	measure service_rate --processes 2 --database postgresql
	$(foreach set,$(wildcard $(FORM_SETS)),measure accuracy --set $(set) --strict
	)
	echo "measured in $$((SECONDS / 60)) minutes; see bench/RESULTS.md"
	test -z "$$missed" || { echo "limits missed or not measured:$$missed" >&2; exit 1; }

format: $(TEST_EXTRA) ## let ruff write
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

sql: $(TEST_EXTRA) ## render the schema and a typed view of every dialect into sql/
	$(BIN)/python -m pipeline.db.sql_files sql

clean: demo-clean ## forget everything that was made here
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
