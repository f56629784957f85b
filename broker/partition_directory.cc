#include "broker/partition_directory.h"

#include <fmt/format.h>

#include <algorithm>

namespace raftmq::broker {
namespace {

bool IsMissing(FileSystem& files, const std::string& path) {
  const auto entries = files.List(path);
  return !entries && entries.error().code == ErrorCode::kNotFound;
}

Result<std::unique_ptr<OpenedLog>> Found(FileSystem& files, const GroupOptions& options,
                                         const ReplicaIdentity& identity) {
  LogFounding founding;
  founding.group_seed = identity.seed;
  founding.replica = ReplicaNumber(identity.replica);
  for (const NodeId node : identity.nodes)
    founding.membership.push_back({node, founding.replica, true});
  std::ranges::sort(founding.membership, {}, &Replica::node);
  return CreateGroupLog(files, options, founding);
}

}  // namespace

std::string PartitionsPath(const std::string& data_directory) {
  return data_directory + "/partitions";
}

std::string PartitionPath(const std::string& data_directory, const GroupId& group) {
  return PartitionsPath(data_directory) + "/" + group.ToString();
}

Result<std::unique_ptr<OpenedLog>> FoundOrOpenPartition(FileSystem& files,
                                                        const GroupOptions& options,
                                                        const ReplicaIdentity& identity) {
  const std::string& path = options.log.directory;
  if (IsMissing(files, path)) {
    if (!identity.is_founded) return Found(files, options, identity);
    return Fail(
        ErrorCode::kDataCorrupt,
        fmt::format("{} is missing: the replica was founded before, its data is lost", path));
  }
  auto opened = OpenGroupLog(files, options);
  const bool is_unfinished = !opened && opened.error().code == ErrorCode::kNotFound;
  // Whole, it may have voted and acked before the others agreed that it was founded, or this node
  // may not know yet that they did: it is never made anew.
  if (identity.is_founded || !is_unfinished) return opened;
  RAFTMQ_TRY(RemovePartitionDirectory(files, path));
  return Found(files, options, identity);
}

Status RemovePartitionDirectory(FileSystem& files, const std::string& path) {
  const auto entries = files.List(path);
  if (!entries && entries.error().code == ErrorCode::kNotFound) return Ok();
  if (!entries) return Fail(entries.error());
  for (const DirectoryEntry& entry : *entries) RAFTMQ_TRY(files.Remove(path + "/" + entry.name));
  RAFTMQ_TRY(files.Remove(path));
  return files.SyncDirectory(path.substr(0, path.rfind('/')));
}

}  // namespace raftmq::broker
