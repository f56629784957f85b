// What the tests of client, producer and consumer share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "raftmq/client.h"
#include "tests/client/fake_broker.h"

namespace raftmq::testing {

// Long enough for any machine: a test that waits so long has failed.
inline constexpr std::chrono::milliseconds kLong{20'000};

// Short waits, fixed seed: nothing depends on them but the duration of the test.
inline ClientConfig QuickConfig(const FakeBroker& broker) {
  ClientConfig config;
  config.brokers = {broker.bootstrap()};
  config.backoff_min = std::chrono::milliseconds(1);
  config.backoff_max = std::chrono::milliseconds(20);
  config.seed = 42;
  return config;
}

inline Client ConnectTo(const FakeBroker& broker) {
  auto client = Client::Connect(QuickConfig(broker));
  EXPECT_TRUE(client.has_value()) << (client ? "" : client.error().ToString());
  return *client;
}

// "value-0", "value-1", ...
inline std::vector<std::string> Numbered(int count, int first = 0) {
  std::vector<std::string> values;
  for (int i = first; i < first + count; ++i) values.push_back("value-" + std::to_string(i));
  return values;
}

using What = FakeBroker::Verdict::What;

// The n-th message of a type (counted from 1) gets a fault; all others are handled.
template <class Request>
FakeBroker::Hook FaultAt(std::vector<int> which, FakeBroker::Verdict verdict) {
  return [which = std::move(which), verdict,
          count = std::make_shared<int>(0)](const wire::Message& message) -> FakeBroker::Verdict {
    if (!std::holds_alternative<Request>(message.body)) return {};
    ++*count;
    for (const int n : which) {
      if (n == *count) return verdict;
    }
    return {};
  };
}
// Every message of a type gets a fault.
template <class Request>
FakeBroker::Hook FaultAlways(FakeBroker::Verdict verdict) {
  return [verdict](const wire::Message& message) -> FakeBroker::Verdict {
    if (!std::holds_alternative<Request>(message.body)) return {};
    return verdict;
  };
}

}  // namespace raftmq::testing
