# Everything a person or CI does here. `make` alone lists the targets.

VENV := .venv
BIN := $(VENV)/bin
PIN := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --no-strip-extras
SQL := $(wildcard ledger/sql api/sql warehouse/sql dashboards/analyst)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help install install-test demo up test check format bench docs pins clean
.DELETE_ON_ERROR:

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

install: $(VENV)/.installed ## Make .venv with everything Pitboss needs to run

install-test: $(VENV)/.installed-test ## Add the tools that tests and checks need

demo: install ## Run the stack with seeds and playing bots; Ctrl-C stops it
	$(BIN)/pitboss demo

up: install ## Run an empty stack; Ctrl-C stops it
	$(BIN)/pitboss up

test: check ## Check, then run every test
	$(BIN)/pytest

check: install-test ## Lint, formatting, types, import arrows, SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --processes 2 $(SQL)

format: install-test ## Put Python and SQL into the common form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix $(SQL)

bench: install ## Measure spins against pgbench on a stack of its own
	$(BIN)/pitboss bench all --start

docs: install ## Make docs/warehouse-schema.md from warehouse/sql
	$(BIN)/python -P -m warehouse.schema_page > docs/warehouse-schema.md

pins: ## Pin dependencies anew by pyproject.toml; needs uv. Extras stay: older pips need them
	$(PIN) pyproject.toml -o requirements.txt
	$(PIN) --extra test pyproject.toml -o requirements-test.txt

clean: ## Remove what make and the tools made; .pitboss, which holds data, stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis \
		.import_linter_cache test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	.ci/make-venv $(VENV)

$(VENV)/.installed: requirements.txt pyproject.toml | $(BIN)/python
	@echo "installing what Pitboss needs to run (a minute or two) …"
	$(BIN)/pip install -q --require-hashes -r requirements.txt
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-test: requirements-test.txt $(VENV)/.installed
	@echo "installing the tools that tests and checks need …"
	$(BIN)/pip install -q --require-hashes -r requirements-test.txt
	@touch $@
