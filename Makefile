# `make` lists the targets. `make test` needs nothing but Go; the tools of the
# others are pinned in tools/go.mod and built by the Go command when first used.

GO   ?= go
TOOL := $(GO) tool -modfile=tools/go.mod

# How long a package's tests may take before they are stopped with a stack dump.
TEST_TIMEOUT ?= 5m
# More flags for go test: make test TESTFLAGS='-v -run Filter'.
TESTFLAGS    ?=
# How long each fuzz target runs.
FUZZTIME     ?= 30s
# How often the hub is killed and started again, and how long that may take.
CRASH_ROUNDS  ?= 60
CRASH_TIMEOUT ?= 15m
NODES         ?= 2
# Which benchmarks, where, and how often: make bench BENCH=Get COUNT=10 > new.txt
BENCH        ?= .
BENCH_PKGS   ?= ./...
COUNT        ?= 1

# A release says what it is; any other build asks the checkout (see
# internal/version).
VERSION ?=
COMMIT  ?=
STAMP   := github.com/muster-id/muster/internal/version

# The race detector is several times slower on translated C, and these packages
# play whole scenarios, so they run with it at night only.
SLOW := /internal/e2e$$|/scim/conformance$$|/bench(/|$$)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/muster with version and commit in it
	CGO_ENABLED=0 $(GO) build -buildvcs=auto -trimpath -o bin/muster \
		-ldflags '-s -w -X $(STAMP).version=$(VERSION) -X $(STAMP).commit=$(COMMIT)' ./cmd/muster

.PHONY: test
test: ## Run all tests (needs nothing but Go)
	$(GO) test -timeout $(TEST_TIMEOUT) $(TESTFLAGS) ./...

.PHONY: check
check: fmt-check vet lint arch generated race ## Format, vet, lint, architecture, generated files, unit tests with -race

.PHONY: test-all
test-all: test check crash fuzz ## All of the above, 60 kill -9 rounds, and each fuzz target for 30 s

.PHONY: nightly
nightly: ## The long forms: everything with -race, 1,000 kills, each fuzz target for 30 min
	$(GO) test -race -timeout 60m ./...
	$(MAKE) crash crash-postgres CRASH_ROUNDS=1000 CRASH_TIMEOUT=12h
	$(MAKE) fuzz FUZZTIME=30m

.PHONY: race
race: ## Run the unit tests with the race detector (needs a C compiler)
	$(GO) test -race -timeout $(TEST_TIMEOUT) $(TESTFLAGS) $$($(GO) list ./... | grep -vE '$(SLOW)')

.PHONY: interop
interop: ## Run other people's SCIM software against ours (needs Python, Java with Maven, Node.js with npm)
	$(GO) test -tags interop -count=1 -timeout 10m $(TESTFLAGS) ./internal/interop

# What is about one process: its own figures, log, TLS, disk, and address.
ONE_NODE := TestLogs|TestCursorWalk|TestTargetDownAtStart|TestRel_SigtermUnderLoad|TestRel_R78_|TestSec_A04_TokenIsExact|TestProbesAndFigures|TestNeededSwitches|TestSec_A21_|TestRel_R11_|TestRel_R01_

.PHONY: nodes
nodes: ## Run the tests of whole hubs on NODES (2) nodes and PostgreSQL, each request on another node
	MUSTER_E2E_NODES=$(NODES) $(GO) test -count=1 -timeout 10m $(TESTFLAGS) -skip '^($(ONE_NODE))' ./internal/e2e

.PHONY: crash
crash: ## Kill the hub CRASH_ROUNDS times under load and check what is left
	MUSTER_CRASH_ROUNDS=$(CRASH_ROUNDS) $(GO) test -count=1 -timeout $(CRASH_TIMEOUT) $(TESTFLAGS) -run '^TestRel_R01_' ./internal/e2e

.PHONY: crash-postgres
crash-postgres: ## The same for a hub on PostgreSQL
	MUSTER_E2E_NODES=1 MUSTER_CRASH_ROUNDS=$(CRASH_ROUNDS) $(GO) test -count=1 -timeout $(CRASH_TIMEOUT) $(TESTFLAGS) -run '^TestRel_R01_' ./internal/e2e

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (30s)
	@GO='$(GO)' .ci/fuzz $(FUZZTIME)

.PHONY: bench
bench: ## Run the benchmarks (BENCH, BENCH_PKGS, COUNT); compare with make benchstat
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 2h $(TESTFLAGS) $(BENCH_PKGS)

.PHONY: bench-hub
bench-hub: ## Measure the real binary against the project's figures (Linux, 2 idle cores)
	$(GO) run ./bench/hub

.PHONY: benchstat
benchstat: ## Compare two outputs of make bench: make benchstat OLD=old.txt NEW=new.txt
	$(TOOL) benchstat $(OLD) $(NEW)

.PHONY: fmt
fmt: ## Format all Go code (gofumpt, gci)
	$(TOOL) golangci-lint fmt

.PHONY: fmt-check
fmt-check: ## Show what fmt would change
	$(TOOL) golangci-lint fmt --diff

.PHONY: vet
vet: ## Run go vet
	$(GO) vet ./...

.PHONY: lint
lint: ## Run the linters of .golangci.yaml
	$(TOOL) golangci-lint run

.PHONY: arch
arch: ## Check the import rules and the other promises of internal/archtest
	$(GO) test -count=1 ./internal/archtest

.PHONY: generated
generated: ## Check that generated files, go.mod and go.sum are current
	$(GO) mod tidy -diff
	@before=$$(git status --porcelain; git diff); $(GO) generate ./... && \
	after=$$(git status --porcelain; git diff); \
	if [ "$$before" != "$$after" ]; then git status --short; \
		echo 'go generate changed files: commit what it made' >&2; exit 1; fi

# A release step (security row L01); not part of the gate, which may have no network.
.PHONY: vulncheck
vulncheck: ## Ask the Go vulnerability database (needs the network)
	$(TOOL) govulncheck ./...

.PHONY: release
release: vulncheck ## Build all archives with checksums, module lists and signature: make release VERSION=v1.2.3 DIR=dist
	.ci/release $(or $(DIR),dist) $(or $(VERSION),$(error name the release: make release VERSION=v1.2.3)) $(PLATFORMS)

# Security rows L04 and L05.
.PHONY: release-check
release-check: ## Build a release twice and verify it as its users would
	.ci/release-check

.PHONY: deploy-check
deploy-check: ## Verify what is in deploy/ and try it without systemd, containers or Kubernetes (needs root)
	.ci/deploy-check

.PHONY: tools
tools: ## Build the pinned tools now, so that nothing waits for them later
	$(TOOL) golangci-lint version
	$(TOOL) gofumpt -version
	$(TOOL) -n benchstat >/dev/null
	$(TOOL) govulncheck -version
	$(GO) -C tools/deploy tool -n deploy >/dev/null
	$(GO) -C tools/deploy tool -n helm >/dev/null

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
