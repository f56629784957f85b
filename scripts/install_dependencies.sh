#!/usr/bin/env bash
# Installs what raftmq needs from Debian 12's packages; asks for nothing when all of it is there.
# Usage: scripts/install_dependencies.sh [build|test|fuzz]...   (default: build)
set -euo pipefail

build_packages=(g++ make cmake ninja-build ccache pkg-config libuv1-dev capnproto libcapnp-dev libxxhash-dev
  libzstd-dev liblz4-dev libexpected-dev prometheus-cpp-dev libmicrohttpd-dev libcli11-dev
  libtomlplusplus-dev libspdlog-dev libfmt-dev nlohmann-json3-dev)
test_packages=(libgtest-dev libgmock-dev libbenchmark-dev python3 curl e2fsprogs)
fuzz_packages=(clang-19 libclang-rt-19-dev)

packages=()
for set_name in "${@:-build}"; do
  case "$set_name" in
    build) packages+=("${build_packages[@]}") ;;
    test) packages+=("${test_packages[@]}") ;;
    fuzz) packages+=("${fuzz_packages[@]}") ;;
    *) echo "install_dependencies.sh: expected build, test or fuzz, found '$set_name'" >&2; exit 2 ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install_dependencies.sh: missing packages: ${missing[*]}; run this as root or install sudo" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing from Debian: ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
       apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "install_dependencies.sh: apt-get failed; its last lines stand above" >&2
  exit 1
fi
