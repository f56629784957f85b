#include "consumer/fetch_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/client/log_level.h"
#include "protocol/types/record.h"

namespace raftmq::internal {

FetchStream::FetchStream(ClientLoop& loop, ReadQueue& queue, Options options)
    : loop_(loop),
      queue_(queue),
      options_(std::move(options)),
      partition_(queue.partition(options_.slot)),
      backoff_(loop.MakeBackoff()),
      retry_(loop.events()) {}

FetchStream::~FetchStream() { CloseStream(); }

void FetchStream::Restart() {
  CloseStream();
  start_ = queue_.StartOf(options_.slot);
  topic_.reset();
  next_offset_ = start_.offset;
  end_seen_ = std::max(end_seen_, start_.end_seen);
  Open();
}

void FetchStream::CloseStream() {
  retry_.Cancel();
  waits_for_room_ = false;
  credit_owed_ = 0;
  if (connection_ != nullptr) std::exchange(connection_, nullptr)->CloseStream(stream_);
}

void FetchStream::Open() {
  const std::size_t buffered = queue_.buffered_bytes(options_.slot);
  waits_for_room_ = buffered >= options_.prefetch_bytes;
  if (waits_for_room_) return;
  const Result<Route> route = loop_.RouteTo(options_.topic, partition_, options_.replica);
  if (!route) return route.error().retriable() ? Retry(route.error()) : GiveUp(route.error());
  if (topic_.value_or(route->group.topic) != route->group.topic) {
    return OnDiverged({ErrorCode::kPositionDiverged,
                       fmt::format("expected topic {}, found topic {} under its name",
                                   topic_->ToHex(), route->group.topic.ToHex())});
  }
  topic_ = route->group.topic;
  const Result<BrokerConnection*> connection = loop_.ConnectionTo(*route);
  if (!connection) return Retry(connection.error());
  const std::size_t credit = options_.prefetch_bytes - buffered;
  credit_owed_ = 0;
  connection_ = *connection;
  stream_ =
      connection_->OpenStream({.group = route->group,
                               .offset = next_offset_,
                               .credit_bytes = static_cast<std::uint32_t>(credit),
                               .end_seen = end_seen_,
                               .term_before = queue_.TermBefore(options_.slot, start_.generation)},
                              this);
}

void FetchStream::OnData(const wire::FetchData& data, SharedBytes attachment) {
  backoff_.Reset();
  end_seen_ = std::max(end_seen_, data.end);
  next_offset_ = data.next_offset;
  start_.from_log_start = false;
  queue_.Push(options_.slot, start_.generation, std::move(attachment), data.log_start, data.end);
}

void FetchStream::OnFreed(std::size_t bytes) {
  if (waits_for_room_) return Open();
  if (connection_ == nullptr) return;
  // In a few large steps; and all of it when the broker may be waiting for it.
  credit_owed_ += bytes;
  const bool enough = credit_owed_ >= options_.prefetch_bytes / 4;
  if (!enough && queue_.buffered_bytes(options_.slot) > 0) return;
  connection_->AddCredit(stream_, static_cast<std::uint32_t>(std::exchange(credit_owed_, 0)));
}

void FetchStream::OnEnd(const wire::ErrorReply& reason) {
  connection_ = nullptr;
  const Error& error = reason.error;
  switch (error.code) {
    case ErrorCode::kCancelled:
      return;  // The client is being closed.
    case ErrorCode::kOffsetBelowStart:
      return OnBelowStart(reason);
    case ErrorCode::kPositionDiverged:
      return OnDiverged(error);
    case ErrorCode::kPartitionNotFound:
      return Retry(error);  // Perhaps on another shard: metadata will tell.
    default:
      return error.retriable() ? Retry(error) : GiveUp(error);
  }
}

void FetchStream::Retry(const Error& error) {
  const Milliseconds wait = backoff_.Next();
  loop_.Log(error.code == ErrorCode::kNotYet ? kLogDebug : kLogWarning, "consumer",
            fmt::format("{}/{} goes on at offset {} in {} ms: {}", options_.topic, partition_,
                        next_offset_.value(), wait.count(), error.ToString()));
  retry_.Start(wait, [this] { Open(); });
  if (!IsRoutingError(error.code)) return;
  loop_.Refresh(options_.topic, [self = weak_from_this()](const Status& fresh) {
    const auto stream = self.lock();
    if (!stream || fresh || fresh.error().code != ErrorCode::kTopicNotFound) return;
    stream->retry_.Cancel();
    stream->GiveUp(fresh.error());
  });
}

void FetchStream::OnBelowStart(const wire::ErrorReply& reason) {
  const bool may_go_to_start =
      start_.from_log_start || options_.reset == ConsumerConfig::AutoOffsetReset::kEarliest;
  if (may_go_to_start && reason.log_start) return MoveTo(*reason.log_start, reason.error);
  if (options_.reset == ConsumerConfig::AutoOffsetReset::kLatest) return GoOnAtEnd(reason.error);
  GiveUp(reason.error);
}

// Wherever the two logs part, only the user can tell what of the old one still counts: whatever
// auto_offset_reset says, nothing goes on by itself.
void FetchStream::OnDiverged(const Error& reason) {
  end_seen_ = Offset();  // Of the other log; a Seek must not wait for this one to reach it.
  GiveUp({reason.code, fmt::format("{}: another log is in the place of the one that was read (its "
                                   "data were lost, the topic was created anew, or this is another "
                                   "cluster); nothing was reset: Seek to choose where to go on",
                                   reason.message)});
}

void FetchStream::GoOnAtEnd(const Error& reason) {
  const auto self = weak_from_this();
  const std::uint64_t generation = start_.generation;
  loop_.CallReplica(
      {options_.topic, partition_},
      [](GroupId group) {
        return wire::ListOffsetsRequest{.group = group, .timestamp_ms = kTimestampMsMax};
      },
      {.timeout = loop_.config().request_timeout, .retry_unknown = true},
      [self, generation, reason](Result<Reply> outcome) {
        const auto stream = self.lock();
        if (!stream || stream->start_.generation != generation) return;
        if (!outcome) return stream->Retry(outcome.error());
        const auto* ends = std::get_if<wire::ListOffsetsReply>(&outcome->body);
        if (ends == nullptr) return stream->GiveUp(reason);
        stream->MoveTo(ends->end, reason);
      });
}

void FetchStream::MoveTo(Offset offset, const Error& reason) {
  if (!queue_.MovePosition(options_.slot, start_.generation, offset)) return;  // Seek was faster.
  loop_.Log(kLogInfo, "consumer",
            fmt::format("{}/{}: from offset {} to {}: {}", options_.topic, partition_,
                        next_offset_.value(), offset.value(), reason.ToString()));
  next_offset_ = offset;
  // Not at once: a log that is trimmed all the time must not make a busy loop.
  retry_.Start(start_.from_log_start ? Milliseconds(0) : backoff_.Next(), [this] { Open(); });
}

void FetchStream::GiveUp(const Error& error) {
  queue_.SetError(options_.slot, start_.generation,
                  {error.code, fmt::format("{}/{} at offset {}: {}", options_.topic, partition_,
                                           next_offset_.value(), error.message)});
}

}  // namespace raftmq::internal
