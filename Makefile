# What a newcomer needs: `make demo` or `make test`. Both set everything up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH := .venv-bench

.PHONY: help setup nuts demo test test-fast test-all check format bench soak docs clean lock

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP) ## create .venv from the pinned, hash-checked files

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Pollux needs Python 3.11 or newer; try: make setup PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

nuts: setup ## add what pollux[nuts] needs: NUTS through nutpie (about 400 MB)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints-nuts.txt

demo: setup ## make synthetic patients, build their twins, write their reports
	$(BIN)/pollux demo --output demo-output

test: setup ## all tests that need no service, and whether each room keeps its budget
	$(BIN)/python tests/warm.py
	POLLUX_BUDGET=1 $(BIN)/python -m pytest -n 2 --dist load

test-fast: setup ## the laws of every room in a minute and a half, for the inner loop
	$(BIN)/python -m pytest -n 2 --dist load -m "not slow"

test-all: ## the same on Python 3.11, 3.12 and 3.13
	for version in 3.11 3.12 3.13; do \
	  $(MAKE) test PYTHON=python$$version VENV=.venv-$$version || exit 1; done

check: setup ## lint, types, import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(BENCH)/.installed ## measure speed and forecasts, against peers, in .venv-bench (minutes)
	$(BENCH)/bin/python bench/simulation.py
	$(BENCH)/bin/python bench/inference.py
	$(BENCH)/bin/python bench/sampling.py
	$(BENCH)/bin/python bench/curves.py
	$(BENCH)/bin/python bench/growth.py
	$(BENCH)/bin/python bench/stiff.py
	$(BENCH)/bin/python bench/fhir.py $(if $(POLLUX_REFERENCE),$(POLLUX_REFERENCE)/fhir/synthea)
	$(BENCH)/bin/python bench/store.py
	$(BENCH)/bin/python bench/genome.py
	$(BENCH)/bin/python bench/hook.py
	$(BENCH)/bin/python bench/announced.py
	$(BENCH)/bin/python bench/year.py
	$(if $(POLLUX_REFERENCE),$(BENCH)/bin/python bench/forecast.py $(POLLUX_REFERENCE)/glucose/example_data_5_subject.csv)
	$(BENCH)/bin/python bench/page.py

$(BENCH)/.installed: pyproject.toml constraints.txt bench/requirements.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(BENCH)/.installed

soak: setup ## the long versions of the tests
	POLLUX_SOAK=1 $(BIN)/python -m pytest tests/sources/test_soak.py tests/sources/test_fuzz.py tests/calibration/test_rehearsal.py tests/calibration/test_ranks.py tests/battery tests/store/faults tests/store/test_machine.py

docs: setup ## run the evidence and write its page
	$(BIN)/pollux evidence --page docs/evidence.md --record src/pollux/evidence/recorded.json
	$(BIN)/python -m pollux.models.drugs.page docs/models/drugs

format: setup ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

LOCK := uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --group dev pyproject.toml
lock: ## renew constraints.txt and constraints-nuts.txt (needs uv)
	$(LOCK) -o constraints.txt
	$(LOCK) --extra nuts -c constraints.txt | $(PYTHON) .ci/only_new.py constraints.txt > constraints-nuts.txt

clean: ## remove what make made
	rm -rf $(VENV) $(BENCH) demo-output build dist
