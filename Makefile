# Each target sets up what it needs in a virtual environment, .venv; a second call is quick.
# On a new machine: any Python >= 3.11 (choose one with `make PYTHON=python3.12 ...`) and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Tests run in several processes, each with two compute threads (tests/conftest.py).
TEST_PROCESSES ?= auto
TEST_ARGS ?=
DEMO_ARGS ?=
BENCHMARKS ?= laplacian biharmonic stochastic training
BENCH_ARGS ?=
SPHINX_OPTIONS := -W --keep-going -n -q -E -d build/docs-cache
# The release of CUDA that the GPU's driver is for: 13 or 12.
CUDA ?= 13

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test check docs docs-links system-packages pictures bench test-gpu bench-gpu driver clean

define HELP
make demo    run the demonstration
make test    run all tests                           TEST_ARGS="-k layout -x", TEST_PROCESSES=2
make check   format, lint, types and import layers
make docs    the documentation as a site, in build/docs         make docs-links checks links to other sites
make pictures   draw the pictures of the README and of the course (the explorer needs Chromium)
make bench   compare speed with other tools          BENCHMARKS=laplacian BENCH_ARGS="--cases paper"
make test-gpu, make bench-gpu: the same on an NVIDIA GPU     CUDA=12 for a driver of CUDA 12
make clean   remove everything that make made, $(VENV) too

Each sets itself up in $(VENV), from Python >= 3.11: $(PYTHON) unless PYTHON=... says otherwise.
endef
export HELP

help:
	@echo "$$HELP"

demo: $(VENV)/installed-base
	$(BIN)/python -m jetfold demo $(DEMO_ARGS)

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --maxprocesses 4 $(TEST_ARGS)

check: $(VENV)/installed-test $(VENV)/installed-check
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# A warning is an error, so is a link or a reference that leads nowhere.
docs: $(VENV)/installed-docs
	rm -rf build/docs
	$(BIN)/python -m sphinx $(SPHINX_OPTIONS) -b html docs build/docs
	@echo "open build/docs/index.html"

docs-links: $(VENV)/installed-docs
	$(BIN)/python -m sphinx $(SPHINX_OPTIONS) -b linkcheck docs build/docs-links

# A browser, LaTeX and fonts for tests: on Debian and its like, as root.
system-packages:
	.ci/packages

pictures: $(VENV)/installed-test
	$(BIN)/python -m benchmarks.pictures
	$(BIN)/python docs/course/draw.py

bench: $(VENV)/installed-bench
	set -e; for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name $(BENCH_ARGS); done

# On the GPU of this machine, in one process; without one both say so and fail.
test-gpu: driver $(VENV)/installed-test-gpu,cuda$(CUDA)
	$(BIN)/python -m pytest --require-gpu $(TEST_ARGS) tests/gpu

bench-gpu: driver $(VENV)/installed-bench-gpu,cuda$(CUDA)
	$(BIN)/python -m benchmarks.gpu $(BENCH_ARGS)

driver:
	@"$(PYTHON)" -c 'import ctypes; ctypes.CDLL("libcuda.so.1")' 2>/dev/null || { \
	    echo "make: there is no NVIDIA driver on this machine (libcuda.so.1), so nothing can run on a GPU here" >&2; exit 1; }

clean:
	rm -rf $(VENV) build dist out jetfold-demo.svg *.egg-info htmlcov .coverage .coverage.*
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find $(wildcard graph rules backends jetfold tests examples benchmarks docs) -name __pycache__ -prune -exec rm -rf {} +

# Set-up. The stamps live in the environment, so that removing it removes them.
$(VENV)/installed-base: pyproject.toml setup.cfg | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable .
	@touch $@

$(VENV)/installed-%: pyproject.toml setup.cfg | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable ".[$*]"
	@touch $@

$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null || { \
	    echo "make: $(PYTHON) is not there; jetfold needs Python >= 3.11 (make PYTHON=...)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "make: jetfold needs Python >= 3.11, and $(PYTHON) is $$("$(PYTHON)" -V 2>&1) (make PYTHON=...)" >&2; exit 1; }
	rm -rf $(VENV)
	"$(PYTHON)" -m venv $(VENV)
