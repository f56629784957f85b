#include "broker/start_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "broker/catalogue.h"
#include "broker/partition_directory.h"
#include "protocol/types/hash.h"

namespace raftmq::broker {
namespace {

Result<std::vector<DirectoryEntry>> ListPartitions(FileSystem& files,
                                                   const std::string& data_directory) {
  const std::string path = PartitionsPath(data_directory);
  auto entries = files.List(path);
  if (!entries && entries.error().code == ErrorCode::kNotFound) {
    RAFTMQ_TRY(files.CreateDirectory(path));
    RAFTMQ_TRY(files.SyncDirectory(data_directory));
    return std::vector<DirectoryEntry>{};
  }
  if (!entries) return Fail(std::move(entries).error());
  for (const DirectoryEntry& entry : *entries) {
    if (entry.type == FileType::kOther) {
      return Fail(
          ErrorCode::kForeignDirectory,
          fmt::format("expected files and directories in {}, found '{}', which is a link, fifo or "
                      "device: remove it",
                      path, entry.name));
    }
  }
  return std::move(*entries);
}

std::ptrdiff_t CountDirectories(const std::vector<DirectoryEntry>& entries) {
  return std::ranges::count(entries, FileType::kDirectory, &DirectoryEntry::type);
}

bool Names(const std::vector<DirectoryEntry>& entries, const std::string& name) {
  for (const DirectoryEntry& entry : entries) {
    if (entry.name == name) return true;
  }
  return false;
}

std::string NamesOf(std::vector<NodeId> nodes) {
  std::string names;
  for (const NodeId node : nodes) names += (names.empty() ? "" : ", ") + node.ToString();
  return names;
}

// Who votes on the catalogue was settled when it was founded.
Status CheckFounders(const Membership& membership, const BrokerOptions& options) {
  std::vector<NodeId> expected, found;
  for (const Replica& replica : membership) expected.push_back(replica.node);
  for (const PeerNode& peer : options.peers) found.push_back(peer.node);
  if (expected == found) return Ok();
  return Fail(ErrorCode::kBadConfig,
              fmt::format("node.peers: the cluster of {} was founded with the nodes {}, found {}",
                          options.storage.data_directory, NamesOf(expected), NamesOf(found)));
}

}  // namespace

Result<std::unique_ptr<OpenedLog>> OpenCatalogueLog(FileSystem& files,
                                                    const BrokerOptions& options) {
  RAFTMQ_TRY_ASSIGN(const auto entries, ListPartitions(files, options.storage.data_directory));
  const std::string name = kClusterGroup.ToString();
  const GroupOptions group = Catalogue::OptionsFor(options);
  if (Names(entries, name)) {
    auto opened = OpenGroupLog(files, group);
    const bool is_unfinished = !opened && opened.error().code == ErrorCode::kNotFound;
    // A founding that was interrupted: nothing can have been logged anywhere yet.
    if (opened) RAFTMQ_TRY(CheckFounders((*opened)->report.newest_checkpoint.membership, options));
    if (!is_unfinished || CountDirectories(entries) > 1) return opened;
    RAFTMQ_TRY(RemovePartitionDirectory(files, group.log.directory));
  } else if (CountDirectories(entries) > 0) {
    return Fail(
        ErrorCode::kForeignDirectory,
        fmt::format("{} is missing beside other partitions: without the catalogue nobody knows "
                    "what they are; restore it or start with an empty data directory",
                    group.log.directory));
  }
  LogFounding founding;
  // The same on every founding node, so that their first entries are.
  founding.group_seed = Hash64(AsBytes(options.cluster_id));
  founding.replica = ReplicaNumber(1);
  for (const PeerNode& peer : options.peers)
    founding.membership.push_back({peer.node, founding.replica, true});
  return CreateGroupLog(files, group, founding);
}

Leftovers FindLeftovers(const std::vector<DirectoryEntry>& entries, const CatalogueState& state) {
  std::set<std::string> known{kClusterGroup.ToString()};
  for (const auto& [id, topic] : state.topics()) {
    for (std::uint32_t i = 0; i < topic.created.placement.size(); ++i) {
      known.insert(GroupId{id, PartitionNumber(i)}.ToString());
    }
  }
  std::set<std::string> deleted;
  for (const TopicId& id : state.deleted()) deleted.insert(id.ToHex() + "-");
  Leftovers left;
  for (const DirectoryEntry& entry : entries) {
    if (entry.type != FileType::kDirectory || known.contains(entry.name)) continue;
    const std::string prefix = entry.name.substr(0, entry.name.find('-') + 1);
    (deleted.contains(prefix) ? left.deleted : left.unknown).push_back(entry.name);
  }
  return left;
}

}  // namespace raftmq::broker
