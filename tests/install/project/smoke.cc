// Uses a bit of everything that is installed, without a broker.
#include <raftmq/client.h>
#include <raftmq/consumer.h>
#include <raftmq/error.h>
#include <raftmq/future.h>
#include <raftmq/message.h>
#include <raftmq/producer.h>
#include <raftmq/result.h>
#include <raftmq/version.h>

#include <cstdio>
#include <string>

int main() {
  std::printf("raftmq %s\n", std::string(raftmq::Version()).c_str());
  raftmq::ClientConfig config;
  config.brokers = {"127.0.0.1:1"};  // Nobody listens there.
  const auto client = raftmq::Client::Connect(config);
  const auto producer_config = raftmq::ProducerConfig::FromMap({{"topic", "orders"}});
  const auto consumer_config = raftmq::ConsumerConfig::FromMap({{"topic", "orders"}});
  const bool as_expected = !client && client.error().code == raftmq::ErrorCode::kUnreachable &&
                           producer_config && consumer_config;
  return as_expected ? 0 : 1;
}
