#include "broker/config/host_checks.h"

#include <fmt/core.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

namespace raftmq {
namespace {

namespace fs = std::filesystem;

// `path` itself or the nearest parent that exists.
fs::path ExistingPart(fs::path path) {
  std::error_code error;
  path = fs::absolute(path, error).lexically_normal();
  while (!fs::exists(fs::symlink_status(path, error)) && path.has_relative_path()) {
    path = path.parent_path();
  }
  return path;
}

std::optional<std::string> WhyUnfit(const fs::path& path, bool allow_tmpfs) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    return fmt::format("expected a directory, found something else at {}", path.string());
  }
  if (access(path.c_str(), W_OK | X_OK) != 0) {
    return fmt::format("cannot write into {}: {}", path.string(), std::strerror(errno));
  }
  struct statfs info {};
  if (statfs(path.c_str(), &info) != 0) {
    return fmt::format("cannot look at {}: {}", path.string(), std::strerror(errno));
  }
  const bool in_memory = info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
  if (in_memory && !allow_tmpfs) {
    return fmt::format(
        "{} is kept in memory and lost with the machine's power; choose another directory, or set "
        "storage.allow_tmpfs=true for a trial",
        path.string());
  }
  return std::nullopt;
}

}  // namespace

std::vector<ConfigProblem> CheckHost(const LoadedConfig& config) {
  const std::string& directory = config.settings.node.data_dir;
  if (directory.empty()) return {};
  const auto why = WhyUnfit(ExistingPart(directory), config.settings.storage.allow_tmpfs);
  if (!why) return {};
  return {{config.origins.find("node.data_dir")->second.where, "node.data_dir: " + *why}};
}

}  // namespace raftmq
