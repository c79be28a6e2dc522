# `make demo` and `make test` need Python 3.11 or newer and make, nothing else: everything is installed into .venv.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCKS := requirements/uv.txt requirements/dev.txt
SOURCES := src tests examples bench chaos clients deploy fuzz rollout
COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11

export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): $(LOCKS)
	@echo "setting up $(VENV) (once, about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: setup
setup: $(STAMP) ## install the locked tools and libraries into .venv

.PHONY: lock
lock: setup ## resolve the dependencies again and write the hash-locked requirement files
	$(COMPILE) --all-extras --group checks pyproject.toml -o requirements/dev.txt
	for tool in uv hatchling "atheris<3.1"; do echo "$$tool" | $(COMPILE) --constraint requirements/dev.txt - -o requirements/$${tool%%<*}.txt; done
	printf 'pip-audit\ncyclonedx-bom\n' | $(COMPILE) --constraint requirements/dev.txt - -o requirements/trust.txt
	$(COMPILE) --extra server --extra traces --constraint requirements/dev.txt pyproject.toml -o requirements/server.txt
	$(COMPILE) --extra emulator --constraint requirements/dev.txt pyproject.toml -o requirements/emulator.txt

.PHONY: proto
proto: $(STAMP) ## generate the Python code of the contract in protos/
	$(BIN)/python protos/generate.py

.PHONY: contract
contract: $(STAMP) ## write build/contract.binpb, from which callers in other languages generate their code
	@mkdir -p build
	@$(BIN)/python protos/generate.py --image build/contract.binpb

.PHONY: lint-proto
lint-proto: $(STAMP) contract ## fail where the generated code is not what protos/ makes, or where buf finds fault
	$(BIN)/python protos/generate.py --check
	$(BIN)/buf lint build/contract.binpb --config buf.yaml

.PHONY: lint
lint: $(STAMP) ## formatting, lint, types and the import contracts
	$(BIN)/ruff format --check $(SOURCES) protos docs
	$(BIN)/ruff check $(SOURCES) protos docs
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(STAMP) ## put the code in its form and mend what can be mended
	$(BIN)/ruff format $(SOURCES) protos docs
	$(BIN)/ruff check --fix $(SOURCES) protos docs

.PHONY: test
test: $(STAMP) ## set up and run all tests, on a real PostgreSQL and the emulator
	$(BIN)/pytest -n 2 --dist worksteal -q --ignore tests/monitoring/test_dashboards.py
	$(BIN)/pytest -q tests/monitoring/test_dashboards.py

$(BIN)/promtool: $(STAMP)
	@deploy/monitoring/get-prometheus.sh $(BIN)

.PHONY: prometheus
prometheus: $(BIN)/promtool ## have Prometheus in .venv; without it the tests of metrics, alerts and dashboards are skipped

.PHONY: proof
proof: $(STAMP) ## play every schedule of the submit proof, and take out each of its guards
	$(BIN)/pytest -n 2 --dist worksteal -q -m "proof or not proof" tests/proof

$(BIN)/helm: $(STAMP) deploy/get-helm.sh
	@deploy/get-helm.sh $(BIN)

.PHONY: helm
helm: $(BIN)/helm ## have helm in .venv; without it the tests of the chart are skipped

.PHONY: image
image: $(STAMP) ## build the images without a daemon, and start what was built; BASE names an image to build upon
	@deploy/image/build.sh build/image
	@$(BIN)/python -m deploy.image.try_image build/image

.PHONY: rollout
rollout: $(STAMP) ## restart and upgrade a fleet under load, across the newest migration; fails where a call has failed
	@$(BIN)/python -m rollout

.PHONY: test-clients
test-clients: $(STAMP) contract ## run callers in every language against a gateway; LANGUAGES="Go Java" for some; WRITE=1 keeps the table; ALL=1 fails on a skip
	@$(BIN)/python -m clients $(if $(WRITE),--write) $(if $(ALL),--all) $(LANGUAGES)

.PHONY: demo
demo: $(STAMP) ## set up and show a batch job on the whole path, in under two minutes
	@$(BIN)/python -m examples.demo

.PHONY: bench
bench: $(STAMP) ## measure speed and size, print the table beside its targets; WRITE=1 keeps it in docs/bench.md
	@GRPC_VERBOSITY=ERROR $(BIN)/python -m bench $(if $(WRITE),--write) $(FIGURES)

.PHONY: chaos
chaos: $(STAMP) ## kill, freeze and cut what can be, and audit what came of it; SHORT=1, SEED=n, REGIME=within|beyond
	@$(BIN)/python -m chaos $(if $(SHORT),--short) $(if $(SEED),--seed $(SEED)) $(if $(REGIME),--regime $(REGIME))

.PHONY: fuzz
fuzz: $(STAMP) ## send hostile input to every RPC: a million calls, or SHORT=1 for a minute; SEED=n
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --only-binary :all: --require-hashes -r requirements/atheris.txt \
		|| echo "atheris has no build for this Python: the coverage-guided part is left out"
	@$(BIN)/python -m fuzz $(if $(SHORT),--short) $(if $(SEED),--seed $(SEED))

TRUST := $(VENV)/.trust
$(TRUST): $(STAMP) requirements/trust.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements/trust.txt
	@touch $@

.PHONY: audit
audit: $(TRUST) ## ask the advisory database about every locked package; says so where it cannot be reached, fails where else asking did
	@$(BIN)/python -m deploy.supply_chain audit

.PHONY: sbom
sbom: $(TRUST) ## write build/sbom: CycloneDX lists of what the image holds and of what the checks run with
	@$(BIN)/python -m deploy.supply_chain sbom build/sbom

.PHONY: dev
dev: $(STAMP) ## run PostgreSQL, the emulator and the gateway here until Ctrl-C
	@$(BIN)/gateway dev

# Each of these scripts writes one page of docs/ and, with --check, fails where the committed page is another.
DOCS_GENERATORS := docs/tools/api.py docs/tools/states.py
DOCS_GENERATORS += docs/tools/policy.py
DOCS_GENERATORS += docs/tools/calling.py docs/tools/metrics.py
DOCS_GENERATORS += docs/tools/runbooks.py docs/tools/settings.py
DOCS_GENERATORS += docs/tools/vertex_clients.py

.PHONY: docs
docs: $(STAMP) ## write the pages of docs/ and the dashboards, which are made from code
	for generator in $(DOCS_GENERATORS); do $(BIN)/python $$generator; done
	$(BIN)/python -m deploy.dashboards

.PHONY: lint-docs
lint-docs: $(STAMP) ## fail where a page of docs/ or a dashboard is not what the code makes
	for generator in $(DOCS_GENERATORS); do $(BIN)/python $$generator --check; done
	$(BIN)/python -m deploy.dashboards --check
