// One replica on its shard: the group, what the broker keeps beside it, and who waits for its end.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/catalogue_view.h"
#include "broker/shard_metrics.h"
#include "protocol/types/ids.h"
#include "raftlog/group.h"

namespace raftmq::broker {

class FetchStream;

// Shard-affine.
class Partition {
 public:
  struct Options {
    GroupId id;
    std::string topic;
    TopicSettings settings;
    std::shared_ptr<PartitionStats> stats;
    NodeId self;
    std::vector<NodeId> nodes;        // Where replicas are placed, this one included.
    TopicMetrics* metrics = nullptr;  // Of the topic on this shard; outlives the partition.
  };
  Partition(Options options, std::unique_ptr<Group> group);
  ~Partition();
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  Group& group() { return *group_; }
  const GroupId& id() const { return options_.id; }
  const TopicSettings& settings() const { return options_.settings; }
  TopicMetrics& metrics() { return *options_.metrics; }
  std::string Name() const;  // "orders/3", for messages.

  // A stream that reads here: woken when the end moves, told when the partition goes.
  void Attach(FetchStream& stream) { streams_.insert(&stream); }
  void Detach(FetchStream& stream) { streams_.erase(&stream); }

  // Ends the streams with kTopicNotFound: the topic was deleted.
  void EndStreams();
  // Whether it is ticked every tick.
  bool is_awake() const { return is_awake_; }
  void SetAwake(bool is_awake) { is_awake_ = is_awake; }

  // At the end of a turn in which the group was touched: hands its work on, and tells the other
  // shards of a new leader at once.
  void TurnEnd();
  // Why the group has stopped, once; else null.
  const Error* TakeFailure();
  // Copies the group's status to where other shards read it.
  void PublishStats();

 private:
  void OnCommit();
  void PublishMembers();

  Options options_;
  std::unique_ptr<Group> group_;
  bool is_awake_ = false;
  bool has_failed_ = false;         // And told why.
  std::set<FetchStream*> streams_;  // Each alive; they detach before they die.
};

}  // namespace raftmq::broker
