# Everything runs from the checkout: tools are made on demand under .venv and .cache, nothing is installed elsewhere.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python
export PYTHONPATH := layers/dagbranch:.
unexport PYTHONDONTWRITEBYTECODE

AIRFLOW ?= 3
KEEP ?=
TESTS ?= tests
STEPS ?= 100000
ARGUMENTS ?=

.PHONY: help
help: ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

.PHONY: demo
demo: .venv/complete ## three pull requests become three environments, and go again (AIRFLOW=2|3, KEEP=1)
	$(PYTHON) -m local.demo --airflow $(AIRFLOW) $(if $(KEEP),--keep)

.PHONY: unit
unit: .venv/complete ## the fast tests, in under a minute: no Airflow, no Spark, no emulator
	$(PYTHON) -m pytest tests/unit -q -n 2 -m "not slow"

.PHONY: test
test: .venv/complete ## all tests, on the real parts
	$(PYTHON) -m pytest $(TESTS) -q --durations=15 -n 2 --dist loadscope --no-loadscope-reorder

.PHONY: faults
faults: .venv/complete ## every fault at every step of deploy and removal, as a table: hours (ARGUMENTS="--door cli --function …")
	$(PYTHON) -m local.faults $(ARGUMENTS)

.PHONY: histories
histories: .venv/complete ## the life cycle under every fault, other histories each time: half an hour (STEPS=100000)
	$(PYTHON) -m tests.histories --steps $(STEPS)

.PHONY: compat
compat: .venv/complete ## plain and packaged DAGs compared on every Airflow: 2.10, 2.11, 3.0 and the newest 3
	$(PYTHON) -m tests.equality.compat

.PHONY: lint
lint: .venv/complete ## ruff, mypy and sam validate
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy layers/dagbranch/dagbranch local benchmarks tests docs
	for app in functions/*/app.py; do .venv/bin/mypy $$app; done
	$(PYTHON) -m local.aws.validate template.yaml
	$(PYTHON) -m local.aws.validate ci_role.yaml

.PHONY: format
format: .venv/complete ## ruff's formatter and its safe fixes
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .

.PHONY: build
build: .venv/complete ## what sam deploy takes: .aws-sam/build
	$(PYTHON) -m local.aws.build

.PHONY: invoke
invoke: .venv/complete ## one function in the local sandbox: FUNCTION=receive_webhook EVENT=events/receive_webhook/….json
	$(PYTHON) -m local.aws.invoke $(FUNCTION) $(EVENT)

.PHONY: bench
bench: .venv/complete ## the benchmarks, each beside its peer
	for benchmark in benchmarks/*.py; do $(PYTHON) -m benchmarks.$$(basename $$benchmark .py); done

.PHONY: lock
lock: .venv/complete ## resolve every requirement file anew, with hashes
	$(PYTHON) -m local.lock

.PHONY: clean
clean: ## remove what was made: environments, builds, caches
	rm -rf .venv .cache .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/complete: local/requirements/uv.txt local/requirements/dev.txt
	@local/prerequisites.sh
	test -x .venv/bin/uv || { python3.12 -m venv .venv && .venv/bin/pip install --quiet --require-hashes -r local/requirements/uv.txt; }
	.venv/bin/uv pip sync --quiet --require-hashes --python $(PYTHON) local/requirements/dev.txt
	touch $@
