# `make run` starts Winback with a live demo campaign; `make test` runs the tests.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
  $$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,12))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
UV ?= $(BIN)/uv
DATA ?= ../shared/data

.PHONY: run test proof bench results screenshots lint lock clean
.DEFAULT_GOAL := run

# Packages come from the hashed lock. uv installs them in seconds; pip does where uv cannot reach the index.
define install
	@set -e; \
	test -n "$(PYTHON)" || { echo "Winback needs CPython 3.11 or 3.12 on the PATH (or: make PYTHON=/path/to/python3.12)" >&2; exit 1; }; \
	echo "Installing the packages of $(1) into .venv (once; about a minute) ..."; \
	test -x $(BIN)/python || $(PYTHON) -m venv .venv; \
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock; \
	VIRTUAL_ENV="$(CURDIR)/.venv" $(BIN)/uv pip install -q --require-hashes -r $(1) 2>.venv/uv.log \
	|| $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1) \
	|| { cat .venv/uv.log >&2; exit 1; }; \
	echo "$(CURDIR)" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/winback.pth"; \
	printf '#!%s\nfrom cli.app import main\n\nif __name__ == "__main__":\n    main()\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/winback; \
	chmod +x $(BIN)/winback; \
	touch $@
endef

.venv/run.stamp: requirements/bootstrap.lock requirements/run.lock
	$(call install,requirements/run.lock)

.venv/dev.stamp: requirements/bootstrap.lock requirements/dev.lock
	$(call install,requirements/dev.lock)

run: .venv/run.stamp
	@exec $(BIN)/winback run --demo

# Tests start the service again and again: compiled modules are kept, also where the environment asks for none.
test: export PYTHONDONTWRITEBYTECODE :=
test: .venv/dev.stamp
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

# Property tests again, with fresh seeds and more examples; `make test` tries the same examples every time.
proof: .venv/dev.stamp
	WINBACK_PROPERTIES=fresh $(BIN)/python -m pytest -m "proof or hypothesis" --timeout 3600

bench: .venv/dev.stamp
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks

results: .venv/dev.stamp
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m cli.driving.results $(DATA)

screenshots: .venv/dev.stamp
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.screenshots --hillstrom $(DATA)/hillstrom.csv.gz

lint: .venv/dev.stamp
	$(BIN)/ruff check -q .
	$(BIN)/ruff format -q --check .
	$(BIN)/mypy --no-error-summary bandit offline_eval experiments api dashboard cli winback_client migrations
	@$(BIN)/lint-imports > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	$(BIN)/python -m migrations check

lock: .venv/dev.stamp
	$(UV) pip compile requirements/bootstrap.in --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements/bootstrap.lock
	$(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements/run.lock
	$(UV) pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements/dev.lock -c requirements/run.lock

clean:
	rm -rf .venv var
