# The commands of this repository. `make prove` and `make test` do all their set-up by themselves.
#
# make itself exits 2 whenever a command fails; the line "Error N" above it carries the command's own exit code.

SHELL := bash
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin
export CARGO ?= cargo

target := $(or $(CARGO_TARGET_DIR),target)
underpin := $(target)/release/underpin
systems := $(patsubst %/underpin.toml,%,$(wildcard systems/*/underpin.toml))

.PHONY: help prove test test-newer lint bench evidence build setup clean

help:
	@echo "make prove     prove systems/codelearn on a private PostgreSQL and write report.html"
	@echo "make test      run every test"
	@echo "make test-newer MAJOR=18  run the tests of migrations on a newer PostgreSQL, fetched with npm"
	@echo "make lint      check formatting, lints and the rules of the house"
	@echo "make bench     run the benchmarks"
	@echo "make evidence  prove and drill every reference system and regenerate its evidence/"
	@echo "make setup     install what is missing (Debian, Ubuntu) or say what to install"
	@echo "make clean     remove everything that can be built again"

prove: build
	@scripts/prove.sh $(underpin) systems/codelearn report.html

test: setup
	@scripts/test.sh

test-newer: setup
	@server=$$(scripts/newer-postgres.sh $(or $(MAJOR),18)) && \
	  UNDERPIN_TEST_SERVER=$$server $(CARGO) test --locked -p underpin-lab --test main -- hazards pages
	@programs=$$(scripts/newer-postgres.sh 18 programs) && \
	  UNDERPIN_TEST_SERVER=$$programs $(CARGO) test --locked -p underpin-lab --test main -- increments

lint: setup
	@scripts/lint.sh

bench: setup
	$(CARGO) bench --locked --workspace --bench '*'

evidence: build
	@scripts/evidence.sh $(underpin) $(systems)

build: setup
	$(CARGO) build --release --locked

setup:
	@scripts/setup.sh

clean:
	$(CARGO) clean
	rm -rf report.html systems/*/.underpin
