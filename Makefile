# make demo    runs a machine that suspends in Redis and is resumed, from nothing but Python 3.11, make and a package index
# make test    runs all tests, three at a time as most of them wait; ARGS="-k suspend -x" are given to pytest
# make coverage   runs them one after the other and reports what of the code they reach
# make lint    formatting, ruff, pyright strict, import-linter
# make check   what CI runs: lint and test, with nothing left out
# make conformance   runs what AWS Step Functions was recorded to do, in the core and over the wire, where the recordings
#                    are; ARGS="--core --diff --only map" or ARGS="--wire --only test_state" are given to it
# make chaos [SEED=n] [SECONDS=180]   breaks daemons, connections and their Valkey under load, and checks all that is left
# make simulation   plays engine and store against a seeded adversary in virtual time; SEEDS=1-1000, ARGS="--break no-fence"
# make bench   runs the benchmarks, those beside peers too, which it installs; ARGS="quick" is a short form of these
# make clean   removes everything that the others made, .venv included

MAKEFLAGS += --no-print-directory
BIN := .venv/bin
# pyright keeps the program it consists of there, instead of in the home folder.
export PYRIGHT_PYTHON_CACHE_DIR := $(CURDIR)/.venv/pyright
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
# node trusts its own list of certificates only; behind a proxy with one of its own, the machine's list knows that too.
export NODE_EXTRA_CA_CERTS ?= $(wildcard /etc/ssl/certs/ca-certificates.crt)

.PHONY: demo test coverage lint check conformance chaos simulation bench clean
.NOTPARALLEL:

demo:
	@.ci/setup embedded
	@$(BIN)/statebox demo

test:
	@.ci/setup dev
	@$(BIN)/python -m pytest -n 3 $(ARGS)

coverage:
	@.ci/setup dev
	@$(BIN)/python -m pytest --cov --cov-report=term $(ARGS)

# Each has its say before the first failure ends it.
lint:
	@.ci/setup dev
	@failed=0; \
	for tool in "ruff format --check" "ruff check" "pyright --pythonpath $(BIN)/python" "lint-imports"; do \
	  echo "$$tool"; $(BIN)/$$tool || failed=1; \
	done; exit $$failed

check:
	@.ci/run

conformance:
	@.ci/setup dev
	@$(BIN)/python -m conformance $(ARGS)

chaos:
	@.ci/setup dev
	@$(BIN)/python -m chaos --seed $(or $(SEED),1) --seconds $(or $(SECONDS),180) $(ARGS)

SEEDS ?= 1-1000
simulation:
	@.ci/setup dev
	@$(BIN)/python -m simulation --seeds $(SEEDS) $(ARGS)

bench:
	@.ci/setup dev
	@benchmarks/peers/setup
	@$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv .chaos dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} + -o -name node_modules -prune -exec rm -rf {} +
