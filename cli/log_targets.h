// What `raftmq log` looks at, and how it names what is wrong there.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "segment/file_system.h"
#include "segment/log_check.h"

namespace raftmq::cli {

// One thing to look at: a partition's directory or a single segment file.
struct LogTarget {
  std::string path;
  bool is_segment = false;
  std::string data_directory;  // Empty: one partition by itself.
};

struct LogTargets {
  std::vector<LogTarget> list;
  std::vector<std::string> nodes;  // Whole data directories among the paths.
  // In these: what is left of lost replicas that have been replaced. Left out, unless it is named.
  std::vector<std::string> lost;
  std::vector<std::unique_ptr<FileLock>> locks;  // Of the data directories, as long as we look.
};

// nullopt if something cannot be looked at: that was said, and *exit is the code for it.
std::optional<LogTargets> FindLogTargets(FileSystem& files, const LogArguments& arguments,
                                         int* exit);
Result<LogCheck> CheckLogTarget(FileSystem& files, const LogTarget& target,
                                const LogCheckHooks& hooks);
// Says that it cannot be read; returns the exit code.
int ReportUnreadable(const std::string& path, const Error& error);

std::string TextOf(const LogFault& fault);

}  // namespace raftmq::cli
