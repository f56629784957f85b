# Every dependency, found once. All of them are Debian 12 packages (scripts/install_dependencies.sh).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(CapnProto REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(prometheus-cpp REQUIRED)

# These ship pkg-config files only.
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(lz4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(microhttpd REQUIRED IMPORTED_TARGET libmicrohttpd)

# Header-only packages without any package file.
find_path(RAFTMQ_EXPECTED_INCLUDE tl/expected.hpp REQUIRED)
find_path(RAFTMQ_CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
find_path(RAFTMQ_JSON_INCLUDE nlohmann/json.hpp REQUIRED)
