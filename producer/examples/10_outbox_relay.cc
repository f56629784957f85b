// Relays an outbox: a file that only grows, one event per line, written by transactions. Each line
// gets into the topic once and in order, also when the relay is killed at any moment and started
// again, or when two of them run: the second fences the first.
// Usage: 10_outbox_relay HOST:PORT TOPIC FILE
#include <raftmq/client.h>
#include <raftmq/producer.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: %s HOST:PORT TOPIC FILE\n", argv[0]), 2;
  raftmq::ClientConfig config;
  config.brokers = {argv[1]};
  auto client = raftmq::Client::Connect(config);
  if (!client) return std::fprintf(stderr, "%s\n", client.error().ToString().c_str()), 1;

  std::atomic<unsigned long> failed{0};  // Outlives the producer, which may still call back.
  raftmq::ProducerConfig producer_config;
  producer_config.topic = argv[2];
  producer_config.name = "outbox-relay";
  auto producer = raftmq::Producer::Create(*client, producer_config);
  if (!producer) return std::fprintf(stderr, "%s\n", producer.error().ToString().c_str()), 1;

  // How many lines the relays of this name have stored before.
  const auto stored = producer->ResumedSequence(0);
  if (!stored) return std::fprintf(stderr, "%s\n", stored.error().ToString().c_str()), 1;
  std::ifstream outbox(argv[3]);
  std::uint32_t lines = 0;
  for (std::string line; std::getline(outbox, line); ++lines) {
    if (lines < *stored) continue;
    raftmq::Message message;
    message.value = line;
    message.partition = 0;
    producer->Send(std::move(message),
                   [&failed](const auto& receipt) { failed += receipt ? 0 : 1; });
  }
  if (const auto closed = producer->Close(60s); !closed || failed > 0) {
    return std::fprintf(stderr, "%lu lines are not stored; start again\n", failed.load()), 1;
  }
  std::printf("relayed %u lines, %u were there\n", lines - *stored, *stored);
  return 0;
}
