# `make demo` and `make test` need git, make and Python 3.11 and install the rest.
.PHONY: help demo test lint format bench pins clean distclean
.NOTPARALLEL:

PYTHON_CODE = anomaly chip tests benchmarks deploy
BIN = .venv/bin
# The tests run on two processes: one thread each is faster than two that fight.
ONE_THREAD = OMP_NUM_THREADS=1

help:
	@echo "make demo     the whole chain on a simulated machine, about a minute, ends by itself"
	@echo "make test     ruff, mypy and all tests"
	@echo "make lint     ruff and mypy only"
	@echo "make format   lay out the code as ruff wants it"
	@echo "make bench    run all benchmarks and rewrite docs/benchmarks.md"
	@echo "make pins     write deploy/constraints.txt from what is in .venv"
	@echo "make clean    remove caches and build folders; distclean also .venv"

demo:
	@sh deploy/bootstrap.sh demo
	$(BIN)/python -m anomaly demo

test: lint
	$(ONE_THREAD) $(BIN)/python -m pytest -n 3 --dist worksteal

lint:
	@sh deploy/bootstrap.sh test
	$(BIN)/python -m ruff check $(PYTHON_CODE)
	$(BIN)/python -m ruff format --check $(PYTHON_CODE)
	$(BIN)/python -m mypy

format:
	@sh deploy/bootstrap.sh test
	$(BIN)/python -m ruff check --fix $(PYTHON_CODE)
	$(BIN)/python -m ruff format $(PYTHON_CODE)

bench:
	@sh deploy/bootstrap.sh test
	$(BIN)/python benchmarks/run_all.py

pins:
	$(BIN)/python deploy/pin.py

clean:
	rm -rf build dist demo-report .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find anomaly chip tests benchmarks deploy -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv
