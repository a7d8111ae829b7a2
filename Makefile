# roomsplat: every target does all it needs on a machine that has Python 3.11 (or newer) and make.
# Nothing is compiled at install and nothing is installed outside .venv.
#
#   make demo      film a synthetic room, reconstruct it, leave the result in demo-room/
#   make test      the tests                       make check   lint, format, types, layers
#   make bench     the benchmarks                  make wheel   dist/*.whl
#   make serve     the job service on http://127.0.0.1:8000, its files in storage/
#   make test-gpu  the tests that need an NVIDIA GPU (installs CuPy into .venv first)
#   make test-learned  the tests of roomsplat.priors (installs PyTorch into .venv first)
#   make venv      only the environment            make lock    write requirements/*.lock anew
#   make web       the page (needs Node 20)        make test-web  its tests in a real browser
#   make docs      write generated pages anew      make clean   remove what make made (.venv: make distclean)
#
# PYTHON=/path/to/python3.12 chooses the interpreter, TESTS=tests/core the tests, ARGS="-x -k ply" their options.

PYTHON ?=
TESTS ?=
ARGS ?=
BENCH ?= cpu

UV_VERSION := 0.13.9
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

# A stamp's name carries the checksum of what it was made from: git may touch files, only a change of content counts.
sum = $(shell cat $(1) | cksum | cut -d ' ' -f 1)
RUNTIME := .venv/.made-runtime-$(call sum,requirements/runtime.lock)
PACKAGE := .venv/.made-package-$(call sum,requirements/runtime.lock pyproject.toml src/roomsplat/_version.py)
DEV := .venv/.made-dev-$(call sum,requirements/runtime.lock requirements/dev.lock)
SERVER := .venv/.made-server-$(call sum,requirements/runtime.lock requirements/server.lock)
CUDA := .venv/.made-cuda-$(call sum,requirements/runtime.lock requirements/cuda.lock)
LEARNED := .venv/.made-learned-$(call sum,requirements/runtime.lock requirements/learned.lock)
# The one library that is not locked by hash: every build of it (processor, CUDA, ROCm) has the same version.
TORCH := torch==2.13.0

# The page: what is installed for building it, and the page itself. Its stamps lie where npm looks after nothing.
NODE_MODULES := web/node_modules/.made-$(call sum,web/package-lock.json)
PAGE := web/node_modules/.made-page-$(shell find web -name node_modules -prune -o -name dist -prune -o -name dist-light -prune \
  -o -name e2e -prune -o -type f -print | LC_ALL=C sort | xargs cat | cksum | cut -d ' ' -f 1)
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1

INSTALL := $(BIN)/python -m pip install --quiet --require-hashes --only-binary :all:

.PHONY: help venv demo serve web check-web test-web test test-gpu test-learned check bench wheel docs lock clean distclean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -n 13

venv: $(DEV) $(PACKAGE)

# The libraries that roomsplat runs on. A changed lock starts from nothing, so that what is installed is what is locked.
$(RUNTIME):
	@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then \
	  for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	    if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$p; break; fi; \
	  done; \
	fi; \
	if ! $${python:-false} -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  echo "roomsplat needs Python 3.11 or newer$${python:+ and $$python is not it};" \
	    "install it, or name it: make $(firstword $(MAKECMDGOALS) venv) PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	echo "Installing the locked libraries into .venv with $$($$python --version) (about a minute)"; \
	rm -rf .venv && $$python -m venv .venv || { \
	  echo "$$python could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; \
	  rm -rf .venv; exit 1; }
	@$(INSTALL) -r requirements/runtime.lock
	@touch $@

# The package itself, editable; its build tool is in the runtime lock, so nothing unpinned is fetched.
$(PACKAGE): $(RUNTIME)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@rm -f .venv/.made-package-* && touch $@

$(DEV): $(RUNTIME)
	@echo "Installing the tools for tests and checks"
	@$(INSTALL) -r requirements/dev.lock
	@rm -f .venv/.made-dev-* && touch $@

# What the job service needs; the tools for tests contain it (requirements/dev.lock is built on requirements/server.lock).
$(SERVER): $(RUNTIME)
	@if [ ! -e $(DEV) ]; then \
	  echo "Installing the libraries of the job service"; \
	  $(INSTALL) -r requirements/server.lock; \
	fi
	@rm -f .venv/.made-server-* && touch $@

# CuPy, NVIDIA's run-time compiler and headers: 500 MB, so only where somebody asks for a GPU.
$(CUDA): $(DEV)
	@echo "Installing CuPy for CUDA 12"
	@$(INSTALL) -r requirements/cuda.lock
	@rm -f .venv/.made-cuda-* && touch $@

