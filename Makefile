# What there is to do with this repository. `make` alone says it.

# npm itself runs on the host's Node; everything else on the pinned Node 22 in node_modules.
HOST_PATH := $(PATH)
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

SUITES := unit contract sim e2e
SUITE_TIME_MAX := 30m
INSTALLED := node_modules/.sluice-installed
CONFORMANCE := test/conformance

.DEFAULT_GOAL := help
.PHONY: help run test check lint types conformance install debian packages bench perf micro pack clean $(SUITES:%=test-%)

help:
	@echo 'make run            the demo: two backends and the proxy in front of them'
	@echo 'make test           everything: unit, contract, sim and e2e tests'
	@echo 'make check          format, lint, types, tidy and unit tests (two minutes)'
	@echo 'make test-unit      one suite; also test-contract, test-sim, test-e2e'
	@echo 'make conformance    http-tests/cache-tests against the cache (half a minute)'
	@echo 'make bench QUICK=1  side by side with nginx and HAProxy, under 6 minutes'
	@echo 'make bench          the same with every proxy there is, over an hour'
	@echo 'make perf           this proxy measured by itself; ARGS="--scenario all --profile"'
	@echo 'make micro          what single parts cost'
	@echo 'make pack           the npm package as a tarball'
	@echo 'make debian         install the Debian packages that tests and bench need'
	@echo
	@echo 'npm start -- ARGS   run sluice with ARGS, e.g. npm start -- check config/one-application.yaml'

run: install
	@exec node src/main.ts demo

# All suites run even when one fails, so that one look shows everything; any failure fails make, and so does
# a suite that does not end.
test: install debian
	@failed=; for suite in $(SUITES); do \
	  echo "=== $$suite"; \
	  timeout --foreground --kill-after=10 $(SUITE_TIME_MAX) npm run --silent test:$$suite || \
	    failed="$$failed $$suite"; \
	done; \
	if [ -n "$$failed" ]; then echo "FAILED:$$failed" >&2; exit 1; fi; \
	echo 'all suites passed: $(SUITES)'

$(SUITES:%=test-%): test-%: install
	@npm run --silent test:$*

check: install
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint types
	@npm run --silent test:unit

lint: install
	@biome check .

# What tsc found in files that did not change since is kept.
types: install
	@tsc --noEmit --incremental --tsBuildInfoFile node_modules/.cache/types.tsbuildinfo

# The tests come from npm into a folder of their own; without scripts, which none of them needs.
conformance: install
	@cd $(CONFORMANCE) && { cmp -s package-lock.json node_modules/.sluice-installed || { \
	  PATH="$(HOST_PATH)" npm ci --no-audit --no-fund --ignore-scripts && \
	  cp package-lock.json node_modules/.sluice-installed; }; }
	@node $(CONFORMANCE)/run.ts $(ARGS)

# Keyed on the content of the lock file: a fresh clone gets it all, everybody else nothing.
install:
	@cmp -s package-lock.json $(INSTALLED) || { \
	  PATH="$(HOST_PATH)" npm ci --no-audit --no-fund && cp package-lock.json $(INSTALLED); }

debian packages:
	@.ci/debian

bench: install debian
	@$(if $(QUICK),,native-bench/install-peers)
	@node native-bench/bench.ts $(if $(QUICK),--quick) $(ARGS)

perf: install debian
	@node perf/run.ts $(ARGS)

micro: install debian
	@node native-bench/micro/run.ts $(ARGS)

pack: install
	@npm pack

clean:
	rm -rf dist *.tgz
