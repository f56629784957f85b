// What the tests of the producer share.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "raftmq/producer.h"
#include "tests/client/client_fixture.h"

namespace raftmq::testing {

inline Message Text(std::string value, std::optional<std::uint32_t> partition = 0) {
  return {.key = std::nullopt,
          .value = std::move(value),
          .headers = {},
          .timestamp_ms = 1000,
          .partition = partition};
}

// Sends at once, one batch per wake-up of the client's thread.
inline ProducerConfig NoLinger(const std::string& topic = "orders") {
  ProducerConfig config;
  config.topic = topic;
  config.linger = std::chrono::milliseconds(0);
  return config;
}

inline Producer Create(const Client& client, ProducerConfig config) {
  auto producer = Producer::Create(client, std::move(config));
  EXPECT_TRUE(producer.has_value()) << (producer ? "" : producer.error().ToString());
  return std::move(*producer);
}

// Counts the outcomes of sends and checks that none comes twice. Thread-safe.
class Outcomes {
 public:
  Producer::SendCallback Next() {
    std::lock_guard lock(mutex_);
    const std::size_t at = calls_.size();
    calls_.push_back(0);
    results_.emplace_back(Fail(ErrorCode::kInternal, "no outcome"));
    return [this, at](const Result<SendReceipt>& outcome) {
      std::lock_guard callback_lock(mutex_);
      ++calls_[at];
      results_[at] = outcome;
      order_.push_back(at);
    };
  }
  bool EachExactlyOnce() const {
    std::lock_guard lock(mutex_);
    for (const int calls : calls_) {
      if (calls != 1) return false;
    }
    return true;
  }
  int acked() const { return Count(ErrorCode::kOk); }
  int Count(ErrorCode code) const {
    std::lock_guard lock(mutex_);
    int count = 0;
    for (const auto& result : results_) {
      const ErrorCode found = result ? ErrorCode::kOk : result.error().code;
      if (found == code) ++count;
    }
    return count;
  }
  const std::vector<Result<SendReceipt>>& results() const { return results_; }
  const std::vector<std::size_t>& order() const { return order_; }

 private:
  mutable std::mutex mutex_;
  std::vector<int> calls_;
  std::vector<Result<SendReceipt>> results_;
  std::vector<std::size_t> order_;
};

}  // namespace raftmq::testing
