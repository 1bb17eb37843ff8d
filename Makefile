# The front door. `make help` lists what there is; meson and ninja do the work.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BUILD ?= build
TESTBUILD ?= build-test
FUZZBUILD ?= build-fuzz
DESTDIR ?=
PREFIX ?= /usr/local
IMAGE ?=
SECONDS ?= 60

.PHONY: help deps build scan test lint fuzz bench install clean

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 20

deps: ## install what building and scanning need (Debian packages)
	@build-aux/deps build

build: deps ## build/plimsoll, nothing is run
	@TARGETS="plimsoll advisories.db" build-aux/build $(BUILD) -Dbuildtype=release -Dprefix=$(PREFIX)

$(BUILD)/sample: build-aux/sample
	@build-aux/sample $@

scan: build $(BUILD)/sample ## scan the sample image, or IMAGE=...
	@$(BUILD)/plimsoll scan $(if $(IMAGE),$(IMAGE),oci:$(BUILD)/sample)

test: ## every test; installs what the tests use
	@build-aux/deps build test
	@$(MAKE) -s --no-print-directory build $(BUILD)/sample
	@TARGETS=tests/fault.so build-aux/build $(BUILD)
	@build-aux/build $(TESTBUILD) -Dbuildtype=debugoptimized -Db_sanitize=address,undefined
	@BUILD=$(BUILD) TESTBUILD=$(TESTBUILD) tests/run $(ONLY)

lint: ## clang-format, clang-tidy, cppcheck, the floors of the house
	@build-aux/deps build dev
	@TARGETS=plimsoll build-aux/build $(BUILD) -Dbuildtype=release -Dprefix=$(PREFIX)
	@BUILD=$(BUILD) build-aux/lint

fuzz: ## every fuzz target for SECONDS each
	@build-aux/deps build dev
	@CC=clang build-aux/build $(FUZZBUILD) -Dfuzz=true -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
	@FUZZBUILD=$(FUZZBUILD) SECONDS=$(SECONDS) build-aux/fuzz $(ONLY)

bench: build ## speed and memory against the limit; results in bench/RESULTS.md
	@build-aux/deps test dev
	@ninja --quiet -C $(BUILD) bench/limit
	@BUILD=$(BUILD) bench/run

install: build ## to PREFIX (and DESTDIR)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild --quiet

clean: ## remove what was built
	@rm -rf $(BUILD) $(TESTBUILD) $(FUZZBUILD)
