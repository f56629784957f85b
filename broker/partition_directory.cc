#include "broker/partition_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "segment/node_directory.h"

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

Status CheckMayBeThere(FileSystem& files, const GroupOptions& options,
                       const ReplicaIdentity& identity, bool is_founded) {
  const std::string& path = options.log.directory;
  const bool is_alone = options.is_only_replica && identity.nodes.size() == 1;
  if (is_alone && identity.replica != identity.founders) {
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("{}: the only replica was lost, and its data with it", path));
  }
  if (!is_founded || !IsMissing(files, path)) return Ok();
  return Fail(ErrorCode::kDataCorrupt,
              fmt::format("{} is missing: the replica was founded before, its data is lost", path));
}

struct Known {
  bool is_founded = false;
  bool has_predecessor = false;  // On this node, of a lower number.
};

// kNotFound: there is nothing of this replica, and never was.
Result<std::unique_ptr<OpenedLog>> OpenOwn(FileSystem& files, const GroupOptions& options,
                                           const ReplicaIdentity& identity, const Known& known) {
  const std::string& path = options.log.directory;
  auto opened = OpenGroupLog(files, options);
  if (!opened && opened.error().code == ErrorCode::kNotFound && known.is_founded)
    return Fail(ErrorCode::kDataCorrupt, opened.error().message);
  if (!opened && opened.error().code == ErrorCode::kDataCorrupt && known.has_predecessor) {
    RAFTMQ_TRY(SetAside(files, path));
    return Fail(ErrorCode::kNotFound, fmt::format("{} was that of a lost replica", path));
  }
  if (!opened || (*opened)->report.replica == ReplicaNumber(identity.replica)) return opened;
  // What a replica that this one replaces has left is not its own, whatever it holds.
  const std::uint64_t found = (*opened)->report.replica.value();
  const bool is_older = found < identity.replica && !known.is_founded;
  return Fail(
      is_older ? ErrorCode::kNotFound : ErrorCode::kDataCorrupt,
      fmt::format("expected {} to hold replica {}, found {}", path, identity.replica, found));
}

}  // namespace

std::string PartitionsPath(const std::string& data_directory) {
  return data_directory + "/partitions";
}

std::string LostPath(const std::string& partition_path) {
  return partition_path + std::string(kLostReplicaSuffix);
}

Status SetAside(FileSystem& files, const std::string& path) {
  RAFTMQ_TRY(RemovePartitionDirectory(files, LostPath(path)));
  RAFTMQ_TRY(files.Rename(path, LostPath(path)));
  return files.SyncDirectory(path.substr(0, path.rfind('/')));
}

std::string PartitionPath(const std::string& data_directory, const GroupId& group) {
  return PartitionsPath(data_directory) + "/" + group.ToString();
}

Result<std::unique_ptr<OpenedLog>> FoundOrOpenPartition(FileSystem& files, NodeManifest& manifest,
                                                        const GroupOptions& options,
                                                        const ReplicaIdentity& identity) {
  const std::string& path = options.log.directory;
  const auto listed = manifest.Find(options.log.group);
  const bool is_listed = listed == ReplicaNumber(identity.replica);
  // This node's own word counts as much as the catalogue's, which it may not know to the end.
  const bool is_founded = identity.is_founded || is_listed;
  RAFTMQ_TRY(CheckMayBeThere(files, options, identity, is_founded));
  const bool has_predecessor = listed && *listed < ReplicaNumber(identity.replica);
  auto opened = OpenOwn(files, options, identity, {is_founded, has_predecessor});
  if (!opened && opened.error().code == ErrorCode::kNotFound) {
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
