#!/usr/bin/env bash
# Installs what is missing, builds and runs every test that belongs to a change.
# Usage: tests/run.sh [--nightly]
set -euo pipefail
cd "$(dirname "$0")/.."

jobs=$(nproc)

# build PRESET [TARGET...]: configures and builds; compiler output only when it fails.
build() {
  local preset=$1; shift
  cmake --preset "$preset" >"build/$preset.configure.log" 2>&1 || { cat "build/$preset.configure.log" >&2; return 1; }
  local targets=()
  [ $# -gt 0 ] && targets=(--target "$@")
  echo "== building $preset"
  cmake --build --preset "$preset" -j "$jobs" "${targets[@]}"
}

scripts/install_dependencies.sh build test
mkdir -p build
build release
echo "== release: tests"
ctest --test-dir build/release --output-on-failure -j "$jobs"
