# make demo     everything, at http://127.0.0.1:8000, over an invented newspaper: no network is needed, nothing is kept
# make serve    everything, at http://127.0.0.1:8000
# make docs     the tables of docs/configuration.md, from the settings
# make picture  docs/picture.png, of the demo; needs Chromium
# make check    format, lint, types, import contracts, fast tests: before each commit, in less than a minute
# make test     the same with all tests
# make attacks  public collections of attacks, for tests/test_xss.py
# make soak     the long tests: a month of faults, two hundred kills
# make fuzz     new hostile inputs, ten minutes for each target; FUZZ_MINUTES=1 FUZZ_TARGETS=parse for less
# make bench    what it costs, measured in ten minutes (the first time a store of 132,000 articles is made), into docs/benchmarks.md;
#               BENCH="--rows 1,8 --quick" for less; wrk, nginx and the stand-in upstream are used where they are
# make bench-check  what five core paths execute, beside what was recorded
# make audit    known holes in what is locked
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
# What comes as source only (feedgen) is built by the locked setuptools, not by one that pip would fetch for it.
INSTALL := --quiet --require-hashes --use-pep517 --no-build-isolation

.PHONY: install demo serve lint check test docs picture soak fuzz bench bench-check audit attacks lock clean

install: $(VENV)/installed

demo: install
	exec $(BIN)/feedproxy demo

serve: install
	exec $(BIN)/feedproxy serve

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Doctests, and test files that need no server, no browser, no store and no real pages; without
# property tests, which take most of their time (hypothesis marks them).
FAST := characters configuration dates discover docs extract feed_options markup parse paths policy replication \
	rewrite sanitise schedule search_terms settings urls
check: lint
	$(BIN)/pytest -m "not soak and not hypothesis" feedproxy $(FAST:%=tests/test_%.py)

test: lint
	$(BIN)/pytest

docs: $(VENV)/installed-dev
	PYTHONPATH=tests $(BIN)/python -m reference

picture: $(VENV)/installed-dev
	PYTHONPATH=tests $(BIN)/python -m picture

soak: $(VENV)/installed-dev
	$(BIN)/pytest --numprocesses=0 -m soak -s -o faulthandler_timeout=3600

# Laid into .attacks as they come, and only ever read. html5lib's old build wants an old setuptools to say its name.
DOMPURIFY := dompurify-0.8.0.tgz
DOMPURIFY_SHA256 := 467e72632889308b8c0648421c1822f15cbd2e598fa1feb24454ba4554349044
COLLECT := download --quiet --no-deps --require-hashes --no-binary :all: --only-binary brs_kb --dest .attacks
attacks: .attacks/fetched

.attacks/fetched: tests/attacks.txt | $(BIN)/python
	rm -rf .attacks
	mkdir .attacks
	echo "setuptools<70" > .attacks/old.txt
	grep ^html5lib tests/attacks.txt > .attacks/html5lib.txt
	grep -v ^html5lib tests/attacks.txt > .attacks/others.txt
	PIP_CONSTRAINT=$(CURDIR)/.attacks/old.txt $(PIP) $(COLLECT) -r .attacks/html5lib.txt
	$(PIP) $(COLLECT) -r .attacks/others.txt
	if command -v npm >/dev/null; then cd .attacks && npm pack --silent $(DOMPURIFY:dompurify-%.tgz=dompurify@%) \
		&& echo "$(DOMPURIFY_SHA256)  $(DOMPURIFY)" | sha256sum --check --quiet; fi
	touch $@

# A run has a minute's worth of examples, then comes another; what failed stays in .hypothesis and is tried first.
FUZZ_TARGETS ?= parse extract sanitise rewrite helpers media web
FUZZ_MINUTES ?= 10
fuzz: $(VENV)/installed-dev
	@for target in $(FUZZ_TARGETS); do \
		end=$$(($$(date +%s) + 60 * $(FUZZ_MINUTES))); \
		while [ $$(date +%s) -lt $$end ]; do \
			echo "$$(date +%T) $$target"; \
			$(BIN)/pytest --numprocesses=0 --hypothesis-profile=fuzz -o faulthandler_timeout=3600 tests/test_fuzz.py -k test_$$target || exit 1; \
		done; \
	done

BENCH ?=
bench: $(VENV)/installed-dev
	PYTHONPATH=tests $(BIN)/python -m bench $(BENCH)

# A path that is to cost more: PYTHONPATH=tests .venv/bin/python -m bench.counts --record, and commit.
bench-check: $(VENV)/installed-dev
	PYTHONPATH=tests $(BIN)/python -m bench.counts

# Asks for known holes in what is locked; needs PyPI's own service.
audit: $(VENV)/installed-dev
	$(BIN)/uv tool run --from pip-audit==2.10.1 pip-audit --require-hashes --disable-pip -r requirements.txt

# New versions of everything; the result is committed.
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade \
	--custom-compile-command "make lock"
lock: $(VENV)/installed-dev
	echo "setuptools>=77" | $(LOCK) -o requirements-build.txt -
	$(LOCK) -o requirements.txt setup.cfg
	$(LOCK) --extra scale -c requirements.txt -o requirements-scale.txt setup.cfg
	$(LOCK) --extra dev --extra scale -c requirements-scale.txt -o requirements-dev.txt setup.cfg

clean:
	rm -rf $(VENV) .attacks .bench .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis feedproxy.egg-info

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
