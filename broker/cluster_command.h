// The commands of the `__cluster` group: what its kCommand entries carry. FORMAT.md draws the
// bytes; a new kind or field needs a new version.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "raftmq/result.h"

namespace raftmq::broker {

inline constexpr std::uint8_t kClusterCommandVersion = 1;

// A broker is a member and can be reached here. Said again when something of it changed.
struct NodeJoined {
  NodeId node;
  std::uint64_t incarnation = 0;
  std::string client_host;
  std::uint16_t client_port = 0;
  std::string peer_host;
  std::uint16_t peer_port = 0;
  std::uint32_t shards = 1;
  bool operator==(const NodeJoined&) const = default;
};

// A topic with its placement: for each partition the nodes that hold a replica, first leader first.
struct TopicCreated {
  TopicId id;
  std::uint64_t seed = 0;  // Random and never told to clients: its groups' seeds derive from it.
  std::string name;
  std::map<std::string, std::string> settings;  // As set by the user, defaults left out.
  std::vector<std::vector<NodeId>> placement;
  bool operator==(const TopicCreated&) const = default;
};

// Every replica of the topic on `node` has its directory: from now on a missing one is a loss, not
// an unfinished creation.
struct ReplicasFounded {
  TopicId id;
  NodeId node;
  bool operator==(const ReplicasFounded&) const = default;
};

struct TopicDeleted {
  TopicId id;
  bool operator==(const TopicDeleted&) const = default;
};

// A producer asks for a session. What it gets follows from the entry's index and from the
// allotments of the same name before it; see CatalogueState::AllottedAt.
struct SessionAllotted {
  std::string name;  // Empty: a session that nobody takes over.
  bool operator==(const SessionAllotted&) const = default;
};

// The data directory that `node` joined with is gone for good: it never comes back, and none of the
// replicas that it held counts any more.
struct NodeReplaced {
  NodeId node;
  std::uint64_t incarnation = 0;  // Of the directory that is gone.
  bool operator==(const NodeReplaced&) const = default;
};

// From now on `node` has this data directory in place of the one that is gone. The command's index
// is the number of all replicas that the node is to hold.
struct NodeAdmitted {
  NodeId node;
  std::uint64_t incarnation = 0;
  bool operator==(const NodeAdmitted&) const = default;
};

// One replica is gone for good, says its node; may be one of the catalogue itself. The command's
// index is the number of the next one there.
struct ReplicaLost {
  TopicId id;
  PartitionNumber partition;
  NodeId node;
  ReplicaNumber number;  // Of the one that is gone.
  bool operator==(const ReplicaLost&) const = default;
};

using ClusterCommand = std::variant<NodeJoined, TopicCreated, ReplicasFounded, TopicDeleted,
                                    SessionAllotted, NodeReplaced, NodeAdmitted, ReplicaLost>;

// REQUIRES: names, values and counts within their 16-bit lengths.
std::string EncodeClusterCommand(const ClusterCommand& command);
// Errors: kUnknownFormat.
Result<ClusterCommand> DecodeClusterCommand(ByteSpan bytes);

}  // namespace raftmq::broker
