# `make help` lists what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TARGET := x86_64-unknown-linux-gnu
STATIC := target/$(TARGET)/release
LAB := $(STATIC)/lab
# What runs in images has no C library to load, and does not tell where it was built.
CARGO_HOME ?= $(HOME)/.cargo
CARGO_STATIC := RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=$(CURDIR)=/flow-manager \
  --remap-path-prefix=$(CARGO_HOME)=/cargo" cargo
STATIC_FLAGS := --locked --release --target $(TARGET)
PLUGIN_DIR ?= $(HOME)/.local/bin
CRD := crds/flow.fustli.io_flowpolicies.yaml

include docker/image.mk

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: build
build: image-context ## Build the binaries, static, as they run in images
	$(CARGO_STATIC) build $(STATIC_FLAGS) -p flow-lab -p flow-e2e

.PHONY: plugin
plugin: ## Build kubectl flowpolicy, static
	$(CARGO_STATIC) rustc --locked --profile plugin --target $(TARGET) -p kubectl-flowpolicy --bin kubectl-flowpolicy \
	  -- -C relocation-model=static
	install -D -m 755 target/$(TARGET)/plugin/kubectl-flowpolicy $(STATIC)/kubectl-flowpolicy

.PHONY: kubectl-plugin
kubectl-plugin: plugin ## Build kubectl flowpolicy, static, and copy it to PLUGIN_DIR (~/.local/bin)
	install -D -m 755 $(STATIC)/kubectl-flowpolicy $(PLUGIN_DIR)/kubectl-flowpolicy

.PHONY: demo
demo: build ## See a critical flow broken and protected on a real cluster (KEEP=1 leaves it running)
	KEEP=$(KEEP) tests/with-lab.sh demo $(STATIC)/demo

.PHONY: bench
bench: build bench-step ## Compare control laws on a real cluster and write docs/benchmarks.md (BENCH_REPETITIONS=3, BENCH_ONLY=fixed,udp)
	$(CARGO_STATIC) build $(STATIC_FLAGS) -p flow-bench
	tests/with-lab.sh bench $(STATIC)/bench

.PHONY: bench-scale
bench-scale: build ## Measure what thousands of policies cost and write docs/reliability/scale.md (SCALE_SIZES=100,1000 for less)
	$(CARGO_STATIC) build $(STATIC_FLAGS) -p flow-scale
	$(LAB) build --for-bench
	tests/with-lab.sh scale $(STATIC)/bench-scale

.PHONY: test
test: ## Run every test, the real cluster included
	tests/run.sh

.PHONY: test-unit
test-unit: ## Run the tests that need no cluster
	cargo test --locked --workspace --exclude flow-lab --exclude flow-e2e --exclude flow-explorer --exclude flow-faults --exclude flow-browser

.PHONY: test-page
test-page: ## Test the page in a browser
	tests/page/run.sh

.PHONY: mutants
mutants: ## See whether a test fails for each fault put into what decides, arbitrates and writes (takes hours)
	tests/mutants.sh

.PHONY: fuzz
fuzz: ## Feed what reads foreign bytes with arbitrary ones (FUZZ_SECONDS=600 for each of FUZZ_TARGETS)
	FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_TARGETS="$(FUZZ_TARGETS)" tests/fuzz.sh

.PHONY: sbom
sbom: ## Write what the operator's binary is made of to target/flow-manager.cdx.json (CycloneDX)
	tests/sbom.sh target/flow-manager.cdx.json

.PHONY: bench-step
bench-step: ## Measure one decision and one reconcile: instructions, time, allocations
	benches/run.sh

.PHONY: test-lab
test-lab: build ## Test the lab itself
	$(CARGO_STATIC) test $(STATIC_FLAGS) -p flow-lab -- --test-threads=1

