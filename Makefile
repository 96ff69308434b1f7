# `make` shows what there is to do. The first two need nothing but Node 20.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo page setup check test pkg bench fuzz fuzz-coverage mutants man clean

PORT ?= 4173
ARGS ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## compile a real Juju bundle into AuthorizationPolicies (Node 20 only)
	@tools/setup.sh demo
	@node host/cli.js compile bookinfo=examples/bookinfo/bundle.yaml --charms examples/bookinfo/charms
	@printf '\nThis was: npx mesh-policy compile bookinfo=examples/bookinfo/bundle.yaml --charms examples/bookinfo/charms\n'
	@printf 'The same in a browser: make page\n'

page: ## build the page and serve it on 127.0.0.1, until Ctrl-C (Node 20 only; PORT=4173)
	@tools/setup.sh node
	@node_modules/.bin/vite build www --logLevel warn
	@node host/cli.js serve --port $(PORT)

setup: ## install the whole toolchain: wasm, npm, Python, browser
	@tools/setup.sh all

check: ## the inner loop: format, lints, types, fast tests
	@node tools/test.mjs --fast

test: ## everything; installs the toolchain by itself
	@node tools/test.mjs

pkg: ## build pkg/ from src/
	@tools/setup.sh wasm node
	@npm run --silent build:wasm

bench: ## every benchmark beside its rival, into docs/performance.md (ARGS="--only diff,mesh --quick")
	@tools/setup.sh wasm node python nca
	@cargo build --locked --release --example compile --example decide --example mesh
	@node bench/run.mjs $(ARGS)

fuzz: ## 10,000,000 random inputs; interrupt it and it goes on where it was
	@mkdir -p .cache
	@cd fuzz && cargo run --locked --release --quiet -- --count 10000000 --state ../.cache/fuzz-state

fuzz-coverage: ## random inputs led by coverage, five minutes for each entry point (ARGS="--seconds 60 mesh"; needs a C++ compiler)
	@node tools/fuzz-coverage.mjs $(ARGS)

mutants: ## put small faults into the core; a test must fail for each (an hour; ARGS=src/kube/order.rs)
	@tools/setup.sh mutants
	@node tools/mutants.mjs $(ARGS)

man: ## write man/mesh-policy.1 from what the commands declare
	@node tools/man.mjs

clean: ## remove what was built; .tools and node_modules stay
	@rm -rf target fuzz/target www/dist .cache
