# `make demo` and `make test` are all that a fresh clone needs; each makes what it lacks.
# The virtual environment is made anew whenever the packaging files change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test soak bench lint docs clean

demo: $(STAMP)
	@$(BIN)/newsletter demo --output demo --no-open

test: $(STAMP)
	@.ci/browser
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 --dist worksteal

# Fault rounds by the hundred: make soak ROUNDS=200 SEED=7; one kind of them: KIND=mixed
soak: $(STAMP)
	@$(BIN)/python -m tests.soak $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(if $(KIND),--kind "$(KIND)")

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: $(STAMP)
	@$(BIN)/python -m tests.reference

bench: $(STAMP)
	@$(BIN)/python bench/engine.py
	@$(BIN)/python bench/engine.py --dkim rsa
	@$(BIN)/python bench/engine.py --dkim ed25519
	@$(BIN)/python bench/peers.py
	@$(BIN)/python bench/scale.py

clean:
	rm -rf $(VENV) build dist demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(STAMP): setup.cfg pyproject.toml setup.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--config-settings editable_mode=compat --editable '.[dev]'
	@touch $@
