#include "broker/start_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
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

Status CheckNodes(const std::vector<NodeId>& expected, const BrokerOptions& options) {
  std::vector<NodeId> found;
  for (const PeerNode& peer : options.peers) found.push_back(peer.node);
  if (expected == found) return Ok();
  return Fail(ErrorCode::kBadConfig,
              fmt::format("node.peers: the cluster of {} was founded with the nodes {}, found {}",
                          options.storage.data_directory, NamesOf(expected), NamesOf(found)));
}

// As far as a log tells it: of a node that is being replaced it may not know.
Status CheckMembers(const Membership& membership, const BrokerOptions& options) {
  const auto is_configured = [&options](const Replica& replica) {
    return std::ranges::find(options.peers, replica.node, &PeerNode::node) != options.peers.end();
  };
  if (std::ranges::all_of(membership, is_configured)) return Ok();
  return CheckFounders(membership, {}, options);
}

Result<std::unique_ptr<OpenedLog>> FoundCatalogueLog(FileSystem& files,
                                                     const BrokerOptions& options,
                                                     ReplicaNumber number) {
  LogFounding founding;
  // The same on every founding node, so that their first entries are.
  founding.group_seed = Hash64(AsBytes(options.cluster_id));
  founding.replica = number;
  for (const PeerNode& peer : options.peers)
    founding.membership.push_back({peer.node, kCatalogueReplica, true});
  return CreateGroupLog(files, Catalogue::OptionsFor(options), founding);
}

// The group of a directory's name, if its topic is one of these.
std::optional<GroupId> GroupOf(const std::string& name,
                               const std::map<std::string, TopicId>& topics) {
  const std::size_t dash = name.find('-');
  const auto topic = topics.find(name.substr(0, dash));
  if (dash == std::string::npos || topic == topics.end()) return std::nullopt;
  std::uint32_t partition = 0;
  const char* const end = name.data() + name.size();
  const auto [parsed, error] = std::from_chars(name.data() + dash + 1, end, partition);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return GroupId{topic->second, PartitionNumber(partition)};
}

bool IsAlone(const BrokerOptions& options) { return options.peers.size() == 1; }

// kDataCorrupt: this replica was listed, and is lost. kNotFound: there is nothing that was.
Result<std::unique_ptr<OpenedLog>> OpenListed(FileSystem& files, const GroupOptions& group,
                                              const std::optional<ReplicaNumber>& listed,
                                              bool is_there) {
  Result<std::unique_ptr<OpenedLog>> opened =
      Fail(ErrorCode::kNotFound, fmt::format("{} is missing", group.log.directory));
  if (is_there) opened = OpenGroupLog(files, group);
  if (!opened && opened.error().code == ErrorCode::kNotFound && listed)
    return Fail(ErrorCode::kDataCorrupt, opened.error().message);
  // A founding in its place that was not listed any more has a higher number.
  if (opened && listed && (*opened)->report.replica < *listed)
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("expected {} to hold replica {}, found {}", group.log.directory,
                            listed->value(), (*opened)->report.replica.value()));
  return opened;
}

// What a node says that cannot get another replica by itself.
Error AsLoss(const Error& error, const BrokerOptions& options) {
  if (error.code != ErrorCode::kDataCorrupt && error.code != ErrorCode::kNotFound) return error;
  const bool is_damaged = error.code == ErrorCode::kDataCorrupt;
  return {is_damaged ? ErrorCode::kDataCorrupt : ErrorCode::kForeignDirectory,
          fmt::format("{}: it was founded before, and without the catalogue nobody knows what this "
                      "node has promised; restore it, or start with an empty data directory and, "
                      "in a cluster, run `raftmq node replace {}`",
                      error.message, options.node.value())};
}

}  // namespace

Result<CatalogueAtStart> OpenCatalogueLog(FileSystem& files, NodeManifest& manifest,
                                          const BrokerOptions& options) {
  RAFTMQ_TRY_ASSIGN(const auto entries, ListPartitions(files, options.storage.data_directory));
  const GroupOptions group = Catalogue::OptionsFor(options);
  const std::string& path = group.log.directory;
  const auto listed = manifest.Find(kClusterGroup);
  const bool is_there = Names(entries, kClusterGroup.ToString());
  auto opened = OpenListed(files, group, listed, is_there);
  if (!opened && opened.error().code == ErrorCode::kDataCorrupt && listed && !IsAlone(options)) {
    if (is_there) RAFTMQ_TRY(SetAside(files, path));
    return CatalogueAtStart{.log = nullptr, .lost = *listed, .loss = opened.error().message};
  }
  const bool is_new = !opened && opened.error().code == ErrorCode::kNotFound && !listed &&
                      CountDirectories(entries) <= (is_there ? 1 : 0);
  if (is_new) {  // Nothing can have been logged anywhere yet.
    if (is_there) RAFTMQ_TRY(RemovePartitionDirectory(files, path));
    opened = FoundCatalogueLog(files, options, kCatalogueReplica);
  }
  if (!opened) return Fail(AsLoss(opened.error(), options));
  const OpenedLog& log = **opened;
  RAFTMQ_TRY(CheckMembers(log.report.newest_checkpoint.membership, options));
  // Before it votes.
  if (listed != log.report.replica) RAFTMQ_TRY(manifest.Add(kClusterGroup, log.report.replica));
  return CatalogueAtStart{.log = std::move(*opened), .lost = {}, .loss = {}};
}

Result<std::unique_ptr<OpenedLog>> FoundCatalogueAnew(FileSystem& files, NodeManifest& manifest,
                                                      const BrokerOptions& options,
                                                      ReplicaNumber number) {
  // A crash on the way leaves the earlier number listed, and no directory or that of the new one:
  // the next start finds that replica lost, and is told its number again, or opens the new one.
  RAFTMQ_TRY(RemovePartitionDirectory(files, Catalogue::OptionsFor(options).log.directory));
  RAFTMQ_TRY_ASSIGN(auto founded, FoundCatalogueLog(files, options, number));
  RAFTMQ_TRY(manifest.Add(kClusterGroup, number));
  return founded;
}

Status CheckFounders(const Membership& membership, const CatalogueState& state,
                     const BrokerOptions& options) {
  std::set<NodeId> founders;
  for (const Replica& replica : membership) founders.insert(replica.node);
  for (const auto& [node, life] : state.lives()) founders.insert(node);
  for (const auto& [node, number] : state.renewed()) founders.insert(node);
  return CheckNodes({founders.begin(), founders.end()}, options);
}

Leftovers FindLeftovers(const std::vector<DirectoryEntry>& entries,
                        const std::vector<GroupId>& listed, const CatalogueState& state) {
  std::set<std::string> known{kClusterGroup.ToString()};
  for (const auto& [id, topic] : state.topics()) {
    for (std::uint32_t i = 0; i < topic.created.placement.size(); ++i) {
      known.insert(GroupId{id, PartitionNumber(i)}.ToString());
    }
  }
  std::map<std::string, TopicId> deleted;
  for (const TopicId& id : state.deleted()) deleted[id.ToHex()] = id;
  Leftovers left;
  for (const GroupId& group : listed) {
    if (state.WasDeleted(group.topic)) left.deleted.push_back(group);
  }
  for (const DirectoryEntry& entry : entries) {
    if (entry.type != FileType::kDirectory || known.contains(entry.name)) continue;
    if (const auto group = GroupOf(entry.name, deleted)) {
      if (std::ranges::find(left.deleted, *group) == left.deleted.end())
        left.deleted.push_back(*group);
    } else {
      left.unknown.push_back(entry.name);
    }
  }
  return left;
}

}  // namespace raftmq::broker
