# The two commands of the README, and a few for developers. Only Python 3.11 or later and make are needed.
PYTHON ?= python3
VENV := .venv
# Programs are run as modules: the first line of a script does not take every path of a checkout.
BIN := $(VENV)/bin
# Side by side, a file at a time: its tests share what they make.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile
READY := $(VENV)/.ready-$(shell cksum < requirements.lock | tr ' ' '-')

.PHONY: run test test-slow check bench lock clean

# Draw the phantoms, train, compare, report: results/demo/report/report.html
run: $(READY)
	$(BIN)/python -m snakemake --cores all

# The whole test suite but its slow part.
test: $(READY) check
	$(PYTEST) -m "not slow"

test-slow: $(READY)
	$(PYTEST)

# Format and lint.
check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m snakefmt --check Snakefile rules
	$(BIN)/python -m snakemake --lint

# The environment exactly as the lock file says; a changed lock file makes it anew.
$(READY): requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pneumobench needs Python 3.11 or later; name one with: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	rm -f $(VENV)/.ready-*
	touch $@

# The speed suite: docs/benchmarks.md and results/benchmarks.json. Hours on two cores; needs a finished `make run`.
bench: $(READY)
	$(BIN)/python benchmarks/suite.py

# Solve the dependencies of pyproject.toml anew, for all platforms.
lock: $(READY)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra cluster --extra test \
		--no-emit-index-url --no-emit-find-links --upgrade --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
