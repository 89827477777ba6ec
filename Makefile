# Two commands: `make demo` and `make test`. Each sets up .venv on its first run and reuses it afterwards.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --no-compile
# Bytecode is kept, whatever the environment says: torch is imported in 2 s instead of 4, and tests start many processes.
export PYTHONDONTWRITEBYTECODE :=
WHEELS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/crossvad/wheels

.PHONY: demo test installed faults fuzz speed check lint types docs meta
.DELETE_ON_ERROR:

demo: $(VENV)/.ready  ## train, adapt and score on rendered video, print the table: about 3 minutes on 2 cores
	$(BIN)/bench matrix tests/demo.toml

test: $(VENV)/.ready  ## the whole test suite, by as many processes as there are cores, up to four
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist worksteal

installed: $(VENV)/.ready  ## the test suite from a source distribution, against a wheel in an environment of its own
	$(BIN)/python tests/release.py --numprocesses auto --maxprocesses 4 --dist worksteal

faults: $(VENV)/.ready  ## what kills, fills and stops runs, with fifty kills in place of three: about 10 minutes
	CROSSVAD_KILLS=50 $(BIN)/pytest tests/faults

fuzz: $(VENV)/.ready  ## ten times as many spoilt inputs as the suite has, from the same seed
	CROSSVAD_HOSTILE=10 $(BIN)/pytest tests/hostile

speed: $(VENV)/.ready  ## our ways of computing beside plain ones, at small sizes: about 3 minutes
	$(BIN)/python tests/speed/attention.py --size 64 --channels 16 --batch 8 --rounds 10
	$(BIN)/python tests/speed/prototypes.py --size 64 --batch 8 --rounds 10
	$(BIN)/python tests/speed/adaptation.py --size 64 --width 16 --rounds 3

check: lint types

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready  ## mypy, on a regular install
	rm -rf $(VENV)/typed && $(INSTALL) --no-deps --no-build-isolation --target $(VENV)/typed . && rm -rf build
	MYPYPATH=$(VENV)/typed $(BIN)/mypy

docs: $(VENV)/.ready  ## the guides as a site in site/, without a broken link: open site/index.html
	$(BIN)/mkdocs build --strict

$(VENV)/.ready: setup.cfg pyproject.toml Makefile
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) torch==2.14.1 torchvision==0.29.1
	$(MAKE) --no-print-directory meta
	$(INSTALL) --editable '.[dev]'
	touch $@

# learn2learn 0.2.0 ships C files that do not build on Python >= 3.11 unless Cython makes them anew. Its wheel is kept.
L2L := --no-deps learn2learn==0.2.0
meta:
	$(BIN)/python -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("learn2learn") is None)' || \
	$(INSTALL) --no-index --find-links $(WHEELS) $(L2L) 2> /dev/null || ( \
	$(INSTALL) 'cython<3' 'setuptools>=68' wheel numpy && \
	CYTHON_FORCE_REGEN=1 $(PIP) wheel --use-pep517 --no-build-isolation --wheel-dir $(WHEELS) \
	    --config-settings=--global-option=build_ext $(L2L) && \
	$(INSTALL) --no-index --find-links $(WHEELS) $(L2L) )
	$(INSTALL) gym==0.26.2 scipy requests tqdm
