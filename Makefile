# Two commands: `make demo` and `make test`. Each sets up .venv on its first run and reuses it afterwards.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet

.PHONY: demo test faults hostile check meta
.DELETE_ON_ERROR:

demo: $(VENV)/.ready  ## train, adapt and score on rendered video, print the table: about 3 minutes on 2 cores
	$(BIN)/bench matrix tests/demo.toml

test: $(VENV)/.ready  ## the whole test suite, by as many processes as there are cores, up to four
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist worksteal

faults: $(VENV)/.ready  ## what kills, fills and stops runs, with fifty kills in place of five: about 10 minutes
	CROSSVAD_KILLS=50 $(BIN)/pytest tests/faults

hostile: $(VENV)/.ready  ## ten times as many spoilt inputs as the suite has, from the same seed
	CROSSVAD_HOSTILE=10 $(BIN)/pytest tests/hostile

check: $(VENV)/.ready  ## ruff, and mypy on a regular install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf $(VENV)/typed && $(PIP) --no-deps --no-build-isolation --target $(VENV)/typed . && rm -rf build
	MYPYPATH=$(VENV)/typed $(BIN)/mypy

$(VENV)/.ready: setup.cfg pyproject.toml Makefile
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.14.1 torchvision==0.29.1
	$(MAKE) --no-print-directory meta
	$(PIP) --editable '.[dev]'
	touch $@

# learn2learn 0.2.0 ships C files that do not build on Python >= 3.11 unless Cython makes them anew.
meta:
	$(BIN)/python -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("learn2learn") is None)' || ( \
	$(PIP) 'cython<3' 'setuptools>=68' wheel numpy && \
	CYTHON_FORCE_REGEN=1 $(PIP) --use-pep517 --no-build-isolation --no-deps \
	    --config-settings=--global-option=build_ext learn2learn==0.2.0 )
	$(PIP) gym==0.26.2 scipy requests tqdm
