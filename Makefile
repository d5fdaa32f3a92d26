# `make help` lists what there is. Each target installs what it lacks (as root on Debian or Ubuntu) or names it.

# Where the tests note what they skipped.
skips = $(abspath $(or $(CARGO_TARGET_DIR),target))/skipped-tests

.DEFAULT_GOAL := help
.PHONY: help demo test interop lint docs deny assets image bench check

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: assets ## build and run a living demo town (no link-time optimisation)
	cargo run --locked --profile quick -- demo

test: assets ## all tests of all crates
	@.ci/need browser || true
	@rm -f $(skips)
	@OZG_SKIPPED=$(skips) cargo test --locked --workspace; verdict=$$?; \
		if [ -s $(skips) ]; then echo; sort -u $(skips); fi; exit $$verdict

interop: assets ## our code against programs that nobody here wrote; ROWS names some of them
	@.ci/need interop || true
	tests/interop/run $(ROWS)

lint: assets ## formatting and clippy, warnings are errors
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

docs: assets ## the documentation of the code, warnings are errors
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --locked --workspace --no-deps --document-private-items

deny: ## licences, banned and doubled crates, where crates come from
	@.ci/need cargo-deny
	cargo deny --offline check bans licenses sources

assets: ## fetch style sheets, fonts and scripts of others into web/assets
	@.ci/need build node
	web/make-assets

image: ## the container image as an OCI archive, built and tried without docker
	@.ci/need image
	deploy/build-image

bench: assets ## measure, and print each figure beside its physical limit
	cargo bench --locked --profile quick --bench figures

check: ## everything that .ci/run does
	.ci/run
