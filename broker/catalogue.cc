#include "broker/catalogue.h"

#include <fmt/format.h>

#include <utility>

#include "broker/cluster_command.h"
#include "broker/partition_directory.h"
#include "broker/start_directory.h"
#include "protocol/types/check.h"

namespace raftmq::broker {
namespace {

constexpr std::uint64_t kClusterSegmentBytes = 16u << 20;

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
  group.log.directory = PartitionPath(options.storage.data_directory, kClusterGroup);
  group.log.group = kClusterGroup;
  group.log.segment_bytes_max = kClusterSegmentBytes;
  group.log.fresh_page_per_job = options.storage.fresh_page_per_job;
  group.retention_ms = -1;  // Its state machine forgets; its log follows the checkpoints.
  group.internal = true;
  return group;
}

void Catalogue::Start(std::unique_ptr<OpenedLog> log, std::function<void(Status)> done) {
  started_ = std::move(done);
  for (const std::string& note : log->notes()) home_.services().log.Warn("catalogue", note);
  group_ = MakeGroup(OptionsFor(home_.options()), home_.group_deps(), std::move(log));
  group_->SetCapture([this] { return state_.Encode(); });
  group_->SetRestore([this](ByteSpan bytes) {
    auto state = CatalogueState::Decode(bytes);
    if (state) {
      state_ = std::move(*state);
    } else {
      broken_ = std::move(state).error();
    }
  });
  group_->SetApply([this](Index index, ByteSpan payload) { Apply(index, payload); });
  home_.SetCompanion([this] { group_->Tick(); }, [this] { OnTurnEnd(); });
  group_->Tick();  // Starts the election.
}

void Catalogue::Apply(Index index, ByteSpan payload) {
  const auto command = DecodeClusterCommand(payload);
  if (!command) {
    broken_ = Error{ErrorCode::kUnknownFormat, fmt::format("the catalogue's entry {}: {}",
                                                           index.value(), command.error().message)};
    return;
  }
  state_.Apply(index, *command);
  has_changed_ = true;
}

void Catalogue::OnTurnEnd() {
  if (group_ == nullptr) return;
  if (!is_replayed_) StartCheck();
  if (is_replayed_ && std::exchange(has_changed_, false)) {
    topic_count_.Set(state_.topics().size());
    partition_count_.Set(state_.partition_count());
    local_.Reconcile(state_);
  }
  group_->TurnEnd();
}

void Catalogue::StartCheck() {
  if (broken_) return StartFinish(Fail(*broken_));
  const GroupStatus status = group_->status();
  if (!status.is_leader || status.commit != status.last || status.applied < status.commit) return;
  is_replayed_ = true;
  has_changed_ = true;
  StartClearLeftovers();
  if (state_.topics().empty()) return local_.Publish(state_, [this] { StartFinish(Ok()); });
}

void Catalogue::StartClearLeftovers() {
  const std::string path = PartitionsPath(home_.options().storage.data_directory);
  auto entries = std::make_shared<Result<std::vector<DirectoryEntry>>>();
  const auto work = [&files = home_.services().files, path, entries] {
    *entries = files.List(path);
  };
  const auto done = [this, ref = anchor_.Ref(), path, entries] {
    if (ref.get() == nullptr || !*entries) return;
    const Leftovers left = FindLeftovers(**entries, state_);
    for (const std::string& name : left.deleted) home_.partitions().RemoveDirectory(name);
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
  if (known->founded.contains(self)) return OnReady(topic);
  Propose(ReplicasFounded{topic, self}, [this, topic](Status proposed) {
    if (proposed) return OnReady(topic);
    home_.services().log.Warn("catalogue",
                              fmt::format("topic {} stays unfinished until the next start: {}",
                                          topic.ToHex(), proposed.error().ToString()));
    const auto waiting = creating_.extract(topic);
    if (!waiting.empty()) waiting.mapped()(Fail(proposed.error()));
  });
}

void Catalogue::OnReady(const TopicId& topic) {
  if (!local_.IsKnown(topic)) return;
  local_.MarkReady(topic);
  // While starting the picture is shown once, when it is complete.
  if (started_ && local_.opening_count() > 0) return;
  local_.Publish(state_, [this, topic] {
    StartFinish(Ok());
    const auto waiting = creating_.extract(topic);
    if (!waiting.empty()) waiting.mapped()(topic);
  });
}

void Catalogue::Join(const NodeJoined& self, std::function<void(Status)> done) {
  const auto known = state_.nodes().find(self.node);
  if (known != state_.nodes().end() && known->second == self) return done(Ok());
  Propose(self, [this, done = std::move(done)](Status proposed) {
    if (!proposed) return done(std::move(proposed));
    local_.Publish(state_, [done] { done(Ok()); });
  });
}

void Catalogue::Propose(const ClusterCommand& command, Done done) {
  const std::string bytes = EncodeClusterCommand(command);
  ByteBuffer entry = MakeControlEntry(EntryKind::kCommand, AsBytes(bytes));
  const std::size_t size = entry.size();
  group_->Propose(std::move(entry), 0, size, [done = std::move(done)](Result<Proposed> proposed) {
    done(proposed ? Ok() : Status(Fail(std::move(proposed).error())));
  });
}

void Catalogue::Drain(std::function<void()> done) {
  if (group_ == nullptr) return done();
  group_->Drain(std::move(done));
}

}  // namespace raftmq::broker
