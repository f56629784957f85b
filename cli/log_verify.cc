// `raftmq log verify`: every hash, chain, index and boundary of stopped partitions, the node's own
// files, and replicas of one partition against one another.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/log_targets.h"
#include "cli/output.h"
#include "segment/log_compare.h"
#include "segment/node_directory.h"
#include "segment/posix_file_system.h"

namespace raftmq::cli {
namespace {

using nlohmann::json;

json FaultJson(const LogFault& fault) {
  json object{{"file", fault.path}, {"position", fault.position}, {"what", fault.what}};
  if (fault.last == Index(0)) return object;
  object["first_index"] = fault.first.value();
  object["last_index"] = fault.last.value();
  object["first_offset"] = fault.first_offset.value();
  object["end_offset"] = fault.end_offset.value();
  return object;
}

void PrintCheck(const LogTarget& target, const LogCheck& check, OutputFormat format, Output* out) {
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
                    {"committed_index", check.committed.value()},
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
  for (const LogFault& fault : check.faults) out->Write("  " + TextOf(fault) + "\n");
  for (const std::string& note : check.notes) out->Write("  note: " + note + "\n");
}

// One of the two entries that differ.
struct Holder {
  std::string path;
  Term term;
  Offset base_offset;
  std::uint64_t position = 0;
};

// Reads the log again, up to there and on: it happens once in the life of a cluster.
Result<Holder> FindHolder(FileSystem& files, const std::string& directory, Index index) {
  Holder holder;
  LogCheckHooks hooks;
  hooks.on_entry = [&holder, index](const CheckedEntry& entry) {
    const LeaderBlock& leader = entry.header.leader;
    if (leader.index == index)
      holder = {entry.path, leader.term, leader.base_offset, entry.position};
  };
  RAFTMQ_TRY(CheckPartition(files, directory, hooks));
  return holder;
}

json JsonOf(const Holder& holder) {
  return {{"file", holder.path},
          {"position", holder.position},
          {"term", holder.term.value()},
          {"base_offset", holder.base_offset.value()}};
}

std::string TextOf(const Holder& holder) {
  return fmt::format("term {}, offset {} in '{}' at byte {}", holder.term.value(),
                     holder.base_offset.value(), holder.path, holder.position);
}

// Replicas of one partition: the outlines of all that were looked at.
class Comparison {
 public:
  Comparison(FileSystem& files, OutputFormat format, Output* out)
      : files_(files), format_(format), out_(out) {}

  // False if they differ in what is committed.
  Result<bool> Run(const GroupId& group, const std::vector<LogOutline>& outlines) {
    const LogComparison compared = CompareLogs(outlines);
    if (!compared.difference) {
      PrintSame(group, outlines, compared.entries);
      return true;
    }
    const LogDifference& difference = *compared.difference;
    RAFTMQ_TRY_ASSIGN(const Holder one,
                      FindHolder(files_, outlines[difference.one].path, difference.index));
    RAFTMQ_TRY_ASSIGN(const Holder other,
                      FindHolder(files_, outlines[difference.other].path, difference.index));
    PrintDifference(group, difference, one, other);
    return !difference.is_committed;
  }

 private:
  void PrintSame(const GroupId& group, const std::vector<LogOutline>& outlines,
                 std::uint64_t entries) {
    if (format_ == OutputFormat::kJson) {
      return out_->Write(json{{"group", group.ToString()},
                              {"replicas", outlines.size()},
                              {"compared_entries", entries},
                              {"difference", nullptr}}
                             .dump() +
                         "\n");
    }
    out_->Write(fmt::format("{}: {} replicas hold the same in {} entries\n", group.ToString(),
                            outlines.size(), entries));
  }
  void PrintDifference(const GroupId& group, const LogDifference& difference, const Holder& one,
                       const Holder& other) {
    if (format_ == OutputFormat::kJson) {
      return out_->Write(json{{"group", group.ToString()},
                              {"difference",
                               {{"index", difference.index.value()},
                                {"is_committed", difference.is_committed},
                                {"entries", {JsonOf(one), JsonOf(other)}}}}}
                             .dump() +
                         "\n");
    }
    const char* const verdict =
        difference.is_committed ? "DIFFERENT from committed entry" : "different from entry";
    out_->Write(
        fmt::format("{}: {} {} on: {}; {}{}\n", group.ToString(), verdict, difference.index.value(),
                    TextOf(one), TextOf(other),
                    difference.is_committed ? "" : " (not committed: the next leader settles it)"));
  }

