# `make demo` and `make test` do all the set-up themselves; Python 3.11 or newer and make are enough.
# Another interpreter: make test PYTHON=python3.13
# `make test-all` adds what is marked slow: whole catalogues, and what needs much memory. A release runs it.
# `make quick` looks at what changed since BASE, by default the merge base with main: make quick BASE=HEAD~3

ifndef PYTHON
PYTHON := $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
endif

VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo quick test test-all test-pages foreign-readers lint docs site package clean
.PHONY: set-up-demo set-up-test set-up-foreign-readers set-up-docs

NODE_READERS := build/foreign-readers

# The tests start the program very often: where Python may not write bytecode, each would compile the zoo anew.
COMPILE := $(BIN)/python -m compileall -q zoo_core zoo_plugins tests/helpers
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal --durations 10

help: ## Print the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: set-up-demo ## Set up, then the zoo's main job on real digits: train, export, verify, predict.
	$(BIN)/zoo quickstart

test: lint ## Set up, then the whole check: ruff, mypy, import-linter, pytest.
	@$(COMPILE)
	$(PYTEST)

test-all: lint foreign-readers ## The whole check, with what is marked slow: whole catalogues, much memory, other readers of ONNX.
	@$(COMPILE)
	$(PYTEST) -m ""

test-pages: set-up-test ## Set up, then what runs in the browser of a gallery's visitor: Chromium, with onnxruntime-web by npm.
	@sh .ci/node-readers $(NODE_READERS)
	$(PYTEST) -m "" tests/site tests/export/test_javascript_reader.py

foreign-readers: set-up-test set-up-foreign-readers ## Set up, then other readers of ONNX, in the environment and, for node, in build/.
	@sh .ci/node-readers $(NODE_READERS)

quick: lint ## Ruff, mypy, import-linter, and the tests of what changed since BASE and of what needs no PyTorch.
	$(BIN)/python .ci/quick.py $(BASE)

lint: set-up-test ## Set up, then the checks that run nothing: ruff, mypy, import-linter.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: set-up-docs ## Set up, then the site of the documentation, in site/: a broken link fails.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

site: set-up-test ## Set up, then train the bundled recipes and make their gallery, in build/gallery/site.
	$(BIN)/python docs/make_gallery.py

package: set-up-test ## Set up, then build what is published, the wheel and the source archive, into dist/, and check both.
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/python -m twine check --strict dist/*

clean: ## Remove the virtual environment and every cache; runs and exports stay.
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache build dist site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

set-up-demo set-up-test set-up-foreign-readers set-up-docs: set-up-%:
	@PYTHON='$(PYTHON)' VENV='$(VENV)' sh .ci/set-up $*
