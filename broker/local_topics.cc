#include "broker/local_topics.h"

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "protocol/types/hash.h"

namespace raftmq::broker {
namespace {

// Each group its own, from the topic's secret.
std::uint64_t SeedOf(std::uint64_t topic_seed, PartitionNumber partition) {
  std::byte bytes[4];
  StoreLittleEndian(bytes, partition.value());
  return Hash64(bytes, topic_seed);
}

}  // namespace

LocalTopics::LocalTopics(Shard& home, std::vector<Shard*> shards, Opened opened)
    : home_(home), shards_(std::move(shards)), opened_(std::move(opened)) {}

void LocalTopics::Reconcile(const CatalogueState& state) {
  std::vector<TopicId> gone;
  for (const auto& [id, topic] : topics_) {
    // One that is still opening is dropped when it is open.
    if (topic.shards_left == 0 && state.FindTopic(id) == nullptr) gone.push_back(id);
  }
  for (const TopicId& id : gone) Drop(id);
  for (const auto& [id, topic] : state.topics()) {
    const auto known = topics_.find(id);
    if (known == topics_.end() || !known->second.is_opened) Open(state, topic);
  }
}

void LocalTopics::ReconcileMembers(const CatalogueState& state) {
  for (auto& [id, local] : topics_) {
    const CatalogueTopic* const topic = state.FindTopic(id);
    if (topic == nullptr || !local.is_opened) continue;
    for (const ViewPartition& partition : local.view->partitions) {
      auto& told = local.wanted.at(partition.group.partition.value());
      auto wanted = state.WantedReplicas(*topic, partition.group.partition);
      if (wanted == told) continue;
      const auto own = [self = home_.options().node](const std::vector<ReplicaId>& in) {
        const auto found = std::ranges::find(in, self, &ReplicaId::node);
        return found == in.end() ? ReplicaNumber(0) : found->number;
      };
      const bool is_renewed = own(wanted) != own(told);
      told = wanted;
      auto order = OrderFor(*topic, local, partition);
      if (is_renewed && order) {
        shards_[partition.shard]->Put(
            [order = std::move(*order)](Shard& there) { there.partitions().OpenAnew(order); });
        continue;
      }
      shards_[partition.shard]->Put([group = partition.group, wanted](Shard& there) {
        there.partitions().SetWanted(group, wanted);
      });
    }
  }
}

void LocalTopics::ShowOnly(const CatalogueState& state) {
  for (const auto& [id, topic] : state.topics()) topics_[id].view = MakeView(topic);
}

void LocalTopics::Open(const CatalogueState& state, const CatalogueTopic& topic) {
  const TopicId id = topic.created.id;
  Topic& local = topics_[id];
  local.view = MakeView(topic);
  local.wanted.clear();
  local.is_opened = true;
  std::map<std::uint32_t, std::vector<PartitionOrder>> orders;
  for (const ViewPartition& partition : local.view->partitions) {
    local.wanted.push_back(state.WantedReplicas(topic, partition.group.partition));
    if (auto order = OrderFor(topic, local, partition))
      orders[partition.shard].push_back(std::move(*order));
  }
  local.shards_left = orders.size();
  local.is_here = !orders.empty();
  if (orders.empty()) {
    home_.Put([this, ref = anchor_.Ref(), id](Shard&) {
      if (ref.get() != nullptr && topics_.contains(id)) opened_(id, Ok());
    });
  }
  for (auto& [shard, of_shard] : orders) {
    const auto report = [this, ref = anchor_.Ref(), id](Status outcome) {
      home_.Put([ref, id, outcome](Shard&) {
        if (LocalTopics* topics = ref.get()) topics->OpenOnShardDone(id, outcome);
      });
    };
    shards_[shard]->Put(
        [of_shard, report](Shard& there) { there.partitions().Open(of_shard, report); });
  }
}

// Nothing if this node is to hold no replica of it.
std::optional<PartitionOrder> LocalTopics::OrderFor(const CatalogueTopic& topic, const Topic& local,
                                                    const ViewPartition& partition) const {
  const NodeId self = home_.options().node;
  const PartitionNumber number = partition.group.partition;
  const auto& wanted = local.wanted.at(number.value());
  const auto own = std::ranges::find(wanted, self, &ReplicaId::node);
  if (own == wanted.end()) return std::nullopt;
  return PartitionOrder{
      .group = partition.group,
      .topic = local.view->name,
      .settings = local.view->effective,
      .stats = partition.stats,
      // Of one in the place of a lost one only the manifest knows.
      .is_founded = topic.founded.contains(self) && !topic.renewed.contains({number, self}),
      .seed = SeedOf(topic.created.seed, number),
      .founders = topic.created_at,
      .replica = own->number.value(),
      .nodes = partition.replicas,
      .wanted = wanted};
}

void LocalTopics::OpenOnShardDone(const TopicId& id, Status outcome) {
  Topic& topic = topics_.at(id);
  RAFTMQ_CHECK(topic.shards_left > 0);
  if (!outcome) topic.outcome = std::move(outcome);
  if (--topic.shards_left == 0) opened_(id, topic.outcome);
}

void LocalTopics::Drop(const TopicId& id) {
  for (Shard* shard : shards_) shard->Put([id](Shard& there) { there.partitions().DropTopic(id); });
  topics_.erase(id);
}

void LocalTopics::MarkReady(const TopicId& topic) { topics_.at(topic).is_ready = true; }

bool LocalTopics::IsReady(const TopicId& topic) const {
  const auto found = topics_.find(topic);
  return found != topics_.end() && found->second.is_ready;
}

bool LocalTopics::IsHere(const TopicId& topic) const {
  const auto found = topics_.find(topic);
  return found != topics_.end() && found->second.is_here;
}

std::size_t LocalTopics::opening_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      topics_, [](const auto& entry) { return entry.second.shards_left > 0; }));
}

void LocalTopics::Publish(const CatalogueState& state, std::function<void()> done) {
  auto view = std::make_shared<CatalogueView>();
  for (const auto& [id, node] : state.nodes()) {
    view->nodes.push_back({id, node.client_host, node.client_port, node.shards});
  }
  for (const auto& [id, topic] : topics_) {
    view->topics.emplace(topic.view->name, topic.view);
    view->by_id.emplace(id, topic.view);
  }
  auto left = std::make_shared<std::size_t>(shards_.size());  // Touched on the home loop only.
  auto shared_done = std::make_shared<std::function<void()>>(std::move(done));
  for (Shard* shard : shards_) {
    shard->Put([view, left, shared_done, home = &home_](Shard& there) {
      there.ShowView(view);
      home->Put([left, shared_done](Shard&) {
        if (--*left == 0) (*shared_done)();
      });
    });
  }
}

std::shared_ptr<const ViewTopic> LocalTopics::MakeView(const CatalogueTopic& topic) const {
  auto view = std::make_shared<ViewTopic>();
  view->name = topic.created.name;
  view->id = topic.created.id;
  view->settings = topic.created.settings;
  // They were checked before they were logged; a newer broker's settings keep their defaults here.
  const auto settings = ParseTopicSettings(topic.created.settings, home_.options().topic_defaults);
  view->effective = settings ? *settings : home_.options().topic_defaults;
  for (std::uint32_t i = 0; i < topic.created.placement.size(); ++i) {
    const GroupId group{view->id, PartitionNumber(i)};
    view->partitions.push_back({.group = group,
                                .shard = ShardOf(group, home_.options().shards),
                                .replicas = topic.created.placement[i],
                                .stats = std::make_shared<PartitionStats>()});
  }
  return view;
}

}  // namespace raftmq::broker
