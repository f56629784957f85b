#include "broker/scrub/shard_place.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/shard.h"

namespace raftmq::broker {

bool ShardPlace::IsComplete() {
  const CatalogueView& view = shard_.view();
  if (view.nodes.empty()) return false;  // Nothing has been shown yet.
  const auto is_missing = [this](const ViewPartition& partition) {
    if (partition.shard != shard_.number()) return false;
    const bool is_here =
        std::ranges::find(partition.replicas, shard_.options().node) != partition.replicas.end();
    return is_here && shard_.FindGroup(partition.group) == nullptr &&
           shard_.partitions().FindLost(partition.group) == nullptr;
  };
  return std::ranges::none_of(view.topics, [&is_missing](const auto& topic) {
    return std::ranges::any_of(topic.second->partitions, is_missing);
  });
}

std::vector<GroupId> ShardPlace::Groups() {
  std::vector<GroupId> ids;
  shard_.VisitGroups([&ids](const GroupId& id, Group&) { ids.push_back(id); });
  std::ranges::sort(ids);
  return ids;
}

bool ShardPlace::Has(const GroupId& id) { return shard_.FindGroup(id) != nullptr; }

std::string ShardPlace::NameOf(const GroupId& id) {
  if (Partition* partition = shard_.partitions().Find(id)) return partition->Name();
  if (id.topic == kClusterTopicId) return "__cluster/0";
  return id.ToString();
}

std::uint64_t ShardPlace::BytesOf(const GroupId& id) {
  Group* const group = shard_.FindGroup(id);
  return group == nullptr ? 0 : group->status().size_bytes;
}

std::optional<SegmentScrub> ShardPlace::CheckSegment(const GroupId& id, Index from) {
  Group* const group = shard_.FindGroup(id);
  return group == nullptr ? std::nullopt : group->CheckSegment(from);
}

// Repair of what is found is work of the group's next tick.
bool ShardPlace::TakeDamage(const GroupId& id, const SegmentScrub& segment) {
  Group* const group = shard_.FindGroup(id);
  if (group == nullptr) return true;
  if (Partition* partition = shard_.partitions().Find(id)) shard_.partitions().Touch(*partition);
  return group->TakeDamage(segment);
}

void ShardPlace::RepairMeta(const GroupId& id) {
  Group* const group = shard_.FindGroup(id);
  if (group == nullptr) return;
  if (Partition* partition = shard_.partitions().Find(id)) shard_.partitions().Touch(*partition);
  group->RepairMeta();
}

void ShardPlace::VisitDamage(
    const std::function<void(const GroupId&, const std::vector<DamagedRange>&)>& visit) {
  shard_.VisitGroups([&visit](const GroupId& id, Group& group) {
    if (!group.damage().empty()) visit(id, group.damage());
  });
}

}  // namespace raftmq::broker
