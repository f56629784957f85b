#include "broker/catalogue.h"

#include <fmt/format.h>

#include <utility>

#include "broker/cluster_command.h"
#include "broker/partition_directory.h"
#include "broker/raft_timers.h"
#include "broker/start_directory.h"
#include "protocol/types/check.h"

namespace raftmq::broker {
namespace {

constexpr std::uint64_t kClusterSegmentBytes = 16u << 20;
constexpr Microseconds kRetryAfter{50'000};
constexpr Microseconds kCatchUpPatience{3'000'000};
constexpr Microseconds kOthersPatience{1'000'000};
// Of what others were allotted while this node waits for its own: far more than can be under way.
constexpr std::size_t kAllottedMax = 10'000;
constexpr Microseconds kForEver{std::chrono::hours(24 * 365)};

}  // namespace

Catalogue::Catalogue(std::vector<Shard*> shards)
    : shards_(std::move(shards)),
      home_(*shards_[HomeShard(static_cast<std::uint32_t>(shards_.size()))]),
      local_(home_, shards_, [this](const TopicId& topic, Status outcome) {
        OnOpened(topic, std::move(outcome));
      }) {}

Catalogue::~Catalogue() = default;

GroupOptions Catalogue::OptionsFor(const BrokerOptions& options) {
  GroupOptions group;
  group.self = options.node;
  group.raft = RaftTimersOf(options, kClusterGroup);
  group.is_only_replica = options.peers.size() == 1;
  group.raft.campaigns_at_once = options.peers.front().node == options.node;
  group.log.directory = PartitionPath(options.storage.data_directory, kClusterGroup);
  group.log.group = kClusterGroup;
  group.log.segment_bytes_max = kClusterSegmentBytes;
  group.log.fresh_page_per_job = options.storage.fresh_page_per_job;
  group.retention_ms = -1;  // Its state machine forgets; its log follows the checkpoints.
  group.internal = true;
  return group;
}

void Catalogue::Start(CatalogueAtStart found, std::function<void(Status)> done) {
  started_ = std::move(done);
  home_.SetCompanionTurns([this] { OnTick(); }, [this] { OnTurnEnd(); });
  if (found.log == nullptr) return AskForAnother(found);
  Adopt(std::move(found.log));
}

void Catalogue::Adopt(std::unique_ptr<OpenedLog> log) {
  number_ = log->report.replica;
  home_.services().peers.SetOwnNumber(number_);
  home_.services().peers.SetOwnLost(false);
  for (const std::string& note : log->notes()) home_.services().log.Warn("catalogue", note);
  group_ = MakeGroup(OptionsFor(home_.options()), home_.group_deps(), std::move(log));
  group_->SetCapture([this] { return state_.Encode(); });
  group_->SetRestore([this](ByteSpan bytes) { Restore(bytes); });
  // After a reset nothing is known of the state that was committed.
  if (const GroupStatus known = group_->status(); !known.awaits_checkpoint)
    known_commit_ = known.commit;
  group_->SetApply([this](Index index, ByteSpan payload) { Apply(index, payload); });
  home_.SetCompanion(kClusterGroup, *group_);
  group_->Tick();  // Starts the election.
}

void Catalogue::Restore(ByteSpan bytes) {
  auto state = CatalogueState::Decode(bytes);
  if (!state) {
    broken_ = std::move(state).error();
    return;
  }
  state_ = std::move(*state);
  has_changed_ = has_moved_ = true;
  for (const auto& [node, joined] : state_.nodes()) TellBook(node);
}

void Catalogue::Apply(Index index, ByteSpan payload) {
  const auto command = DecodeClusterCommand(payload);
  if (!command) {
    broken_ = Error{ErrorCode::kUnknownFormat, fmt::format("the catalogue's entry {}: {}",
                                                           index.value(), command.error().message)};
    return;
  }
  state_.Apply(index, *command);
  if (const auto* allotted = std::get_if<SessionAllotted>(&*command))
    return NoteAllotted(index, *allotted);
  has_changed_ = true;
  // It is committed, so it counts at once, leader or not.
  if (const auto* joined = std::get_if<NodeJoined>(&*command)) TellBook(joined->node);
  if (const auto* replaced = std::get_if<NodeReplaced>(&*command)) TellBook(replaced->node);
  if (const auto* admitted = std::get_if<NodeAdmitted>(&*command)) TellBook(admitted->node);
  if (const auto* lost = std::get_if<ReplicaLost>(&*command)) TellBook(lost->node);
  has_moved_ |= std::holds_alternative<NodeReplaced>(*command) ||
                std::holds_alternative<NodeAdmitted>(*command) ||
                std::holds_alternative<ReplicaLost>(*command);
}

void Catalogue::NoteAllotted(Index index, const SessionAllotted& command) {
  if (allotting_ == 0 || command.name.empty()) return;
  allotted_.emplace(index, state_.AllottedAt(index, command));
  if (allotted_.size() > kAllottedMax) allotted_.erase(allotted_.begin());
}

void Catalogue::OnTick() {
  RunDueTasks();
  if (group_ == nullptr) {
    MaybeRejoin();
    return StartWithoutMajority();
  }
  group_->Tick();
  leader_.Set(group_->status().leader.value());
  KeepIdentities();
  if (!creating_.empty()) AnswerCreated();
  SettleProposals();
}

void Catalogue::OnTurnEnd() {
  if (group_ == nullptr) return;
  const Error* const failure = group_->failure();
  if (failure != nullptr && !std::exchange(has_failed_, true))
    home_.services().log.Fault("catalogue", failure->ToString());
  // Where damage hides what was committed, only the others can help to know it.
  const bool has_applied = group_->status().applied >= known_commit_;
  if (!knows_peers_ && (has_applied || !group_->damage().empty())) {
    knows_peers_ = true;
    home_.services().peers.Open();
  }
  if (!is_replayed_) StartCheck();
  if (is_replayed_ && std::exchange(has_changed_, false)) {
    topic_count_.Set(state_.topics().size());
    partition_count_.Set(state_.partition_count());
    local_.Reconcile(state_);
    if (std::exchange(has_moved_, false)) local_.ReconcileMembers(state_);
    if (!started_) local_.Publish(state_, [] {});  // Nodes may be new, or elsewhere.
    AnswerCreated();
  }
  group_->TurnEnd();
}

void Catalogue::StartCheck() {
  if (broken_) return StartFinish(Fail(*broken_));
  const GroupStatus status = group_->status();
  const bool leads = status.is_leader && status.commit == status.last;
  const bool is_current = leads || (HasPeers() && HasCaughtUp());
  if (!is_current || status.applied < status.commit) return StartWithoutMajority();
  if (const Status founders = CheckFounders(group_->membership(), state_, home_.options());
      !founders) {
    home_.services().log.Fault("catalogue", founders.error().ToString());
    broken_ = founders.error();
    return StartFinish(founders);
  }
  is_replayed_ = true;
  has_changed_ = true;
  StartClearLeftovers();
  if (state_.topics().empty()) return local_.Publish(state_, [this] { StartFinish(Ok()); });
}

// True once this replica has seen all that was committed when the broker started. Before that
// nothing is opened or founded: the others may know more of what stands in the directories.
bool Catalogue::HasCaughtUp() {
  const bool is_founder = number_ == kCatalogueReplica;
  if (is_founder && group_->status().last <= Index(1)) return true;  // Just founded.
  const Microseconds now = home_.services().clock.SteadyNow();
  if (start_began_.count() == 0) start_began_ = now;
  if (has_caught_up_) return true;
  if (std::exchange(is_asking_, true)) return false;
  group_->ReadIndex([this](const Result<Offset>& end) {
    has_caught_up_ = end.has_value();
    // Else there is no leader yet.
    if (!end) Later([this] { is_asking_ = false; });
  });
  return has_caught_up_;
}

// Brokers that are started one after the other must not wait for each other: after a while this one
// answers, with what it knows of the topics and without their partitions.
void Catalogue::StartWithoutMajority() {
  if (!HasPeers() || !started_ || start_began_.count() == 0) return;
  if (home_.services().clock.SteadyNow() - start_began_ < kCatchUpPatience) return;
  local_.ShowOnly(state_);
  local_.Publish(state_, [] {});
  StartFinish(Ok());
}

void Catalogue::StartClearLeftovers() {
  const std::string path = PartitionsPath(home_.options().storage.data_directory);
  auto entries = std::make_shared<Result<std::vector<DirectoryEntry>>>();
  const auto work = [&files = home_.services().files, path, entries] {
    *entries = files.List(path);
  };
  const auto done = [this, ref = anchor_.Ref(), path, entries] {
    if (ref.get() == nullptr || !*entries) return;
    const Leftovers left = FindLeftovers(**entries, home_.services().manifest.groups(), state_);
    for (const GroupId& group : left.deleted) home_.partitions().RemoveDirectory(group);
    for (const std::string& name : left.unknown) {
      home_.services().log.Warn(
          "catalogue",
          fmt::format("{}/{} is no partition of this node and is left alone", path, name));
    }
  };
  // A full queue leaves them to the next start.
  if (!home_.group_deps().work.Submit(work, done)) return;
}

void Catalogue::StartFinish(Status outcome) {
  if (started_) std::exchange(started_, nullptr)(std::move(outcome));
}

void Catalogue::OnOpened(const TopicId& topic, Status outcome) {
  if (!outcome) return StartFinish(std::move(outcome));
  const CatalogueTopic* known = state_.FindTopic(topic);
  if (known == nullptr) {  // Deleted while it was opened.
    has_changed_ = true;
    return;
  }
  const NodeId self = home_.options().node;
  if (known->founded.contains(self) || !local_.IsHere(topic)) return OnReady(topic);
  Propose(ReplicasFounded{topic, self}, kForEver, [this, topic](const Result<Index>& proposed) {
    if (proposed) return OnReady(topic);
    home_.services().log.Warn("catalogue",
                              fmt::format("topic {} stays unfinished until the next start: {}",
                                          topic.ToHex(), proposed.error().ToString()));
    const auto waiting = creating_.extract(topic);
    if (!waiting.empty()) waiting.mapped()(Fail(proposed.error()));
  });
  // With peers nobody waits for a majority in order to start.
  if (HasPeers() && started_ && local_.opening_count() == 0)
    local_.Publish(state_, [this] { StartFinish(Ok()); });
}

void Catalogue::OnReady(const TopicId& topic) {
  if (!local_.IsKnown(topic)) return;
  local_.MarkReady(topic);
  // While starting the picture is shown once, when it is complete.
  if (started_ && local_.opening_count() > 0) return;
  local_.Publish(state_, [this] {
    StartFinish(Ok());
    AnswerCreated();
  });
}

// A topic is there when all its nodes have its replicas, so that whoever is asked next knows it; or
// when a majority has and the others take long: its groups can elect leaders.
bool Catalogue::IsThere(const TopicId& id) {
  const CatalogueTopic* topic = state_.FindTopic(id);
  if (topic == nullptr || !local_.IsReady(id)) return false;
  const std::size_t nodes = topic->NodeCount();
  if (topic->founded.size() == nodes) return true;
  if (topic->founded.size() * 2 <= nodes) return false;
  const Microseconds now = home_.services().clock.SteadyNow();
  return now - majority_since_.try_emplace(id, now).first->second > kOthersPatience;
}

void Catalogue::AnswerCreated() {
  for (auto waiting = creating_.begin(); waiting != creating_.end();) {
    if (!IsThere(waiting->first)) {
      ++waiting;
      continue;
    }
    majority_since_.erase(waiting->first);
    const auto done = std::move(waiting->second);
    const TopicId id = waiting->first;
    waiting = creating_.erase(waiting);
    done(id);
  }
}

void Catalogue::Join(const NodeJoined& self, std::function<void(Status)> done) {
  const auto known = state_.nodes().find(self.node);
  const bool is_news = known == state_.nodes().end() || !(known->second == self);
  if (!is_news) return done(Ok());
  if (HasPeers()) {
    Propose(self, kForEver, [](const Result<Index>&) {});
    return done(Ok());
  }
  Propose(self, kForEver, [this, done = std::move(done)](const Result<Index>& proposed) {
    if (!proposed) return done(Fail(proposed.error()));
    local_.Publish(state_, [done] { done(Ok()); });
  });
}

// Commands have their effect once, however often they are logged, or cost a number nobody uses
// (SessionAllotted): whatever became of one whose outcome is unknown, it may be proposed again.
void Catalogue::Propose(const ClusterCommand& command, Microseconds patience, OnApplied done) {
  const Microseconds now = home_.services().clock.SteadyNow();
  auto proposal = std::make_shared<Proposal>(
      Proposal{EncodeClusterCommand(command), now + patience, std::move(done)});
  // Its place in the log is all there is to know.
  const auto* allotted = std::get_if<SessionAllotted>(&command);
  if (allotted != nullptr && allotted->name.empty()) proposal->has_effect = false;
  TryPropose(proposal);
}

void Catalogue::TryPropose(const std::shared_ptr<Proposal>& proposal) {
  if (group_ == nullptr) return Later([this, proposal] { TryPropose(proposal); });
  ByteBuffer entry = MakeControlEntry(EntryKind::kCommand, AsBytes(proposal->bytes));
  group_->ProposeAnywhere(std::move(entry), [this, proposal](const Result<Proposed>& proposed) {
    const Microseconds now = home_.services().clock.SteadyNow();
    const bool again = !proposed && HasPeers() && IsRetriable(proposed.error().code) &&
                       now < proposal->deadline && !is_draining_;
    if (again) return Later([this, proposal] { TryPropose(proposal); });
    if (!proposed) return proposal->done(Fail(proposed.error()));
    if (!proposal->has_effect) return proposal->done(proposed->index);
    // It has its effect here when it is applied here.
    proposal->index = proposed->index;
    committed_.push_back(proposal);
    SettleProposals();
  });
}

void Catalogue::Later(std::function<void()> task) {
  later_.emplace_back(home_.services().clock.SteadyNow() + kRetryAfter, std::move(task));
}

void Catalogue::RunDueTasks() {
  const Microseconds now = home_.services().clock.SteadyNow();
  std::vector<std::function<void()>> due;
  while (!later_.empty() && later_.front().first <= now) {
    due.push_back(std::move(later_.front().second));
    later_.erase(later_.begin());
  }
  for (const auto& task : due) task();
}

void Catalogue::SettleProposals() {
  const Index applied = group_->status().applied;
  std::vector<std::shared_ptr<Proposal>> settled;
  std::erase_if(committed_, [&](const auto& proposal) {
    if (proposal->index > applied) return false;
    settled.push_back(proposal);
    return true;
  });
  for (const auto& proposal : settled) proposal->done(proposal->index);
}

void Catalogue::Drain(std::function<void()> done) {
  is_draining_ = true;
  if (group_ == nullptr) return done();
  group_->HandOver([this, done = std::move(done)] { group_->Drain(done); });
}

}  // namespace raftmq::broker
