# make serve    everything, at http://127.0.0.1:8000
# make test     format, lint, types, import contracts, tests
# make soak     the long tests: a month of faults, two hundred kills
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
# What comes as source only (feedgen) is built by the locked setuptools, not by one that pip would fetch for it.
INSTALL := --quiet --require-hashes --use-pep517 --no-build-isolation

.PHONY: install serve test soak lock clean

install: $(VENV)/installed

serve: install
	exec $(BIN)/feedproxy serve

test: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest

soak: $(VENV)/installed-dev
	$(BIN)/pytest --numprocesses=0 -m soak -s -o faulthandler_timeout=3600

# New versions of everything; the result is committed.
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade \
	--custom-compile-command "make lock"
lock: $(VENV)/installed-dev
	echo "setuptools>=77" | $(LOCK) -o requirements-build.txt -
	$(LOCK) -o requirements.txt setup.cfg
	$(LOCK) --extra dev -c requirements.txt -o requirements-dev.txt setup.cfg

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis feedproxy.egg-info

# The lock alone decides what is installed; the project itself brings nothing in.
$(VENV)/installed: requirements-build.txt requirements.txt setup.cfg pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements-build.txt
	$(PIP) install $(INSTALL) -r requirements.txt
	$(PIP) install --quiet --no-deps --use-pep517 --no-build-isolation --editable .
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(PIP) install $(INSTALL) -r requirements-dev.txt
	touch $@

# Debian and Ubuntu keep venv in a package of its own.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python 3.11 or later is needed; name one with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y python3-venv; } \
		|| { echo "make: Python's venv is missing; run: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
