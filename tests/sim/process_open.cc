// How a process gets its partitions: as a broker does (broker/partition_set.cc).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/partition_directory.h"
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
  options.log.segment_bytes_max = 256u << 10;
  options.log.control_reserve_bytes = 8u << 10;
  options.log.fresh_page_per_job = scenario.fresh_page_per_job;
  if (scenario.zero_ahead) options.log.zero_ahead_bytes_min = 1;
  // The job does nothing more, and the node buries the process when it comes back to it.
  options.log.on_fatal = [](const Error&) {};
  options.batch_bytes_max = scenario.batch_bytes_max;
  options.pending_bytes_max = scenario.pending_bytes_max;
  options.retention_ms = -1;
  return options;
}

void Process::OpenAll() {
  for (std::uint32_t i = 0; i < replicas_.size(); ++i) {
    const auto placed = TruthOf(i).placements.find(node_);
    const bool is_wanted = placed != TruthOf(i).placements.end() && placed->second.IsWhole();
    if (is_wanted && !replicas_[i].group && !replicas_[i].is_opening) Open(i);
  }
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
  return Ok();
}

Result<std::unique_ptr<OpenedLog>> Process::OpenOrFound(std::uint32_t partition) {
  const PartitionTruth& truth = TruthOf(partition);
  const auto placed = truth.placements.find(node_);
  if (placed == truth.placements.end())
    return Fail(ErrorCode::kPartitionNotFound, "it was removed meanwhile");
  const PartitionTruth::Founding& founding = truth.founding;
  const ReplicaNumber number = placed->second.record.id.number;
  const GroupOptions options = OptionsOf(partition);
  files_.LieAboutSyncs(std::nullopt);
  RAFTMQ_TRY(OpenManifest());
  if (cluster_.mutant == Mutant::kRecoveryNotSynced && placed->second.is_founded)
    files_.LieAboutSyncs(SimFileSystem::Lie{".log"});
  auto opened = [&]() -> Result<std::unique_ptr<OpenedLog>> {
    if (number == founding.number)
      return broker::FoundOrOpenPartition(
          files_, *manifest_, options,
          {founding.nodes, placed->second.is_founded, founding.seed, number.value(),
           founding.number.value()});
    // A replica that joins later founds the same log under its own number.
    if (placed->second.is_founded) return OpenGroupLog(files_, options);
    RAFTMQ_TRY(broker::RemovePartitionDirectory(files_, options.log.directory));
    LogFounding log{.group_seed = founding.seed, .replica = number};
    for (const NodeId founder : founding.nodes)
      log.membership.push_back({founder, founding.number, true});
    std::ranges::sort(log.membership, {}, &raftmq::Replica::node);
    return CreateGroupLog(files_, options, log);
  }();
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
  if (!log) {
    const ErrorCode code = log.error().code;
    if (code != ErrorCode::kDiskFull && code != ErrorCode::kOverloaded && !files_.is_dead())
      truth.Broken("I-24", record, "cannot be opened: " + log.error().ToString());
    return;
  }
  truth.Opened(placed->second, **log);
  if (!placed->second.IsWhole()) return;
  (*log)->log = std::make_unique<WatchedLog>(std::move((*log)->log), truth, record);
  replica.group = MakeGroup(OptionsOf(partition),
                            {.files = files_,
                             .clock = clock_,
                             .disk = *replica.disk,
                             .work = work_,
                             .cache = cache_,
                             .metrics = metrics_,
                             .transport = *replica.transport,
                             .heartbeats = cluster_.scenario.goes_quiet ? &heartbeats_ : nullptr},
                            std::move(*log));
  Use(partition)->Tick();
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

void Process::DropFinish(std::uint32_t partition, const std::function<void()>& done) {
  replicas_[partition].group.reset();
  const Status removed = broker::RemovePartitionDirectory(
      files_, broker::PartitionPath("", TruthOf(partition).founding.group));
  if (removed) done();
}

}  // namespace raftmq::sim
