// Sends many messages without waiting for each: callbacks count the outcomes, and the producer's
// memory bound holds the sender back when the broker is slower.
// Usage: 03_async_produce HOST:PORT TOPIC COUNT
#include <raftmq/client.h>
#include <raftmq/producer.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: %s HOST:PORT TOPIC COUNT\n", argv[0]), 2;

  raftmq::ClientConfig config;
  config.brokers = {argv[1]};
  auto client = raftmq::Client::Connect(config);
  if (!client) return std::fprintf(stderr, "%s\n", client.error().ToString().c_str()), 1;

  // Outlive the producer: its destructor may still call back.
  std::atomic<unsigned long> acked{0};
  std::atomic<unsigned long> failed{0};

  raftmq::ProducerConfig producer_config;
  producer_config.topic = argv[2];
  producer_config.compression = raftmq::Compression::kLz4;
  producer_config.memory_bytes = 16u << 20;              // Back-pressure: beyond this,
  producer_config.when_full = raftmq::WhenFull::kBlock;  // Send waits for acks.
  auto producer = raftmq::Producer::Create(*client, producer_config);
  if (!producer) return std::fprintf(stderr, "%s\n", producer.error().ToString().c_str()), 1;

  const unsigned long count = std::strtoul(argv[3], nullptr, 10);
  for (unsigned long i = 0; i < count; ++i) {
    raftmq::Message message;
    message.key = "sensor-" + std::to_string(i % 100);  // One key, one partition, one order.
    message.value = "reading " + std::to_string(i);
    // The callback runs on the client's thread: count, hand over, but do not block.
    producer->Send(std::move(message), [&](const raftmq::Result<raftmq::SendReceipt>& outcome) {
      ++(outcome ? acked : failed);
    });
  }
  const raftmq::Status closed = producer->Close(30s);
  if (!closed) std::fprintf(stderr, "%s\n", closed.error().ToString().c_str());
  std::printf("acked %lu, failed %lu\n", acked.load(), failed.load());
  return failed == 0 ? 0 : 1;
}