  FileSystem& files_;
  const OutputFormat format_;
  Output* const out_;
};

void PrintNode(const std::string& path, const NodeCheck& check, OutputFormat format, Output* out) {
  if (format == OutputFormat::kJson) {
    return out->Write(json{{"path", path},
                           {"cluster_id", check.identity.cluster_id},
                           {"node", check.identity.node.value()},
                           {"incarnation", fmt::format("{:016x}", check.identity.incarnation)},
                           {"damage", check.faults}}
                          .dump() +
                      "\n");
  }
  out->Write(fmt::format("{}: {}: node {} of cluster '{}'\n", path,
                         check.faults.empty() ? "whole" : "DAMAGED", check.identity.node.value(),
                         check.identity.cluster_id));
  for (const std::string& fault : check.faults) out->Write("  damaged: " + fault + "\n");
}

void PrintLost(const std::string& path, OutputFormat format, Output* out) {
  const std::string what =
      "what is left of a replica that was lost and has been replaced; to be removed once the other "
      "replicas are known to be whole";
  if (format == OutputFormat::kJson)
    return out->Write(json{{"path", path}, {"left_out", what}}.dump() + "\n");
  out->Write(fmt::format("{}: left out: {}\n", path, what));
}

// What was put where it does not belong is whole in itself.
void CheckPlace(const LogTarget& target, NodeId node, LogCheck* check) {
  const std::string name = target.path.substr(target.path.rfind('/') + 1);
  if (name != check->group.ToString())
    check->faults.push_back(
        {.path = target.path,
         .what = fmt::format("this is the log of partition {}: it was moved or copied from there",
                             check->group.ToString())});
  if (check->node != NodeId(0) && check->node != node)
    check->faults.push_back(
        {.path = target.path,
         .what = fmt::format("this is node {}'s replica in a directory of node {}: it was moved or "
                             "copied from there",
                             check->node.value(), node.value())});
}

// The worst of what was seen so far.
class Verification {
 public:
  Verification(FileSystem& files, OutputFormat format) : files_(files), format_(format) {}

  Status Run(const LogTargets& targets, std::string* at) {
    for (const std::string& node : targets.nodes) {
      *at = node;
      RAFTMQ_TRY_ASSIGN(const NodeCheck check, CheckNodeDirectory(files_, node));
      PrintNode(node, check, format_, &out_);
      nodes_[node] = check.identity.node;
      is_whole_ = is_whole_ && check.faults.empty();
    }
    for (const std::string& lost : targets.lost) PrintLost(lost, format_, &out_);
    for (const LogTarget& target : targets.list) {
      *at = target.path;
      RAFTMQ_TRY(RunOne(target));
    }
    for (const auto& [group, outlines] : outlines_) {
      if (outlines.size() < 2) continue;
      *at = outlines.front().path;
      RAFTMQ_TRY_ASSIGN(const bool is_same,
                        Comparison(files_, format_, &out_).Run(group, outlines));
      is_whole_ = is_whole_ && is_same;
    }
    return Ok();
  }
  void Flush() { out_.Flush(); }
  bool is_whole() const { return is_whole_; }

 private:
  Status RunOne(const LogTarget& target) {
    LogOutline outline{.path = target.path};
    LogCheckHooks hooks;
    hooks.on_entry = [&outline](const CheckedEntry& entry) { outline.Add(entry); };
    if (IsProgressWanted()) {
      hooks.on_progress = [&target](std::uint64_t bytes) {
        DrawProgress(fmt::format("{}: {} read", target.path, HumanBytes(bytes)));
      };
    }
    auto check = CheckLogTarget(files_, target, hooks);
    if (IsProgressWanted()) DrawProgress("");
    if (!check) return Fail(check.error());
    if (!target.data_directory.empty())
      CheckPlace(target, nodes_.at(target.data_directory), &*check);
    PrintCheck(target, *check, format_, &out_);
    is_whole_ = is_whole_ && check->faults.empty();
    outline.committed = check->committed;
    if (!target.is_segment && check->entries > 0)
      outlines_[check->group].push_back(std::move(outline));
    return Ok();
  }

  FileSystem& files_;
  const OutputFormat format_;
  Output out_;
  bool is_whole_ = true;
  std::map<std::string, NodeId> nodes_;  // By data directory.
  std::map<GroupId, std::vector<LogOutline>> outlines_;
};

}  // namespace

int LogVerify(const GlobalArguments& global, const LogArguments& arguments) {
  PosixFileSystem files;
  int exit = kExitOk;
  const auto targets = FindLogTargets(files, arguments, &exit);
  if (!targets) return exit;
  Verification verification(files, global.format);
  std::string at;
  const Status looked = verification.Run(*targets, &at);
  verification.Flush();
  if (!looked) return ReportUnreadable(at, looked.error());
  return verification.is_whole() ? kExitOk : kExitFailed;
}

}  // namespace raftmq::cli
