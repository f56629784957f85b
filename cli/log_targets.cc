#include "cli/log_targets.h"

#include <fmt/format.h>

#include <utility>

#include "cli/exit_code.h"
#include "cli/output.h"
#include "segment/node_directory.h"

namespace raftmq::cli {
namespace {

bool IsThere(FileSystem& files, const std::string& path) { return files.Inspect(path).has_value(); }

std::string ParentOf(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A broker that runs on the directory would write under our eyes. A copy without a LOCK, or one
// that may not be written to, has no broker.
Status LockDirectory(FileSystem& files, const std::string& directory, LogTargets* targets) {
  if (!IsThere(files, directory + "/LOCK")) return Ok();
  auto lock = files.Lock(directory + "/LOCK");
  if (lock) {
    targets->locks.push_back(std::move(*lock));
  } else if (lock.error().code == ErrorCode::kLocked) {
    return Fail(ErrorCode::kLocked, fmt::format("{}: stop the broker first", lock.error().message));
  }
  return Ok();
}

Status AddPartitions(FileSystem& files, const std::string& directory, LogTargets* targets) {
  RAFTMQ_TRY(LockDirectory(files, directory, targets));
  const std::string partitions = directory + "/partitions";
  RAFTMQ_TRY_ASSIGN(const auto entries, files.List(partitions));
  targets->nodes.push_back(directory);
  for (const DirectoryEntry& entry : entries) {
    if (entry.type != FileType::kDirectory) continue;
    std::string path = partitions + "/" + entry.name;
    if (entry.name.ends_with(kLostReplicaSuffix)) {
      targets->lost.push_back(std::move(path));
    } else {
      targets->list.push_back({.path = std::move(path), .data_directory = directory});
    }
  }
  return Ok();
}

Status AddTarget(FileSystem& files, std::string path, LogTargets* targets) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  RAFTMQ_TRY_ASSIGN(const PathInfo info, files.Inspect(path));
  if (info.type == FileType::kRegular) {
    RAFTMQ_TRY(LockDirectory(files, ParentOf(ParentOf(ParentOf(path))), targets));
    targets->list.push_back({.path = path, .is_segment = true});
    return Ok();
  }
  if (IsThere(files, path + "/partitions")) return AddPartitions(files, path, targets);
  if (IsThere(files, path + "/meta")) {
    RAFTMQ_TRY(LockDirectory(files, ParentOf(ParentOf(path)), targets));
    targets->list.push_back({.path = path});
    return Ok();
  }
  return Fail(ErrorCode::kNotFound,
              fmt::format("expected a data directory (with partitions/), a partition directory "
                          "(with meta) or a segment file, found neither in '{}'",
                          path));
}

// kExitFailed would say "damaged" here: what could not be looked at has a code of its own.
ExitCode ExitOf(ErrorCode code) {
  return code == ErrorCode::kNotFound ? kExitNotFound : ExitCodeOf(code);
}

}  // namespace

std::optional<LogTargets> FindLogTargets(FileSystem& files, const LogArguments& arguments,
                                         int* exit) {
  LogTargets targets;
  for (const std::string& path : arguments.paths) {
    if (const Status added = AddTarget(files, path, &targets); !added) {
      ReportError(fmt::format("cannot look at '{}'", path), added.error());
      *exit = ExitOf(added.error().code);
      return std::nullopt;
    }
  }
  return targets;
}

Result<LogCheck> CheckLogTarget(FileSystem& files, const LogTarget& target,
                                const LogCheckHooks& hooks) {
  return target.is_segment ? CheckSegmentFile(files, target.path, hooks)
                           : CheckPartition(files, target.path, hooks);
}

int ReportUnreadable(const std::string& path, const Error& error) {
  ReportError(fmt::format("cannot read '{}'", path), error);
  return ExitOf(error.code);
}

std::string TextOf(const LogFault& fault) {
  std::string text = fmt::format("damaged: '{}' at byte {}", fault.path, fault.position);
  if (fault.last != Index(0)) {
    text += fmt::format(", entries {} to {}, offsets {} to {}", fault.first.value(),
                        fault.last.value(), fault.first_offset.value(), fault.end_offset.value());
  }
  return text + ": " + fault.what;
}

}  // namespace raftmq::cli
