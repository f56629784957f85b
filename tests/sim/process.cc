#include "tests/sim/process.h"

#include <fmt/format.h>

#include <utility>

#include "protocol/types/batch_validator.h"
#include "protocol/types/hash.h"

namespace raftmq::sim {

namespace {

// Of meta (segment/FORMAT.md).
constexpr std::uint64_t kHardStatePages = 2 * kPageBytes;
constexpr std::uint64_t kSecondHardStatePage = 3 * kPageBytes;
constexpr std::uint64_t kHardStatePagesEnd = 4 * kPageBytes;

}  // namespace

Process::Process(const Environment& environment)
    : cluster_(environment.cluster),
      node_(environment.node),
      clock_(environment.clock),
      boot_(environment.boot),
      later_(environment.later),
      files_(environment.files, environment.on_fault,
             [this] { return !cluster_.choices.PerMille(cluster_.disk.cold); }),
      work_(cluster_, later_),
      replicas_(cluster_.partitions.size()) {
  Lie();
  for (std::uint32_t i = 0; i < cluster_.scenario.shards; ++i) {
    shards_.push_back(std::make_unique<SimShard>(
        cluster_, SimShard::Options{node_, i, boot_}, later_,
        [this](std::uint32_t partition) { replicas_[partition].is_touched = true; },
        [this](const GroupId& group, NodeId peer, std::uint32_t ticks) {
          OnSilent(group, peer, ticks);
        }));
  }
  for (std::uint32_t i = 0; i < replicas_.size(); ++i) {
    replicas_[i].disk = std::make_unique<PartitionDisk>(ShardOf(i).disk, i);
    replicas_[i].transport = std::make_unique<SimTransport>(cluster_, node_, i, [this, i] {
      return Find(i) ? Find(i)->damage() : std::vector<DamagedRange>();
    });
  }
}

void Process::Lie() {
  StopLying();
  if (cluster_.mutant == Mutant::kHardStateNotSynced)
    files_.LieAboutSyncs(SimFileSystem::Lie{"/meta", kHardStatePages, kHardStatePagesEnd});
  if (cluster_.mutant == Mutant::kLogNotSynced) files_.LieAboutSyncs(SimFileSystem::Lie{".log"});
  if (cluster_.mutant == Mutant::kOneHardStateCopy)
    files_.LoseWritesAt("/meta", kSecondHardStatePage);
}

void Process::StopLying() {
  files_.LieAboutSyncs(std::nullopt);
  files_.LoseNoWrites();
}

Process::~Process() {
  CountMetrics();
  for (Replica& replica : replicas_) replica.group.reset();
}

void Process::CountMetrics() {
  const auto reach = [this](Mark mark, const Counter& counter) {
    cluster_.coverage.Reach(mark, counter.value());
  };
  reach(Mark::kDiskHang, metrics_.disk_hangs);
  reach(Mark::kDiskFull, metrics_.refused_disk_full);
  reach(Mark::kOverloaded, metrics_.refused_overloaded);
  reach(Mark::kCutShort, metrics_.appends_cut_short);
  reach(Mark::kAppendRefused, metrics_.appends_refused);
  reach(Mark::kMessageIdsFull, metrics_.refused_message_ids_full);
  reach(Mark::kRetentionWaited, metrics_.retention_waits);
  reach(Mark::kFetchCache, metrics_.fetches_from_cache);
  reach(Mark::kFetchFiles, metrics_.fetches_from_map);
  reach(Mark::kFetchCold, metrics_.fetches_cold);
  reach(Mark::kDamageAtRead, metrics_.reads_damaged);
}

Group* Process::Use(std::uint32_t partition) {
  Replica& replica = replicas_[partition];
  if (!replica.group) return nullptr;
  replica.is_touched = true;
  replica.is_quiet = false;
  return replica.group.get();
}

// Quiet groups are passed over but once a second (broker/partition_set.cc).
void Process::Tick() {
  OpenAll();
  constexpr Microseconds kQuietTick{1'000'000};
  const Microseconds now = clock_.SteadyNow();
  const bool ticks_all = now - all_ticked_ >= kQuietTick;
  if (ticks_all) all_ticked_ = now;
  for (std::uint32_t i = 0; i < replicas_.size(); ++i) {
    if (replicas_[i].is_quiet && !ticks_all) continue;
    Group* const group = Use(i);
    if (group == nullptr) continue;
    group->Tick();
    TruthOf(i).KnowsDamage(TruthOf(i).placements.at(node_).record, group->damage());
    Ticked(i, group->status());
    replicas_[i].is_quiet = group->IsQuiet();
    if (replicas_[i].is_quiet) cluster_.coverage.Reach(Mark::kQuiet);
  }
  for (const auto& shard : shards_) shard->heartbeats.Tick();
  ScrubNow();
}

// A leader looks for its majority once in an election timeout, and memberships may change in
// between; one that was drained says for ever what it was.
void Process::Ticked(std::uint32_t partition, const GroupStatus& status) {
  PartitionTruth::Placement& placement = TruthOf(partition).placements.at(node_);
  if (cluster_.scenario.goes_quiet || is_draining_ || placement.is_retired) return;
  TruthOf(partition).Ticked(placement.record, status, 2 * cluster_.scenario.election_ticks_min);
}

void Process::Receive(const Parcel& parcel) {
  if (const auto* const message = std::get_if<PeerMessage>(&parcel.content)) {
    if (Group* const group = Use(parcel.partition)) {
      ReplicaRecord& record = TruthOf(parcel.partition).placements.at(node_).record;
      record.heard[parcel.from] = record.ticks;
      if (const auto* const raft = std::get_if<RaftMessage>(&message->body))
        TruthOf(parcel.partition).Hears(record, *raft);
      group->Receive(*message);
    }
  } else if (const auto* const heartbeat = std::get_if<Heartbeat>(&parcel.content)) {
    if (heartbeat->lists_groups) cluster_.coverage.Reach(Mark::kQuietExchanged);
    shards_[parcel.partition]->heartbeats.Receive(parcel.from, *heartbeat);
  } else {
    const auto& reply = std::get<HeartbeatReply>(parcel.content);
    shards_[parcel.partition]->heartbeats.Receive(parcel.from, reply);
  }
}

void Process::PeerUnreachable(NodeId node) {
  for (std::uint32_t i = 0; i < replicas_.size(); ++i) {
    if (Group* const group = Use(i)) group->PeerUnreachable(node);
  }
  for (const auto& shard : shards_) shard->heartbeats.Forget(node);
}

void Process::OnSilent(const GroupId& group, NodeId node, std::uint32_t ticks) {
  cluster_.coverage.Reach(Mark::kWoken);
  if (Group* const silent = Use(group.partition.value())) silent->PeerSilent(node, ticks);
}

void Process::Produce(std::uint32_t partition, ByteBuffer batch, bool in_memory,
                      Group::ProposeDone done) {
  Group* const group = Use(partition);
  if (group == nullptr) return done(Fail(ErrorCode::kNotLeader, "it is not open here"));
  const std::size_t bytes = batch.size();
  if (cluster_.scenario.IsInternal(partition)) {
    const bool is_forwarded = !group->status().is_leader;
    return group->ProposeAnywhere(std::move(batch), [this, is_forwarded, done = std::move(done)](
                                                        const Result<Proposed>& proposed) {
      if (proposed && is_forwarded) cluster_.coverage.Reach(Mark::kForwarded);
      done(proposed);
    });
  }
  const auto header =
      ValidateBatch(batch.span(), {.batch_bytes_max = cluster_.scenario.batch_bytes_max});
  if (!header) return done(Fail(header.error()));
  group->Propose(std::move(batch), 0, bytes, {.in_memory = in_memory}, std::move(done));
}

void Process::OpenSession(std::uint32_t partition, SessionId session, std::uint32_t epoch,
                          std::function<void(Result<OpenedSession>)> done) {
  Group* const group = Use(partition);
  if (group == nullptr) return done(Fail(ErrorCode::kNotLeader, "it is not open here"));
  group->OpenSession(session, epoch, std::move(done));
}

void Process::Fetch(std::uint32_t partition, const FetchFrom& from, Group::FetchDone done) {
  Group* const group = Use(partition);
  const auto& placements = TruthOf(partition).placements;
  const auto placed = placements.find(node_);
  // Also of one that was found to be lost when its log was opened again.
  if (group == nullptr || (placed != placements.end() && placed->second.is_lost))
    return done(Fail(ErrorCode::kPartitionNotFound, "it is not open here"));
  if (group->status().end < from.end_seen)
    return done(Fail(ErrorCode::kNotYet, "the client has seen a higher end"));
  group->Fetch(from.offset, from.bytes_max, std::move(done));
}

void Process::Drain(std::function<void()> done) {
  is_draining_ = true;
  auto left = std::make_shared<std::size_t>(1);
  auto shared = std::make_shared<std::function<void()>>(std::move(done));
  const auto drained = [left, shared] {
    if (--*left == 0) (*shared)();
  };
  for (std::uint32_t i = 0; i < replicas_.size(); ++i) {
    Group* const group = Use(i);
    if (group == nullptr) continue;
    ++*left;
    group->HandOver([this, i, group, drained, led = group->status().is_leader] {
      if (led && !group->status().is_leader) cluster_.coverage.Reach(Mark::kHandedOver);
      group->Drain(drained);
      Use(i);
    });
  }
  drained();
}

void Process::LookAtStates() {
  if (files_.is_dead()) return;
  for (std::uint32_t i = 0; i < replicas_.size(); ++i) {
    const Group* const group = Find(i);
    if (group == nullptr || replicas_[i].is_touched) continue;
    TruthOf(i).LookAtState(TruthOf(i).placements.at(node_).record, *group);
  }
}

// While its log is closed and opened again a group leads nobody, whatever it still does.
void Process::Look(std::uint32_t partition) {
  PartitionTruth& truth = TruthOf(partition);
  ReplicaRecord& record = truth.placements.at(node_).record;
  GroupStatus status = Find(partition)->status();
  if (status.needs_reopening) {
    if (record.awaits_group || status.commit <= record.commit) return;
    status.last = record.last();
    status.durable = std::min(status.durable, record.durable);
    status.is_leader = record.is_leader && truth.HasLed(node_, status.term);
  }
  record.awaits_group = false;
  truth.Look(record, status);
}

void Process::EndTurn() {
  for (std::uint32_t i = 0; i < replicas_.size(); ++i) {
    Replica& replica = replicas_[i];
    if (!replica.is_touched || files_.is_dead()) continue;
    replica.is_touched = false;
    if (!replica.group) continue;
    replica.group->TurnEnd();
    PartitionTruth& truth = TruthOf(i);
    ReplicaRecord& record = truth.placements.at(node_).record;
    if (const Error* const failure = replica.group->failure()) {
      if (!truth.placements.at(node_).is_lost) truth.Stopped(record, *failure);
      continue;
    }
    Look(i);
    if (record.been_through) truth.LookAtState(record, *replica.group);
    for (const StateMachine::Step& step : replica.state.TakeSteps()) truth.Applied(record, step);
  }
}

}  // namespace raftmq::sim
