#include "broker/partition_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

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
    founding.membership.push_back({node, ReplicaNumber(identity.founders), true});
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

Result<std::unique_ptr<OpenedLog>> FoundOrOpenPartition(FileSystem& files, NodeManifest& manifest,
                                                        const GroupOptions& options,
                                                        const ReplicaIdentity& identity) {
  const std::string& path = options.log.directory;
  // This node's own word counts as much as the catalogue's, which it may not know to the end.
  const bool is_listed = manifest.Find(options.log.group) == ReplicaNumber(identity.replica);
  const bool is_founded = identity.is_founded || is_listed;
  if (is_founded && IsMissing(files, path)) {
    return Fail(
        ErrorCode::kDataCorrupt,
        fmt::format("{} is missing: the replica was founded before, its data is lost", path));
  }
  auto opened = OpenGroupLog(files, options);
  // What a replica that this one replaces has left is not its own, whatever it holds.
  if (opened && (*opened)->report.replica != ReplicaNumber(identity.replica)) {
    const std::uint64_t found = (*opened)->report.replica.value();
    Error other{ErrorCode::kDataCorrupt, fmt::format("expected {} to hold replica {}, found {}",
                                                     path, identity.replica, found)};
    if (found < identity.replica && !is_founded) other.code = ErrorCode::kNotFound;
    opened = Fail(std::move(other));
  }
  if (!opened && opened.error().code == ErrorCode::kNotFound && !is_founded) {
    RAFTMQ_TRY(RemovePartitionDirectory(files, path));
    opened = Found(files, options, identity);
  }
  // Before it votes or acks.
  if (opened && !is_listed)
    RAFTMQ_TRY(manifest.Add(options.log.group, ReplicaNumber(identity.replica)));
  return opened;
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