.PHONY: test-e2e
test-e2e: build plugin ## Test the operator on a real cluster
	$(CARGO_STATIC) test $(STATIC_FLAGS) -p flow-e2e --no-run
	$(LAB) build --for-tests
	tests/monitoring-crds.sh
	CARGO_NET_OFFLINE=true tests/with-lab.sh test \
	  env $(CARGO_STATIC) test $(STATIC_FLAGS) -p flow-e2e --no-fail-fast -- --test-threads=1

# A few of each kind: all of them take most of an hour.
SHORT_FAULTS := a_deletion_cut_off no_limit_is_raised no_limit_in_a_template what_happened_while a_policy_whose_end \
  limits_outlast_a_way whoever_is_told an_answer_that_breaks in_no_hand_over limits_stand_while whatever_it_answers proxy::

.PHONY: test-faults
test-faults: build ## Test the operator under faults on a real cluster (FLOW_FAULTS=short for the part that `make test` runs)
	$(CARGO_STATIC) test $(STATIC_FLAGS) -p flow-faults --no-run
	$(LAB) build --for-tests
	CARGO_NET_OFFLINE=true FLOW_FAULTS=$(or $(FLOW_FAULTS),full) tests/with-lab.sh faults \
	  env $(CARGO_STATIC) test $(STATIC_FLAGS) -p flow-faults --no-fail-fast -- --test-threads=1 \
	  $(if $(filter short,$(FLOW_FAULTS)),$(SHORT_FAULTS))

.PHONY: test-explore
test-explore: build ## Try specs made from the schema on a real cluster (EXPLORER_TRANSITIONS=150, EXPLORER_SEED=1)
	$(CARGO_STATIC) test $(STATIC_FLAGS) -p flow-explorer --no-run
	CARGO_NET_OFFLINE=true EXPLORER_TRANSITIONS=$(EXPLORER_TRANSITIONS) EXPLORER_SEED=$(EXPLORER_SEED) \
	  tests/with-lab.sh explore env $(CARGO_STATIC) test $(STATIC_FLAGS) -p flow-explorer -- --nocapture

.PHONY: explore
explore: ## The same with 2,000 transitions; the report goes to target/explorer
	$(MAKE) test-explore EXPLORER_TRANSITIONS=$(or $(EXPLORER_TRANSITIONS),2000)

.PHONY: soak
soak: build ## Run the operator under churn and faults (SOAK_MINUTES=30, SOAK_SEED=1); the report goes to target/soak
	$(CARGO_STATIC) build $(STATIC_FLAGS) -p flow-soak
	SOAK_MINUTES=$(SOAK_MINUTES) SOAK_SEED=$(SOAK_SEED) tests/with-lab.sh soak $(STATIC)/soak

.PHONY: lab-up
lab-up: build ## Start a real cluster with a congested link, and tell how to use it
	$(LAB) up

.PHONY: lab-install
lab-install: build ## Install flow-manager in that cluster, and start what is beyond the link: a reflector and a sink
	$(LAB) exec -- $(STATIC)/lab-install

.PHONY: lab-down
lab-down: ## Stop that cluster
	$(LAB) down

.PHONY: generate
generate: build ## Write the generated files: the CustomResourceDefinition, its documents, the plots of the control law, the chart's README, the manifests
	$(LAB) build --for-tests
	cargo run --quiet --locked -p flow-manager -- crd > $(CRD).new
	mv $(CRD).new $(CRD)
	cargo run --quiet --locked -p flow-manager -- crd --reference > docs/reference.md
	cargo run --quiet --locked -p flow-manager -- crd --status > docs/status.md
	cargo run --quiet --locked -p flow-model --example plots
	cp $(CRD) charts/flow-manager/files/crds/
	$(LAB) tool helm-docs -- --chart-search-root charts --log-level warn
	manifests/render.sh

.PHONY: lint
lint: build ## Check format, lints, dependencies, chart and Dockerfiles
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	tests/cargo-deny.sh
	$(LAB) build --for-tests
	tests/chart-lint.sh
	tests/hadolint.sh docker/flow-manager/Dockerfile docker/flow-manager/Dockerfile.build

.PHONY: clean
clean: ## Delete what was built
	cargo clean
