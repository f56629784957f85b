// Sends messages to a topic, in batches, with retries and bounded memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "raftmq/client.h"
#include "raftmq/export.h"
#include "raftmq/future.h"
#include "raftmq/message.h"
#include "raftmq/result.h"

namespace raftmq {

enum class ProducerAcks {
  kQuorum,        // Synced on a majority: survives power loss of every node at once.
  kLeaderMemory,  // In the leader's memory: may vanish with the leader.
  kNone,          // Not waited for at all: may vanish anywhere, unnoticed.
};
enum class Compression { kNone, kLz4, kZstd };
enum class WhenFull { kBlock, kFail };

// Picks the partition of a message without one. Must be a pure function; called on the sender's
// thread.
using Partitioner = std::function<std::uint32_t(const Message&, std::uint32_t partitions)>;

struct RAFTMQ_EXPORT ProducerConfig {
  std::string topic;
  ProducerAcks acks = ProducerAcks::kQuorum;
  Compression compression = Compression::kNone;
  std::size_t batch_bytes = 1u << 20;
  std::chrono::milliseconds linger{5};
  std::uint32_t batches_in_flight = 5;   // Per partition.
  std::size_t memory_bytes = 64u << 20;  // Unsent and unacked messages of this producer.
  WhenFull when_full = WhenFull::kBlock;
  std::chrono::milliseconds delivery_timeout{
      120'000};             // From Send to the final outcome, retries included.
  Partitioner partitioner;  // Default: murmur2 of the key, as Kafka's Java client.
  // Each message is stored once and in order, whatever is lost, retried or led by another node.
  // Only with kQuorum, and by default there; needs batches_in_flight of at most 5.
  std::optional<bool> idempotence;  // Also "enable.idempotence".
  // Who produces, over restarts; named as topics are. A producer fences the earlier ones of its
  // name and goes on behind what they have stored: see Producer::ResumedSequence. Needs
  // idempotence.
  std::string name;  // Also "producer.name".

  static Result<ProducerConfig> FromMap(const std::map<std::string, std::string>& values);
  // The section [producer] of a TOML file.
  static Result<ProducerConfig> FromToml(const std::string& path);
  // The environment's RAFTMQ_PRODUCER_KEY, as RAFTMQ_PRODUCER_LINGER.
  static Result<ProducerConfig> FromEnv();
};

// Thread-safe. Messages of one partition keep the order of Send (per thread). With idempotence, as
// by default, a message that is acked is stored exactly once; one whose send failed with a definite
// error (Error::definite) is not stored; of any other it is not known, but it is stored once at
// most. kFenced ends the producer: another one has taken over its name. A named producer leaves
// none out: behind a message that failed all that go to its partition fail (kSequenceGap, not
// stored); created again, it goes on behind what is. The destructor waits for what is under way up
// to ClientConfig::destructor_timeout, then gives the rest up with kCancelled; no callback runs
// after it has returned. Inside a callback it is legal too: it returns at once, and the same
// happens behind it. Flush and Close are refused there (kInvalidArgument).
class RAFTMQ_EXPORT Producer {
 public:
  using SendCallback = std::function<void(const Result<SendReceipt>&)>;

  // Asks the cluster for a session, unless idempotence is off. Errors: kInvalidArgument,
  // kTopicNotFound, kBadName, kLimitExceeded (too many names), those of a request.
  static Result<Producer> Create(const Client& client, ProducerConfig config);
  Producer(Producer&&) noexcept;
  Producer& operator=(Producer&&) noexcept;
  ~Producer();

  // The receipt comes when the message is acked as ProducerAcks says; under kNone when the bytes
  // have left, and its offset means nothing. Blocks at the memory bound under kBlock (kTimeout
  // after delivery_timeout); kQueueFull at once under kFail, and always inside a callback.
  Future<SendReceipt> Send(Message message);
  // The same with a callback, exactly once; the cheapest form. It runs on the client's thread, and
  // must not block there; only a message that is refused at once (kQueueFull, kInvalidArgument,
  // kBatchTooLarge, kCancelled after Close) calls back before Send returns, on the caller's thread.
  void Send(Message message, SendCallback callback);

  // Of a named producer: how many messages of its name the partition holds (modulo 2^32) as this
  // one takes over, by which a relay knows where to go on. Waits up to request_timeout; from then
  // on nothing of earlier producers of that name can be stored there. Errors: kInvalidArgument (no
  // name, no such partition), kFenced, kUnknownSession (the name was not heard of there for so long
  // that it has been forgotten), kTimeout.
  Result<std::uint32_t> ResumedSequence(std::uint32_t partition);

  // Sends what lingers and waits for every outcome so far; kTimeout if some are still open.
  Status Flush(std::chrono::milliseconds timeout);
  // Flush, then no more sends. What is open at the timeout ends with kCancelled.
  Status Close(std::chrono::milliseconds timeout);

  struct Stats {
    std::uint64_t sent = 0, acked = 0, failed = 0, retries = 0, batches = 0;
    std::uint64_t bytes_queued = 0;
  };
  Stats stats() const;

  class Impl;

 private:
  explicit Producer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace raftmq
