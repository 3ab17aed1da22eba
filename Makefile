# make demo, make test and make bench set up what they need by themselves.
ASSIGNMENT ?= ps3
PYTHON ?= python3
# For the CPU build of torch where the default index brings CUDA:
#   make venv TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
BIN := .venv/bin
# The library with the lessons of all problems, released or not.
EVERY_PROBLEM := .autograder/every_problem/release/$(ASSIGNMENT)
PYTEST_WORKERS ?= 2

.PHONY: help venv demo test tests test-browser check bench lint sandbox clean

help:
	@echo "make demo    set up, grade a made class of submissions, show the outcome"
	@echo "make test    set up, run every test and check"
	@echo "make test-browser  notebook, formgrader and pages in a real Chromium"
	@echo "make check   before a commit: format, lint, types, the tests of what changed, products"
	@echo "make bench   set up, measure the budgets"
	@echo "make lint    format, lint and types alone"
	@echo "make venv    set up alone (.venv)"
	@echo "make clean   remove .venv and what tools leave behind"

venv: .venv/ready

.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	@if [ -n "$(TORCH_INDEX)" ]; then $(BIN)/pip install --quiet --index-url "$(TORCH_INDEX)" "$$(grep '^torch==' requirements.txt)"; fi
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Student code is confined by bubblewrap where it is there; without it the grader says how much weaker it is.
sandbox:
	@command -v bwrap >/dev/null || printf '\n%s\n%s\n%s\n\n' \
	  '*** bubblewrap is not installed: student code would be confined less well. ***' \
	  '*** Debian and Ubuntu: sudo apt-get install -y bubblewrap                  ***' \
	  '*** Fedora: sudo dnf install bubblewrap                                    ***' >&2

demo: venv sandbox
	$(BIN)/autograder demo $(ASSIGNMENT)

# lint uses one core: tests run beside it. Both read the library with all lessons, which is there before they start.
test: venv sandbox
	$(BIN)/python -m autograder.build.every_problem $(ASSIGNMENT)
	$(MAKE) --no-print-directory --jobs=2 lint tests
	$(BIN)/autograder build $(ASSIGNMENT) --check
	$(BIN)/autograder verify $(ASSIGNMENT) --all

# A module's tests stay in one process, a class's likewise; in the order of testpaths, not the most tests first.
tests: venv sandbox
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadscope --no-loadscope-reorder

# Not under xdist: one browser, one core for the server it talks to.
test-browser: venv sandbox
	@command -v chromium || command -v chromium-browser || command -v google-chrome || { printf '%s\n' \
	  'make test-browser needs Chromium: sudo apt-get install -y chromium (Fedora: sudo dnf install chromium)' >&2; exit 1; }
	$(BIN)/python -m pytest autograder/tests/browser

lint: venv
	$(BIN)/python -m autograder.verify.tidy_tests $(ASSIGNMENT)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy -p autograder -p kit
	$(BIN)/python -m autograder.build.every_problem $(ASSIGNMENT)
	MYPYPATH=$(EVERY_PROBLEM) $(BIN)/mypy data_scripts
	MYPYPATH=$(EVERY_PROBLEM) $(BIN)/mypy -p ps3
	MYPYPATH=$(EVERY_PROBLEM) $(BIN)/mypy assignments/$(ASSIGNMENT)/library_tests

# What changed since this branch left origin/main. pytest ends with 5 where all tests of what changed are slow.
check: lint
	@tests="$$($(BIN)/python .ci/changed_tests.py)"; echo "tests: $${tests:-none}"; \
	  test -z "$$tests" || $(BIN)/python -m pytest -q -n $(PYTEST_WORKERS) -m "not slow" $$tests || test $$? -eq 5
	$(BIN)/autograder build $(ASSIGNMENT) --check

bench: venv sandbox
	$(BIN)/python -m autograder.verify.bench $(ASSIGNMENT)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
