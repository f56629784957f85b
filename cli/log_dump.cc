// `raftmq log dump`: one JSON object per entry.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/log_targets.h"
#include "cli/output.h"
#include "protocol/types/batch_cursor.h"
#include "segment/checkpoint.h"
#include "segment/posix_file_system.h"

namespace raftmq::cli {
namespace {

using nlohmann::json;

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
  if (entry.header.producer.kind == EntryKind::kLogStart && payload.size() >= 8)
    (*object)["log_start"] = LoadLittleEndian<std::uint64_t>(payload.data());
  // What was damaged from there on has been given up (protocol/types/FORMAT.md).
  if (entry.header.producer.kind == EntryKind::kLogStart && payload.size() == 16)
    (*object)["lost_from"] = LoadLittleEndian<std::uint64_t>(payload.data() + 8);
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

// Of a verified batch that has one; what is not UTF-8 is replaced.
std::string MessageIdTextOf(const CheckedEntry& entry) {
  const auto opened = OpenRecords(entry.frame);
  if (!opened) return "";
  BatchCursor cursor(*opened);
  const auto record = cursor.Next();
  if (!record || record->headers.empty()) return "";
  return std::string(record->headers.begin()->value.value_or(""));
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
    if (producer.has_message_id) object["message_id"] = MessageIdTextOf(entry);
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

}  // namespace

int LogDump(const GlobalArguments&, const LogArguments& arguments) {
  PosixFileSystem files;
  int exit = kExitOk;
  const auto targets = FindLogTargets(files, arguments, &exit);
  if (!targets) return exit;
  for (const LogTarget& target : targets->list) {
    Output out;
    LogCheckHooks hooks;
    hooks.on_entry = [&out](const CheckedEntry& entry) {
      out.Write(EntryJson(entry).dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
    };
    const auto check = CheckLogTarget(files, target, hooks);
    out.Flush();
    if (!check) return ReportUnreadable(target.path, check.error());
    for (const LogFault& fault : check->faults) {
      fmt::print(stderr, "raftmq: {}\n", TextOf(fault));
      exit = kExitFailed;
    }
  }
  return exit;
}

}  // namespace raftmq::cli
