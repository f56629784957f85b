#!/usr/bin/env bash
# Installs the client library into an empty prefix, moves the tree, and builds a C++-only project
# against it: by find_package (shared and static) and by pkg-config. The program runs without a
# broker. Usage: find_package_test.sh BUILD_DIR COMPILER
set -euo pipefail
build_dir=$1
compiler=$2
project=$(cd "$(dirname "$0")/project" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build_dir" --component client --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/prefix"  # A package that remembers where it was built is no package.

# The shared library shows its own API and nothing of what it is made of.
library=$(find "$work/prefix" -name 'libraftmq.so')
shown=$(nm -D --defined-only --demangle "$library" | grep -E ' [TDBRW] ' | cut -d' ' -f3-)
grep -q 'raftmq::Producer::Send' <<<"$shown" || { echo "libraftmq.so does not show its API" >&2; exit 1; }
if grep -E 'raftmq::(wire|internal)::[A-Za-z]+::|capnp::|raftmq::(BatchBuilder|EventLoop)' <<<"$shown" | grep -vE '^(typeinfo|vtable|std::)' | head -n 5 | grep .; then
  echo "libraftmq.so shows its insides (above)" >&2
  exit 1
fi

for static in OFF ON; do
  cmake -S "$project" -B "$work/build-$static" -DCMAKE_PREFIX_PATH="$work/prefix" \
    -DCMAKE_CXX_COMPILER="$compiler" -Draftmq_USE_STATIC_LIBS=$static >"$work/configure.log" 2>&1 ||
    { cat "$work/configure.log"; exit 1; }
  cmake --build "$work/build-$static" 2>&1 | tail -n 20
  "$work/build-$static/smoke"
done

pc_dir=$(dirname "$(find "$work/prefix" -name raftmq.pc)")
flags=$(PKG_CONFIG_PATH=$pc_dir pkg-config --cflags --libs raftmq)
# shellcheck disable=SC2086 -- the flags are words.
"$compiler" "$project/smoke.cc" -o "$work/smoke" $flags -Wl,-rpath,"$(dirname "$pc_dir")"
"$work/smoke"
