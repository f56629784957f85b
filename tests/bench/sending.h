// Messages sent by the client library as fast as its bounds allow.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "protocol/types/check.h"
#include "raftmq/client.h"
#include "raftmq/producer.h"

namespace raftmq::bench {

// Sends messages with a callback each and waits for all acks; returns the payload's bytes.
inline std::uint64_t Send(const Client& client, ProducerConfig config, std::uint64_t records,
                          std::size_t record_bytes) {
  auto producer = Producer::Create(client, std::move(config));
  RAFTMQ_CHECK(producer.has_value());
  std::uint64_t acked = 0;  // Counted on one thread, read after Close.
  for (std::uint64_t i = 0; i < records; ++i) {
    Message message;
    message.value.emplace(record_bytes, 'x');
    producer->Send(std::move(message),
                   [&acked](const Result<SendReceipt>& outcome) { acked += outcome ? 1 : 0; });
  }
  RAFTMQ_CHECK(producer->Close(std::chrono::seconds(60)).has_value());
  RAFTMQ_CHECK(acked == records);
  return records * record_bytes;
}

// The same with the defaults of a producer.
inline std::uint64_t Send(const Client& client, const std::string& topic, std::uint64_t records,
                          std::size_t record_bytes) {
  return Send(client, ProducerConfig{.topic = topic}, records, record_bytes);
}

}  // namespace raftmq::bench
