// Reads committed messages of a topic's partitions, streamed ahead within a memory bound.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "raftmq/client.h"
#include "raftmq/export.h"
#include "raftmq/message.h"
#include "raftmq/result.h"

namespace raftmq {

// Where reading begins in each partition.
struct StartPosition {
  enum class Kind { kStart, kEnd, kOffset, kLast, kTime } kind = Kind::kStart;
  std::uint64_t value =
      0;  // kOffset: the offset; kLast: how many before the end; kTime: milliseconds since 1970.

  static StartPosition Start() { return {}; }
  static StartPosition End() { return {Kind::kEnd, 0}; }
  static StartPosition At(std::uint64_t offset) { return {Kind::kOffset, offset}; }
  static StartPosition Last(std::uint64_t count) { return {Kind::kLast, count}; }
  static StartPosition Time(std::int64_t timestamp_ms) {
    return {Kind::kTime, static_cast<std::uint64_t>(timestamp_ms)};
  }
};

struct RAFTMQ_EXPORT ConsumerConfig {
  std::string topic;
  std::vector<std::uint32_t> partitions;  // Empty = all.
  StartPosition start;
  std::uint32_t replica = 0;  // Node to read from; 0 = each partition's leader.
  // Whatever was acked before Create, or before a call of Ends, is seen, whichever replica is read:
  // each asks a majority (ReadIndex), and fails with kNotYet or kTimeout if there is none within
  // request_timeout. Costs a round trip between the brokers, once.
  bool linearizable = false;
  std::size_t prefetch_bytes = 8u << 20;  // Per partition, received ahead of Poll; at most 1 GiB.
  // What to do when retention has removed the position: fail Poll with kOffsetBelowStart, or go on
  // there.
  enum class AutoOffsetReset {
    kNone,
    kEarliest,
    kLatest
  } auto_offset_reset = AutoOffsetReset::kNone;

  static Result<ConsumerConfig> FromMap(const std::map<std::string, std::string>& values);
  // The section [consumer] of a TOML file.
  static Result<ConsumerConfig> FromToml(const std::string& path);
  // The environment's RAFTMQ_CONSUMER_KEY, as RAFTMQ_CONSUMER_START.
  static Result<ConsumerConfig> FromEnv();
};

// Messages of one partition, in order. Views into received bytes: valid until the next Poll, Seek
// or the end of the consumer; in push mode until the handler returns.
struct MessageBatch {
  std::uint32_t partition = 0;
  std::vector<MessageView> messages;
};

// Used by one thread at a time, but Stop may come from any. Payload hashes are verified here: end
// to end.
class RAFTMQ_EXPORT Consumer {
 public:
  static Result<Consumer> Create(const Client& client, ConsumerConfig config);
  Consumer(Consumer&&) noexcept;
  Consumer& operator=(Consumer&&) noexcept;
  ~Consumer();

  // The next batch of any partition; an empty batch if none came in time. Errors that a later Poll
  // may overcome are retried inside; kOffsetBelowStart, kOffsetBeyondEnd, kPositionDiverged,
  // kDataCorrupt and kTopicNotFound are returned, every time the partition's turn comes (Seek to go
  // on). kPositionDiverged: another log is in the place of the one that was read.
  Result<MessageBatch> Poll(std::chrono::milliseconds timeout);

  // Push mode: calls `handler` for every batch until Stop or an error, which it returns. With
  // concurrency > 1, that many threads; one partition is handled by one thread at a time, in order.
  // A handler must not Poll, Close or destroy the consumer; the rest is legal there.
  Status Consume(const std::function<void(const MessageBatch&)>& handler,
                 std::uint32_t concurrency = 1);
  // Ends the Consume or Poll under way; if there is none, the next.
  void Stop();

  Status Seek(std::uint32_t partition, std::uint64_t offset);
  Status SeekToTime(std::int64_t timestamp_ms);  // Every partition.
  Status Pause(std::uint32_t partition);         // Poll gives none of its messages.
  Status Resume(std::uint32_t partition);

  struct Position {
    std::uint32_t partition = 0;
    std::uint64_t next_offset = 0;  // Of the message that Poll gives next.
    std::uint64_t log_start = 0;
    std::uint64_t end = 0;  // Highest end seen.
  };
  std::vector<Position> Positions() const;
  // Ends of all partitions as they are now; with `linearizable`, as a majority confirms them.
  Result<std::vector<Position>> Ends();
  Status Close(std::chrono::milliseconds timeout);

  class Impl;

 private:
  explicit Consumer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace raftmq
