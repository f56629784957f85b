#!/usr/bin/env bash
# Builds the simulator and runs it: tests/sim.sh --seed N [--events N] [--seeds COUNT] [--mutant NAME]
# [--verbose]. PRESET chooses the build (release).
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${PRESET:-release}
mkdir -p build
log=build/$preset.sim.log
{ cmake --preset "$preset" && cmake --build --preset "$preset" --target raftmq-sim -j "$(nproc)"; } >"$log" 2>&1 ||
  { cat "$log" >&2; exit 1; }
exec "build/$preset/bin/raftmq-sim" "$@"
