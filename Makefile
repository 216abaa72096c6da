# Everything runs in .venv, made on first use. A stamp for each set of packages makes later calls fast;
# a change of pyproject.toml or constraints.txt installs that set again.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check bench init

help:
	@echo 'make demo    train the spiral embedding and draw it'
	@echo 'make test    run all tests'
	@echo 'make check   lint, format and types'
	@echo 'make bench   time netgraph against its peers'
	@echo 'make init    write netgraph/__init__.py anew from what the floors export'

demo: $(VENV)/.installed-plot
	@$(BIN)/python examples/spiral_embedding.py

test: $(VENV)/.installed-test
	@$(BIN)/python -m pytest

check: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

bench: $(VENV)/.installed-bench
	@$(BIN)/python -m benchmarks

init: $(VENV)/.installed-dev
	@$(BIN)/python tools/write_init.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$*]'
	@touch $@
