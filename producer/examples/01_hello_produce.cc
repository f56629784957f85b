// Sends one message and says where it went.
// Usage: 01_hello_produce HOST:PORT TOPIC
#include <raftmq/client.h>
#include <raftmq/producer.h>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: %s HOST:PORT TOPIC\n", argv[0]), 2;

  raftmq::ClientConfig config;
  config.brokers = {argv[1]};
  auto client = raftmq::Client::Connect(config);
  if (!client) return std::fprintf(stderr, "%s\n", client.error().ToString().c_str()), 1;

  raftmq::ProducerConfig producer_config;
  producer_config.topic = argv[2];
  auto producer = raftmq::Producer::Create(*client, producer_config);
  if (!producer) return std::fprintf(stderr, "%s\n", producer.error().ToString().c_str()), 1;

  raftmq::Message message;
  message.key = "greeting";
  message.value = "hello, world";
  auto receipt = producer->Send(std::move(message)).Get(10s);
  if (!receipt) return std::fprintf(stderr, "%s\n", receipt.error().ToString().c_str()), 1;

  // From here on the message survives the loss of any minority of brokers, and of all their power.
  std::printf("partition %u, offset %llu\n", receipt->partition,
              static_cast<unsigned long long>(receipt->offset));
  return 0;
}
