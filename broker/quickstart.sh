#!/usr/bin/env bash
# Builds raftmq, starts three brokers on this machine, sends real input through them, kills one with -9
# in the middle, and reads everything from each replica. Usage: broker/quickstart.sh [--keep]
#   --keep leaves the brokers running at the end
set -euo pipefail
cd "$(dirname "$0")/.."

keep=false
case "${1:-}" in
  "") ;;
  --keep) keep=true ;;
  *) echo "quickstart.sh: expected --keep or nothing, found '$1'" >&2; exit 2 ;;
esac

lines_max=200000
partitions=6
nodes=3
topic="quickstart-$(date +%s)"
work=build/quickstart
raftmq=build/release/bin/raftmq
local_dir=$work/cluster
export LC_ALL=C

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'quickstart.sh: %s\n' "$*" >&2; exit 1; }

build() {
  scripts/install_dependencies.sh build
  mkdir -p build "$work"
  cmake --preset release -DRAFTMQ_BUILD_TESTS=OFF >build/release.configure.log 2>&1 || { cat build/release.configure.log >&2; return 1; }
  cmake --build --preset release -j "$(nproc)" --target raftmq raftmqd
}

# Real text, one record a line: the file's name is the key, and each value carries its line's number.
make_input() {
  { printf '%s\0' /usr/share/doc/*/copyright; find /usr/include -type f -print0 | sort -z; } |
    xargs -0 awk '{ printf "%s\t%s\n", FILENAME, $0 }' 2>/dev/null | tr -d '\000' |
    head -n "$lines_max" | awk -F'\t' '{ key = $1; sub(/^[^\t]*\t/, ""); printf "%s\t%d\t%s\n", key, NR, $0 }' >"$work/input.txt" || true
  [ -s "$work/input.txt" ] || fail "found no input under /usr/share/doc and /usr/include"
}

sha() { sha256sum | cut -d' ' -f1; }

# check REPLICA: consumes the topic from one replica and compares it with the input: every line once, in the
# order of its key.
check() {
  local output="$work/output-$1.txt"
  "$raftmq" consume "$topic" -e -f '%k\t%v\n' --replica "$1" --timeout 60s >"$output"
  sort -u -t $'\t' -k2,2n "$output" >"$work/restored.txt"
  local restored doubles
  restored=$(sha <"$work/restored.txt")
  doubles=$(( $(wc -l <"$output") - $(wc -l <"$work/restored.txt") ))
  [ "$doubles" -eq 0 ] || fail "replica $1: doubles=$doubles, expected every record once"
  awk -F'\t' '{ if ($2 <= last[$1]) { print "out of order: key " $1 ", line " $2; exit 1 } last[$1] = $2 }' "$output" ||
    fail "replica $1: messages of a key came out of order"
  printf 'replica %s: %d records, every key in order, doubles=%d, sha256 %s\n' "$1" "$(wc -l <"$output")" "$doubles" "$restored"
  [ "$restored" = "$input_sha" ] || fail "replica $1: expected sha256 $input_sha, found $restored"
}

started=$SECONDS
say "Building"
build

say "Starting $nodes brokers"
"$raftmq" local up -n "$nodes" --dir "$local_dir" | tee "$work/brokers"
export RAFTMQ_BROKERS
RAFTMQ_BROKERS=$(sed 's/^brokers=//' "$work/brokers")
$keep || trap '"$raftmq" local down --dir "$local_dir" || true' EXIT
"$raftmq" topic create "$topic" -p "$partitions"
"$raftmq" partition list "$topic"

say "Producing the first $lines_max lines of /usr/share/doc/*/copyright and /usr/include, keyed by file"
make_input
input_sha=$(sha <"$work/input.txt")
begin=$(date +%s%N)
# The broker that leads partition 0 is killed while the second half is on its way.
half=$(( $(wc -l <"$work/input.txt") / 2 ))
{
  head -n "$half" "$work/input.txt"
  victim=$("$raftmq" partition list "$topic" --format json | grep -o '"leader":[0-9]*' | head -n 1 | cut -d: -f2)
  "$raftmq" local kill "$victim" --dir "$local_dir"
  echo "$victim" >"$work/victim"
  tail -n "+$((half + 1))" "$work/input.txt"
} | "$raftmq" produce "$topic" -K $'\t' -v >"$work/receipts.txt"
milliseconds=$(( ($(date +%s%N) - begin) / 1000000 ))
victim=$(cat "$work/victim")
printf 'produced: %d records, %d acked, %d bytes in %d ms, broker %d killed with -9 in the middle, sha256 %s\n' \
  "$(wc -l <"$work/input.txt")" "$(grep -c @ "$work/receipts.txt")" "$(wc -c <"$work/input.txt")" "$milliseconds" \
  "$victim" "$input_sha"

say "Consuming from the replicas that are left"
for replica in $(seq "$nodes"); do
  [ "$replica" = "$victim" ] || check "$replica"
done

say "Starting broker $victim again: it catches up"
"$raftmq" local start "$victim" --dir "$local_dir"
"$raftmq" cluster health --wait --timeout 30s
check "$victim"

say "Topic and metrics"
"$raftmq" topic describe "$topic"
http=$("$raftmq" local status --dir "$local_dir" --format json | grep -o '"http":"[^"]*"' | head -n 1 | cut -d'"' -f4)
curl -fsS "http://$http/metrics" | grep -E '^raftmq_(topic_messages_total|storage_bytes_written_total|storage_fsync_duration_seconds_count|raft_is_leader_partitions|raft_leader_changes_total|peer_|cluster_)' | head -n 24

say "Done in $((SECONDS - started)) s: all of it is on every replica, once and in order, after kill -9"
if $keep; then
  printf 'The brokers are still running:\n  export RAFTMQ_BROKERS=%s\n  %s consume %s -n 5\n  %s local down --dir %s\n' \
    "$RAFTMQ_BROKERS" "$raftmq" "$topic" "$raftmq" "$local_dir"
fi
