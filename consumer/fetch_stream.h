// Keeps one partition's stream of batches running: opens it at the leader or a chosen replica,
// gives credit as bytes are polled, and goes on at the next offset when the stream or the
// connection is lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "consumer/read_queue.h"
#include "protocol/client/client_loop.h"
#include "protocol/net/event_loop.h"
#include "raftmq/consumer.h"

namespace raftmq::internal {

// Loop-affine. The references must outlive it.
class FetchStream final : private StreamHandler, public std::enable_shared_from_this<FetchStream> {
 public:
  struct Options {
    std::string topic;
    std::size_t slot = 0;
    NodeId replica;  // To read from; 0 = the leader.
    std::size_t prefetch_bytes = 8u << 20;
    ConsumerConfig::AutoOffsetReset reset = ConsumerConfig::AutoOffsetReset::kNone;
  };
  FetchStream(ClientLoop& loop, ReadQueue& queue, Options options);
  ~FetchStream() override;

  // Reads anew from where the queue says.
  void Restart();
  // Polled bytes are free again.
  void OnFreed(std::size_t bytes);

 private:
  void OnData(const wire::FetchData& data, SharedBytes attachment) override;
  void OnEnd(const wire::ErrorReply& reason) override;

  void Open();
  void CloseStream();
  void Retry(const Error& error);
  void OnBelowStart(const wire::ErrorReply& reason);
  void OnDiverged(const Error& reason);
  void GoOnAtEnd(const Error& reason);
  void MoveTo(Offset offset, const Error& reason);
  void GiveUp(const Error& error);

  ClientLoop& loop_;
  ReadQueue& queue_;
  const Options options_;
  const std::uint32_t partition_;
  Backoff backoff_;
  Timer retry_;
  ReadQueue::Start start_;        // Of the generation that is being read.
  std::optional<TopicId> topic_;  // That the position is of, once a stream was opened there.
  Offset next_offset_;            // Where the stream goes on.
  Offset end_seen_;               // Highest end told by any replica of the log that is read.
  bool waits_for_room_ = false;
  BrokerConnection* connection_ = nullptr;  // While a stream is open on it.
  std::uint64_t stream_ = 0;
  std::size_t credit_owed_ = 0;  // Freed, not yet given back to the broker.
};

}  // namespace raftmq::internal
