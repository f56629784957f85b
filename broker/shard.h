// One shard: a loop thread, its disk thread, and the partitions and connections that live on it.
//
// Work goes in turns. Input (requests, disk completions, letters of other shards) is drained, then
// once per turn every group that was touched hands its staged entries to the disk thread as one
// round, and every connection writes what it was given in one gathered write. Nothing on the loop
// waits: cold reads and opening of partitions go to the work pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "broker/anchor.h"
#include "broker/broker_options.h"
#include "broker/catalogue_view.h"
#include "broker/log.h"
#include "broker/memory_budget.h"
#include "broker/partition.h"
#include "broker/session.h"
#include "broker/shard_metrics.h"
#include "protocol/net/event_loop.h"
#include "protocol/net/mailbox.h"
#include "raftlog/disk_thread.h"
#include "raftlog/group_factory.h"
#include "raftlog/io_pool.h"
#include "raftlog/tail_cache.h"

namespace raftmq::broker {

class TopicService;

// What all shards share; every part is thread-safe and outlives them.
struct NodeServices {
  const BrokerOptions& options;
  Log& log;
  MemoryBudget& memory;
  MetricsRegistry& metrics;
  FileSystem& files;
  const Clock& clock;
};

// A partition that a shard should serve.
struct PartitionOrder {
  GroupId group;
  std::string topic;
  TopicSettings settings;
  std::shared_ptr<PartitionStats> stats;
  bool must_exist = false;  // Founded before: a missing directory is a loss, not a new partition.
  std::uint64_t replica = 0;
};

// Loop-affine but for Put, Start, Stop and the constructor and destructor.
class Shard {
 public:
  // A letter: work for the shard's loop, by value.
  using Letter = std::variant<Handover, std::function<void(Shard&)>>;

  Shard(std::uint32_t number, const NodeServices& services);
  // REQUIRES: stopped.
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  void Start();
  // Closes the connections, ends the loop and joins its thread. Drain first, or what is under way
  // is given up. Thread-safe, once.
  void Stop();
  // Thread-safe, in order.
  void Put(Letter letter) { mailbox_.Put(std::move(letter)); }
  // Thread-safe: steady time of the loop's last tick.
  Microseconds last_tick() const { return Microseconds(last_tick_us_.load()); }
  const DiskMetrics& disk_metrics() const { return metrics_.disk; }

  // Opens or founds the partitions; `done` runs on this loop with the first error that is not of
  // one partition alone (unknown format, foreign file), after all serve or are known to be lost.
  void OpenPartitions(std::vector<PartitionOrder> orders, std::function<void(Status)> done);
  // Ends the topic's partitions here and removes their directories, off the loop.
  void DropTopic(const TopicId& topic);
  void ShowView(std::shared_ptr<const CatalogueView> view) { view_ = std::move(view); }
  // Refuses new proposals, lets the rest finish, calls back when all partitions are closed.
  void Drain(std::function<void()> done);

  Partition* Find(const GroupId& group);
  // Why Find gave nothing: which shard or node to ask, or what is unknown.
  Error WhyNotHere(const GroupId& group) const;
  const CatalogueView& view() const { return *view_; }

  // The partition's group gets its TurnEnd in this turn.
  void Touch(Partition& partition);
  void ResumeLater(AnchorRef<Session> session);
  void Retire(Session& session);  // Destroys it.

  std::uint32_t number() const { return number_; }
  EventLoop& loop() { return loop_; }
  Microseconds Now() const { return loop_.Now(); }
  const BrokerOptions& options() const { return services_.options; }
  MemoryBudget& memory() { return services_.memory; }
  ShardMetrics& metrics() { return metrics_; }
  const NodeServices& services() const { return services_; }
  Log& log() { return services_.log; }
  const GroupDeps& group_deps() const { return *deps_; }
  TopicService& topics() { return *topics_; }
  void SetTopicService(TopicService& topics) { topics_ = &topics; }  // Before Start.
  TopicMetrics& MetricsOf(const std::string& topic);
  // Groups that are not partitions of a topic (the catalogue's): ticked and ended like the others.
  void SetExtraGroup(Group* group) { extra_group_ = group; }

 private:
  struct Opening;  // A batch of partitions being opened.

  void Receive(std::vector<Letter>& letters);
  void Adopt(Handover handover);
  void Tick();
  void TurnEnd();
  void Housekeeping();
  void TickStarting();
  void OpenNext(const std::shared_ptr<Opening>& opening);
  void OpenOnDone(const std::shared_ptr<Opening>& opening, const PartitionOrder& order,
                  Result<std::unique_ptr<Group>> group);
  GroupOptions OptionsFor(const PartitionOrder& order) const;

  const std::uint32_t number_;
  const NodeServices services_;
  EventLoop loop_;
  Mailbox<Letter> mailbox_;
  ShardMetrics metrics_;
  TailCache cache_;
  std::unique_ptr<DiskThread> disk_;
  std::unique_ptr<IoPool> work_;
  std::unique_ptr<GroupDeps> deps_;
  TopicService* topics_ = nullptr;

  std::map<std::string, std::unique_ptr<TopicMetrics>> topic_metrics_;  // Outlive the partitions.
  std::unordered_map<GroupId, std::unique_ptr<Partition>> partitions_;
  std::unordered_map<GroupId, Error> lost_;  // Partitions of this shard that could not be opened.
  std::vector<Partition*> touched_;          // In this turn; may hold one twice.
  std::vector<std::shared_ptr<Opening>> starting_;  // Whose partitions wait for their leader.
  Group* extra_group_ = nullptr;
  std::shared_ptr<const CatalogueView> view_ = std::make_shared<CatalogueView>();

  std::unordered_map<Session*, std::unique_ptr<Session>> sessions_;
  std::unique_ptr<Timer> tick_;
  std::unique_ptr<Timer> housekeeping_;
  Microseconds tick_due_{0};
  std::atomic<std::int64_t> last_tick_us_{0};
  bool is_draining_ = false;
  std::thread thread_;
};

}  // namespace raftmq::broker
