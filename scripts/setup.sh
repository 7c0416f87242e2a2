#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The steps of `make setup`, one function each; the Makefile decides which of them are due.
#
# Usage: scripts/setup.sh STEP VENV, with STEP one of the functions below.
set -euo pipefail
cd "$(dirname "$0")/.."

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
readonly graphics='libegl1 libegl-mesa0 libgl1-mesa-dri'

stop() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

usable_python() {  # a Python of the right version, with venv, pip and the headers
  local check='import os, sys, sysconfig, venv, ensurepip
header = os.path.join(sysconfig.get_paths()["include"], "Python.h")
sys.exit(not ((3, 11) <= sys.version_info < (3, 15) and os.path.isfile(header)))'
  local candidate
  for candidate in ${PYTHON:-python3.11 python3 python3.12 python3.13 python3.14}; do
    if "$candidate" -c "$check" 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

create_venv() {
  [ "$(uname -sm)" = 'Linux x86_64' ] ||
    stop "the ROS 2 wheels exist for Linux x86_64 only, this is $(uname -sm)"
  command -v c++ >/dev/null ||
    stop 'no C++ compiler (c++), install one:' '  sudo apt-get install g++'
  local python
  python=$(usable_python) ||
    stop "no Python 3.11 to 3.14 with venv and headers among: ${PYTHON:-python3.11 python3 ...}" \
      'install one, on Debian or Ubuntu:' '  sudo apt-get install python3 python3-venv python3-dev' \
      'or name one: make setup PYTHON=/path/to/python3.11'
  echo "setup: $1 with $("$python" --version) ($python)"
  "$python" -m venv --clear "$1"
}

install_requirements() {
  echo 'setup: requirements (about 2 GB, some minutes)'
  "$1/bin/python" -m pip install --quiet --constraint requirements/constraints.txt \
    --requirement requirements/runtime.txt --requirement requirements/build.txt \
    --requirement requirements/dev.txt
}

local_pip_install() {  # builds with what is installed; needs no network
  local venv=$1
  shift
  "$venv/bin/python" -m pip install --quiet --no-index --no-deps --no-build-isolation "$@"
}

install_messages() {
  echo 'setup: robot_rl_msgs'
  local prefix
  prefix=$(realpath "$1")
  PATH="$prefix/bin:$PATH" AMENT_PREFIX_PATH=$prefix CMAKE_PREFIX_PATH=$prefix \
    local_pip_install "$1" ./robot_rl_msgs
}

install_package() {
  echo 'setup: robot_rl'
  local_pip_install "$1" --editable .
}

can_render() {
  MUJOCO_GL=egl "$1/bin/python" -c 'import mujoco; mujoco.GLContext(8, 8).make_current()' \
    >/dev/null 2>&1
}

install_graphics() {
  can_render "$1" && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "setup: $graphics"
    # shellcheck disable=SC2086
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes $graphics; } \
      >/dev/null || true
    can_render "$1" && return
  fi
  stop 'cannot render without a screen (EGL): no camera images and no video until you type' \
    "  sudo apt-get update && sudo apt-get install $graphics"
}

"$@"
