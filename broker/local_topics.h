// What this node serves of the catalogue: opens the partitions placed here on their shards, drops
// those of deleted topics, and shows every shard the picture of what there is.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "broker/catalogue_state.h"
#include "broker/catalogue_view.h"
#include "broker/shard.h"

namespace raftmq::broker {

// Affine to the home shard, whose loop runs all callbacks.
class LocalTopics {
 public:
  // `opened` is told of each topic whose partitions here are all open or known to be lost; the
  // status is an error only if it concerns the whole node.
  using Opened = std::function<void(const TopicId& topic, Status outcome)>;

  LocalTopics(Shard& home, std::vector<Shard*> shards, Opened opened);

  // Opens what is new in `state` and drops what is gone.
  void Reconcile(const CatalogueState& state);
  // Tells the shards who is to be in the groups of what is open or opening, where that has changed;
  // opens the replica here anew if that has got another number.
  void ReconcileMembers(const CatalogueState& state);
  // Shows what is in `state` from the next Publish on; opens nothing yet.
  void ShowOnly(const CatalogueState& state);
  // From the next Publish on the topic is shown. REQUIRES: it was opened.
  void MarkReady(const TopicId& topic);
  // `done` runs when every shard has the picture.
  void Publish(const CatalogueState& state, std::function<void()> done);
  bool IsKnown(const TopicId& topic) const { return topics_.contains(topic); }
  bool IsReady(const TopicId& topic) const;
  bool IsHere(const TopicId& topic) const;  // This node holds a replica of some partition.
  std::size_t opening_count() const;        // Topics whose partitions are not all open yet.

 private:
  struct Topic {
    std::shared_ptr<const ViewTopic> view;
    std::size_t shards_left = 0;  // Still opening.
    Status outcome;
    bool is_opened = false;  // Or on its way.
    bool is_ready = false;
    bool is_here = false;
    std::vector<std::vector<ReplicaId>> wanted;  // By partition; what the shards know.
  };

  void Open(const CatalogueState& state, const CatalogueTopic& topic);
  std::optional<PartitionOrder> OrderFor(const CatalogueTopic& topic, const Topic& local,
                                         const ViewPartition& partition) const;
  void OpenOnShardDone(const TopicId& id, Status outcome);
  void Drop(const TopicId& id);
  std::shared_ptr<const ViewTopic> MakeView(const CatalogueTopic& topic) const;

  Shard& home_;
  const std::vector<Shard*> shards_;
  const Opened opened_;
  std::map<TopicId, Topic> topics_;
  Anchor<LocalTopics> anchor_{this};
};

}  // namespace raftmq::broker
