#include "consumer/consumer_impl.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "protocol/types/record.h"

namespace raftmq {
namespace {

using internal::FetchStream;
using internal::ReadQueue;
using internal::Reply;

constexpr std::chrono::hours kForever{24 * 365};

// Where to begin, given what the partition's leader says of it.
Offset Resolve(const StartPosition& start, const wire::ListOffsetsReply& reply) {
  switch (start.kind) {
    case StartPosition::Kind::kStart:
      return reply.log_start;
    case StartPosition::Kind::kEnd:
      return reply.end;
    case StartPosition::Kind::kOffset:
      return Offset(start.value);
    case StartPosition::Kind::kLast: {
      const std::uint64_t kept = reply.end.value() - reply.log_start.value();
      return reply.end.Minus(std::min(start.value, kept));
    }
    case StartPosition::Kind::kTime:
      return std::max(reply.offset, reply.log_start);
  }
  return reply.log_start;
}

}  // namespace

Consumer::Impl::Impl(std::shared_ptr<internal::ClientCore> core, ConsumerConfig config,
                     std::vector<std::uint32_t> partitions)
    : core_(std::move(core)),
      config_(std::move(config)),
      queue_(std::move(partitions),
             {.on_freed =
                  [this](std::size_t slot, std::size_t bytes) {
                    PostToStream(slot, [bytes](FetchStream& stream) { stream.OnFreed(bytes); });
                  },
              .on_restart =
                  [this](std::size_t slot) {
                    PostToStream(slot, [](FetchStream& stream) { stream.Restart(); });
                  }}) {}

Status Consumer::Impl::Start() {
  if (config_.linearizable) RAFTMQ_TRY(ReadIndex());
  RAFTMQ_TRY(GoTo(config_.start));
  core_->Post([self = shared_from_this()] { self->OpenStreams(); });
  return Ok();
}

Status Consumer::Impl::GoTo(const StartPosition& position) {
  if (position.kind == StartPosition::Kind::kStart) {
    for (std::size_t slot = 0; slot < queue_.size(); ++slot) queue_.SeekToLogStart(slot);
    return Ok();
  }
  std::vector<wire::ListOffsetsReply> replies(queue_.size());
  if (position.kind != StartPosition::Kind::kOffset) {
    const std::int64_t time = position.kind == StartPosition::Kind::kTime
                                  ? static_cast<std::int64_t>(position.value)
                                  : kTimestampMsMax;
    RAFTMQ_TRY_ASSIGN(replies, ListOffsets(time));
  }
  const std::vector<Position> seen = queue_.Positions();
  for (std::size_t slot = 0; slot < replies.size(); ++slot) {
    // A leader that was deposed and does not know it yet may tell an end that has moved on.
    replies[slot].end = std::max(replies[slot].end, Offset(seen[slot].end));
    queue_.Seek(slot, Resolve(position, replies[slot]));
  }
  return Ok();
}

Result<std::vector<wire::ListOffsetsReply>> Consumer::Impl::ListOffsets(std::int64_t timestamp_ms) {
  return internal::AskPartitionsFor<wire::ListOffsetsReply>(
      *core_, {.topic = config_.topic,
               .partitions = queue_.partitions(),
               .replica = {},
               .make_body = [timestamp_ms](GroupId group) {
                 return wire::ListOffsetsRequest{.group = group, .timestamp_ms = timestamp_ms};
               }});
}

Status Consumer::Impl::ReadIndex() {
  RAFTMQ_TRY_ASSIGN(const auto replies,
                    internal::AskPartitionsFor<wire::ReadIndexReply>(
                        *core_, {.topic = config_.topic,
                                 .partitions = queue_.partitions(),
                                 .replica = NodeId(config_.replica),
                                 .make_body = [](GroupId group) {
                                   return wire::ReadIndexRequest{.group = group};
                                 }}));
  for (std::size_t slot = 0; slot < replies.size(); ++slot)
    queue_.Saw(slot, replies[slot].log_start, replies[slot].end);
  return Ok();
}

Result<MessageBatch> Consumer::Impl::Poll(std::chrono::milliseconds timeout) {
  RAFTMQ_TRY(core_->CheckMayBlock());
  ReturnHeld();
  if (closed_) return Fail(ErrorCode::kCancelled, "the consumer is closed");
  Result<std::optional<ReadQueue::Lease>> taken = queue_.Take(timeout);
  queue_.ClearStop();
  if (!taken) return Fail(taken.error());
  MessageBatch batch;
  if (!taken->has_value()) return batch;
  held_ = std::move(**taken);
  batch.partition = queue_.partition(held_->slot);
  batch.messages = std::move(held_->batch.messages);
  return batch;
}

void Consumer::Impl::ReturnHeld() {
  if (!held_) return;
  queue_.Return(*held_);
  held_.reset();
}

Status Consumer::Impl::Consume(const std::function<void(const MessageBatch&)>& handler,
                               std::uint32_t concurrency) {
  RAFTMQ_TRY(core_->CheckMayBlock());
  ReturnHeld();
  if (closed_) return Fail(ErrorCode::kCancelled, "the consumer is closed");
  std::mutex mutex;
  Status first;
  const auto run = [&] {
    Status status = Work(handler);
    if (status) return;
    queue_.Stop();  // The other workers as well.
    std::lock_guard lock(mutex);
    if (first) first = std::move(status);
  };
  std::vector<std::thread> others;
  for (std::uint32_t i = 1; i < concurrency; ++i) others.emplace_back(run);
  run();
  for (std::thread& thread : others) thread.join();
  queue_.ClearStop();
  return first;
}

Status Consumer::Impl::Work(const std::function<void(const MessageBatch&)>& handler) {
  while (true) {
    Result<std::optional<ReadQueue::Lease>> taken = queue_.Take(kForever);
    if (!taken) return Fail(taken.error());
    if (!taken->has_value()) return Ok();  // Stopped.
    ReadQueue::Lease& lease = **taken;
    handler(
        {.partition = queue_.partition(lease.slot), .messages = std::move(lease.batch.messages)});
    queue_.Return(lease);
  }
}

Status Consumer::Impl::Seek(std::uint32_t partition, std::uint64_t offset) {
  RAFTMQ_TRY_ASSIGN(const std::size_t slot, SlotOf(partition));
  ReturnHeld();
  queue_.Seek(slot, Offset(offset));
  return Ok();
}

Status Consumer::Impl::SeekToTime(std::int64_t timestamp_ms) {
  ReturnHeld();
  return GoTo(StartPosition::Time(timestamp_ms));
}

Status Consumer::Impl::SetPaused(std::uint32_t partition, bool paused) {
  RAFTMQ_TRY_ASSIGN(const std::size_t slot, SlotOf(partition));
  queue_.SetPaused(slot, paused);
  return Ok();
}

Result<std::size_t> Consumer::Impl::SlotOf(std::uint32_t partition) const {
  if (const auto slot = queue_.SlotOf(partition)) return *slot;
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("this consumer does not read partition {} of '{}'", partition, config_.topic));
}

