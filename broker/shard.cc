#include "broker/shard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "broker/process_setup.h"
#include "broker/raft_timers.h"
#include "broker/topic_service.h"
#include "protocol/types/check.h"

namespace raftmq::broker {
namespace {

constexpr Milliseconds kHouseInterval{250};

PostToLoop PostTo(EventLoop& loop) {
  return [&loop](std::function<void()> task) { loop.Post(std::move(task)); };
}

}  // namespace

Shard::Shard(std::uint32_t number, const NodeServices& services)
    : number_(number),
      services_(services),
      mailbox_(loop_, [this](std::vector<Letter>& letters) { Receive(letters); }),
      metrics_(services.metrics),
      cache_(services.options.storage.tail_cache_bytes),
      links_(
          {loop_, services.log, services.peers, metrics_.peers},
          [this](NodeId node) { OnPeerLost(node); },
          [this](const Error& error) { EndRolledBack(error); }),
      heartbeats_(HeartbeatTimersOf(services.options, number), links_,
                  [this](const GroupId& group, NodeId node, std::uint32_t ticks) {
                    OnPeerSilent(group, node, ticks);
                  }),
      work_(std::make_unique<IoPool>(IoPoolOptions{}, PostTo(loop_))),
      disk_(std::make_unique<DiskThread>(PostTo(loop_), services.clock, metrics_.disk)),
      deps_(std::make_unique<GroupDeps>(GroupDeps{
          services.files, services.clock, *disk_, *work_, cache_, live_traffic_, metrics_.groups,
          links_, &heartbeats_,
          [this](const GroupId& group, const DamagedRange& met) { OnDamageMet(group, met); }})),
      partitions_(std::make_unique<PartitionSet>(
          PartitionSet::Environment{services.options, services.log, services.metrics,
                                    services.manifest, *deps_, services.space,
                                    [this](const GroupId& group, ReplicaNumber replica) {
                                      topics_->ReportLost(group, replica);
                                    }})),
      scrubber_({number, services.options.storage.data_directory, place_, services.scrub,
                 services.files, services.manifest, services.counter, *work_, services.clock,
                 services.log}),
      tick_(loop_),
      house_(loop_) {
  last_tick_us_ = services.clock.SteadyNow().count();
  if (number == 0) {
    counter_keeper_ =
        std::make_unique<CounterKeeper>(services.peers, services.counter, *work_, services.clock);
  }
}

Shard::~Shard() {
  RAFTMQ_CHECK(!thread_.joinable());
  sessions_.clear();
  peer_sessions_.clear();
  links_.Stop();
  disk_.reset();  // Finishes what it was given, which may belong to a partition.
  work_.reset();
  counter_keeper_.reset();
  partitions_.reset();
}

void Shard::Start(TopicService& topics) {
  topics_ = &topics;
  tick_due_ = services_.clock.SteadyNow() + options().tick;
  tick_.StartRepeating(options().tick, [this] { Tick(); });
  house_.StartRepeating(kHouseInterval, [this] { KeepHouse(); });
  loop_.SetTurnEnd([this] { TurnEnd(); });
  loop_.SetFlushed([this] { OnFlushed(); });
  links_.Start();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), fmt::format("shard-{}", number_).c_str());
    loop_.Run();
  });
}

void Shard::Stop() {
  if (!thread_.joinable()) return;
  Put([](Shard& shard) {
    shard.CloseSessions();
    shard.loop_.Stop();
  });
  thread_.join();
}

Microseconds Shard::disk_busy_since() const {
  return Microseconds(static_cast<std::int64_t>(metrics_.disk.round_started_us.value()));
}

void Shard::SetCompanionTurns(std::function<void()> tick, std::function<void()> turn_end) {
  companion_tick_ = std::move(tick);
  companion_turn_end_ = std::move(turn_end);
}

void Shard::SetCompanion(const GroupId& id, Group& group) {
  companion_id_ = id;
  companion_ = &group;
}

Group* Shard::FindGroup(const GroupId& id) {
  if (companion_ != nullptr && id == companion_id_) return companion_;
  Partition* const partition = partitions_->Find(id);
  return partition == nullptr ? nullptr : &partition->group();
}

void Shard::VisitGroups(const std::function<void(const GroupId&, Group&)>& visit) {
  if (companion_ != nullptr) visit(companion_id_, *companion_);
  partitions_->Visit([&visit](Partition& partition) { visit(partition.id(), partition.group()); });
}

