#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "segment/checkpoint.h"
#include "segment/log_check.h"
#include "segment/posix_file_system.h"

namespace raftmq::cli {
namespace {

using nlohmann::json;

// One thing to look at: a partition's directory or a single segment file.
struct Target {
  std::string path;
  bool is_segment = false;
};

struct Targets {
  std::vector<Target> list;
  std::vector<std::unique_ptr<FileLock>> locks;  // Of the data directories, as long as we look.
};

bool IsThere(FileSystem& files, const std::string& path) { return files.Inspect(path).has_value(); }

std::string ParentOf(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A broker that runs on the directory would write under our eyes. A copy without a LOCK, or one
// that may not be written to, has no broker.
Status LockDirectory(FileSystem& files, const std::string& directory, Targets* targets) {
  if (!IsThere(files, directory + "/LOCK")) return Ok();
  auto lock = files.Lock(directory + "/LOCK");
  if (lock) {
    targets->locks.push_back(std::move(*lock));
  } else if (lock.error().code == ErrorCode::kLocked) {
    return Fail(ErrorCode::kLocked, fmt::format("{}: stop the broker first", lock.error().message));
  }
  return Ok();
}

Status AddPartitions(FileSystem& files, const std::string& directory, Targets* targets) {
  RAFTMQ_TRY(LockDirectory(files, directory, targets));
  const std::string partitions = directory + "/partitions";
  RAFTMQ_TRY_ASSIGN(const auto entries, files.List(partitions));
  for (const DirectoryEntry& entry : entries) {
    if (entry.type == FileType::kDirectory)
      targets->list.push_back({.path = partitions + "/" + entry.name});
  }
  return Ok();
}

Status AddTarget(FileSystem& files, std::string path, Targets* targets) {
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

std::optional<Targets> FindTargets(FileSystem& files, const LogArguments& arguments, int* exit) {
  Targets targets;
  for (const std::string& path : arguments.paths) {
    if (const Status added = AddTarget(files, path, &targets); !added) {
      ReportError(fmt::format("cannot look at '{}'", path), added.error());
      *exit = ExitOf(added.error().code);
      return std::nullopt;
    }
  }
  return targets;
}

Result<LogCheck> Check(FileSystem& files, const Target& target, const LogCheckHooks& hooks) {
  return target.is_segment ? CheckSegmentFile(files, target.path, hooks)
                           : CheckPartition(files, target.path, hooks);
}

const char* NameOf(EntryKind kind) {
  switch (kind) {
    case EntryKind::kData:
      return "data";
    case EntryKind::kNoOp:
      return "no-op";
    case EntryKind::kConfiguration:
      return "configuration";
    case EntryKind::kCheckpoint:
      return "checkpoint";
    case EntryKind::kLogStart:
      return "log-start";
    case EntryKind::kSession:
      return "session";
    case EntryKind::kGroup:
      return "group";
    case EntryKind::kCommand:
      return "command";
  }
  return "unknown";
}

const char* NameOf(Codec codec) {
  switch (codec) {
    case Codec::kNone:
      return "none";
    case Codec::kLz4:
      return "lz4";
    case Codec::kZstd:
      return "zstd";
  }
  return "unknown";
}

void AddControl(const CheckedEntry& entry, json* object) {
  const ByteSpan payload = entry.frame.subspan(kBatchHeaderBytes);
  if (entry.header.producer.kind == EntryKind::kLogStart && payload.size() == 8)
    (*object)["log_start"] = LoadLittleEndian<std::uint64_t>(payload.data());
  if (entry.header.producer.kind != EntryKind::kCheckpoint) return;
  const auto part = ParseCheckpointPart(payload);
  if (!part) return;
  (*object)["part"] = part->part;
  (*object)["parts"] = part->parts;
  const auto head = CheckpointHeadOf(payload);
  if (!head) return;
  json replicas = json::array();
  for (const Replica& replica : head->membership) {
    replicas.push_back({{"node", replica.node.value()},
                        {"number", replica.number.value()},
                        {"role", replica.voter ? "voter" : "learner"}});
  }
  (*object)["replicas"] = std::move(replicas);
  (*object)["log_start"] = head->log_start.value();
  (*object)["segment_bytes"] = head->segment_bytes;
}

json EntryJson(const CheckedEntry& entry) {
  const LeaderBlock& leader = entry.header.leader;
  const ProducerBlock& producer = entry.header.producer;
  json object{{"index", leader.index.value()},
              {"term", leader.term.value()},
              {"kind", NameOf(producer.kind)},
              {"base_offset", leader.base_offset.value()},
              {"records", producer.record_count},
              {"bytes", producer.length},
              {"append_time_ms", leader.append_time_ms},
              {"committed_up_to", leader.committed_up_to.value()},
              {"header_hash", fmt::format("{:016x}", entry.header.header_hash)},
              {"chain", fmt::format("{:016x}", leader.chain)},
              {"file", entry.path},
              {"position", entry.position}};
  if (producer.kind == EntryKind::kData) {
    object["codec"] = NameOf(producer.codec);
    object["base_timestamp_ms"] = producer.base_timestamp_ms;
    object["max_timestamp_ms"] = producer.max_timestamp_ms;
    object["records_bytes"] = producer.records_bytes;
    if (producer.session != SessionId(0)) {
      object["session"] = producer.session.value();
      object["session_epoch"] = producer.session_epoch;
      object["base_sequence"] = producer.base_sequence;
    }
  } else {
    AddControl(entry, &object);
  }
  return object;
}

json FaultJson(const LogFault& fault) {
  json object{{"file", fault.path}, {"position", fault.position}, {"what", fault.what}};
  if (fault.last == Index(0)) return object;
  object["first_index"] = fault.first.value();
  object["last_index"] = fault.last.value();
  object["first_offset"] = fault.first_offset.value();
  object["end_offset"] = fault.end_offset.value();
  return object;
}

std::string FaultText(const LogFault& fault) {
  std::string text = fmt::format("damaged: '{}' at byte {}", fault.path, fault.position);
  if (fault.last != Index(0)) {
    text += fmt::format(", entries {} to {}, offsets {} to {}", fault.first.value(),
                        fault.last.value(), fault.first_offset.value(), fault.end_offset.value());
  }
  return text + ": " + fault.what;
}

void PrintCheck(const Target& target, const LogCheck& check, OutputFormat format, Output* out) {
  if (format == OutputFormat::kJson) {
    json faults = json::array();
    for (const LogFault& fault : check.faults) faults.push_back(FaultJson(fault));
    out->Write(json{{"path", target.path},
                    {"group", check.group.ToString()},
                    {"segments", check.segments},
                    {"entries", check.entries},
                    {"bytes", check.bytes},
                    {"first_index", check.first.value()},
                    {"last_index", check.last.value()},
                    {"first_offset", check.first_offset.value()},
                    {"next_offset", check.next_offset.value()},
                    {"term", check.hard_state.term.value()},
                    {"vote", check.hard_state.vote.value()},
                    {"damage", std::move(faults)},
                    {"notes", check.notes}}
                   .dump() +
               "\n");
    return;
  }
  out->Write(fmt::format("{}: {}: {} entries in {} segment{}, indexes {} to {}, offsets {} to {}\n",
                         target.path, check.faults.empty() ? "whole" : "DAMAGED", check.entries,
                         check.segments, check.segments == 1 ? "" : "s", check.first.value(),
                         check.last.value(), check.first_offset.value(),
                         check.next_offset.value()));
  for (const LogFault& fault : check.faults) out->Write("  " + FaultText(fault) + "\n");
  for (const std::string& note : check.notes) out->Write("  note: " + note + "\n");
}

LogCheckHooks ProgressHooks(const Target& target) {
  LogCheckHooks hooks;
  if (!IsProgressWanted()) return hooks;
  hooks.on_progress = [path = target.path](std::uint64_t bytes) {
    DrawProgress(fmt::format("{}: {} read", path, HumanBytes(bytes)));
  };
  return hooks;
}

}  // namespace

int LogDump(const GlobalArguments&, const LogArguments& arguments) {
  PosixFileSystem files;
  int exit = kExitOk;
  const auto targets = FindTargets(files, arguments, &exit);
  if (!targets) return exit;
  for (const Target& target : targets->list) {
    Output out;
    LogCheckHooks hooks;
    hooks.on_entry = [&out](const CheckedEntry& entry) {
      out.Write(EntryJson(entry).dump() + "\n");
    };
    const auto check = Check(files, target, hooks);
    out.Flush();
    if (!check) {
      ReportError(fmt::format("cannot read '{}'", target.path), check.error());
      return ExitOf(check.error().code);
    }
    for (const LogFault& fault : check->faults) {
      fmt::print(stderr, "raftmq: {}\n", FaultText(fault));
      exit = kExitFailed;
    }
  }
  return exit;
}

int LogVerify(const GlobalArguments& global, const LogArguments& arguments) {
  PosixFileSystem files;
  int exit = kExitOk;
  const auto targets = FindTargets(files, arguments, &exit);
  if (!targets) return exit;
  Output out;
  for (const Target& target : targets->list) {
    const auto check = Check(files, target, ProgressHooks(target));
    if (IsProgressWanted()) DrawProgress("");
    if (!check) {
      out.Flush();
      ReportError(fmt::format("cannot read '{}'", target.path), check.error());
      return ExitOf(check.error().code);
    }
    PrintCheck(target, *check, global.format, &out);
    if (!check->faults.empty()) exit = kExitFailed;
  }
  return exit;
}

}  // namespace raftmq::cli
