# The commands of a fresh clone. Each prepares what it needs and reuses what exists; see toolchain/.
# ARGS goes to the command behind the target: make test ARGS="-k topology"
# STACK is the landscape: make rehearse STACK=small

PYTHON ?= $(shell command -v python3.11 || command -v python3)
ARGS ?=
ifdef STACK
export LIVEGANG_STACK := $(STACK)
endif
BOOTSTRAP = $(PYTHON) -m toolchain

.DEFAULT_GOAL := help
.PHONY: rehearse test unit lint preview tools down help python

rehearse: python ## The whole chain on this machine: booted hosts, answering sites, the verdict
	@$(BOOTSTRAP) rehearse $(ARGS)

test: python ## Every test of the toolkit; those on booted hosts where this machine can boot them
	@$(BOOTSTRAP) test $(ARGS)

unit: ## Every test that needs no booted host, without the linters, in two minutes; after make tools
	@$(BOOTSTRAP) unit $(ARGS)

lint: ## Style, types and imports; after make tools
	@$(BOOTSTRAP) lint

preview: python ## What would be declared for production (or STACK), offline: no root, no hosts, no account needed
	@$(BOOTSTRAP) preview $(ARGS)

tools: python ## Just the virtual environment and the Pulumi CLI
	@$(BOOTSTRAP) tools $(ARGS)

down: ## End this clone's rehearsal; leaves nothing behind
	@.venv/bin/fab rehearsal.down $(ARGS)

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'Python 3.11 or newer is needed.'; echo '  → Debian 12: apt-get install python3; else make PYTHON=/path/to/python3.11 …'; exit 5; }
