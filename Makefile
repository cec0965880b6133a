# The commands of the project. `make` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export RUST_BACKTRACE := 0
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/identity-pool-operator
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := $(CACHE)/tools/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny

CARGO_MUTANTS_VERSION := 27.1.0
CARGO_MUTANTS := $(CACHE)/tools/cargo-mutants-$(CARGO_MUTANTS_VERSION)/bin/cargo-mutants

CARGO_AUDITABLE_VERSION := 0.7.7
CARGO_AUDITABLE := $(CACHE)/tools/cargo-auditable-$(CARGO_AUDITABLE_VERSION)/bin/cargo-auditable
CARGO_CYCLONEDX_VERSION := 0.5.9
CARGO_CYCLONEDX := $(CACHE)/tools/cargo-cyclonedx-$(CARGO_CYCLONEDX_VERSION)/bin/cargo-cyclonedx

# The path of a program of ours, wherever cargo puts it; $(2) is the cargo command that builds it.
# Always the whole workspace: a package alone has other features, and would compile its
# dependencies once more.
built = $$(cargo $(or $(2),build --bins) --workspace --message-format=json-render-diagnostics \
	| sed -n 's|.*"executable":"\([^"]*/$(1)\)".*|\1|p')

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Watch a pool's life on a cluster of its own; KUBECONFIG=… or CONTEXT=… for yours
	@demo=$(call built,demo); exec "$$demo" $(if $(KUBECONFIG),--kubeconfig '$(KUBECONFIG)') \
		$(if $(CONTEXT),--context '$(CONTEXT)') $(if $(NO_WAIT),--no-wait)

# The path of a pinned program of the tests, built if need be.
tool = $$(control_plane=$(call built,control-plane); "$$control_plane" --fetch-tools | awk '$$1 == "$(1)" { print $$2 }')

.PHONY: test
test: lint ## All that CI checks: lints, unit tests, real apiserver, fake and third-party AWS
	control_plane=$(call built,control-plane,test --no-run); "$$control_plane" --fetch-tools
	cargo test --workspace -- --test-threads=4
	demo=$(call built,demo,test --no-run); "$$demo" --no-wait

.PHONY: chart-test
chart-test: ## The Helm chart alone: every value, every rule, real helm on a real apiserver (part of test)
	cargo build --workspace --bins
	cargo test --test chart -- --test-threads=4

# The operator as the Dockerfile builds it. Its dependencies stay in the cache, as in an image's layer:
# fat LTO of all of them takes minutes.
released = $$(PATH='$(dir $(CARGO_AUDITABLE))':$$PATH CARGO_TARGET_DIR='$(CACHE)/release' \
	cargo auditable build --release --locked --bin identity-pool-operator --message-format=json-render-diagnostics \
	| sed -n 's|.*"executable":"\([^"]*\)".*|\1|p')

# The program that has a real node, and the operator for it; $(1) is what the program is to do. What the tests
# have built is not built once more, nor by `make node` in the midst of it.
export NODE_BUILD ?= $(if $(filter test,$(MAKECMDGOALS)),test --no-run,build --bins)
on_node = e2e=$(call built,e2e,$(NODE_BUILD)); \
	"$$e2e" --possible $(1) || { [ -z '$(REQUIRED)' ] && exit 0; exit 1; }; \
	$(MAKE) --no-print-directory $(CARGO_AUDITABLE); \
	echo "building the operator with --release; minutes, unless the cache has its dependencies"; \
	operator=$(released); "$$e2e" --binary "$$operator" $(1)

.PHONY: e2e
e2e: ## The chart on a real cluster with a real kubelet (root); KEEP=1 ends with a shell on it, REQUIRED=1 never skips
	@$(call on_node,$(if $(KEEP),--keep))

.PHONY: node
node: REQUIRED := 1
node: ## A real cluster of one node with the image and a fake AWS, and a shell there (root)
	@$(call on_node,--shell)

.PHONY: image
image: $(CARGO_AUDITABLE) ## Build the image without a registry (root, Debian), into target/image; docker build . elsewhere
	operator=$(released); image=$(call built,image); \
		"$$image" --binary "$$operator" --output target/image/identity-pool-operator.tar

