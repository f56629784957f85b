// Orders from a source that repeats itself: each has an id, and within the topic's
// message.id.window each is stored once, however often and by whomever it is sent. Run it twice:
// the second time nothing is added. Create the topic first:
//   raftmq topic create orders --config message.id.window=10m
// Usage: 11_message_ids HOST:PORT TOPIC ID...
#include <raftmq/client.h>
#include <raftmq/producer.h>

#include <chrono>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  if (argc < 4) return std::fprintf(stderr, "usage: %s HOST:PORT TOPIC ID...\n", argv[0]), 2;
  raftmq::ClientConfig config;
  config.brokers = {argv[1]};
  auto client = raftmq::Client::Connect(config);
  if (!client) return std::fprintf(stderr, "%s\n", client.error().ToString().c_str()), 1;
  raftmq::ProducerConfig producer_config;
  producer_config.topic = argv[2];
  auto producer = raftmq::Producer::Create(*client, producer_config);
  if (!producer) return std::fprintf(stderr, "%s\n", producer.error().ToString().c_str()), 1;

  for (int i = 3; i < argc; ++i) {
    raftmq::Message order;
    order.id = argv[i];  // Chooses the partition, too, as there is no key.
    order.value = std::string("order ") + argv[i];
    const auto receipt = producer->Send(std::move(order)).Get(30s);
    if (!receipt) return std::fprintf(stderr, "%s\n", receipt.error().ToString().c_str()), 1;
    std::printf("%s is message %llu of partition %u\n", argv[i],
                static_cast<unsigned long long>(receipt->offset), receipt->partition);
  }
  return 0;
}
