// Numbered messages to every partition of a topic in turn, at a steady rate, and when they are
// acked.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "raftmq/client.h"
#include "raftmq/consumer.h"
#include "raftmq/producer.h"

namespace raftmq::bench {

// Sends from a thread of its own until Finish.
class PacedLoad {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    std::string topic;
    std::uint32_t partitions = 1;
    std::size_t message_bytes = 1024;
    double bytes_per_second = 1e6;
  };
  PacedLoad(const Client& client, const Options& options);
  ~PacedLoad();
  PacedLoad(const PacedLoad&) = delete;
  PacedLoad& operator=(const PacedLoad&) = delete;

  // From now on the first ack of each partition for a message sent from now on is noted.
  void NoteFirstAcks();
  // When it came, by partition.
  std::vector<std::optional<Clock::time_point>> first_acks() const;
  // Sends no more and waits for every outcome. False if one was an error or did not come.
  bool Finish();
  // After Finish: the numbers that were acked, by partition.
  const std::vector<std::vector<std::uint64_t>>& acked() const { return acked_; }

 private:
  void Run();
  void SendOne(std::uint64_t number);

  const Options options_;
  mutable std::mutex mutex_;  // Guards what follows, up to the producer.
  std::optional<Clock::time_point> noted_from_;
  std::vector<std::optional<Clock::time_point>> first_acks_;
  std::vector<std::vector<std::uint64_t>> acked_;
  std::uint64_t errors_ = 0;
  Producer producer_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

// What of `acked` is not to be read `from` a topic, beginning at `starts`, an offset per partition.
std::uint64_t CountLost(const Client& client, ConsumerConfig from,
                        const std::vector<std::uint64_t>& starts,
                        const std::vector<std::vector<std::uint64_t>>& acked);
// The ends of all partitions.
std::vector<std::uint64_t> EndsOf(const Client& client, const std::string& topic);

}  // namespace raftmq::bench
