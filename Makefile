# Everything runs from .venv; `make setup` makes it and costs a second once it is there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK := requirements.lock
# Real data sets, if a folder of them lies beside the repository (see the kit's load_images).
export DL_DATA ?= $(realpath $(wildcard ../shared/datasets))

DEMO := dist/demo
EXAMPLES := tests/submissions/a1_backprop

.PHONY: setup demo test bench reproduce lock

setup: $(STAMP)

# TensorFlow without bytecode takes 20 s to import, and PYTHONDONTWRITEBYTECODE may be set: compile by hand.
$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q -j 0 $(VENV)/lib || true
	@touch $@

# A perfect notebook, an untouched one, other right answers, real mistakes and an endless loop.
demo: setup
	@$(BIN)/autograder build a1_backprop --out dist
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	@cp dist/a1_backprop/solution.ipynb $(DEMO)/perfect.ipynb
	@cp dist/a1_backprop/student/a1_backprop.ipynb $(DEMO)/untouched.ipynb
	@cp $(EXAMPLES)/correct_numpy_float64.py $(EXAMPLES)/wrong_*.py $(DEMO)
	@$(BIN)/autograder grade a1_backprop $(DEMO) --out results/demo --fresh

test: setup
	$(BIN)/ruff check
	$(BIN)/autograder validate --quick
	$(BIN)/python -m pytest -n 2

bench: setup
	$(BIN)/python benchmarks/throughput.py

# The references on the whole of MNIST, beside published figures.
reproduce: setup
	$(BIN)/python benchmarks/reproduce.py

# New versions: uv resolves, the lock file says what is installed.
lock:
	uv pip compile --universal --python-version 3.11 --extra cpu --extra dev --generate-hashes pyproject.toml -o $(LOCK)
