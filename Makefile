# Everything that is done with a checkout. `make` alone prints the targets.
# Needs Python 3.11 to 3.13 and the network to the package registry; nothing else is installed.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
BUILD := build
# What `make check` could not check, for its last word.
NOT_CHECKED = $(BUILD)/not-checked
AUDIT := .venv-audit/.installed

# Settings, from the command line or the environment: make run PORT=8001
ORG ?= demo
SCOPE ?= credits:read credits:write
SUB ?= developer
TTL ?= 43200
DAYS ?= 7
EXAMPLE_PORT ?= 8100
EXAMPLES ?= 200
TESTS ?= tests
STAGE ?= prod
MODULES ?= *
# Two processes: that many cores a small machine has. Tests of one module stay together, since
# they share a running stack.
PYTEST_OPTIONS ?= -n 2 --dist loadscope
export ORG SCOPE SUB TTL

.PHONY: help
help: ## Print this
	@echo "make <target>"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14 | sed 's/^/  /'

.PHONY: run
run: $(STAMP) ## Start the local stack on http://127.0.0.1:8000 (PORT=…, WORKERS=…, STRIPE_API_KEY=sk_test_…)
	@$(PY) -m devstack --with-parent

.PHONY: demo
demo: $(STAMP) ## Walk through the running stack: buy, use, be topped up, read the invoice
	@$(PY) -m devstack.demo

.PHONY: example-gateway
example-gateway: $(STAMP) ## Run the example gateway in front of the running stack (EXAMPLE_PORT=8100)
	@$(PY) -m examples.gateway --port "$(EXAMPLE_PORT)"

.PHONY: token
token: $(STAMP) ## Print a token for the running stack (ORG=acme SCOPE="credits:read gateway" SUB=… TTL=…)
	@$(PY) -m devstack.token --org "$$ORG" --scope "$$SCOPE" --sub "$$SUB" --ttl "$$TTL"

.PHONY: test
test: $(STAMP) ## Run the tests (TESTS=tests/unit to choose, PYTEST_OPTIONS=… to change how)
	@$(PY) -m pytest $(PYTEST_OPTIONS) $(TESTS)

.PHONY: e2e
e2e: $(STAMP) ## Deploy the package to an emulated AWS and walk the money path, by CloudFormation and API Gateway
	@$(PY) -m pytest -n 0 -vv -rs --log-cli-level=INFO -o log_cli_format="  %(message)s" tests/e2e

.PHONY: test-browser
test-browser: $(STAMP) ## Walk through the Credits page in Chromium, which is installed where there is none
	@scripts/install-chromium
	@$(PY) -m pytest $(PYTEST_OPTIONS) tests/browser

.PHONY: screenshots
screenshots: $(STAMP) ## Take pictures of the page's main states into docs/screenshots
	@scripts/install-chromium
	@$(PY) -m tests.browser.screenshots

.PHONY: soak
soak: $(STAMP) ## Meter 100,000 calls from 8 processes that get killed, and count to the nano-dollar (COUNT=…)
	@COUNT=$${COUNT:-100000} $(PY) -m pytest -q --log-cli-level=INFO tests/integration/test_metering_soak.py

.PHONY: test-stripe
test-stripe: $(STAMP) ## Run the payment flows against Stripe's own test mode (STRIPE_API_KEY=sk_test_…)
	@TEST_STRIPE=1 $(PY) -m pytest -rs tests/payments

.PHONY: mutation
mutation: $(STAMP) ## Change the rules of domain and use cases, and see tests fail (MODULES="chalicelib.domain.topup.*" …)
	@$(PY) -m tests.mutation "$(MODULES)" $(MUTATION_OPTIONS)

.PHONY: check
check: lint types imports lock-check secrets advisories package-check test ## Run everything that CI runs
	@cat $(NOT_CHECKED) >&2 2>/dev/null || true

.PHONY: lint
lint: $(STAMP) ## Check style and format
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet . || { echo "Not formatted; run: make format" >&2; exit 1; }

.PHONY: format
format: $(STAMP) ## Format the code and mend what can be mended
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .

.PHONY: types
types: $(STAMP) ## Check the types
	@$(PY) -m mypy

.PHONY: imports
imports: $(STAMP) ## Check that imports point inwards
	@$(VENV)/bin/lint-imports --no-logo

.PHONY: secrets
secrets: $(STAMP) ## Look for secrets in the tracked files
	@$(PY) -m scripts.find_secrets

.PHONY: advisories
advisories: $(STAMP) ## Ask the public advisory database for known faults of what is deployed (REQUIRED=1)
	@$(PY) -m scripts.advisories --reminder $(NOT_CHECKED) $(if $(filter 1,$(REQUIRED)),--required)

.PHONY: fuzz
fuzz: $(STAMP) ## Send many new requests made from docs/openapi.yaml to the application (EXAMPLES=200)
	@FUZZ_EXAMPLES="$(EXAMPLES)" $(PY) -m pytest $(PYTEST_OPTIONS) tests/security/test_fuzz.py

