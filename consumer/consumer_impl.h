// What a Consumer handle holds.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "consumer/ask_partitions.h"
#include "consumer/fetch_stream.h"
#include "consumer/read_queue.h"
#include "protocol/client/client_core.h"
#include "raftmq/consumer.h"

namespace raftmq {

// queue_ is where threads meet; streams_ are the client thread's; the rest belongs to the one
// thread that uses the consumer.
class Consumer::Impl : public std::enable_shared_from_this<Consumer::Impl> {
 public:
  Impl(std::shared_ptr<internal::ClientCore> core, ConsumerConfig config,
       std::vector<std::uint32_t> partitions);

  // Finds the start positions and opens the streams.
  Status Start();
  Result<MessageBatch> Poll(std::chrono::milliseconds timeout);
  Status Consume(const std::function<void(const MessageBatch&)>& handler,
                 std::uint32_t concurrency);
  void Stop() { queue_.Stop(); }
  Status Seek(std::uint32_t partition, std::uint64_t offset);
  Status SeekToTime(std::int64_t timestamp_ms);
  Status SetPaused(std::uint32_t partition, bool paused);
  std::vector<Position> Positions() const { return queue_.Positions(); }
  Result<std::vector<Position>> Ends();
  Status Close(std::chrono::milliseconds timeout);
  void Destroy();

 private:
  Status GoTo(const StartPosition& position);
  Result<std::size_t> SlotOf(std::uint32_t partition) const;
  // Asks every partition's leader for the offset at a time and for its bounds; in slot order.
  Result<std::vector<wire::ListOffsetsReply>> ListOffsets(std::int64_t timestamp_ms);
  // Makes sure that everything acked before this call will be seen: no replica whose end lies
  // before the ends that a majority confirms now is read from.
  Status ReadIndex();
  Status Work(const std::function<void(const MessageBatch&)>& handler);
  void ReturnHeld();

  // The client thread's.
  void OpenStreams();
  void ShutDown() { streams_.clear(); }
  // Runs `act` on the stream of a slot, if it is still there.
  void PostToStream(std::size_t slot, std::function<void(internal::FetchStream&)> act);

  const std::shared_ptr<internal::ClientCore> core_;
  const ConsumerConfig config_;
  internal::ReadQueue queue_;
  std::optional<internal::ReadQueue::Lease> held_;  // What the last Poll gave out.
  bool closed_ = false;
  std::vector<std::shared_ptr<internal::FetchStream>> streams_;  // By slot.
};

}  // namespace raftmq
