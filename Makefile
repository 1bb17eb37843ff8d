# The front door. `make help` lists what there is; meson and ninja do the work.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BUILD ?= build
TESTBUILD ?= build-test
IMAGE ?=

.PHONY: help deps build scan test lint fuzz bench install clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 20

deps: ## install what building and scanning need (Debian packages)
	@build-aux/deps build

$(BUILD)/build.ninja: | deps
	@meson setup $(BUILD) >$(BUILD)-setup.log 2>&1 || { cat $(BUILD)-setup.log; exit 1; }
	@rm -f $(BUILD)-setup.log

build: deps $(BUILD)/build.ninja ## build/plimsoll, nothing is run
	@build-aux/stale $(BUILD) && meson setup --reconfigure $(BUILD) >/dev/null || true
	@ninja --quiet -C $(BUILD) plimsoll
