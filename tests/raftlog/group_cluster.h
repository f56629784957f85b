// Several replicas of one group, each with a disk in memory that forgets what was not synced, and
// the network between them. Nothing moves by itself: disks, reads and messages go on in Settle, or
// step by step.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "segment/memory_file_system.h"
#include "tests/raftlog/group_world.h"

namespace raftmq {

struct GroupClusterOptions {
  std::uint32_t nodes = 3;
  std::size_t cache_bytes = 1u << 20;
  std::uint64_t segment_bytes = 256u << 10;
  std::int64_t retention_ms = -1;
  std::int64_t retention_bytes = -1;
  bool internal = false;
  bool fresh_page_per_job = false;
};

class MailTransport final : public Transport {
 public:
  explicit MailTransport(std::deque<PeerMessage>* mail) : mail_(mail) {}
  void Send(PeerMessage message) override { mail_->push_back(std::move(message)); }

 private:
  std::deque<PeerMessage>* mail_;
};

// One replica and its node.
class ClusterNode final : public AnyGroupWorld {
 public:
  ClusterNode(Replica self, Membership founders, const GroupClusterOptions& cluster,
              std::deque<PeerMessage>* mail);
  ~ClusterNode() override { Crash(); }

  bool IsUp() const { return group != nullptr; }
  // The machine is gone, with everything that was not synced.
  void PowerCut();
  // File name -> content, of the log's segments.
  std::map<std::string, std::string> Segments();
  // Flips a bit in the entry's frame; the name of its segment without ".log".
  std::string DamageEntry(Index index);
  // The same, and who has the file mapped sees it, too.
  void OverwriteEntry(Index index);

  DiskSpace space;          // Of its disk: the test says what it is.
  bool disk_hangs = false;  // Settle leaves its disk alone.
  std::unique_ptr<MemoryFileSystem> files = std::make_unique<MemoryFileSystem>();

 private:
  FileSystem& file_system() override { return *files; }
  Transport& network() override { return mail_; }
  Result<std::unique_ptr<OpenedLog>> OpenLog() override;
  // File name, and position in it.
  std::pair<std::string, std::uint64_t> PlaceOf(Index index);

  const Replica self_;
  const Membership founders_;
  MailTransport mail_;
};

// Single-threaded.
class GroupCluster {
 public:
  static constexpr int kHeartbeatTicks = 3;
  static constexpr int kElectionTicksMin = 10;  // Timers run out long after: when a test says so.

  explicit GroupCluster(const GroupClusterOptions& options = {});  // All are up.

  ClusterNode& node(std::uint32_t id) { return *nodes_.at(id - 1); }
  Group& group(std::uint32_t id) { return *node(id).group; }
  std::deque<PeerMessage>& mail() { return mail_; }
  const std::deque<PeerMessage>& mail() const { return mail_; }

  // Those it reaches forget their leader, its timer runs out, and everything settles.
  void Elect(std::uint32_t id);
  // The same, but its no-op and all that follows is not sent yet.
  void Win(std::uint32_t id);
  void Tick(std::uint32_t id, int ticks);
  // The leader is heard by all it reaches; everything settles.
  void Heartbeat(std::uint32_t leader);
  // Until nothing is left to send, write, read or deliver.
  void Settle();
  void RunDisk(std::uint32_t id);
  void DeliverAll();

  // What is sent to and from it is lost, until Heal.
  void Isolate(std::uint32_t id) { isolated_.insert(NodeId(id)); }
  void Heal() { isolated_.clear(); }
  void PowerCut(std::uint32_t id);
  void Start(std::uint32_t id) { node(id).Open(); }
  // The node is there again with an empty disk, and founds its replica under another number.
  void Replace(std::uint32_t id, ReplicaNumber number);
  void StartAll();

  Result<Proposed> Produce(std::uint32_t leader, const std::string& value);

  bool doubles_messages = false;  // Each is delivered twice.

 private:
  bool Reaches(std::uint32_t from, std::uint32_t to);
  bool IsLost(const PeerMessage& message) const;
  bool WorkRound();

  const GroupClusterOptions options_;
  Membership founders_;
  std::deque<PeerMessage> mail_;
  std::vector<std::unique_ptr<ClusterNode>> nodes_;
  std::set<NodeId> isolated_;
};

}  // namespace raftmq