Result<std::vector<Consumer::Position>> Consumer::Impl::Ends() {
  if (config_.linearizable) {
    RAFTMQ_TRY(ReadIndex());
    return queue_.Positions();
  }
  RAFTMQ_TRY_ASSIGN(const auto replies, ListOffsets(kTimestampMsMax));
  std::vector<Position> positions = queue_.Positions();
  for (std::size_t slot = 0; slot < replies.size(); ++slot) {
    positions[slot].log_start = replies[slot].log_start.value();
    positions[slot].end = std::max(positions[slot].end, replies[slot].end.value());
  }
  return positions;
}

Status Consumer::Impl::Close(std::chrono::milliseconds timeout) {
  RAFTMQ_TRY(core_->CheckMayBlock());
  ReturnHeld();
  closed_ = true;
  queue_.Stop();
  const Promise<bool> done;
  core_->Post([self = shared_from_this(), done] {
    self->ShutDown();
    done.Set(true);
  });
  RAFTMQ_TRY(done.future().Get(timeout));
  return Ok();
}

void Consumer::Impl::Destroy() {
  if (core_->IsOnLoopThread()) {
    core_->Post([self = shared_from_this()] { self->ShutDown(); });
  } else if (!closed_) {
    (void)Close(core_->config().destructor_timeout);  // Streams end by themselves if it is late.
  }
}

void Consumer::Impl::OpenStreams() {
  for (std::size_t slot = 0; slot < queue_.size(); ++slot) {
    streams_.push_back(
        std::make_shared<FetchStream>(core_->loop(), queue_,
                                      FetchStream::Options{.topic = config_.topic,
                                                           .slot = slot,
                                                           .replica = NodeId(config_.replica),
                                                           .prefetch_bytes = config_.prefetch_bytes,
                                                           .reset = config_.auto_offset_reset}));
    streams_.back()->Restart();
  }
}

void Consumer::Impl::PostToStream(std::size_t slot,
                                  std::function<void(internal::FetchStream&)> act) {
  core_->Post([weak = weak_from_this(), slot, act = std::move(act)] {
    const auto self = weak.lock();
    if (self && slot < self->streams_.size()) act(*self->streams_[slot]);
  });
}

}  // namespace raftmq
