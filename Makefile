# `make demo` and `make test` need nothing but Python 3.11 or newer; each installs what it needs.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install -qq --disable-pip-version-check

.PHONY: demo test lint types fast slow docs dist lowest browser clean

demo: .venv/demo
	$(BIN)/evonas demo

test: .venv/installed lint types docs fast slow

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

fast: .venv/installed
	$(BIN)/pytest -n 2 -m "not slow and not e2e and not cluster"

slow: .venv/installed browser
	$(BIN)/pytest -n 2 --dist loadfile -m "slow and not e2e and not cluster"
	$(BIN)/pytest -n 2 --dist loadfile -m "e2e or cluster"

docs: .venv/installed
	$(BIN)/mkdocs build --strict --quiet --site-dir .venv/site

# A release: wheel and sdist, checked; tests/install walks through the wheel.
dist: .venv/installed
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(BIN)/pytest tests/install

# The fast tests on the lowest versions that pyproject.toml allows; run before a release.
lowest: .venv/installed
	$(BIN)/python -m scripts.build.lowest .venv-lowest
	.venv-lowest/bin/python -m pytest -m "not slow and not e2e and not cluster"

# The tests of the app drive a real browser: Debian's, where there is none yet.
browser:
	command -v chromium >/dev/null || (apt-get update -qq && apt-get install -y -qq chromium)

.venv/bin/pip:
	$(PYTHON) -m venv .venv

.venv/demo: pyproject.toml | .venv/bin/pip
	@echo "installing what the demo and the app need into .venv; torch is large"
	$(PIP) -e '.[train,devices,app]'
	@touch $@

.venv/installed: pyproject.toml .venv/demo
	@echo "installing what the tests need"
	$(PIP) -e '.[all]'
	@touch $@

clean:
	rm -rf .venv .venv-lowest dist runs
