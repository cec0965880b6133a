# The commands of the project. `make` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export RUST_BACKTRACE := 0
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/identity-pool-operator
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := $(CACHE)/tools/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Show the whole life of a pool on a real apiserver and a fake AWS (KUBECONFIG=… or CONTEXT=… uses your cluster)
	cargo build --workspace --bins
	cargo run -q -p harness --bin demo -- --operator target/debug/identity-pool-operator $(if $(KUBECONFIG),--kubeconfig $(KUBECONFIG)) $(if $(CONTEXT),--context $(CONTEXT))

.PHONY: test
test: lint ## Everything that CI checks: lints, unit tests, real apiserver, fake and third-party AWS
	cargo run -q -p harness --bin control-plane -- --fetch-tools
	cargo test --workspace -- --test-threads=4

.PHONY: lint
lint: $(CARGO_DENY) ## Formatting, clippy, docs, licences and banned crates
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --quiet
	$(CARGO_DENY) --log-level error check bans licenses sources

.PHONY: generate
generate: ## Write the generated files anew: crds/, docs/reasons.md
	cargo run -q -- crd > crds/identitypools.yaml
	cargo run -q -- reasons > docs/reasons.md

.PHONY: bench
bench: ## Print figures: throughput, latency, calls and writes per object, memory
	cargo build --release --bin identity-pool-operator
	cargo run --release -q -p harness --bin bench -- --operator target/release/identity-pool-operator

.PHONY: audit
audit: $(CARGO_DENY) ## Known vulnerabilities (needs the network of the advisory database)
	$(CARGO_DENY) check advisories

.PHONY: fake
fake: ## Run the fake Cognito alone, on 127.0.0.1:4579
	cargo run -q -p harness --bin fake-cognito

.PHONY: cluster
cluster: ## Run a real etcd and kube-apiserver alone, and say how to reach them
	cargo run -q -p harness --bin control-plane

$(CARGO_DENY):
	@echo "installing cargo-deny $(CARGO_DENY_VERSION), once; about six minutes on two cores"
	cargo install cargo-deny --version $(CARGO_DENY_VERSION) --locked --root $(CACHE)/tools/cargo-deny-$(CARGO_DENY_VERSION)
