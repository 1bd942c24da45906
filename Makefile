# `make demo` and `make test` need nothing but Python 3.11 or newer; the first one installs.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint types fast slow browser clean

demo: .venv/installed
	$(BIN)/evonas demo

test: .venv/installed lint types fast slow

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

fast: .venv/installed
	$(BIN)/pytest -m "not slow and not e2e and not cluster"

slow: .venv/installed browser
	$(BIN)/pytest -m "slow or e2e or cluster"

# The tests of the app drive a real browser: Debian's, where there is none yet.
browser:
	command -v chromium >/dev/null || (apt-get update -qq && apt-get install -y -qq chromium)

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -e '.[all]'
	touch $@

clean:
	rm -rf .venv runs
