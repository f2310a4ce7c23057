# Everything a person or a machine does with this tree; "make help" lists it.
# Continuous integration runs these targets and nothing else.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: build check test race fuzz property bench bench-go mutants mutation linear test-postgres cover help

GO ?= go
GOLANGCI := $(GO) tool -modfile=tools/go.mod golangci-lint

# The race detector needs a C compiler; without one the tests still run. It leaves
# out the C of SQLite, translated to Go: that keeps its data in memory which is not
# Go's, where the detector sees nothing, and watching it took a third of the time.
# "make race" watches it all the same.
RACE := $(shell command -v "$$($(GO) env CC)" >/dev/null 2>&1 && \
	echo -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false)
# How many random walks "make test" takes without the race detector.
WALKS ?= 1000
TIMEOUT ?= 30m
FUZZTIME ?= 10s
BENCH ?= .
# What talks to a database does it through internal/testdb.
DATABASE_PACKAGES = $(shell $(GO) list -f '{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./... \
	| awk '/internal\/testdb/ {print $$1}')

build: ## compile the countersign binary into bin/
	$(GO) build -trimpath -o bin/countersign ./cmd/countersign

check: ## check format, vet, lint and dependencies (builds the linter on first use)
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard -- '*.go')); \
		if [[ -n $$unformatted ]]; then echo "gofmt -w is due on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GOLANGCI) config verify
	$(GOLANGCI) fmt --diff
	$(GOLANGCI) run ./...
	$(GO) mod verify

test: ## run every test, on SQLite and on PostgreSQL, with the race detector; then WALKS (1000) random walks without
	scripts/with-postgres $(GO) test $(RACE) -timeout $(TIMEOUT) ./...
	GOGC=400 $(GO) test -timeout $(TIMEOUT) ./internal/engine -run '^TestRandomWalks$$' -walks $(WALKS)

race: ## run every test again, uncached and in shuffled order, with the race detector
	scripts/with-postgres $(GO) test -race -count=1 -shuffle=on -timeout $(TIMEOUT) ./...

fuzz: ## run every fuzz target for FUZZTIME (10s) each
	GO=$(GO) FUZZTIME=$(FUZZTIME) scripts/fuzz

property: ## ask the roster, and the Fordefi list, and naive oracles 100,000 random lists each over 5,000 people (half an hour)
	$(GO) test ./internal/roster -count=1 -run RosterAgrees -timeout 2h -roster.people 5000 -roster.queries 100000
	$(GO) test ./internal/oracle/fordefi -count=1 -run AnswersAsTheOracle -timeout 2h -fordefi.users 5000 -fordefi.queries 100000

bench: ## measure the house beside the least that could do the job, as ratios (some minutes; BENCHFLAGS="-users 1000000")
	$(GO) run ./bench $(BENCHFLAGS)

bench-go: ## run the Go benchmarks whose names match BENCH (all)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

mutants: ## take each rule out once, in a copy of HEAD, and see its test fail (some minutes)
	$(GO) run ./scripts/mutants

mutation: ## change the rules of access and approval in every small way, and list what no test notices (some minutes)
	$(GO) run ./scripts/mutate

linear: ## check 200 histories of 2,000 operations on each database, and 1,000 rounds of 64 votes at once (hours)
	scripts/with-postgres $(GO) test ./internal/linear -count=1 -timeout 12h -linear.histories 200 -linear.operations 2000 -linear.rounds 1000

test-postgres: ## run only the packages that use a database, on both engines, uncached
	@packages='$(DATABASE_PACKAGES)'; [[ -n $$packages ]] || { echo "no package's tests import internal/testdb"; exit 1; }; \
		scripts/with-postgres $(GO) test -count=1 -timeout $(TIMEOUT) $$packages

cover: ## measure statement coverage into cover.out and print the total
	scripts/with-postgres $(GO) test -timeout $(TIMEOUT) -coverprofile=cover.out ./...
	@$(GO) tool cover -func=cover.out | tail -1

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
