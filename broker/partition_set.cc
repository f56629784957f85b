#include "broker/partition_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "broker/membership_plan.h"
#include "broker/partition_directory.h"
#include "broker/raft_timers.h"

namespace raftmq::broker {
namespace {

// Partitions of a shard that are opened at a time: enough for the work pool's threads, and far
// below its queue's bound.
constexpr std::size_t kOpenAtATime = 8;
constexpr Microseconds kFoundingRetry{1'000'000};
constexpr Microseconds kQuietTick{1'000'000};

bool ConcernsTheNode(ErrorCode code) {
  return code == ErrorCode::kUnknownFormat || code == ErrorCode::kForeignDirectory;
}

// What is being replaced from the other replicas is no answer for ever.
Error AnswerOfLost(const std::string& name, const Error& why, bool is_replaced) {
  if (!is_replaced)
    return {ErrorCode::kDataCorrupt, fmt::format("{} could not be opened: {}", name, why.message)};
  return {ErrorCode::kNotYet,
          fmt::format("{} could not be opened, another replica takes its place here: try again, or "
                      "ask another node: {}",
                      name, why.message)};
}

bool HasStarted(Partition& partition) {
  const GroupStatus status = partition.group().status();
  return status.is_leader && status.commit == status.last;
}

}  // namespace

// One call of Open.
struct PartitionSet::Opening {
  std::deque<PartitionOrder> orders;      // Not yet begun.
  std::size_t under_way = 0;              // On the work pool.
  std::vector<GroupId> starting;          // Open, but their groups have no leader yet.
  std::vector<PartitionOrder> unfounded;  // The disk was full, say: tried again.
  Status outcome;
  std::function<void(Status)> done;
  bool IsOver() const {
    return orders.empty() && under_way == 0 && starting.empty() && unfounded.empty();
  }
};

PartitionSet::PartitionSet(const Environment& environment) : environment_(environment) {}
PartitionSet::~PartitionSet() = default;

void PartitionSet::Open(std::vector<PartitionOrder> orders, std::function<void(Status)> done) {
  auto opening = std::make_shared<Opening>();
  for (PartitionOrder& order : orders) {
    members_[order.group] = {.wanted = order.wanted};
    lost_.erase(order.group);
    opening->orders.push_back(std::move(order));
  }
  opening->done = std::move(done);
  openings_.push_back(opening);
  OpenMore();
}

// As many as the work pool may have of this shard; a full queue is tried again with the next tick.
void PartitionSet::OpenMore() {
  for (const auto& opening : openings_) {
    while (!opening->orders.empty() && opening_count_ < kOpenAtATime) {
      if (!OpenOne(opening, opening->orders.front())) return;
      opening->orders.pop_front();
    }
  }
}

bool PartitionSet::OpenOne(const std::shared_ptr<Opening>& opening, const PartitionOrder& order) {
  // The result crosses back from a thread of the pool.
  auto log = std::make_shared<Result<std::unique_ptr<OpenedLog>>>(nullptr);
  const auto work = [&files = environment_.deps.files, &manifest = environment_.manifest,
                     options = OptionsFor(order), order, log] {
    *log = FoundOrOpenPartition(
        files, manifest, options,
        {order.nodes, order.is_founded, order.seed, order.replica, order.founders});
  };
  const auto done = [ref = anchor_.Ref(), opening, order, log] {
    if (PartitionSet* set = ref.get()) set->OpenOneOnDone(opening, order, std::move(*log));
  };
  if (!environment_.deps.work.Submit(work, done)) return false;
  ++opening->under_way;
  ++opening_count_;
  return true;
}

void PartitionSet::OpenOneOnDone(const std::shared_ptr<Opening>& opening,
                                 const PartitionOrder& order,
                                 Result<std::unique_ptr<OpenedLog>> log) {
  --opening->under_way;
  --opening_count_;
  const std::string name = fmt::format("{}/{}", order.topic, order.group.partition.value());
  if (log) {
    for (const std::string& note : (*log)->notes()) {
      environment_.log.Warn("storage", fmt::format("{}: {}", name, note));
    }
    auto group = MakeGroup(OptionsFor(order), environment_.deps, std::move(*log));
    Group& started = *group;
    auto partition = std::make_unique<Partition>(
        Partition::Options{order.group, order.topic, order.settings, order.stats,
                           environment_.options.node, order.nodes, &MetricsOf(order.topic)},
        std::move(group));
    for (const DamagedRange& range : started.damage()) {
      environment_.log.Fault(
          "storage", fmt::format("{} is damaged at offsets {} to {}: {}", name,
                                 range.first_offset.value(), range.end_offset.value(), range.what));
    }
    started.Tick();  // Starts the election.
    Touch(*partition);
    // With other replicas nobody waits for an election: it may need nodes that are not there.
    if (order.nodes.size() == 1) opening->starting.push_back(order.group);
    partitions_[order.group] = std::move(partition);
  } else if (!order.is_founded && !ConcernsTheNode(log.error().code) &&
             log.error().code != ErrorCode::kDataCorrupt) {
    // Nobody has it yet, so nothing is lost.
    environment_.log.WarnLimited(
        "storage", "founding",
        fmt::format("{} cannot be founded yet: {}", name, log.error().ToString()));
    opening->unfounded.push_back(order);
  } else {
    environment_.log.Fault("storage",
                           fmt::format("{} cannot be opened: {}", name, log.error().ToString()));
    // So that clients come here and are told, instead of waiting for a leader for ever.
    if (order.nodes.size() == 1) order.stats->leader.Set(environment_.options.node.value());
    const auto place = std::ranges::find(order.nodes, environment_.options.node);
    order.stats->lost.Set(std::uint64_t{1}
                          << std::min<std::ptrdiff_t>(place - order.nodes.begin(), 63));
    if (opening->outcome && ConcernsTheNode(log.error().code)) opening->outcome = Fail(log.error());
    const bool is_replaced = order.nodes.size() > 1 && log.error().code == ErrorCode::kDataCorrupt;
    lost_[order.group] = AnswerOfLost(name, log.error(), is_replaced);
    if (is_replaced) environment_.on_lost(order.group, ReplicaNumber(order.replica));
  }
  OpenMore();
}

// At the end of each turn: elections end with completions of the disk, which are turns.
void PartitionSet::OpenCheckStarted() {
  std::vector<std::shared_ptr<Opening>> over;
  for (const auto& opening : openings_) {
    std::erase_if(opening->starting, [this](const GroupId& id) {
      Partition* partition = Find(id);
      if (partition != nullptr && !HasStarted(*partition)) {
        Touch(*partition);
        return false;
      }
      if (partition != nullptr) partition->PublishStats();
      return true;
    });
    if (opening->IsOver()) over.push_back(opening);
  }
  std::erase_if(openings_, [](const auto& opening) { return opening->IsOver(); });
  for (const auto& opening : over) opening->done(opening->outcome);
}

void PartitionSet::TurnEnd() {
  if (!openings_.empty()) OpenCheckStarted();
  DropFinish();
  std::vector<Partition*> touched;
  touched.swap(touched_);
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (Partition* partition : touched) partition->TurnEnd();
}

void PartitionSet::PeerUnreachable(NodeId node) {
  for (auto& [id, partition] : partitions_) {
    partition->group().PeerUnreachable(node);
    Touch(*partition);
  }
}

void PartitionSet::OpenRetryFounding() {
  const Microseconds now = environment_.deps.clock.SteadyNow();
  if (now - founding_retried_ < kFoundingRetry) return;
  founding_retried_ = now;
  for (const auto& opening : openings_) {
    for (PartitionOrder& order : opening->unfounded) opening->orders.push_back(std::move(order));
    opening->unfounded.clear();
  }
}

void PartitionSet::PeerSilent(const GroupId& group, NodeId node, std::uint32_t ticks) {
  Partition* const partition = Find(group);
  if (partition == nullptr) return;
  partition->group().PeerSilent(node, ticks);
  Touch(*partition);
}

void PartitionSet::Touch(Partition& partition) {
  touched_.push_back(&partition);
  if (partition.is_awake()) return;
  partition.SetAwake(true);
  awake_.push_back(&partition);
}

void PartitionSet::Tick() {
  if (!openings_.empty()) OpenRetryFounding();
  OpenMore();
  const Microseconds now = environment_.deps.clock.SteadyNow();
  if (now - all_ticked_ >= kQuietTick) {
    all_ticked_ = now;
    for (auto& [id, partition] : partitions_) Touch(*partition);
  }
  std::vector<Partition*> awake;
  awake.swap(awake_);
  for (Partition* partition : awake) {
    partition->group().Tick();
    touched_.push_back(partition);
    partition->SetAwake(!partition->group().IsQuiet());
    if (partition->is_awake()) awake_.push_back(partition);
  }
}

Partition* PartitionSet::Find(const GroupId& group) {
  const auto found = partitions_.find(group);
  return found == partitions_.end() ? nullptr : found->second.get();
}

void PartitionSet::Visit(const std::function<void(Partition&)>& visit) {
  for (const auto& [id, partition] : partitions_) visit(*partition);
}

const Error* PartitionSet::FindLost(const GroupId& group) const {
  const auto found = lost_.find(group);
  return found == lost_.end() ? nullptr : &found->second;
}

void PartitionSet::OpenAnew(const PartitionOrder& order) {
  if (Find(order.group) != nullptr) return SetWanted(order.group, order.wanted);
  Open({order}, [](const Status&) {});
}

void PartitionSet::SetWanted(const GroupId& group, std::vector<ReplicaId> wanted) {
  const auto known = members_.find(group);
  if (known != members_.end()) known->second.wanted = std::move(wanted);
}

void PartitionSet::ReconcileMembers() {
  for (auto& [id, partition] : partitions_) {
    const auto known = members_.find(id);
    if (known == members_.end()) continue;  // It is being dropped.
    Members& members = known->second;
    Group& group = partition->group();
    if (members.is_changing || !group.status().is_leader) continue;
    const Membership& now = group.membership();
    const auto self = std::ranges::find(now, environment_.options.node, &Replica::node);
    if (self == now.end()) continue;
    const auto next = NextMembership(now, members.wanted, self->id());
    if (!next) continue;
    members.is_changing = true;
    // Refused while another is under way or a learner is behind: then it is tried again.
    group.ChangeMembership(*next, [ref = anchor_.Ref(), here = id](const Result<Proposed>&) {
      PartitionSet* const set = ref.get();
      if (set == nullptr) return;
      if (const auto found = set->members_.find(here); found != set->members_.end())
        found->second.is_changing = false;
    });
    Touch(*partition);
  }
}

void PartitionSet::DropTopic(const TopicId& topic) {
  std::vector<GroupId> groups;
  for (const auto& [id, partition] : partitions_) {
    if (id.topic == topic) groups.push_back(id);
  }
  std::erase_if(lost_, [&topic](const auto& entry) { return entry.first.topic == topic; });
  std::erase_if(members_, [&topic](const auto& entry) { return entry.first.topic == topic; });
  for (const GroupId& group : groups) Drop(group);
}

void PartitionSet::Drop(const GroupId& group) {
  // Closed before its files go: the group finishes what the disk thread has of it.
  Partition& partition = *Find(group);
  partition.EndStreams();
  partition.group().Drain([ref = anchor_.Ref(), group] {
    PartitionSet* set = ref.get();
    if (set == nullptr) return;
    // Not from within the group's own callback.
    set->dropped_.push_back(group);
  });
  Touch(partition);
}

void PartitionSet::DropFinish() {
  std::vector<GroupId> dropped;
  dropped.swap(dropped_);
  for (const GroupId& group : dropped) {
    const auto found = partitions_.find(group);
    std::erase(touched_, found->second.get());
    std::erase(awake_, found->second.get());
    partitions_.erase(found);
    RemoveDirectory(group);
  }
}

void PartitionSet::RemoveDirectory(const GroupId& group) {
  const std::string path = PartitionPath(environment_.options.storage.data_directory, group);
  auto outcome = std::make_shared<Status>();
  const auto work = [&files = environment_.deps.files, &manifest = environment_.manifest, path,
                     group, outcome] {
    *outcome = RemovePartitionDirectory(files, path);
    if (*outcome) *outcome = RemovePartitionDirectory(files, LostPath(path));
    if (*outcome) *outcome = manifest.Remove(group);
  };
  const auto done = [&log = environment_.log, outcome] {
    if (!*outcome)
      log.Warn("storage",
               fmt::format("a deleted partition stays behind: {}", outcome->error().ToString()));
  };
  if (const auto submitted = environment_.deps.work.Submit(work, done); !submitted) {
    environment_.log.Warn("storage", fmt::format("{} is removed at the next start: {}", path,
                                                 submitted.error().ToString()));
  }
}

void PartitionSet::Drain(std::function<void()> done) {
  auto left = std::make_shared<std::size_t>(partitions_.size());
  auto shared_done = std::make_shared<std::function<void()>>(std::move(done));
  if (*left == 0) return (*shared_done)();
  for (auto& [id, partition] : partitions_) {
    Group& group = partition->group();
    group.HandOver([this, &group, here = id, left, shared_done] {
      group.Drain([left, shared_done] {
        if (--*left == 0) (*shared_done)();
      });
      if (Partition* there = Find(here)) Touch(*there);
    });
    Touch(*partition);
  }
}

PartitionSet::Gauges PartitionSet::PublishGauges() {
  Gauges gauges;
  std::map<TopicMetrics*, std::uint64_t> sizes;
  for (const auto& [name, metrics] : topic_metrics_) sizes[metrics.get()] = 0;
  for (auto& [id, partition] : partitions_) {
    partition->PublishStats();
    const GroupStatus status = partition->group().status();
    sizes[&partition->metrics()] += status.size_bytes;
    gauges.segments += status.segments;
    if (status.leader == NodeId(0)) ++gauges.leaderless;
    if (const Error* const failure = partition->TakeFailure()) {
      environment_.log.Fault("raft", fmt::format("{}: {}", partition->Name(), failure->ToString()));
    }
    gauges.follower_lag_max = std::max(gauges.follower_lag_max, status.follower_lag);
  }
  for (const auto& [metrics, bytes] : sizes) metrics->size_bytes.Set(bytes);
  return gauges;
}

GroupOptions PartitionSet::OptionsFor(const PartitionOrder& order) const {
  const StorageOptions& storage = environment_.options.storage;
  GroupOptions options;
  options.self = environment_.options.node;
  options.raft = RaftTimersOf(environment_.options, order.group);
  options.is_only_replica = order.nodes.size() == 1;
  options.raft.campaigns_at_once = order.nodes.front() == options.self;
  options.log.directory = PartitionPath(storage.data_directory, order.group);
  options.log.group = order.group;
  options.log.segment_bytes_first = storage.segment_bytes_first;
  options.log.segment_bytes_max = order.settings.segment_bytes;
  options.log.fresh_page_per_job = storage.fresh_page_per_job;
  options.log.space = &environment_.space;
  options.batch_bytes_max =
      static_cast<std::uint32_t>(AlignUp(order.settings.message_bytes_max, kBatchAlignment));
  options.retention_ms = order.settings.retention_ms;
  options.message_id_window_ms = order.settings.message_id_window_ms;
  options.retention_bytes = order.settings.retention_bytes;
  return options;
}

TopicMetrics& PartitionSet::MetricsOf(const std::string& topic) {
  auto& metrics = topic_metrics_[topic];
  if (!metrics) metrics = std::make_unique<TopicMetrics>(environment_.metrics, topic);
  return *metrics;
}

}  // namespace raftmq::broker
