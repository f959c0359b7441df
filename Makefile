# Everything that is done with this project, from a fresh clone on. `make help` lists it.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
READY  := $(VENV)/.ready
# The tests wait for servers more than they compute: more processes than cores pay.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo local up status down test check bench drill mutate audit lock clean

help: ## List the targets.
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Install what the project needs into .venv (the other targets do it by themselves).

$(READY): requirements-dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON): install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11: install a newer one, or name it: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing into $(VENV) (once; under a minute with a good connection) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian: apt install python3-venv)."; exit 1; }
	@$(RUN) -m pip install --disable-pip-version-check --require-hashes --progress-bar off -r requirements-dev.txt \
	  | awk '/^Collecting / { if (++n % 20 == 0) { print "  " n " packages fetched"; fflush() } } \
	         /^Installing collected/ { print "  " n " packages fetched, installing them"; fflush() }'
	@touch $@

demo: $(READY) ## Bring up the whole system on this machine, send orders through every hop, show how long each took, stop.
	@$(RUN) -m twin demo

local: $(READY) ## Bring the system up with the Pulumi CLI, and keep it (DO="preview --diff" and the like for other commands).
	@$(RUN) -m twin.local $(or $(DO),up)

up: $(READY) ## Keep the whole system running on this machine until Ctrl-C; its outputs are in .twin/outputs.json.
	@$(RUN) -m twin up

status: $(READY) ## Tell whether a system is up on this machine, or kept, and where.
	@$(RUN) -m twin status

down: $(READY) ## Stop the system that `make up` started in another terminal, or remove the one of `make local`.
	@$(RUN) -m twin down

test: $(READY) ## Run all tests (TESTS=path for some of them; WORKERS=0 in one process).
	@$(RUN) -m pytest -n $(WORKERS) --dist loadgroup $(TESTS)

check: $(READY) ## Lint, format check and strict types.
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy .

bench: $(READY) ## Measure beside limits and peers, about ten minutes (ONLY="queries prune" for some, KEEP=1 to keep the results).
	@$(RUN) -m bench $(ONLY) $(if $(KEEP),--keep)

drill: $(READY) ## Faults on purpose, then every promise checked (ONLY=names, SEED=n; SOAK=100000 for a long run).
	@$(RUN) -m drills $(if $(SEED),--seed $(SEED)) $(if $(SOAK),--soak $(SOAK)) $(ONLY)

mutate: $(READY) ## Break each promise on purpose, one at a time, and see that a test notices (ONLY=name for one).
	@$(RUN) -m mutations $(ONLY)

audit: $(READY) ## Ask PyPI for known vulnerabilities of every locked version (needs the internet).
	@for file in requirements.txt requirements-dev.txt bench/requirements-debezium.txt functions/*/requirements.txt; do echo "$$file"; \
	  $(VENV)/bin/uv tool run pip-audit==2.10.1 --strict --disable-pip --require-hashes -r "$$file" || exit 1; done

lock: $(READY) ## Pin the newest allowed version of every package, with hashes.
	@for file in requirements.in requirements-dev.in bench/requirements-debezium.in functions/*/requirements.in; do \
	  echo "$$file"; UV_CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/bin/uv pip compile --quiet --universal --upgrade \
	    --generate-hashes --no-emit-index-url --python-version 3.11 "$$file" -o "$${file%.in}.txt" || exit 1; done

clean: ## Remove what was built and installed (not the databases of a running twin).
	@rm -rf .build .venv .mypy_cache .ruff_cache .pytest_cache
