#!/usr/bin/env bash
# Builds (release) and runs the benchmarks, one line each:
#   NAME ratio=… target=… ok|MISS baseline=… measured=…
# and at the end, with --json on stderr: N targets missed
# Usage: tests/bench/run.sh [NAME] [--json]      NAME = batch_build for bench_batch_build.cc
# Exit 0 unless something could not be built or run; a MISS is for people to judge.
set -euo pipefail
cd "$(dirname "$0")/../.."

name= flags=()
for argument in "$@"; do
  case "$argument" in
    --json) flags+=(--json) ;;
    -*) echo "run.sh: expected [NAME] [--json], found '$argument'" >&2; exit 2 ;;
    *) [ -z "$name" ] || { echo "run.sh: expected one NAME, found '$name' and '$argument'" >&2; exit 2; }
       name=$argument ;;
  esac
done
if [ -n "$name" ] && [ ! -f "tests/bench/bench_$name.cc" ]; then
  echo "run.sh: no benchmark '$name'; there are:" >&2
  for source in tests/bench/bench_*.cc; do basename "$source" .cc | sed 's/^bench_/  /' >&2; done
  exit 2
fi

mkdir -p build
log=build/bench.log
{ cmake --preset release && cmake --build --preset release --target "${name:+bench_}${name:-benchmarks}"; } >"$log" 2>&1 ||
  { tail -n 40 "$log" >&2; echo "run.sh: could not build; its last lines stand above" >&2; exit 1; }

results=build/bench.results
: >"$results"
failed=0
for source in tests/bench/bench_"${name:-*}".cc; do
  program=build/release/bin/$(basename "$source" .cc)
  "$program" "${flags[@]}" | tee -a "$results" || { echo "run.sh: $program ended with exit code $?" >&2; failed=1; }
done
missed=$(grep -cE ' MISS |"ok":false' "$results" || true)
if [ ${#flags[@]} -eq 0 ]; then echo "$missed targets missed"; else echo "$missed targets missed" >&2; fi
exit $failed
