// One shard: a loop thread, its disk thread, and the partitions and connections that live on it.
//
// Work goes in turns. Input (requests, disk completions, letters of other shards) is drained, then
// once per turn every group that was touched hands its staged entries to the disk thread as one
// round, and every connection writes what it was given in one gathered write. Nothing on the loop
// waits: cold reads and the opening of partitions go to the work pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "broker/anchor.h"
#include "broker/broker_options.h"
#include "broker/catalogue_view.h"
#include "broker/log.h"
#include "broker/memory_budget.h"
#include "broker/partition_set.h"
#include "broker/peers/counter_keeper.h"
#include "broker/peers/peer_book.h"
#include "broker/peers/peer_links.h"
#include "broker/peers/peer_session.h"
#include "broker/scrub/node_scrub.h"
#include "broker/scrub/scrubber.h"
#include "broker/scrub/shard_place.h"
#include "broker/session.h"
#include "broker/shard_metrics.h"
#include "protocol/net/event_loop.h"
#include "protocol/net/mailbox.h"
#include "raftlog/catch_up_pace.h"
#include "raftlog/disk_thread.h"
#include "raftlog/heartbeats.h"
#include "raftlog/io_pool.h"
#include "raftlog/tail_cache.h"
#include "segment/disk_space.h"

namespace raftmq::broker {

class TopicService;

// What all shards share; every part is thread-safe and outlives them.
struct NodeServices {
  const BrokerOptions& options;
  Log& log;
  MemoryBudget& memory;
  MetricsRegistry& metrics;
  FileSystem& files;
  NodeManifest& manifest;
  SaveCounter& counter;
  const Clock& clock;
  PeerBook& peers;
  NodeScrub& scrub;
  const DiskSpace& space;
};

// Loop-affine but for the constructor, the destructor and what says otherwise.
class Shard {
 public:
  // From another thread: a connection, or work to do on this loop.
  using Letter = std::variant<Handover, PeerArrival, std::function<void(Shard&)>>;

  Shard(std::uint32_t number, const NodeServices& services);
  // REQUIRES: never started, or stopped.
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Starts the loop's thread. REQUIRES: `topics` outlives the loop.
  void Start(TopicService& topics);
  // Closes the connections, ends the loop and joins its thread. What is under way is given up:
  // drain first. Not on the loop.
  void Stop();
  // Thread-safe; letters arrive in order.
  void Put(Letter letter) { mailbox_.Put(std::move(letter)); }
  // Thread-safe: steady time of the loop's last tick, for /livez.
  Microseconds last_tick() const { return Microseconds(last_tick_us_.load()); }
  // Thread-safe: steady time since which the disk thread works on its round; 0 if it does not.
  Microseconds disk_busy_since() const;
  // Thread-safe: proposals refused for a full disk so far.
  std::uint64_t refused_disk_full() const { return metrics_.groups.refused_disk_full.value(); }

  // Thread-safe: replicas here that have stopped with kStateDiverged.
  std::uint64_t diverged_partitions() const { return metrics_.groups.diverged.value(); }
  // Thread-safe: entries that the last follower of a partition led here lags behind.
  std::uint64_t follower_lag_max() const { return metrics_.follower_lag_max.value(); }

  // The catalogue's newest picture; partitions that it names on this shard are open.
  void ShowView(std::shared_ptr<const CatalogueView> view) { view_ = std::move(view); }
  const CatalogueView& view() const { return *view_; }
  // Drains the partitions, then closes the connections once their answers have left.
  void Drain(std::function<void()> done);

  PartitionSet& partitions() { return *partitions_; }
  // Why a group is not among the partitions: which shard or node to ask, or what is unknown.
  Error WhyNotHere(const GroupId& group) const;
  void ResumeLater(AnchorRef<Session> session);
  void Retire(Session& session);  // Destroys it.
  // An answer to a produce request leaves with this turn.
  void NoteProduceAnswered() { has_answered_produce_ = true; }

  std::uint32_t number() const { return number_; }
  EventLoop& loop() { return loop_; }
  Microseconds Now() const { return loop_.Now(); }
  const BrokerOptions& options() const { return services_.options; }
  const NodeServices& services() const { return services_; }
  MemoryBudget& memory() { return services_.memory; }
  ShardMetrics& metrics() { return metrics_; }
  const GroupDeps& group_deps() const { return *deps_; }
  TopicService& topics() { return *topics_; }
  // The catalogue lives beside the partitions: `tick` and `turn_end` run with theirs, and its
  // group, while it has one, gets what is for `id`.
  void SetCompanionTurns(std::function<void()> tick, std::function<void()> turn_end);
  void SetCompanion(const GroupId& id, Group& group);
  // The groups here, the companion included.
  Group* FindGroup(const GroupId& id);
  void VisitGroups(const std::function<void(const GroupId&, Group&)>& visit);
  // Its group goes; the two callbacks still run.
  void ClearCompanion() { companion_ = nullptr; }
  // Whether what this shard says to the node arrives there.
  bool IsConnectedTo(NodeId node) const { return links_.IsUp(node); }

 private:
  void Receive(std::vector<Letter>& letters);
  void Adopt(Handover handover);
  void AdoptPeer(PeerArrival arrival);
  void OnPeerMessage(PeerMessage message);
  void OnPeerRefused(NodeId node, const Error& error);
  void OnDamageMet(const GroupId& group, const DamagedRange& met);
  void OnPeerLost(NodeId node);
  [[noreturn]] void EndRolledBack(const Error& error);
  void OnPeerSilent(const GroupId& group, NodeId node, std::uint32_t ticks);
  void Tick();
  void TurnEnd();
  void OnFlushed();
  void KeepHouse();
  void FinishDrain();
  void CloseSessions();

  const std::uint32_t number_;
  const NodeServices services_;
  EventLoop loop_;
  Mailbox<Letter> mailbox_;
  ShardMetrics metrics_;
  TailCache cache_;
  LiveTraffic live_traffic_;
  PeerLinks links_;
  Heartbeats heartbeats_;
  std::unique_ptr<IoPool> work_;
  std::unique_ptr<DiskThread> disk_;
  std::unique_ptr<GroupDeps> deps_;
  std::unique_ptr<CounterKeeper> counter_keeper_;  // On the first shard.
  std::unique_ptr<PartitionSet> partitions_;
  ShardPlace place_{*this};
  Scrubber scrubber_;
  std::unordered_map<Session*, std::unique_ptr<Session>> sessions_;
  std::unordered_map<PeerSession*, std::unique_ptr<PeerSession>> peer_sessions_;
  std::shared_ptr<const CatalogueView> view_ = std::make_shared<CatalogueView>();
  TopicService* topics_ = nullptr;
  GroupId companion_id_;
  Group* companion_ = nullptr;
  std::function<void()> companion_tick_;
  std::function<void()> companion_turn_end_;

  Timer tick_;
  Timer house_;
  Microseconds tick_due_{0};
  std::atomic<std::int64_t> last_tick_us_{0};
  std::function<void()> drained_;  // Set while a drain waits for the connections.
  bool is_draining_ = false;
  bool has_answered_produce_ = false;  // In this turn.
  std::thread thread_;
};

}  // namespace raftmq::broker
