#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test that belongs to a change; ends with CTest's summary.
# Usage: tests/run.sh [--nightly]
#   --nightly adds what takes longer: ThreadSanitizer, all fuzzers for 60 s each, 10^6 crash images,
#   1 MiB of flipped bits, 50,000 simulated clusters (RAFTMQ_SIM_SEEDS), a broker cut off 20 times, 100,000
#   sends whose acks get lost, 1,000 kills, 500 power cuts, 500 damaged files, and the benchmarks, failover with 100 kills.
set -euo pipefail
cd "$(dirname "$0")/.."

nightly=false
case "${1:-}" in
  "") ;;
  --nightly) nightly=true ;;
  *) echo "run.sh: expected --nightly or nothing, found '$1'" >&2; exit 2 ;;
esac

jobs=$(nproc)
mkdir -p build

# build PRESET [TARGET...]: configures and builds.
build() {
  local preset=$1
  shift
  echo "== building $preset"
  cmake --preset "$preset" >"build/$preset.configure.log" 2>&1 || { cat "build/$preset.configure.log" >&2; return 1; }
  cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"}
}

# run PRESET [CTEST ARGUMENT...]
run() {
  local preset=$1
  shift
  echo "== testing $preset"
  ctest --test-dir "build/$preset" --output-on-failure -j "$jobs" "$@"
}

fuzz() {
  scripts/install_dependencies.sh fuzz
  build fuzz fuzzers
  local target name
  for target in build/fuzz/bin/*_fuzz; do
    name=$(basename "$target" _fuzz)
    mkdir -p "build/fuzz/corpus/$name"
    echo "== fuzzing $name for 60 s"
    "$target" -max_total_time=60 -print_final_stats=1 -verbosity=0 "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name"
  done
}

# simulate SEEDS: each core its share of them, behind those of every run.
simulate() {
  local share=$(($1 / jobs)) first=1000000 core failed=false
  local -a processes=()
  echo "== simulating $((share * jobs)) seeds from $first on"
  for ((core = 0; core < jobs; ++core)); do
    build/release/bin/raftmq-sim --seed $((first + core * share)) --seeds "$share" \
      --coverage "build/sim.$core.json" >"build/sim.$core.log" 2>&1 &
    processes+=($!)
  done
  for ((core = 0; core < jobs; ++core)); do
    wait "${processes[core]}" || failed=true
    tail -n 3 "build/sim.$core.log"
  done
  ! $failed && tests/sim/coverage_test.py --nightly build/sim.*.json
}

scripts/install_dependencies.sh build test

if $nightly; then
  export RAFTMQ_CRASH_IMAGES=1000000 RAFTMQ_BIT_FLIP_BYTES=1048576 RAFTMQ_ISOLATIONS=20 RAFTMQ_BENCH_FAILOVERS=100
  export RAFTMQ_EXACTLY_ONCE_SENDS=100000 RAFTMQ_KILLS=800 RAFTMQ_KILLS_OF_ALL=200
  export RAFTMQ_POWER_CUTS=300 RAFTMQ_POWER_CUTS_OF_ALL=100 RAFTMQ_LUCKY_POWER_CUTS=100
  export RAFTMQ_CHOREOGRAPHIES=5 RAFTMQ_CHOREOGRAPHY_MS=30000 RAFTMQ_CORRUPTIONS=500
  export RAFTMQ_LYING_POWER_CUTS=10 RAFTMQ_LYING_CHOREOGRAPHIES=5
  export RAFTMQ_IDENTITY_ROUNDS=20
  build tsan sanitized_tests
  run tsan -L sanitize
  fuzz
  build release raftmq-sim
  simulate "${RAFTMQ_SIM_SEEDS:-50000}"
  tests/bench/run.sh
fi
build asan sanitized_tests
run asan -L sanitize
build release
# CTest's summary names them, but not why.
build/release/bin/faults_power_cut_test --gtest_filter=PowerCuts.CanBeTriedHere | grep "NOT TESTED" >&2 || true
run release