void Shard::Receive(std::vector<Letter>& letters) {
  for (Letter& letter : letters) {
    if (auto* handover = std::get_if<Handover>(&letter)) {
      Adopt(std::move(*handover));
    } else if (auto* arrival = std::get_if<PeerArrival>(&letter)) {
      AdoptPeer(std::move(*arrival));
    } else {
      std::get<std::function<void(Shard&)>>(letter)(*this);
    }
  }
}

void Shard::Adopt(Handover handover) {
  if (is_draining_) return;
  auto connection = Connection::Adopt(loop_, handover.TakeSocket());
  if (!connection) return;  // The peer has gone already.
  const std::uint64_t hello_id = handover.hello_id;
  auto session = std::make_unique<Session>(*this, std::move(*connection), std::move(handover));
  Session& started = *session;
  sessions_.emplace(&started, std::move(session));
  metrics_.connections.Set(sessions_.size());
  started.Start(hello_id);
}

void Shard::AdoptPeer(PeerArrival arrival) {
  links_.Hurry(arrival.hello.node);
  const BrokerOptions& self = options();
  PeerSession::Owner owner{
      .welcome = {.node = self.node,
                  .incarnation = self.incarnation,
                  .boot_id = self.boot_id,
                  .save_counter = services_.peers.save_counter(),
                  .number = services_.peers.own_number(),
                  .your_number = services_.peers.NumberOf(arrival.hello.node),
                  .shards = self.shards},
      .on_message = [this](PeerMessage message) { OnPeerMessage(std::move(message)); },
      .on_heartbeat = [this](NodeId from,
                             const Heartbeat& heartbeat) { heartbeats_.Receive(from, heartbeat); },
      .on_heartbeat_reply =
          [this](NodeId from, const HeartbeatReply& reply) { heartbeats_.Receive(from, reply); },
      .on_saved = [this](const wire::PeerHello& hello,
                         std::uint64_t counter) { services_.peers.NoteSaved(hello, counter); },
      .on_refused = [this](NodeId node, const Error& error) { OnPeerRefused(node, error); },
      .on_closed =
          [this](PeerSession& session, const Error&) {
            const NodeId node = session.node();
            peer_sessions_.erase(&session);
            OnPeerLost(node);
          }};
  auto session = std::make_unique<PeerSession>(loop_, std::move(arrival), std::move(owner));
  PeerSession& started = *session;
  peer_sessions_.emplace(&started, std::move(session));
  if (!started.Start()) peer_sessions_.erase(&started);
}

void Shard::OnPeerRefused(NodeId node, const Error& error) {
  metrics_.peers.refused.Add();
  services_.log.WarnLimited(
      "peers", "refused",
      fmt::format("refused what node {} sent: {}", node.value(), error.ToString()));
}

void Shard::OnPeerMessage(PeerMessage message) {
  const NodeId from = message.from().node;
  const GroupId group = message.group;
  const std::uint64_t before = metrics_.groups.terms_refused.value();
  if (companion_ != nullptr && group == companion_id_) {
    companion_->Receive(std::move(message));
  } else {
    Partition* partition = partitions_->Find(group);
    if (partition == nullptr) return;  // Not here yet, or not any more: as if it had been lost.
    partition->group().Receive(std::move(message));
    partitions_->Touch(*partition);
  }
  if (metrics_.groups.terms_refused.value() == before) return;
  services_.log.WarnLimited(
      "peers", "term-jump",
      fmt::format("node {} sent a message for {} with a term beyond any credible one: it has no "
                  "effect; check that node",
                  from.value(), group.ToString()));
}

// It is served by nobody from here until it is repaired, from the other replicas if there are any.
void Shard::OnDamageMet(const GroupId& group, const DamagedRange& met) {
  const auto& services = services_;
  services.log.Fault(
      "storage", fmt::format("{}: a read has met damage at offsets {} to {}, {}: {}",
                             place_.NameOf(group), met.first_offset.value(), met.end_offset.value(),
                             services.peers.HasPeers() ? "which is repaired from the other replicas"
                                                       : "of which there is no other copy",
                             met.what));
  scrubber_.NoteDamage(group, met);
}

void Shard::OnPeerLost(NodeId node) {
  if (companion_ != nullptr) companion_->PeerUnreachable(node);
  partitions_->PeerUnreachable(node);
  heartbeats_.Forget(node);
}

// Nothing was promised since the start: nobody who knows of a newer directory has let this one in.
void Shard::EndRolledBack(const Error& error) {
  services_.log.Fault("peers", error.ToString());
  SaveCounter::Content content = services_.counter.content();
  content.is_rolled_back = true;
  (void)services_.counter.Save(content);  // So that the next start needs nobody to tell.
  std::fflush(nullptr);
  _exit(kExitForeign);
}

