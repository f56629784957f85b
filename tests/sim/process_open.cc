// How a process gets its partitions: as a broker does (broker/partition_set.cc).
#include <fmt/format.h>

#include <utility>

#include "protocol/types/hash.h"
#include "tests/sim/process.h"
#include "tests/sim/watched_log.h"

namespace raftmq::sim {

GroupOptions Process::OptionsOf(std::uint32_t partition) const {
  const Scenario& scenario = cluster_.scenario;
  const PartitionTruth::Founding& founding = cluster_.partitions[partition]->founding;
  GroupOptions options;
  options.self = node_;
  options.raft.seed = Hash64(AsBytes(founding.group.ToString()), boot_);
  options.raft.heartbeat_ticks = scenario.heartbeat_ticks;
  options.raft.election_ticks_min = scenario.election_ticks_min;
  options.raft.election_ticks_max = scenario.election_ticks_max;
  options.raft.in_flight_max = scenario.in_flight_max;
  options.raft.campaigns_at_once = founding.nodes.front() == node_;
  options.disk_hang_limit = Milliseconds(scenario.disk_hang_limit / kMillisecond);
  options.log.directory = broker::PartitionPath("", founding.group);
  options.log.group = founding.group;
  options.log.segment_bytes_first = 1;  // As small as the greatest batch allows.
  options.log.segment_bytes_max = scenario.tiny_segments ? 1 : 256u << 10;
  options.log.control_reserve_bytes = 8u << 10;
  options.log.fresh_page_per_job = scenario.fresh_page_per_job;
  if (scenario.zero_ahead) options.log.zero_ahead_bytes_min = 1;
  // The job does nothing more, and the node buries the process when it comes back to it.
  options.log.on_fatal = [](const Error&) {};
  options.batch_bytes_max = scenario.batch_bytes_max;
  options.pending_bytes_max = scenario.pending_bytes_max;
  options.retention_ms = -1;
  options.retention_bytes = scenario.retention_bytes;
  options.session_min_age_ms =
      static_cast<std::int64_t>(scenario.clients.session_min_age / kMillisecond);
  if (scenario.clients.sessions_max > 0) options.sessions_max = scenario.clients.sessions_max;
  options.message_id_window_ms = founding.message_id_window_ms;
  if (scenario.message_ids.known_max > 0) options.message_ids_max = scenario.message_ids.known_max;
  options.session_faults = {
      .acks_uncommitted = cluster_.mutant == Mutant::kDuplicateAckedEarly,
      .forgets_at_cuts = cluster_.mutant == Mutant::kSessionsLostAtCuts,
      .forgets_at_resets = cluster_.mutant == Mutant::kSessionsLostAtResets,
      .fences_nobody = cluster_.mutant == Mutant::kOpeningsFenceNobody,
      .forgets_ids_at_cuts = cluster_.mutant == Mutant::kMessageIdsLostAtCuts,
      .overlooks_ids_under_way = cluster_.mutant == Mutant::kMessageIdsUnderWayOverlooked};
  options.internal = scenario.IsInternal(partition);
  options.is_only_replica = scenario.nodes == 1;  // Memberships grow.
  // A state machine's log cannot roll before a term has begun, and each takes of the reserve: with
  // a page for each, a disk that stays full for some terms would end the group (DESIGN.md).
  if (options.internal) {
    options.log.control_reserve_bytes = 32u << 10;
    options.log.fresh_page_per_job = false;
  }
  options.state_bytes_max = 4u << 10;
  return options;
}

void Process::OpenAll() {
  for (std::uint32_t i = 0; i < replicas_.size(); ++i) {
    if (IsWanted(i)) Open(i);
  }
}

// Whether one is lost, the product has to find out.
bool Process::IsWanted(std::uint32_t partition) const {
  const Replica& replica = replicas_[partition];
  if (replica.group || replica.is_opening || replica.is_refused) return false;
  const auto& placements = cluster_.partitions[partition]->placements;
  const auto placed = placements.find(node_);
  return placed != placements.end() && !placed->second.is_retired;
}

void Process::Open(std::uint32_t partition) {
  auto log = std::make_shared<Result<std::unique_ptr<OpenedLog>>>(nullptr);
  const ReplicaNumber number = TruthOf(partition).placements.at(node_).record.id.number;
  const Status submitted = work_.Submit(
      [this, partition, log] { *log = OpenOrFound(partition); },
      [this, partition, number, log] { OpenOnDone(partition, number, std::move(*log)); });
  if (!submitted) return;  // The next tick tries again.
  replicas_[partition].is_opening = true;
  ++opening_;
}

Status Process::OpenManifest() {
  if (manifest_) return Ok();
  std::vector<std::string> notes;
  // A failed write is the end of the process: the node buries it.
  RAFTMQ_TRY_ASSIGN(manifest_, NodeManifest::Open(files_, "", &notes, [](const Error&) {}));
  if (!notes.empty()) cluster_.coverage.Reach(Mark::kManifestRepaired);
  return Ok();
}

// What a broker knows from its catalogue, which may lag: not after a loss of the whole disk, since
// peers then refuse the node until it has learned what it is.
broker::ReplicaIdentity Process::IdentityOf(const PartitionTruth& truth,
                                            const PartitionTruth::Placement& placement) {
  const PartitionTruth::Founding& founding = truth.founding;
  const bool lags =
      placement.is_founded && !placement.is_disk_lost && cluster_.choices.Below(4) == 0;
  if (lags) cluster_.coverage.Reach(Mark::kCatalogueLags);
  broker::ReplicaIdentity identity{.nodes = founding.nodes,
                                   .is_founded = placement.is_founded && !lags,
                                   .seed = founding.seed,
                                   .replica = placement.record.id.number.value(),
                                   .founders = founding.number.value()};
  if (cluster_.mutant == Mutant::kLostDirectoryFounded) identity.is_founded = false;
  if (cluster_.mutant == Mutant::kJoinerVotesAlone && identity.replica != identity.founders) {
    identity.nodes = {node_};
    identity.founders = identity.replica;
  }
  return identity;
}

Result<std::unique_ptr<OpenedLog>> Process::OpenOrFound(std::uint32_t partition) {
  const PartitionTruth& truth = TruthOf(partition);
  const auto placed = truth.placements.find(node_);
  if (placed == truth.placements.end())
    return Fail(ErrorCode::kPartitionNotFound, "it was removed meanwhile");
  StopLying();
  if (cluster_.mutant == Mutant::kManifestNotKept) {
    files_.LoseWritesAt("/manifest", 0);
    files_.LoseWritesAt("/manifest.copy", 0);
  }
  RAFTMQ_TRY(OpenManifest());
  if (cluster_.mutant == Mutant::kRecoveryNotSynced && placed->second.is_founded)
    files_.LieAboutSyncs(SimFileSystem::Lie{".log"});
  auto opened = broker::FoundOrOpenPartition(files_, *manifest_, OptionsOf(partition),
                                             IdentityOf(truth, placed->second));
  Lie();
  return opened;
}

void Process::OpenOnDone(std::uint32_t partition, ReplicaNumber number,
                         Result<std::unique_ptr<OpenedLog>> log) {
  Replica& replica = replicas_[partition];
  replica.is_opening = false;
  --opening_;
  PartitionTruth& truth = TruthOf(partition);
  const auto placed = truth.placements.find(node_);
  if (placed == truth.placements.end() || placed->second.record.id.number != number) return;
  ReplicaRecord& record = placed->second.record;
  if (!log) return NotOpened(partition, placed->second, log.error());
  truth.Opened(placed->second, **log);
  if (placed->second.is_retired) return;
  (*log)->log = std::make_unique<WatchedLog>(std::move((*log)->log), truth, record);
  const auto reopen = [this, partition, &truth, &placement = placed->second] {
    auto again = OpenOrFound(partition);
    if (!again) {
      if (again.error().code == ErrorCode::kDataCorrupt) MayBeLost(partition, placement);
      return again;
    }
    truth.Opened(placement, **again);
    (*again)->log = std::make_unique<WatchedLog>(std::move((*again)->log), truth, placement.record);
    cluster_.coverage.Reach(Mark::kReopened);
    return again;
  };
  replica.group = MakeGroup(
      OptionsOf(partition),
      {.files = files_,
       .clock = clock_,
       .disk = *replica.disk,
       .work = work_,
       .cache = ShardOf(partition).cache,
       .live_traffic = ShardOf(partition).live_traffic,
       .metrics = metrics_,
       .transport = *replica.transport,
       .heartbeats = cluster_.scenario.goes_quiet ? &ShardOf(partition).heartbeats : nullptr},
      std::move(*log), reopen);
  if (cluster_.scenario.IsInternal(partition)) StartStateMachine(replica);
  Use(partition)->Tick();
}

// As brokers do with theirs (broker/catalogue.cc).
void Process::StartStateMachine(Replica& replica) {
  StateMachine& state = replica.state;
  state = StateMachine();
  replica.group->SetCapture([this, &state] {
    cluster_.coverage.Reach(Mark::kStateCaptured);
    return state.Capture();
  });
  replica.group->SetRestore([this, &state](ByteSpan captured) {
    if (!captured.empty()) cluster_.coverage.Reach(Mark::kStateRestored);
    state.Restore(captured);
  });
  replica.group->SetApply([&state](Index index, ByteSpan payload) { state.Apply(index, payload); });
}

// Its log has no checkpoint to begin with any more: that may happen to whom damage has hit there.
void Process::MayBeLost(std::uint32_t partition, PartitionTruth::Placement& placement) {
  if (!placement.record.may_be_lost || placement.is_lost) return;
  placement.is_lost = true;
  TruthOf(partition).End(placement.record.id);
  cluster_.coverage.Reach(Mark::kLostByDamage);
}

void Process::NotOpened(std::uint32_t partition, PartitionTruth::Placement& placement,
                        const Error& error) {
  if (error.code == ErrorCode::kDiskFull || error.code == ErrorCode::kOverloaded ||
      files_.is_dead())
    return;  // The next tick, or the next process, tries again.
  if (error.code == ErrorCode::kDataCorrupt) MayBeLost(partition, placement);
  if (placement.is_lost && error.code == ErrorCode::kDataCorrupt) {
    replicas_[partition].is_refused = true;
    return cluster_.coverage.Reach(Mark::kLostRefused);
  }
  TruthOf(partition).Broken("I-24", placement.record, "cannot be opened: " + error.ToString());
}

// The group finishes what the disk has of it, and goes outside its own callback.
void Process::Drop(std::uint32_t partition, std::function<void()> done) {
  if (replicas_[partition].is_opening) return;
  Group* const group = Use(partition);
  if (group == nullptr) return DropFinish(partition, done);
  group->Drain([this, partition, done = std::move(done)] {
    later_(0, [this, partition, done] { DropFinish(partition, done); });
  });
}

// As a broker does it (broker/partition_set.cc): the listing goes last.
void Process::DropFinish(std::uint32_t partition, const std::function<void()>& done) {
  replicas_[partition].group.reset();
  replicas_[partition].is_refused = false;
  const GroupId& group = TruthOf(partition).founding.group;
  Status removed = OpenManifest();
  if (removed) removed = broker::RemovePartitionDirectory(files_, broker::PartitionPath("", group));
  if (removed) removed = manifest_->Remove(group);
  if (removed) done();
}

}  // namespace raftmq::sim
