// Prints a topic from its first message on, and stops when nothing has come for two seconds.
// Usage: 02_hello_consume HOST:PORT TOPIC
#include <raftmq/client.h>
#include <raftmq/consumer.h>

#include <chrono>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: %s HOST:PORT TOPIC\n", argv[0]), 2;

  raftmq::ClientConfig config;
  config.brokers = {argv[1]};
  auto client = raftmq::Client::Connect(config);
  if (!client) return std::fprintf(stderr, "%s\n", client.error().ToString().c_str()), 1;

  raftmq::ConsumerConfig consumer_config;
  consumer_config.topic = argv[2];
  consumer_config.start = raftmq::StartPosition::Start();
  auto consumer = raftmq::Consumer::Create(*client, consumer_config);
  if (!consumer) return std::fprintf(stderr, "%s\n", consumer.error().ToString().c_str()), 1;

  while (true) {
    // The views in the batch are valid until the next Poll.
    const auto batch = consumer->Poll(2s);
    if (!batch) return std::fprintf(stderr, "%s\n", batch.error().ToString().c_str()), 1;
    if (batch->messages.empty()) return 0;
    for (const raftmq::MessageView& message : batch->messages) {
      std::printf("%u/%llu %s: %s\n", message.partition,
                  static_cast<unsigned long long>(message.offset),
                  std::string(message.key.value_or("(no key)")).c_str(),
                  std::string(message.value.value_or("(null)")).c_str());
    }
  }
}
