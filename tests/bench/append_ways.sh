#!/usr/bin/env bash
# The ways to append, on the file system of build/ and, as root, on a journaled ext4 in a loop image
# that is made, mounted and removed here. Usage: tests/bench/append_ways.sh [--json]
set -euo pipefail
cd "$(dirname "$0")/../.."

tests/bench/run.sh append_ways "$@"
program=build/release/bin/bench_append_ways

skip() { echo "append_ways.sh: SKIPPED the journaled ext4 image: $1" >&2; exit 0; }
[ "$(id -u)" = 0 ] || skip "mounting needs root"
command -v mkfs.ext4 >/dev/null || skip "there is no mkfs.ext4 (package e2fsprogs)"

work=$(mktemp -d "$PWD/build/append_ways.XXXXXX")
trap 'umount "$work/mount" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/mount"
fallocate -l 512M "$work/image"
mkfs.ext4 -q -F "$work/image"
mount -o loop "$work/image" "$work/mount" 2>/dev/null || skip "this machine does not mount loop images"
"$program" --directory "$work/mount" --label ext4_journal "$@"
