# The front door. `make run` shows the container, `make test` proves it, `make help` lists the rest.

SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c

RUN_DIR ?= .run
DESTDIR ?=
PREFIX ?= /usr
SWIFT ?= swift
RELEASE := $(SWIFT) build -c release --static-swift-stdlib

.PHONY: help run build test rig bench soak bench-check check fmt fuzz sanitize deps deps-run install deb sbom clean

help: ## List what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

run: deps-run build ## Start the demo container and the agent; Ctrl-C stops all
	RUN_DIR="$(RUN_DIR)" Units/demo

build: deps-run ## Build the two programs, optimised, with the Swift runtime inside
	@$(RELEASE) --product mdc-agent
	$(RELEASE) --product mdc-sim

test: deps build ## Everything that passes without special hardware
	@Tests/run

rig: build ## The virtual container alone: a real kernel, GPIO and systemd under QEMU; ONLY=power-cut for one
	@Tests/Rig/run $(ONLY)

bench: deps build ## Every benchmark, beside the neighbours that are installed
	@$(RELEASE) --product mdc-bench
	$(RELEASE) --product journal-writer
	.build/release/mdc-bench --json .build/bench.json $(ONLY)
	@[ -n "$(ONLY)" ] || { echo "A million Modbus polls under seeded faults:"; \
	  ROOM=Modbus MDC_MODBUS_POLLS=1000000 $(SWIFT) test -c release -Xswiftc -enable-testing \
	    --scratch-path .build/polls --disable-xctest --filter ZeroWrong > .build/zero-wrong.log 2>&1; \
	  result=$$?; grep -E "polls|error:|Test run" .build/zero-wrong.log; exit $$result; }

bench-check: ## Fails when a ratio of the last `make bench` is more than 10 % worse than the ones kept
	@Tests/bench-report check .build/bench.json

soak: deps build ## Fleet, requests from outside, a thousand kill -9, a week's outage, half an hour of a whole container
	@$(SWIFT) build -c release --product journal-writer
	MDC_FLEET=1 .deps/venv/bin/python -m pytest -q -p no:cacheprovider Tests/Foreign/test_fleet.py \
	    Tests/Foreign/test_requests.py Tests/Foreign/test_upstream.py
	.deps/venv/bin/python Tests/Foreign/upstream_soak.py kills $(or $(KILLS),1000)
	.deps/venv/bin/python Tests/Foreign/upstream_soak.py outage 7 500
	.deps/venv/bin/python Tests/Faults/soak.py 120 --faults
	.deps/venv/bin/python Tests/Faults/soak.py 1800

check: deps ## Format, lint and the rules of the house
	@$(SWIFT) format lint --strict --parallel --recursive Sources Tests Package.swift
	$(SWIFT) build --build-tests -q
	$(SWIFT) test --disable-xctest --skip-build --filter TidyTests

fmt: ## Format every Swift file in place
	@$(SWIFT) format --in-place --parallel --recursive Sources Tests Package.swift

fuzz: deps ## Every parser of foreign bytes, a minute each; FUZZ_SEED=n for another minute
	MDC_FUZZ_SECONDS=60 MDC_FUZZ_SEED=$(or $(FUZZ_SEED),1) $(SWIFT) test --disable-xctest --filter FuzzTests

sanitize: deps ## The rooms with threads under ThreadSanitizer, all unit tests under AddressSanitizer
	@Tests/sanitize

deps: ## Install what building and testing needs (Debian packages, a Python environment)
	@Tests/deps all

deps-run:
	@Tests/deps run

install: ## Put the files in place under DESTDIR
	@Units/install "$(DESTDIR)" "$(PREFIX)"

deb: build ## Two Debian packages in .build/
	@Units/deb

sbom: build ## What the packages link and run, with versions and why (SPDX JSON)
	@Units/sbom >.build/mdc-agent.spdx.json
	echo .build/mdc-agent.spdx.json

clean: ## Remove what was built
	@rm -rf .build
