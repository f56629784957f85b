// The state machine of the `__cluster` group: which nodes and topics there are. Pure: a function of
// the commands applied, with one canonical byte form that goes into the group's checkpoints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/cluster_command.h"
#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "protocol/types/membership.h"
#include "raftmq/result.h"

namespace raftmq::broker {

inline constexpr ReplicaNumber kCatalogueReplica{1};  // Of the catalogue's founders.

struct CatalogueTopic {
  TopicCreated created;
  std::uint64_t created_at = 0;  // Index of its command: the replica number of its founders.
  std::set<NodeId> founded;      // Nodes whose replicas have their directories.
  // Of replicas that took the place of a lost one on its node: their numbers.
  std::map<std::pair<PartitionNumber, NodeId>, ReplicaNumber> renewed;
  std::size_t NodeCount() const;  // Nodes that are to hold a replica of some partition.
  bool operator==(const CatalogueTopic&) const = default;
};

// Of a node whose data directory was replaced at least once.
struct NodeLife {
  std::uint64_t admitted_at = 0;   // Index of the newest NodeAdmitted; 0 = none yet.
  bool is_replaced = false;        // Its directory is gone, and no other is admitted yet.
  std::deque<std::uint64_t> gone;  // Incarnations that never come back, oldest first; at most
                                   // kGoneMax.
  bool operator==(const NodeLife&) const = default;
};

// A producer's session: what it carries in its batches.
struct AllottedSession {
  SessionId session;
  std::uint32_t epoch = 0;
  bool operator==(const AllottedSession&) const = default;
};

// Of a producer's name: what its newest allotment gave.
struct ProducerName {
  AllottedSession newest;
  Index allotted_at;  // The index of that allotment's command.
  bool operator==(const ProducerName&) const = default;
};

// Not thread-safe; copies are independent.
class CatalogueState {
 public:
  // How many names of producers there may be. They are kept for ever: one that was forgotten would
  // no longer fence its predecessors.
  static constexpr std::size_t kProducerNamesMax = 4096;
  // How many deleted topics are remembered, so that a node that was down finds what to remove.
  static constexpr std::size_t kDeletedMax = 4096;
  // How many directories of a node are remembered that are gone.
  static constexpr std::size_t kGoneMax = 64;

  // Applies one committed command. A command that no longer fits (a name taken meanwhile, a topic
  // gone) has no effect: every replica decides alike.
  void Apply(Index index, const ClusterCommand& command);

  const CatalogueTopic* FindTopic(std::string_view name) const;
  const CatalogueTopic* FindTopic(const TopicId& id) const;
  bool WasDeleted(const TopicId& id) const;

  // Who is to be in the partition's group: the replicas placed, each with its newest number; those
  // on nodes without a directory left out. REQUIRES: the topic has that partition.
  std::vector<ReplicaId> WantedReplicas(const CatalogueTopic& topic,
                                        PartitionNumber partition) const;
  // The same of the catalogue's own group, which these nodes have founded with that number.
  std::vector<ReplicaId> WantedOfCatalogue(const std::vector<NodeId>& founders,
                                           ReplicaNumber number) const;

  // The number of the node's replica of the catalogue.
  ReplicaNumber CatalogueReplicaOf(NodeId node) const;

  // What the command applied last, at `index`, gave its producer. Without a name: the index itself,
  // epoch 0. With one: the same session as ever with the next epoch; after the highest epoch
  // another session, again from epoch 0. Errors: kLimitExceeded (kProducerNamesMax; the command had
  // no effect). REQUIRES: no allotment of that name was applied since.
  Result<AllottedSession> AllottedAt(Index index, const SessionAllotted& command) const;

  const std::map<std::string, ProducerName, std::less<>>& producer_names() const {
    return producer_names_;
  }
  const std::deque<TopicId>& deleted() const { return deleted_; }
  const std::map<TopicId, CatalogueTopic>& topics() const { return topics_; }
  const std::map<NodeId, NodeJoined>& nodes() const { return nodes_; }
  const std::map<NodeId, NodeLife>& lives() const { return lives_; }
  // Of replicas of the catalogue that took the place of a lost one on its node: their numbers.
  const std::map<NodeId, ReplicaNumber>& renewed() const { return renewed_; }
  std::size_t partition_count() const { return partition_count_; }

  // The canonical form, and back. Errors: kUnknownFormat. No bytes at all are the empty state.
  ByteBuffer Encode() const;
  static Result<CatalogueState> Decode(ByteSpan bytes);

  bool operator==(const CatalogueState&) const = default;

 private:
  void ApplyOne(Index index, const NodeJoined& command);
  void ApplyOne(Index index, const TopicCreated& command);
  void ApplyOne(Index index, const ReplicasFounded& command);
  void ApplyOne(Index index, const TopicDeleted& command);
  void ApplyOne(Index index, const SessionAllotted& command);
  void ApplyOne(Index index, const NodeReplaced& command);
  void ApplyOne(Index index, const NodeAdmitted& command);
  void ApplyOne(Index index, const ReplicaLost& command);
  void RenewCatalogue(Index index, NodeId node, ReplicaNumber lost);
  std::optional<ReplicaId> Wanted(NodeId node, ReplicaNumber number) const;
  void AddTopic(CatalogueTopic topic);

  std::map<TopicId, CatalogueTopic> topics_;
  std::map<std::string, TopicId, std::less<>> by_name_;  // Mirrors topics_.
  std::map<NodeId, NodeJoined> nodes_;
  std::map<NodeId, NodeLife> lives_;
  std::map<NodeId, ReplicaNumber> renewed_;
  std::deque<TopicId> deleted_;  // Oldest first, at most kDeletedMax.
  std::map<std::string, ProducerName, std::less<>> producer_names_;  // At most kProducerNamesMax.
  std::size_t partition_count_ = 0;                                  // Sum over topics_.
};

}  // namespace raftmq::broker
