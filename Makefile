# Everything a newcomer types.  `make help` lists it.
#
# Each target does its own set-up, once: what it needs is built or installed
# the first time and kept in ~/.cache/queue-worker-operator and .venv.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.complete
export PYTHONPATH := operator:tests

.DEFAULT_GOAL := help
.PHONY: help demo demo-up demo-down demo-push ledger bench-decisions bench-sweep bench-reaction bench-scale bench-scrape test check format lock crd sbom prepare

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: prepare ## Watch real Laravel workers follow a real Redis backlog on a real cluster
	@$(BIN)/python -m demo

demo-up: prepare ## The same, and leave the cluster, Redis and the operator running
	@$(BIN)/python -m demo --stay

demo-down: ## End what demo-up left running
	@$(PYTHON) -m demo --end

demo-push: JOBS ?= 50
demo-push: ## Push JOBS=50 more jobs to what demo-up left running
	@$(PYTHON) -m demo --push $(JOBS)

ledger: JOBS ?= 2000
ledger: prepare ## Disturb workers while they do JOBS=2000 jobs, and count what is lost, run twice or cut off
	@$(BIN)/python -m ledger --jobs $(JOBS) $(if $(SEED),--seed $(SEED)) $(if $(COMPARISON),--comparison $(COMPARISON))

bench-decisions: $(STAMP) ## Simulate every scenario under every policy, and write docs/comparison.md
	@PYTHONPATH=operator:bench $(BIN)/python -m decisions $(SCENARIOS)

bench-sweep: $(STAMP) ## Follow 30,000 queues of a real Redis, told and polled, and print what it costs (WRITE=1: write the page too)
	@PYTHONPATH=operator:tests:bench $(BIN)/python -m sweep $(POOLS) $(if $(WRITE),--write)

bench-reaction: PEERS ?= 1
bench-reaction: prepare ## Push jobs and measure until workers are asked for, here and by KEDA, which is built first (SIZES="1 1000", PEERS=0, WRITE=1)
	@PYTHONPATH=operator:tests:bench $(BIN)/python -m reaction $(SIZES) $(if $(filter 0,$(PEERS)),--no-peers) $(if $(WRITE),--write)

bench-scale: prepare ## Start the operator over 100, 1,000 and 10,000 pools, and print what it costs (WRITE=1: write the page too)
	@PYTHONPATH=operator:tests:bench $(BIN)/python -m scale $(SIZES) $(if $(WRITE),--write)

bench-scrape: $(STAMP) ## Scrape the metrics of POOLS=10000 pools, and print what it costs
	@PYTHONPATH=operator:bench $(BIN)/python -m scrape $(POOLS)

test: check prepare ## All tests, on a real API server and with real containers too
	@$(PYTHON) -m harness peers
	@echo "test: cluster tests beside contract, chart and API server tests (about 30 minutes on two cores)"
	@$(BIN)/python -m harness.side_by_side

check: $(STAMP) ## The fast loop: linters, types, architecture, unit and property tests
	@echo "check: ruff" && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "check: mypy" && $(BIN)/mypy
	@echo "check: import-linter" && $(BIN)/lint-imports --no-logo >$(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
	@echo "check: unit and property tests" && $(BIN)/python -m pytest tests/unit tests/properties tests/demo tests/ledger -q

format: $(STAMP) ## Format the code
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

crd: $(STAMP) ## Write crds/, the chart's copy and docs/reference/ anew from the models, the declarations and the chart's values
	@$(BIN)/python -m queueworkers.api.crd crds
	@$(BIN)/python -m queueworkers.api.crd charts/queue-worker-operator/files/crds
	@$(BIN)/python -m queueworkers.api.reference docs/reference
	@$(BIN)/python -m queueworkers.telemetry.reference docs/reference
	@$(BIN)/python -m queueworkers.cli.reference docs/reference
	@$(BIN)/python -m chart.reference docs/reference

sbom: $(STAMP) ## Write dist/sbom.cdx.json: what requirements/operator.txt locks, as CycloneDX
	@mkdir -p dist
	@PYTHONWARNINGS=ignore $(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements/operator.txt \
	  --pyproject pyproject.toml --output-reproducible --output-file dist/sbom.cdx.json
	@echo "sbom: dist/sbom.cdx.json"

lock: $(STAMP) ## Resolve the dependencies of pyproject.toml anew into requirements/
	@$(BIN)/uv pip compile -q pyproject.toml --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-emit-index-url --no-header -o requirements/operator.txt
	@$(BIN)/uv pip compile -q pyproject.toml --extra dev --extra simulate --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-emit-index-url --no-header -c requirements/operator.txt -o requirements/dev.txt
	@$(BIN)/uv pip compile -q tests/clients/python/requirements.in --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-emit-index-url --no-header -o tests/clients/python/requirements.txt

prepare: $(STAMP) ## Only the set-up: packages, programs, the worker's image
	@$(PYTHON) -m harness prepare
	@$(PYTHON) -m harness image

$(STAMP): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11: give a newer one with make PYTHON=python3.12"; exit 1; }
	@echo "set-up: virtual environment in $(VENV), about a minute"
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) cannot make a virtual environment: apt-get install python3-venv, then again"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
