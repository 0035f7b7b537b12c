# bench, test, benchmark and wheel set up what they need; the others expect that `make test` has run once.

.DEFAULT_GOAL := help
.PHONY: help bench test test-system lint types contracts format asyncapi benchmark wheel wheelhouse deb clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##\(.*\)/make \1\t\2/p' Makefile | expand -t 18

bench:  ## a whole counter, simulated, in the browser; Ctrl-C ends it
	@.ci/setup bench
	@.venv/bin/kioskd bench $(ARGS)

test:  ## every test; ARGS="-k printer" chooses
	@.ci/setup test
	@.venv/bin/pytest $(ARGS)

test-system: deb  ## the package in a virtual machine; LONG_TESTS=1 for the long form
	@.ci/setup system
	@.venv/bin/pytest tests/system $(ARGS)

lint:  ## ruff: faults and format
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check

types:  ## mypy, strict
	@.venv/bin/mypy

contracts:  ## which package may import which
	@.venv/bin/lint-imports

format:  ## ruff: put the format right
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format

asyncapi:  ## docs/asyncapi.yaml, from the models
	@.venv/bin/python -m daemon.asyncapi >docs/.asyncapi.yaml && mv docs/.asyncapi.yaml docs/asyncapi.yaml

benchmark:  ## measure, and write docs/benchmarks.md
	@.ci/setup test
	@.venv/bin/python -m tests.benchmark

wheel:  ## what docs/install.md installs, in dist/
	@.ci/setup bench
	@rm -f dist/*.whl
	@.venv/bin/pip wheel --quiet --no-deps --wheel-dir dist .

wheelhouse:  ## kioskd and all it needs, for pip without internet, in dist/wheelhouse/
	@.ci/setup bench
	@.ci/package wheelhouse

deb:  ## the Debian package, which needs no internet either, in dist/
	@.ci/setup bench
	@.ci/package deb

clean:  ## remove what was made, .venv included
	@rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
