#!/usr/bin/env bash
# Installs what raftmq needs from Debian 12's packages; asks for nothing when all of it is there.
# Usage: scripts/install_dependencies.sh [build|test|fuzz]...   (default: build)
set -euo pipefail

build_packages=(g++ make cmake ninja-build ccache pkg-config libuv1-dev capnproto libcapnp-dev libxxhash-dev
  libzstd-dev liblz4-dev libexpected-dev prometheus-cpp-dev libmicrohttpd-dev libcli11-dev
  libtomlplusplus-dev libspdlog-dev libfmt-dev nlohmann-json3-dev curl)
test_packages=(libgtest-dev libgmock-dev python3 e2fsprogs)
fuzz_packages=(clang-19 libclang-rt-19-dev)

as_root=()
need_root() {
  [ "$(id -u)" -ne 0 ] || return 0
  command -v sudo >/dev/null || { echo "install_dependencies.sh: $1; run this as root or install sudo" >&2; return 1; }
  as_root=(sudo)
}

# The Prometheus server and promtool, unpacked beside the system: the installed package would start a
# service that listens on every interface. About 20 MB, fetched once.
prometheus_folder="${XDG_CACHE_HOME:-$HOME/.cache}/raftmq-prometheus"
fetch_prometheus() {
  [ -x "$prometheus_folder/usr/bin/promtool" ] && [ -x "$prometheus_folder/usr/bin/prometheus" ] && return 0
  echo "Fetching Debian's prometheus into $prometheus_folder" >&2
  local work
  mkdir -p "$(dirname "$prometheus_folder")"
  work=$(mktemp -d "$prometheus_folder.XXXXXX")
  if ! (cd "$work" && apt-get download -q prometheus) >"$work/log" 2>&1; then  # No or old package lists.
    need_root "package lists are missing" && "${as_root[@]}" apt-get update -q >>"$work/log" 2>&1
    (cd "$work" && apt-get download -q prometheus) >>"$work/log" 2>&1 || true
  fi
  if ! dpkg -x "$work"/prometheus_*.deb "$work/tree" >>"$work/log" 2>&1; then
    tail -n 20 "$work/log" >&2
    rm -rf "$work"
    echo "install_dependencies.sh: cannot fetch prometheus; its last lines stand above" >&2
    return 1
  fi
  rm -rf "$prometheus_folder"
  mv "$work/tree" "$prometheus_folder"  # Whole or not at all.
  rm -rf "$work"
}

packages=()
with_prometheus=no
for set_name in "${@:-build}"; do
  case "$set_name" in
    build) packages+=("${build_packages[@]}") ;;
    test) packages+=("${test_packages[@]}"); with_prometheus=yes ;;
    fuzz) packages+=("${fuzz_packages[@]}") ;;
    *) echo "install_dependencies.sh: expected build, test or fuzz, found '$set_name'" >&2; exit 2 ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  [ "$with_prometheus" = no ] || fetch_prometheus
  exit
fi

need_root "missing packages: ${missing[*]}"
echo "Installing from Debian: ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
       apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "install_dependencies.sh: apt-get failed; its last lines stand above" >&2
  exit 1
fi
[ "$with_prometheus" = no ] || fetch_prometheus
