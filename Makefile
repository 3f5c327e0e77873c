# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Every target works from a fresh clone in any directory: each one runs `make setup` first if it has not been run.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup lock test test-lint test-sanity test-unit test-integration test-long test-faults setup-newest test-newest \
        test-kubernetes test-systemd demo demo-down guards bench build changelog role-readmes docs clean

BIN := .venv/bin
# Tools that require a home directory get one inside the cache, so that nothing outside the checkout is written. Git reads
# safe.directory from the home directory, so it is set here for checkouts of another owner (a mounted volume).
HOUSED = GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="$(CURDIR)" HOME="$(CURDIR)/.cache/home" XDG_CACHE_HOME="$(CURDIR)/.cache/xdg" ANSIBLE_HOME="$(CURDIR)/.cache/ansible" ANSIBLE_REMOTE_TEMP="$(CURDIR)/.cache/ansible/tmp" \
          PATH="$(CURDIR)/$(BIN):$(CURDIR)/.tools/bin:$(PATH)"

help: ## Show this help
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

setup: ## Set up .venv and .tools (the other targets do this automatically)
	@tools/setup/setup
	@mkdir -p .cache/home

test: test-lint test-sanity test-unit test-integration test-faults ## Run all tests

test-lint: setup ## Lint code, types, roles, playbooks, documentation and changelog
	@$(HOUSED) PYTHONPATH=tools $(BIN)/python -m sanity.lint

test-sanity: setup ## Run ansible-test sanity on a copy of the checkout
	@$(HOUSED) PYTHONPATH=tools $(BIN)/python -m sanity

test-unit: setup ## Run the unit tests
	@$(HOUSED) $(BIN)/python -m pytest tests/unit -q -n 2 --timeout 60

test-integration: setup ## Run the integration tests against a Temporal server and a vCenter simulator
	@$(HOUSED) $(BIN)/python -m pytest tests/integration -q -n 3 --dist worksteal -m "not long"

test-long: setup ## Run the long integration tests: complete sites, upgrades, AWX, drills (not part of test)
	@$(HOUSED) $(BIN)/python -m pytest tests/integration -q -n 2 --dist worksteal -m long

test-faults: setup ## Run the fault injection tests
	@$(HOUSED) $(BIN)/python -m pytest tests/faults -q -n 4

setup-newest: setup ## Set up .cache/newest/venv with the newest Ansible on Python 3.13
	@PYTHONPATH=tools $(BIN)/python -m setup.newest

test-newest: private BIN := .cache/newest/venv/bin
test-newest: setup-newest ## Run sanity, unit and integration tests with the newest Ansible on Python 3.13 (not part of test)
	@$(HOUSED) PYTHONPATH=tools $(BIN)/python -m sanity
	@$(HOUSED) $(BIN)/python -m pytest tests/unit tests/integration -q -n 3 --dist worksteal

test-systemd: setup ## Deploy, break, upgrade and remove a worker on a systemd host (requires root; not part of test)
	@$(HOUSED) $(BIN)/python -m pytest tests/systemd -v -x --log-cli-level=INFO --timeout 900

test-kubernetes: setup ## Build the worker image and deploy it to a Kubernetes API (first build takes 10 min; not part of test)
	@PYTHONPATH=tests:tools $(BIN)/python -m support.kubernetes
	@$(HOUSED) $(BIN)/python -m pytest tests/kubernetes -v -n 2 --dist loadfile --timeout 900

demo: setup ## Demonstrate preemptions on a simulated vCenter
	@tools/demo/up

demo-down: ## Stop the demo and remove everything it created
	@tools/demo/down

guards: setup ## Remove each guard in turn and check that its test fails
	@$(HOUSED) PYTHONPATH=tools $(BIN)/python -m guards

bench: setup ## Benchmark speed, vCenter calls and memory use
	@PYTHONPATH=plugins/module_utils:roles/worker/files:tests $(BIN)/python -m bench

build: setup ## Build the collection archive into .cache/build
	@$(HOUSED) PYTHONPATH=tools $(BIN)/python -m sanity.archive .cache/build

changelog: setup ## Build the changelog of the version in galaxy.yml from the fragments
	@$(HOUSED) $(BIN)/antsibull-changelog release

docs: setup ## Build the documentation site into .cache/docs/html; a broken link fails it
	@$(HOUSED) PYTHONPATH=tools $(BIN)/python -m documentation.site

role-readmes: setup ## Write the README.md of each role from its argument specification
	@PYTHONPATH=tools $(BIN)/python -m documentation.role_readme

lock: setup ## Resolve the requirements again and write the lock files
	@tools/setup/lock $(BIN)/uv

clean: ## Remove everything that setup, tests and tools created
	rm -rf .venv .tools .cache .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output
	find plugins roles tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
