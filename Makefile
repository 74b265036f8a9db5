# Nothing but names for the scripts: what is done stands in scripts/. Needs make and a python3 (3.10 or later) with venv.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo demo-containers test ground unit fuzz engines faults published peer lint reference site catalog bench clean

# A stamp for each, so that pip runs only when the requirements have changed.
LOCAL := .venv/installed-local
DEV := .venv/installed-dev

help:
	@echo "make demo             build example-project on this machine, with containers if they can be had"
	@echo "make demo-containers  the same with containers, setting up an engine and images where there are none"
	@echo "make test             lint, and every test there is, with engine and images set up"
	@echo "make unit             only the tests that need no engine: seconds"
	@echo "make fuzz             looks for input that breaks a reader's promise; READERS=\"wheel elf\" for some, INPUTS=1000000 for longer"
	@echo "make engines          the contract and whole runs on Docker and Podman of newer Debian suites; ENGINES=\"podman-5\" for some"
	@echo "make faults           the catalogue of faults on Docker 20.10 and 28, Podman 4.3 and 5, and its page; ROUNDS=50 for random signals"
	@echo "make ground           the end-to-end tests on more architectures and interpreters: ppc64le, riscv64, 3.14"
	@echo "make published        the end-to-end tests on the published manylinux and musllinux images, which are pulled"
	@echo "make peer             side by side with cibuildwheel on the configuration of well-known projects"
	@echo "make lint             ruff, mypy, import-linter"
	@echo "make reference        write anew what is made of the code: options, commands, manual pages, JSON schema, and more"
	@echo "make site             build the documentation as a site, in build/site"
	@echo "make catalog          what the newest cibuildwheel and auditwheel know that the catalog does not"
	@echo "make bench            side by side with cibuildwheel on the same images"
	@echo "make clean            remove what these have made in this directory (images stay: runner image list)"

demo: $(LOCAL)
	@scripts/demo

demo-containers: $(LOCAL)
	@scripts/demo --containers

test: lint
	@scripts/ensure-engine --podman --emulators
	@scripts/ensure-browser
	@scripts/ensure-man
	@scripts/test-images
	# In the order of the directories: the slow files of the end-to-end tests first, not one of them alone at the end.
	.venv/bin/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --ignore tests/newer_engines --ignore tests/fault_catalogue

# What is too slow to set up for every run.
ground: $(DEV)
	@scripts/ensure-engine --emulators
	@scripts/test-images --ground
	.venv/bin/pytest tests/end_to_end --ground -m ground

unit: $(DEV)
	.venv/bin/pytest -m "not containers and not network and not browser"

# READERS: names of tests/support/untrusted_readers.py, by default all.
READERS ?=
INPUTS ?= 100000
fuzz: $(DEV)
	@INPUTS=$(INPUTS) scripts/fuzz $(READERS)

published: $(DEV)
	.venv/bin/pytest tests/end_to_end --images published

# Each with a daemon and a data root of its own, brought up and taken down; some minutes each.
ENGINES ?= docker-26 docker-26-containerd docker-28 docker-28-containerd docker-28-userns docker-28-tls docker-28-rootless \
	podman-5.4 podman-5 podman-5-rootless
engines: $(DEV)
	@scripts/ensure-engine --rig
	.venv/bin/runner image build
	@scripts/contract-images
	@set -e; for engine in $(ENGINES); do \
		echo "== $$engine"; \
		scripts/engine-rig $$engine .venv/bin/pytest tests/newer_engines; \
		scripts/engine-rig $$engine .venv/bin/pytest tests/engine -k "$${engine%%-*} and not fault"; \
	done

FAULT_ENGINES ?= docker-20 docker-28-containerd podman-4 podman-5
ROUNDS ?= 2
faults: $(DEV)
	@scripts/ensure-engine --rig
	.venv/bin/runner image build cp311-manylinux_x86_64 cp313-manylinux_x86_64 cp311-manylinux_i686 cp313-manylinux_i686
	@scripts/contract-images
	@set -e; for engine in $(FAULT_ENGINES); do \
		echo "== $$engine"; \
		scripts/engine-rig $$engine .venv/bin/pytest tests/fault_catalogue --record-faults --rounds $(ROUNDS); \
	done
	@scripts/reference

peer: $(DEV)
	@scripts/ensure-engine
	.venv/bin/runner image build
	.venv/bin/pytest tests/peer --peer

lint: $(DEV)
	@scripts/lint

reference: $(DEV)
	@scripts/reference

site: $(DEV)
	.venv/bin/zensical build --strict --clean
	@echo "open build/site/index.html"

catalog: $(DEV)
	.venv/bin/python scripts/update-catalog

bench: $(DEV)
	@scripts/ensure-engine
	.venv/bin/runner image build
	.venv/bin/python benchmarks/run.py $(BENCH)

clean:
	rm -rf .venv wheelhouse wheelhouse-report benchmarks/work build dist .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(LOCAL): pyproject.toml scripts/environment
	@scripts/environment local
	@touch $@

$(DEV): pyproject.toml scripts/environment
	@scripts/environment dev
	@touch $@ $(LOCAL)