void Shard::OnPeerSilent(const GroupId& group, NodeId node, std::uint32_t ticks) {
  if (companion_ != nullptr && group == companion_id_) return companion_->PeerSilent(node, ticks);
  partitions_->PeerSilent(group, node, ticks);
}

void Shard::Retire(Session& session) {
  sessions_.erase(&session);
  metrics_.connections.Set(sessions_.size());
  if (drained_ && sessions_.empty()) loop_.Post([this] { FinishDrain(); });
}

void Shard::ResumeLater(AnchorRef<Session> session) {
  loop_.Post([session] {
    if (Session* there = session.get()) there->Resume();
  });
}

Error Shard::WhyNotHere(const GroupId& group) const {
  if (const Error* lost = partitions_->FindLost(group)) return *lost;
  const auto found = view_->by_id.find(group.topic);
  // With a new data directory this node may have led it before.
  if (found == view_->by_id.end() && view_->nodes.empty() && services_.peers.HasPeers()) {
    return {ErrorCode::kNotLeader,
            fmt::format("node {} knows nothing of the cluster yet", options().node.value())};
  }
  if (found == view_->by_id.end()) {
    return {ErrorCode::kTopicNotFound,
            fmt::format("there is no topic with id {}", group.topic.ToHex())};
  }
  const ViewTopic& topic = *found->second;
  if (group.partition.value() >= topic.partitions.size()) {
    return {ErrorCode::kPartitionNotFound,
            fmt::format("topic '{}' has partitions 0 to {}, asked for {}", topic.name,
                        topic.partitions.size() - 1, group.partition.value())};
  }
  const ViewPartition& partition = topic.partitions[group.partition.value()];
  const std::uint32_t shard = partition.shard;
  if (std::ranges::find(partition.replicas, options().node) == partition.replicas.end()) {
    return {ErrorCode::kNotLeader,
            fmt::format("node {} holds no replica of {}/{}", options().node.value(), topic.name,
                        group.partition.value())};
  }
  if (shard == number_) {
    return {ErrorCode::kNotYet,
            fmt::format("{}/{} is being opened", topic.name, group.partition.value())};
  }
  return {
      ErrorCode::kNotLeader,
      fmt::format("{}/{} is served by shard {} of node {}, this is shard {}: name it in the hello",
                  topic.name, group.partition.value(), shard, options().node.value(), number_)};
}

void Shard::Tick() {
  const Microseconds now = services_.clock.SteadyNow();
  metrics_.loop_lag_us.Record(
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, (now - tick_due_).count())));
  tick_due_ = now + options().tick;
  last_tick_us_.store(now.count());
  if (companion_tick_) companion_tick_();
  partitions_->Tick();
  if (counter_keeper_) counter_keeper_->Tick();
  links_.Tick();
  heartbeats_.Tick();
  scrubber_.Tick();
}

void Shard::TurnEnd() {
  if (companion_turn_end_) companion_turn_end_();
  partitions_->TurnEnd();
  links_.Flush();
}

void Shard::OnFlushed() {
  if (!std::exchange(has_answered_produce_, false)) return;
  const Microseconds took = services_.clock.SteadyNow() - loop_.Now();
  metrics_.reply_us.Record(static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count())));
}

void Shard::KeepHouse() {
  const Microseconds now = Now();
  for (auto& [session, owner] : sessions_) session->OnTime(now);
  if (!is_draining_) partitions_->ReconcileMembers();
  const PartitionSet::Gauges gauges = partitions_->PublishGauges();
  metrics_.segments.Set(gauges.segments);
  metrics_.leaderless_partitions.Set(gauges.leaderless);
  metrics_.follower_lag_max.Set(gauges.follower_lag_max);
  metrics_.lost_partitions.Set(partitions_->lost_count());
  if (drained_) FinishDrain();
}

void Shard::Drain(std::function<void()> done) {
  is_draining_ = true;
  scrubber_.Stop();
  partitions_->Drain([this, done = std::move(done)]() mutable {
    drained_ = std::move(done);
    loop_.Post([this] { FinishDrain(); });
  });
}

// Every request that changes something is answered by now; the answers still leave.
void Shard::FinishDrain() {
  for (auto& [session, owner] : sessions_) {
    session->Close({ErrorCode::kDraining, "the broker is shutting down"});
  }
  if (sessions_.empty() && drained_) std::exchange(drained_, nullptr)();
}

void Shard::CloseSessions() {
  sessions_.clear();
  peer_sessions_.clear();
  links_.Stop();
}

}  // namespace raftmq::broker
