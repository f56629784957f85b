// What the tests of the consumer share.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "raftmq/consumer.h"
#include "tests/client/client_fixture.h"

namespace raftmq::testing {

inline Consumer Create(const Client& client, ConsumerConfig config) {
  auto consumer = Consumer::Create(client, std::move(config));
  EXPECT_TRUE(consumer.has_value()) << (consumer ? "" : consumer.error().ToString());
  return std::move(*consumer);
}
inline ConsumerConfig From(StartPosition start, const std::string& topic = "orders") {
  ConsumerConfig config;
  config.topic = topic;
  config.start = start;
  return config;
}

// Polls until `count` values have come (or fails), checking that offsets have no holes.
inline std::vector<std::string> Take(Consumer& consumer, std::size_t count) {
  std::vector<std::string> values;
  std::vector<std::uint64_t> next(64, ~std::uint64_t{0});
  while (values.size() < count) {
    const auto batch = consumer.Poll(kLong);
    if (!batch || batch->messages.empty()) {
      ADD_FAILURE() << (batch ? "nothing came" : batch.error().ToString());
      break;
    }
    for (const MessageView& message : batch->messages) {
      std::uint64_t& expected = next[message.partition];
      if (expected != ~std::uint64_t{0}) {
        EXPECT_EQ(message.offset, expected);
      }
      expected = message.offset + 1;
      values.emplace_back(message.value.value_or("null"));
    }
  }
  return values;
}

}  // namespace raftmq::testing
