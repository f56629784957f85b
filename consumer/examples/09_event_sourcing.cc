// Event sourcing: an account is what its events say. Takes AMOUNT from it if there is enough; who
// decides at the same time decides anew, since an event is only stored where it is expected.
// Usage: 09_event_sourcing HOST:PORT TOPIC AMOUNT      (a negative amount is a deposit)
#include <raftmq/client.h>
#include <raftmq/consumer.h>
#include <raftmq/producer.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

using namespace std::chrono_literals;

int Die(const raftmq::Error& error) {
  return std::fprintf(stderr, "%s\n", error.ToString().c_str()), 1;
}

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: %s HOST:PORT TOPIC AMOUNT\n", argv[0]), 2;
  raftmq::ClientConfig config;
  config.brokers = {argv[1]};
  auto client = raftmq::Client::Connect(config);
  if (!client) return Die(client.error());
  raftmq::ConsumerConfig from{.topic = argv[2], .partitions = {0}};
  from.start = raftmq::StartPosition::Start();
  auto events = raftmq::Consumer::Create(*client, from);
  if (!events) return Die(events.error());
  auto producer = raftmq::Producer::Create(*client, {.topic = argv[2]});
  if (!producer) return Die(producer.error());

  const long amount = std::atol(argv[3]);
  long balance = 0;
  while (true) {
    const auto ends = events->Ends();
    if (!ends) return Die(ends.error());
    while (events->Positions()[0].next_offset < (*ends)[0].end) {
      const auto batch = events->Poll(5s);
      if (!batch) return Die(batch.error());
      for (const auto& event : batch->messages)
        balance -= std::atol(std::string(*event.value).c_str());
    }
    if (balance < amount) return std::printf("refused: only %ld left\n", balance), 3;
    raftmq::Message event{.value = std::to_string(amount), .partition = 0};
    event.expected_offset = events->Positions()[0].next_offset;
    const auto stored = producer->Send(std::move(event)).Get(10s);
    if (stored) return std::printf("%ld left\n", balance - amount), 0;
    if (stored.error().code != raftmq::ErrorCode::kOffsetMismatch) return Die(stored.error());
  }
}