# PyTorch, in the build that pip chooses here, and what stands on it; requirements/learned.lock is complete but for it.
$(LEARNED): $(DEV)
	@echo "Installing PyTorch and what stands on it"
	@$(BIN)/python -m pip install --quiet --only-binary :all: $(TORCH)
	@$(INSTALL) --no-deps -r requirements/learned.lock
	@rm -f .venv/.made-learned-* && touch $@

demo: $(PACKAGE)
	$(BIN)/roomsplat demo -o demo-room

serve: $(SERVER) $(PACKAGE)
	@if command -v npm > /dev/null; then $(MAKE) --no-print-directory web; \
	else echo "Without Node 20 the page is not built; the service itself works."; fi
	$(BIN)/roomsplat serve $(ARGS)

# The page, built into the package: the service shows it at /, wheels carry it.
web: $(PAGE)

$(NODE_MODULES):
	@node -e 'process.exit(Number(process.versions.node.split(".")[0] < 20))' 2> /dev/null || { \
	  echo "The page is built by Node 20 or newer, which is not installed; see https://nodejs.org" >&2; exit 1; }
	@echo "Installing the locked libraries of the page into web/node_modules"
	@cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(PAGE): $(NODE_MODULES)
	cd web && npm run --silent build && npm run --silent build:light
	rm -rf src/roomsplat/page/dist && cp -R web/dist src/roomsplat/page/dist
	rm -rf src/roomsplat/page/dist/.vite
	mkdir src/roomsplat/page/dist/light && cp web/dist-light/viewer.js src/roomsplat/page/dist/light/
	@rm -f web/node_modules/.made-page-* && touch $@

# Types, lint and format, unit tests, and how much a first visit loads.
check-web: $(PAGE)
	cd web && npm run --silent check && npm test --silent && npm run --silent budget

# A real service, a real film, a real browser. ARGS="-g upload" chooses tests.
test-web: venv $(PAGE)
	cd web && npx --no-install playwright test $(ARGS)

test: venv
	$(BIN)/python -m pytest $(TESTS) $(ARGS)

test-gpu: venv $(CUDA)
	$(BIN)/python -m pytest -m gpu $(TESTS) $(ARGS)

test-learned: venv $(LEARNED)
	$(BIN)/python -m pytest $(if $(TESTS),$(TESTS),tests/priors tests/test_house.py::test_every_library_that_we_run_on_is_permissive) $(ARGS)

# All four run even when one of them fails.
check: venv
	@failed=""; \
	for tool in "ruff check ." "ruff format --check --quiet ." "lint-imports --no-logo" "basedpyright"; do \
	  echo "$(BIN)/$$tool"; $(BIN)/$$tool || failed="$$failed [$$tool]"; \
	done; \
	if [ -n "$$failed" ]; then echo "make check: failed:$$failed" >&2; exit 1; fi

bench: venv
	$(BIN)/python -m benchmarks $(BENCH) $(ARGS)

wheel: $(PACKAGE)
	$(BIN)/python -m hatchling build --target wheel

# What is written from the code: the page of settings, and the description of the API with the page's types.
docs: venv
	$(BIN)/python docs/write_settings.py
	$(BIN)/python docs/write_openapi.py
	@if [ -e $(NODE_MODULES) ]; then cd web && npm run --silent types; fi

# One version of each library for every system and Python; hashes of every wheel; no address of any index.
LOCK = build/lock/bin/uv --no-config pip compile pyproject.toml --group build --universal --python-version 3.11 \
  --fork-strategy fewest --generate-hashes --only-binary :all: --no-annotate --upgrade --quiet \
  --custom-compile-command "make lock"
lock: $(RUNTIME)
	$(BIN)/python -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv==$(UV_VERSION)
	$(LOCK) --output-file requirements/runtime.lock
	$(LOCK) --extra cuda --constraint requirements/runtime.lock --output-file requirements/cuda.lock
	$(LOCK) --extra server --constraint requirements/runtime.lock --output-file requirements/server.lock
	$(LOCK) --extra server --group dev --constraint requirements/server.lock --output-file requirements/dev.lock
	echo torch | $(LOCK) --extra learned --excludes - --constraint requirements/dev.lock --output-file requirements/learned.lock
	build/lock/bin/uv --no-config pip compile deploy/runpod/requirements.in --python-platform x86_64-manylinux_2_28 \
	  --python-version 3.11 --generate-hashes --only-binary :all: --no-annotate --upgrade --quiet \
	  --custom-compile-command "make lock" --constraint requirements/server.lock --constraint requirements/cuda.lock \
	  --output-file deploy/runpod/requirements.lock

clean:
	rm -rf web/dist web/dist-light web/e2e/artefacts web/test-results src/roomsplat/page/dist
	rm -rf demo-room dist build .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv web/node_modules