.PHONY: sbom
sbom: $(CARGO_CYCLONEDX) ## Write what the operator consists of, as CycloneDX, into target/sbom
	PATH='$(dir $(CARGO_CYCLONEDX))':$$PATH cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps
	@rm tests/*/*.cdx.json; mkdir -p target/sbom; mv identity-pool-operator.cdx.json target/sbom/
	@echo target/sbom/identity-pool-operator.cdx.json

.PHONY: model-check
model-check: ## Explore the core's protocol far beyond what `make test` does; many minutes, some GiB
	cargo test --workspace --test model -- --include-ignored --nocapture --test-threads=1

.PHONY: lint
lint: $(CARGO_DENY) ## Formatting, clippy, docs, licences and banned crates
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --quiet
	$(CARGO_DENY) --log-level error check bans licenses sources

.PHONY: generate
generate: ## Write the generated files anew: crds/, docs/reasons.md, docs/iam.md, the chart's README
	operator=$(call built,identity-pool-operator); \
		for file in identitypools.yaml identitypoolclasses.yaml; do "$$operator" crd $$file > crds/$$file; done; \
		"$$operator" reasons > docs/reasons.md; \
		"$$operator" iam-page > docs/iam.md
	helm_docs=$(call tool,helm-docs); \
		"$$helm_docs" --log-level warning --sort-values-order=file --chart-search-root charts/identity-pool-operator

.PHONY: soak
soak: ## Faults at random on a real apiserver: SOAK_CASES=40000, or SOAK_SECONDS=…; SOAK_SEED=…
	cargo test --test faults -- soak

.PHONY: mutants
mutants: $(CARGO_MUTANTS) ## Break the modules that create, delete and own; each break must be noticed; FILE=… for one
	$(CARGO_MUTANTS) mutants --output target/mutants --no-shuffle $(if $(FILE),--re '^$(FILE):')

.PHONY: broken
broken: ## Three builds broken on purpose; every layer of tests that should notice has to
	tests/broken/run

.PHONY: bench
bench: ## Print figures beside their targets; BENCH=--quick for few, BENCH='-o json', see docs/performance.md
	@bench=$(call built,bench,build --release --bin identity-pool-operator --bin bench); "$$bench" $(BENCH)

.PHONY: run
run: ## Run the operator on the cluster of KUBECONFIG and the AWS of AWS_…
	@operator=$(call built,identity-pool-operator); exec "$$operator" run

.PHONY: audit
audit: $(CARGO_DENY) ## Known vulnerabilities (needs the network of the advisory database)
	$(CARGO_DENY) check advisories

.PHONY: fake
fake: ## Run a fake Cognito on 127.0.0.1:4579, and say how to use it
	@fake=$(call built,fake-cognito); exec "$$fake"

.PHONY: cluster
cluster: ## Run a real etcd and kube-apiserver, and say how to use them
	@cluster=$(call built,control-plane); exec "$$cluster"

$(CARGO_DENY):
	@echo "installing cargo-deny $(CARGO_DENY_VERSION), once; about six minutes on two cores"
	cargo install cargo-deny --version $(CARGO_DENY_VERSION) --locked --root $(CACHE)/tools/cargo-deny-$(CARGO_DENY_VERSION)

$(CARGO_MUTANTS):
	@echo "installing cargo-mutants $(CARGO_MUTANTS_VERSION), once; about four minutes on two cores"
	cargo install cargo-mutants --version $(CARGO_MUTANTS_VERSION) --locked --root $(CACHE)/tools/cargo-mutants-$(CARGO_MUTANTS_VERSION)

$(CARGO_AUDITABLE):
	@echo "installing cargo-auditable $(CARGO_AUDITABLE_VERSION), once; about a minute on two cores"
	cargo install cargo-auditable --version $(CARGO_AUDITABLE_VERSION) --locked --root $(CACHE)/tools/cargo-auditable-$(CARGO_AUDITABLE_VERSION)

$(CARGO_CYCLONEDX):
	@echo "installing cargo-cyclonedx $(CARGO_CYCLONEDX_VERSION), once; about two minutes on two cores"
	cargo install cargo-cyclonedx --version $(CARGO_CYCLONEDX_VERSION) --locked --root $(CACHE)/tools/cargo-cyclonedx-$(CARGO_CYCLONEDX_VERSION)
