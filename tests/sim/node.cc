#include "tests/sim/node.h"

#include <utility>

#include "broker/partition_directory.h"
#include "protocol/types/check.h"
#include "tests/sim/network.h"

namespace raftmq::sim {
namespace {

constexpr std::uint64_t kDiskBytes = std::uint64_t{1} << 40;
constexpr std::int64_t kPercentPpm = 10'000;
constexpr Time kStopPatience = 5 * kSecond;  // Of a clean stop; then it is ended.
constexpr std::size_t kStalledMax = 2000;    // As many messages as sockets would hold.
constexpr std::uint64_t kHardStatePages = 2 * kPageBytes;  // Of meta (segment/FORMAT.md).

std::int64_t DrawRate(Cluster& cluster) {
  const std::int64_t most = cluster.scenario.clock_rate_ppm;
  const auto rate =
      static_cast<std::int64_t>(cluster.choices.Below(2 * static_cast<std::uint64_t>(most) + 1)) -
      most;
  if (rate >= kPercentPpm) cluster.coverage.Reach(Mark::kClockFast);
  if (rate <= -kPercentPpm) cluster.coverage.Reach(Mark::kClockSlow);
  return rate;
}

}  // namespace

Node::Node(Cluster& cluster, NodeId id)
    : cluster_(cluster), id_(id), clock_(cluster.timeline, DrawRate(cluster)) {
  FoundDisk();
}

Node::~Node() = default;

void Node::FoundDisk() {
  disk_ = std::make_unique<MemoryFileSystem>(MemoryDisk(kDiskBytes));
  RAFTMQ_CHECK(disk_->CreateDirectory(broker::PartitionsPath("")).has_value());
  RAFTMQ_CHECK(NodeManifest::Create(*disk_, "").has_value());
  RAFTMQ_CHECK(disk_->SyncDirectory("/").has_value());
}

void Node::Start() {
  if (process_) return;
  process_ = std::make_unique<Process>(Process::Environment{
      .cluster = cluster_,
      .node = id_,
      .files = *disk_,
      .clock = clock_,
      .boot = cluster_.choices.Next(),
      .later = [this](Time delay,
                      std::function<void()> action) { Later(delay, std::move(action)); },
      .on_fault = [this](DiskFault fault) { OnDiskFault(fault); }});
  if (died_ > 0 && cluster_.timeline.now() - died_ < cluster_.scenario.election_max())
    cluster_.coverage.Reach(Mark::kFastRestart);
  process_->OpenAll();
  Tick();
}

void Node::Tick() {
  Later(clock_.WorldTime(cluster_.scenario.tick), [this] {
    process_->Tick();
    Tick();
  });
}

void Node::Do(std::function<void()> action) {
  if (!process_) return;
  if (!is_paused_) return RunNow(action);
  if (stalled_.size() < kStalledMax) stalled_.push_back(std::move(action));
}

void Node::Run(std::uint64_t life, std::function<void()>& action) {
  if (life != life_) return;
  Do(std::move(action));
}

void Node::RunNow(std::function<void()>& action) {
  cluster_.Event(id_.value());
  action();
  if (process_) process_->EndTurn();
  if (process_ && process_->files().is_dead()) Bury();
}

void Node::OnDiskFault(DiskFault fault) {
  const bool is_error = fault == DiskFault::kWriteError || fault == DiskFault::kSyncError;
  cluster_.coverage.Reach(is_error ? Mark::kIoErrors : Mark::kDeathInStorage);
  if (is_error)
    cluster_.coverage.Reach(fault == DiskFault::kWriteError ? Mark::kWriteErrors
                                                            : Mark::kSyncErrors);
  if (process_->is_opening()) cluster_.coverage.Reach(Mark::kDeathInRecovery);
  // After a failed sync the page cache may show what the disk has lost.
  const bool is_cut = fault == DiskFault::kPowerCut ||
                      (fault == DiskFault::kSyncError && cluster_.choices.Below(2) == 0);
  if (is_cut) CutPower();
}

void Node::Bury() {
  process_.reset();
  ++life_;
  is_paused_ = false;
  stalled_.clear();
  died_ = cluster_.timeline.now();
  if (left_) disk_ = std::move(left_);
  cluster_.network->ProcessEnded(id_);
  for (const auto& truth : cluster_.partitions) {
    const auto placed = truth->placements.find(id_);
    if (placed != truth->placements.end()) placed->second.record.is_leader = false;
  }
  StartLater();
}

void Node::StartLater() {
  const Time delay = cluster_.choices.Around(cluster_.scenario.faults.restart_mean);
  cluster_.timeline.After(delay, [this, life = life_] {
    if (life == life_) Start();
  });
}

void Node::Kill() {
  if (!process_) return;
  cluster_.coverage.Reach(Mark::kKills);
  Bury();
}

void Node::PowerCut() {
  CutPower();
  if (!process_) {
    cluster_.coverage.Reach(Mark::kCutWhileDown);
    disk_ = std::move(left_);
    return;
  }
  cluster_.coverage.Reach(Mark::kPowerCuts);
  for (const auto& truth : cluster_.partitions) {
    const auto placed = truth->placements.find(id_);
    if (placed != truth->placements.end() &&
        std::exchange(placed->second.record.found_unsynced, false))
      cluster_.coverage.Reach(Mark::kCutAfterUnsynced);
  }
  Bury();
}

void Node::CutPower() {
  if (disk_->Snapshot().unsynced_units() > 0) cluster_.coverage.Reach(Mark::kCutLost);
  SeededCrashChooser chooser(cluster_.choices.Next());
  left_ = disk_->AfterPowerCut(chooser);
}

void Node::CleanStop() {
  Do([this] {
    Later(kStopPatience, [this] { Bury(); });
    process_->Drain([this, life = life_] {
      cluster_.timeline.After(0, [this, life] {
        if (life != life_ || !process_) return;
        cluster_.coverage.Reach(Mark::kCleanStops);
        Bury();
      });
    });
  });
}

void Node::ArmStorage(DiskFault fault, std::uint64_t skip) {
  if (process_ && !process_->files().is_armed()) process_->files().Arm(fault, skip);
}

void Node::Pause(Time duration) {
  if (!process_ || is_paused_) return;
  is_paused_ = true;
  cluster_.timeline.After(duration, [this, life = life_] {
    if (life == life_) Resume();
  });
}

void Node::Resume() {
  is_paused_ = false;
  while (!is_paused_ && process_ && !stalled_.empty() && !cluster_.verdict.is_broken()) {
    auto action = std::move(stalled_.front());
    stalled_.pop_front();
    RunNow(action);
  }
}

void Node::SetDiskFull(bool full) { disk_->SetCapacity(full ? 0 : kDiskBytes); }

void Node::Heal() {
  SetDiskFull(false);
  Start();
  process_->files().Disarm();
  if (is_paused_) Resume();
}

void Node::LoseDisk() {
  RAFTMQ_CHECK(!process_);
  FoundDisk();
}

void Node::LoseDirectory(std::uint32_t partition) {
  RAFTMQ_CHECK(!process_);
  const GroupId& group = cluster_.partitions[partition]->founding.group;
  RAFTMQ_CHECK(
      broker::RemovePartitionDirectory(*disk_, broker::PartitionPath("", group)).has_value());
}

void Node::DamageManifest() {
  // Nobody writes it but those who open or drop a replica.
  if (!process_ || process_->is_opening() || !process_->has_manifest()) return;
  const bool first = cluster_.choices.Below(2) == 0;
  Kill();
  disk_->Damage(std::string("/") + (first ? NodeManifest::kName : NodeManifest::kCopyName),
                cluster_.choices.Below(8), std::byte{0x10});
}

void Node::DamageHardState(std::uint32_t partition) {
  const PartitionTruth& truth = *cluster_.partitions[partition];
  if (!process_ || process_->Find(partition) == nullptr) return;
  const ReplicaRecord& record = truth.placements.at(id_).record;
  if (record.staged_state != record.durable_state) return;  // It is being written.
  Kill();
  disk_->Damage(broker::PartitionPath("", truth.founding.group) + "/meta",
                kHardStatePages + cluster_.choices.Below(2 * kPageBytes), std::byte{0x10});
}

}  // namespace raftmq::sim
