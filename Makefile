# SPDX-License-Identifier: Apache-2.0
#
# make setup    .venv with everything in it; quick, and offline, where nothing changed
# make train    setup, then trains in simulation: TASK=... ROBOT=... AGENT=... SEED=... STEPS=...
# make test     setup, then lint, types and tests; one test: PYTEST='-k safety'
# make lint     setup, then lint and types
# make faults   setup, then the tests of the fault table; writes docs/faults.md
# make bench    setup, then every benchmark; one: BENCH=latency
# make clean    removes .venv and what was built

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done
PYTEST ?=
BENCH ?= all

# A sourced ROS 2 installation, or another environment's, must not mix with this one.
unexport PYTHONPATH AMENT_PREFIX_PATH CMAKE_PREFIX_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE

# Folders are listed with their files, so that a removal counts as a change.
MESSAGES := $(shell find robot_rl_msgs -name build -prune -o -print)
SHARED := $(shell find config launch urdf -name __pycache__ -prune -o -print)

.PHONY: setup train test lint bench faults clean

setup: $(DONE)/package $(DONE)/graphics

$(DONE)/venv:
	scripts/setup.sh create_venv $(VENV)
	@mkdir -p $(DONE) && touch $@

$(DONE)/requirements: $(DONE)/venv $(wildcard requirements/*.txt)
	scripts/setup.sh install_requirements $(VENV)
	@touch $@

$(DONE)/messages: $(DONE)/requirements $(MESSAGES)
	scripts/setup.sh install_messages $(VENV)
	@touch $@

$(DONE)/package: $(DONE)/messages setup.py pyproject.toml package.xml resource/robot_rl $(SHARED)
	scripts/setup.sh install_package $(VENV)
	@touch $@

$(DONE)/graphics: $(DONE)/requirements
	@if scripts/setup.sh install_graphics $(VENV); then touch $@; fi

train: setup
	$(BIN)/robot-rl train $(if $(TASK),--task $(TASK)) $(if $(ROBOT),--robot $(ROBOT)) \
	  $(if $(AGENT),--agent $(AGENT)) $(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS))

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadscope --max-worker-restart 2 $(PYTEST)

bench: setup
	$(BIN)/robot-rl bench $(BENCH)

faults: setup
	$(BIN)/robot-rl bench faults --table docs/faults.md

clean:
	rm -rf $(VENV) build install log *.egg-info
