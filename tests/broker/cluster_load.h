// Messages sent to one partition without a pause, by the client library, and what became of them.
#pragma once

#include <atomic>
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

namespace raftmq::testing {

// Sends from a thread of its own, as much at a time as the producer's memory bound allows.
class Load {
 public:
  Load(const Client& client, const std::string& topic, std::uint32_t partition = 0);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Waits until this many more are acked than were at the call; false if the time is over.
  bool WaitForAcks(std::size_t more) const;
  // Sends no more and waits for every outcome; false if some never came.
  bool Finish();

  std::size_t acked_count() const;
  std::vector<std::string> acked() const;   // Their values; each is sent once by the application.
  std::vector<std::string> errors() const;  // Of sends that failed for good.
  std::chrono::milliseconds longest_pause() const;  // Between two acks.

 private:
  void Send();
  void OnOutcome(std::uint64_t number, const Result<SendReceipt>& outcome);
  std::string ValueOf(std::uint64_t number) const;

  const std::uint32_t partition_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;  // An outcome came.
  std::vector<std::uint64_t> acked_;
  std::vector<std::string> errors_;
  std::chrono::steady_clock::time_point last_ack_{};
  std::chrono::steady_clock::duration longest_pause_{};
  std::atomic<bool> is_over_ = false;
  Producer producer_;
  std::thread sender_;
};

// How often each value is stored in the topic, all partitions together, up to their ends now.
std::map<std::string, int> CountValues(const Client& client, const std::string& topic);

// What of `acked` is not there; and how many values are there more than once.
struct Audit {
  std::vector<std::string> lost;
  std::size_t doubled = 0;
};
Audit AuditOf(const std::map<std::string, int>& stored, const std::vector<std::string>& acked);

}  // namespace raftmq::testing
