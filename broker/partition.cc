#include "broker/partition.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "broker/fetch_stream.h"

namespace raftmq::broker {

Partition::Partition(Options options, std::unique_ptr<Group> group)
    : options_(std::move(options)), group_(std::move(group)) {
  group_->SetOnCommit([this] { OnCommit(); });
  PublishStats();
}

Partition::~Partition() {
  EndStreams();
  group_->SetOnCommit(nullptr);
}

void Partition::EndStreams() {
  const std::set<FetchStream*> streams = std::move(streams_);
  streams_.clear();
  for (FetchStream* stream : streams) stream->OnPartitionGone();
}

std::string Partition::Name() const {
  return fmt::format("{}/{}", options_.topic, options_.id.partition.value());
}

void Partition::TurnEnd() {
  group_->TurnEnd();
  const GroupStatus status = group_->status();
  const PartitionStats& told = *options_.stats;
  const bool is_news =
      told.leader.value() != status.leader.value() || told.term.value() != status.term.value();
  if (is_news) PublishStats();
}

const Error* Partition::TakeFailure() {
  const Error* const failure = group_->failure();
  if (failure == nullptr || std::exchange(has_failed_, true)) return nullptr;
  return failure;
}

void Partition::PublishStats() {
  const GroupStatus status = group_->status();
  PartitionStats& stats = *options_.stats;
  stats.leader.Set(status.leader.value());
  stats.term.Set(status.term.value());
  stats.log_start.Set(status.log_start.value());
  stats.end.Set(status.end.value());
  stats.durable_end.Set(status.durable_end.value());
  stats.size_bytes.Set(status.size_bytes);
  PublishMembers();
}

// Of itself it only knows that it is here: its log may not yet say that it was added.
void Partition::PublishMembers() {
  const Membership& members = group_->membership();
  std::uint64_t learners = 0, lost = 0, bit = 1;
  for (const NodeId node : options_.nodes) {
    const auto found = std::ranges::find(members, node, &Replica::node);
    if (found == members.end() && node != options_.self) lost |= bit;
    if (found != members.end() && !found->voter) learners |= bit;
    bit <<= 1;
  }
  options_.stats->learners.Set(learners);
  options_.stats->lost.Set(lost);
}

void Partition::OnCommit() {
  // Before any ack of it can leave: metadata on another shard must not show an older end.
  PublishStats();
  const std::vector<FetchStream*> streams(streams_.begin(), streams_.end());
  for (FetchStream* stream : streams) {
    if (streams_.contains(stream)) stream->OnEndMoved();
  }
}

}  // namespace raftmq::broker
