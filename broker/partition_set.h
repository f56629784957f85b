// The partitions of one shard: opened and founded off the loop, served, dropped and drained.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/anchor.h"
#include "broker/broker_options.h"
#include "broker/log.h"
#include "broker/partition.h"
#include "broker/shard_metrics.h"
#include "protocol/types/membership.h"
#include "raftlog/group_factory.h"
#include "segment/node_manifest.h"

namespace raftmq::broker {

// A partition that a shard should serve.
struct PartitionOrder {
  GroupId group;
  std::string topic;
  TopicSettings settings;
  std::shared_ptr<PartitionStats> stats;
  bool is_founded = false;        // Its directory was made before: a missing one is a loss.
  std::uint64_t seed = 0;         // Of its hashes; a pure function of the creating command.
  std::uint64_t founders = 0;     // The number of its founding replicas.
  std::uint64_t replica = 0;      // That of the one here: the same, or a higher one that joins.
  std::vector<NodeId> nodes;      // That hold one; the first is to lead.
  std::vector<ReplicaId> wanted;  // Who is to be in its group by now.
};

// Loop-affine.
class PartitionSet {
 public:
  struct Environment {
    const BrokerOptions& options;
    Log& log;
    MetricsRegistry& metrics;
    NodeManifest& manifest;
    const GroupDeps& deps;
    const DiskSpace& space;
    // Told of each replica with others beside it that is lost: it may be replaced.
    std::function<void(const GroupId& group, ReplicaNumber number)> on_lost;
  };
  explicit PartitionSet(const Environment& environment);
  ~PartitionSet();
  PartitionSet(const PartitionSet&) = delete;
  PartitionSet& operator=(const PartitionSet&) = delete;

  // Opens or founds the partitions, lost ones under new numbers again; `done` runs when each serves
  // or is known to be lost. Its error is the first that is not of one partition alone:
  // kUnknownFormat, kForeignDirectory.
  void Open(std::vector<PartitionOrder> orders, std::function<void(Status)> done);
  // A replica here that was lost has got another number. One that is open stays until the next
  // start.
  void OpenAnew(const PartitionOrder& order);
  // Who is to be in the partition's group from now on. Its leader sees to that.
  void SetWanted(const GroupId& group, std::vector<ReplicaId> wanted);
  // Ends the topic's partitions and removes their directories off the loop.
  void DropTopic(const TopicId& topic);
  // Removes the directory of a partition that is not open. Off the loop.
  void RemoveDirectory(const GroupId& group);
  // Hands leadership on, refuses new proposals, lets the rest finish; `done` runs when every
  // partition is closed.
  void Drain(std::function<void()> done);

  Partition* Find(const GroupId& group);
  const Error* FindLost(const GroupId& group) const;
  // Something happened to it: it is ticked again, and its turn is ended with this one.
  void Touch(Partition& partition);
  // The connection to a node broke.
  void PeerUnreachable(NodeId node);
  // See Group::PeerSilent.
  void PeerSilent(const GroupId& group, NodeId node, std::uint32_t ticks);
  // Quiet partitions are passed over but once a second.
  void Tick();
  void TurnEnd();
  // Each partition that is open, in no order.
  void Visit(const std::function<void(Partition&)>& visit);
  std::size_t size() const { return partitions_.size(); }
  std::size_t lost_count() const { return lost_.size(); }
  struct Gauges {
    std::uint64_t segments = 0;
    std::uint64_t leaderless = 0;
    std::uint64_t follower_lag_max = 0;
  };
  // Sums up the sizes of topics, too.
  Gauges PublishGauges();
  // Where a partition led here has other members than it should, makes the next change.
  void ReconcileMembers();

 private:
  struct Opening;
  struct Members {
    std::vector<ReplicaId> wanted;
    bool is_changing = false;  // A change is under way.
  };

  void OpenMore();
  bool OpenOne(const std::shared_ptr<Opening>& opening, const PartitionOrder& order);
  void OpenOneOnDone(const std::shared_ptr<Opening>& opening, const PartitionOrder& order,
                     Result<std::unique_ptr<OpenedLog>> log);
  void OpenCheckStarted();
  void OpenRetryFounding();
  void Drop(const GroupId& group);
  void DropFinish();
  GroupOptions OptionsFor(const PartitionOrder& order) const;
  TopicMetrics& MetricsOf(const std::string& topic);

  const Environment environment_;
  std::map<std::string, std::unique_ptr<TopicMetrics>> topic_metrics_;  // Outlive the partitions.
  std::unordered_map<GroupId, std::unique_ptr<Partition>> partitions_;
  std::unordered_map<GroupId, Error> lost_;       // Those that could not be opened.
  std::unordered_map<GroupId, Members> members_;  // Of those that were to be opened.
  std::vector<Partition*> touched_;               // In this turn; may hold one twice.
  std::vector<Partition*> awake_;                 // Those marked so.
  Microseconds all_ticked_{0};
  std::vector<GroupId> dropped_;                    // Drained; to be destroyed at the turn's end.
  std::vector<std::shared_ptr<Opening>> openings_;  // Not yet done, oldest first.
  std::size_t opening_count_ = 0;                   // Partitions on the work pool.
  Microseconds founding_retried_{0};
  Anchor<PartitionSet> anchor_{this};
};

}  // namespace raftmq::broker
