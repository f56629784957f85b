// One message as applications see it, going in and coming out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace raftmq {

// To be sent. A missing key or value is null, which is not the same as empty.
struct Message {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::string>> headers;  // Ordered; names may repeat.
  std::optional<std::int64_t> timestamp_ms;                  // Default: now.
  std::optional<std::uint32_t> partition;  // Default: the partitioner's choice by key.
  // Conditional: stored only if it gets just this offset, one behind the last that the sender has
  // seen, else refused with kOffsetMismatch (definite). Needs a partition or a key; travels alone.
  std::optional<std::uint64_t> expected_offset;
  // Within the topic's message.id.window the partition stores one message with that id, whoever
  // sends it and how often: the others are acked with its offset. 1 to 256 bytes; without a key or
  // partition it is the id (or ProducerConfig::partitioner) that chooses the partition, which has
  // to be the same each time. Beside expected_offset a known id counts first. Travels alone, and as
  // a first header "message.id". Errors, definite: kBadRequest where the topic has no window,
  // kLimitExceeded where as many are known as may be.
  std::optional<std::string> id;
};

// Where a sent message went.
struct SendReceipt {
  std::uint32_t partition = 0;
  std::uint64_t offset = 0;
  std::int64_t timestamp_ms = 0;  // The broker's append time.
  // False: the message is stored, but it was so long ago that the partition has forgotten where;
  // `offset` and `timestamp_ms` are 0. Comes only after a retry.
  bool is_offset_known = true;
};

// Received. Views into the batch it came from; see Consumer::Poll for their lifetime.
struct MessageView {
  std::uint32_t partition = 0;
  std::uint64_t offset = 0;
  std::int64_t timestamp_ms = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> headers;
};

}  // namespace raftmq