.PHONY: invoices
invoices: $(STAMP) ## Render and store the files of invoices that lack them
	@$(PY) -m chalicelib.cli store-invoices --yes

.PHONY: redrive
redrive: $(STAMP) ## Move dead letters back to their queue (QUEUE=usage|top-up|payment-event|invoice LIST=--list)
	@$(PY) -m chalicelib.cli redrive $(QUEUE) --yes $(LIST)

.PHONY: rebuild-usage
rebuild-usage: $(STAMP) ## Make days of usage anew from the ledger (ORG=acme DAY=2026-11-23 LAST=…)
	@$(PY) -m chalicelib.cli rebuild-usage "$$ORG" $(DAY) $(LAST) --yes

.PHONY: reconcile
reconcile: $(STAMP) ## Compare Stripe's books with the ledger, and repair (DAYS=7 STACK=… for an installation's own)
	@$(PY) -m chalicelib.cli reconcile --days $(DAYS) --yes $(if $(STACK),--stack $(STACK))

.PHONY: audit
audit: $(STAMP) ## Hold every account against its ledger (STACK=… for an installation's)
	@$(PY) -m chalicelib.cli audit --all $(if $(STACK),--stack $(STACK))

.PHONY: openapi
openapi: $(STAMP) ## Write what GET /openapi.json serves, from docs/openapi.yaml
	@$(PY) -m scripts.openapi

.PHONY: tax-id-types
tax-id-types: $(STAMP) ## Write the list of tax ID types from the pinned Stripe version
	@$(PY) -m scripts.tax_id_types

.PHONY: lock
lock: $(STAMP) ## Resolve requirements*.in anew into requirements*.txt, with hashes
	@$(PY) scripts/lock.py

.PHONY: lock-check
lock-check: $(STAMP) ## Check that requirements*.txt fit their *.in and what is installed
	@$(PY) scripts/lock.py --check

.PHONY: simulate
simulate: $(STAMP) ## Attack the whole money path from seeds (SEEDS=100 STEPS=2000 FIRST=… RECORD=file; SEED=… tells one story)
	@$(PY) -m simulation --steps $${STEPS:-2000} $(if $(SEED),--seed $(SEED),--seeds $${SEEDS:-100} $(if $(FIRST),--first $(FIRST)) $(if $(RECORD),--record $(RECORD)))

.PHONY: replay-histories
replay-histories: $(STAMP) ## Run histories over memory and ministack in lockstep, and compare all (HISTORIES=200 STEPS=500 FIRST=… ENGINE=dynamodb-local)
	@$(PY) -W ignore -m simulation.replay --histories $${HISTORIES:-200} --steps $${STEPS:-500} $(if $(FIRST),--first $(FIRST)) $(if $(ENGINE),--engine $(ENGINE))

.PHONY: mutants
mutants: $(STAMP) ## Plant faults in the product, one at a time, and see which law finds each (MUTANT_SEEDS=100)
	@$(PY) -W ignore -m tests.simulation.mutants $(if $(MUTANT_SEEDS),--seeds $(MUTANT_SEEDS))

.PHONY: bench
bench: $(STAMP) ## Measure what a model call costs: docs/benchmarks.md (BENCH_QUICK=1 for a look)
	@$(PY) -m bench

.PHONY: package
package: $(STAMP) ## Make what CloudFormation deploys, in build/package (STAGE=dev|prod)
	@$(PY) -m scripts.package --stage $(STAGE) $(BUILD)/package

.PHONY: deploy
deploy: $(STAMP) ## Package and deploy, once you have seen what changes (STAGE=dev|prod PARAMETERS=file.json BUCKET=… YES=1)
	@$(PY) -m scripts.deploy --stage $(STAGE) $(if $(STACK),--stack $(STACK)) $(if $(PARAMETERS),--parameters $(PARAMETERS)) \
	  $(if $(BUCKET),--bucket $(BUCKET)) $(if $(filter 1,$(YES)),--yes) $(if $(filter 1,$(REPLACE_DATA)),--replace-data)

.PHONY: package-check
package-check: $(STAMP) $(AUDIT) ## Check that the package is complete, safe, small enough, and reproducible
	@$(PY) -m scripts.package_checks $(BUILD)/package

.PHONY: clean
clean: ## Remove what was built and installed
	@rm -rf $(VENV) $(dir $(AUDIT)) $(BUILD) .chalice/deployments .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made once, and again when the lock changes.
$(STAMP): requirements.txt requirements-dev.txt scripts/find-python
	@PYTHON="$(PYTHON)" scripts/make-venv $(VENV)
	@touch $@

# What judges the template pins other versions than we do, so it has an environment of its own.
$(AUDIT): requirements-audit.txt scripts/find-python
	@PYTHON="$(PYTHON)" scripts/make-venv $(dir $@) requirements-audit.txt
	@touch $@
