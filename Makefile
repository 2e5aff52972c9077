# Needs Python 3.11 or newer, make, and a package index. `make help` lists the targets.

PYTHON  ?= python3
WORKERS ?= 2
ARGS    ?=
BIN     := .venv/bin
STAMP   := .venv/installed

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint types floors docs news bench format lock clean

help:  ## this list
	@awk -F ':.*##' '/^[a-z]+:.*##/ { printf "  make %-8s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP)  ## the virtual environment in .venv; every other target makes it when it is missing

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	"wengert needs Python 3.11 or newer. $(PYTHON) is " + sys.version.split()[0] + \
	". Name another one: make PYTHON=python3.12")'
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@echo "Installing what requirements.lock names into .venv ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)  ## real handwritten digits: the list, the gradient, two models, a page
	@$(BIN)/python examples/digits.py $(ARGS)

# The workers share the cores; BLAS threads on top of them cost more than they bring.
test: export OPENBLAS_NUM_THREADS = 1
test: export OMP_NUM_THREADS = 1
test: $(STAMP)  ## the whole suite; make test ARGS="-k tanh" for a part of it
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) $(ARGS)

lint: $(STAMP)  ## layout and mistakes, by ruff
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(STAMP)  ## mypy --strict
	@$(BIN)/mypy --strict

floors: $(STAMP)  ## imports go down only
	@$(BIN)/lint-imports --no-logo

docs: $(STAMP)  ## the table of primitives anew; then every block of every page runs
	@$(BIN)/python docs/generate_primitives.py
	@for page in *.md docs/*.md; do \
	  echo "$$page"; $(BIN)/python tests/test_readme.py "$$page" || exit 1; done

news: $(STAMP)  ## what the next release would say is new
	@$(BIN)/towncrier build --draft

bench: $(STAMP)  ## each table of benchmarks/, one after the other
	@for script in benchmarks/*.py; do $(BIN)/python -m "benchmarks.$$(basename "$$script" .py)" || exit 1; done
	@$(BIN)/python -m benchmarks.npbench_like

format: $(STAMP)  ## let ruff lay out and put right what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock:  ## requirements.lock anew: the newest of everything
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/pip install --quiet 'hatchling>=1.27' \
		'.[report,cli,data,save,onnx,explain,test,dev,bench]'
	build/lock/bin/pip uninstall --quiet --yes wengert
	{ echo '# What `make` installs; made by `make lock`.'; build/lock/bin/pip freeze; } > requirements.lock

clean:  ## everything that make and the tools wrote
	rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
