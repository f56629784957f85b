// One run of a broker's process, without sockets and threads: its partitions' groups, opened or
// founded as a broker does it, on its node's disk and clock. Ends with the node's power, a signal
// or a failed write; then nothing of it remains.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "broker/partition_directory.h"
#include "raftlog/group_factory.h"
#include "segment/node_manifest.h"
#include "tests/sim/cluster.h"
#include "tests/sim/sim_file_system.h"
#include "tests/sim/sim_queues.h"
#include "tests/sim/sim_shard.h"
#include "tests/sim/sim_transport.h"
#include "tests/sim/state_machine.h"

namespace raftmq::sim {

class Process {
 public:
  struct Environment {
    Cluster& cluster;
    NodeId node;
    FileSystem& files;
    const Clock& clock;
    std::uint64_t boot = 0;
    Later later;
    std::function<void(DiskFault)> on_fault;
  };
  explicit Process(const Environment& environment);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Every replica that is placed here and not open yet.
  void OpenAll();
  // Its replica was removed: closes it, removes its directory, calls `done`. Not while it opens.
  void Drop(std::uint32_t partition, std::function<void()> done);
  void Tick();
  void Receive(const Parcel& parcel);
  void PeerUnreachable(NodeId node);
  // What a broker's handlers do with requests.
  void Produce(std::uint32_t partition, ByteBuffer batch, bool in_memory, Group::ProposeDone done);
  void OpenSession(std::uint32_t partition, SessionId session, std::uint32_t epoch,
                   std::function<void(Result<OpenedSession>)> done);
  struct FetchFrom {
    Offset offset;
    Offset end_seen;
    std::size_t bytes_max = 0;
  };
  void Fetch(std::uint32_t partition, const FetchFrom& from, Group::FetchDone done);
  // Everything drained; then `done`.
  void Drain(std::function<void()> done);
  bool is_draining() const { return is_draining_; }
  // After each input: what it has staged goes to the disk and the other nodes, the oracles look.
  void EndTurn();
  // What each replica has made of its log.
  void LookAtStates();

  // Null if it is not open. What is done with it counts as an input.
  Group* Use(std::uint32_t partition);
  const Group* Find(std::uint32_t partition) const { return replicas_[partition].group.get(); }
  // As its replica here believes; 0 = none known.
  NodeId LeaderOf(std::uint32_t partition) const {
    const Group* const group = Find(partition);
    return group == nullptr ? NodeId(0) : group->status().leader;
  }
  SimFileSystem& files() { return files_; }
  bool is_opening() const { return opening_ > 0; }
  bool has_manifest() const { return manifest_ != nullptr; }
  const GroupMetrics& metrics() const { return metrics_; }

 private:
  struct Replica {
    std::unique_ptr<PartitionDisk> disk;
    std::unique_ptr<SimTransport> transport;
    StateMachine state;  // Of an internal partition.
    std::unique_ptr<Group> group;
    bool is_opening = false;
    bool is_touched = false;
    bool is_quiet = false;    // One tick a second is enough.
    bool is_refused = false;  // It is lost: this process opens it no more.
    Index scrubbed;           // Up to here, in this round.
  };

  void Open(std::uint32_t partition);
  void OpenOnDone(std::uint32_t partition, ReplicaNumber number,
                  Result<std::unique_ptr<OpenedLog>> log);
  void MayBeLost(std::uint32_t partition, PartitionTruth::Placement& placement);
  void NotOpened(std::uint32_t partition, PartitionTruth::Placement& placement, const Error& error);
  Status OpenManifest();
  Result<std::unique_ptr<OpenedLog>> OpenOrFound(std::uint32_t partition);
  GroupOptions OptionsOf(std::uint32_t partition) const;
  void Ticked(std::uint32_t partition, const GroupStatus& status);
  void Look(std::uint32_t partition);
  void ScrubNow();
  void ScrubOn(std::uint32_t partition, ReplicaNumber number,
               std::shared_ptr<SegmentScrub> segment);
  void ScrubDone(std::uint32_t partition, ReplicaNumber number, const SegmentScrub& segment);
  void StartStateMachine(Replica& replica);
  SimShard& ShardOf(std::uint32_t partition) {
    return *shards_[cluster_.scenario.ShardOf(partition)];
  }
  PartitionTruth& TruthOf(std::uint32_t partition) { return *cluster_.partitions[partition]; }
  void OnSilent(const GroupId& group, NodeId node, std::uint32_t ticks);
  void DropFinish(std::uint32_t partition, const std::function<void()>& done);
  void CountMetrics();
  // As the mutant says, but not to those who found or recover a log.
  void Lie();
  void StopLying();
  bool IsWanted(std::uint32_t partition) const;
  broker::ReplicaIdentity IdentityOf(const PartitionTruth& truth,
                                     const PartitionTruth::Placement& placement);

  Cluster& cluster_;
  const NodeId node_;
  const Clock& clock_;
  const std::uint64_t boot_;
  const Later later_;
  SimFileSystem files_;
  std::unique_ptr<NodeManifest> manifest_;
  SimWork work_;
  GroupMetrics metrics_;
  std::uint32_t scrubs_next_ = 0;  // Partition.
  bool is_scrubbing_ = false;
  Time scrubs_at_ = 0;
  std::vector<std::unique_ptr<SimShard>> shards_;
  Microseconds all_ticked_{0};
  std::uint32_t opening_ = 0;
  bool is_draining_ = false;
  std::vector<Replica> replicas_;  // By partition.
};

}  // namespace raftmq::sim
