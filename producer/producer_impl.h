// What a Producer handle holds.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "producer/accumulator.h"
#include "producer/memory_bound.h"
#include "producer/partition_sender.h"
#include "protocol/client/client_core.h"
#include "raftmq/producer.h"

namespace raftmq {

// Thread-safe but for what is marked as the loop's. Threads that send work on accumulators_ and
// memory_; the client's thread works on senders_, and is woken once per batch, not per message.
class Producer::Impl : public std::enable_shared_from_this<Producer::Impl> {
 public:
  // `session`: the producer's, or none.
  Impl(std::shared_ptr<internal::ClientCore> core, ProducerConfig config, std::uint32_t partitions,
       const internal::SessionPosition& session);

  void Send(const Message& message, SendCallback callback);
  Result<std::uint32_t> ResumedSequence(std::uint32_t partition);
  Status Flush(std::chrono::milliseconds timeout);
  Status Close(std::chrono::milliseconds timeout);
  // What the destructor does: Close within destructor_timeout; on the client's thread, where
  // nothing can be waited for, the same without waiting.
  void Destroy();
  Stats stats() const;

 private:
  struct Lane {  // One partition.
    explicit Lane(internal::Accumulator::Options options) : accumulator(options) {}
    internal::Accumulator accumulator;
    std::atomic<bool> wake_posted{false};
    std::shared_ptr<internal::PartitionSender> sender;  // The loop's; empty once shut down.
  };

  Result<std::uint32_t> ChoosePartition(const Message& message);
  Status TakeMemory(std::size_t bytes);
  void Refuse(const SendCallback& callback, Error error);
  void Wake(std::uint32_t partition);
  void Relieve();  // Memory is short: sends what lingers, if nothing else is under way.
  void RefuseNewSends();
  void MoveOn(std::uint32_t sticky_partition);  // Its batch is complete.

  // The loop's.
  std::shared_ptr<internal::PartitionSender> SenderOf(std::uint32_t partition);
  void FlushLanes(const std::shared_ptr<internal::FlushToken>& token);
  void RelieveLanes();
  void ShutDown(const Error& error);
  void OnFenced(const Error& error);
  internal::PartitionSession::Kind SessionKind() const;
  void DestroyWithoutWaiting();

  const std::shared_ptr<internal::ClientCore> core_;
  const ProducerConfig config_;
  const internal::SessionPosition session_;  // As allotted; 0 = none.
  internal::MemoryBound memory_;
  internal::ProducerCounters counters_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> refused_{0};        // Failed before they were accepted.
  std::atomic<std::uint32_t> sticky_partition_;  // For messages without a key.
  std::atomic<bool> relief_posted_{false};
  std::atomic<bool> is_fenced_{false};
  bool shut_down_ = false;                // The loop's.
  std::unique_ptr<Timer> destroy_timer_;  // The loop's.
};

}  // namespace raftmq
