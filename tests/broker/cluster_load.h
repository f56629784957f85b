// Messages sent to one partition, without a pause if nothing else is said, by the client library,
// and what became of them: recorded as a history, to be judged (cluster_history.h).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "raftmq/client.h"
#include "raftmq/producer.h"
#include "tests/checker/history_recorder.h"

namespace raftmq::testing {

// Sends from a thread of its own, as much at a time as the producer's memory bound allows.
class Load {
 public:
  struct Options {
    std::string topic;
    std::uint32_t partition = 0;
    std::uint64_t messages_allowed = ~std::uint64_t{0};  // More by Allow.
    std::uint32_t per_second = 0;  // 0 = without a pause. What is late is sent at once.
    std::size_t message_bytes = 200;
    std::size_t batch_bytes = 8u << 10;
    std::chrono::milliseconds delivery_timeout{120'000};
  };
  // `history` outlives it.
  Load(const Client& client, checker::HistoryRecorder& history, const Options& options);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Waits until this many more are acked than were at the call; false if the time is over.
  bool WaitForAcks(std::size_t more) const;
  // The same until that many are acked in all.
  bool WaitForAckedCount(std::size_t count) const;
  // Sends no more and waits for every outcome; false if some never came.
  bool Finish();
  // The same once all that are allowed are sent.
  bool SendAll();
  // May send so many more.
  void Allow(std::uint64_t more);

  std::size_t acked_count() const;
  std::vector<std::string> errors() const;          // Of sends that failed for good.
  std::chrono::milliseconds longest_pause() const;  // Between two acks.

 private:
  void Send();
  bool MaySend(std::uint64_t counter);  // Waits until it is known.
  bool AwaitOutcomes();
  void OnOutcome(checker::OpNumber op, const Result<SendReceipt>& outcome);

  checker::HistoryRecorder& history_;
  const checker::ClientNumber number_;  // Of this load in the history, and of its values.
  const Options options_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;  // Anything below.
  std::size_t acked_count_ = 0;
  std::vector<std::string> errors_;
  std::chrono::steady_clock::time_point last_ack_{};
  std::chrono::steady_clock::duration longest_pause_{};
  std::uint64_t allowed_;
  bool is_over_ = false;      // Sends no more,
  bool is_complete_ = false;  // or no more than is allowed.
  Producer producer_;
  std::thread sender_;
};

// How often each value is stored in the topic, all partitions together, up to their ends now.
std::map<std::string, int> CountValues(const Client& client, const std::string& topic);

}  // namespace raftmq::testing
