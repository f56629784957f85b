// Names and settings of topics, as users write them: checked here, once, before anything is logged.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "raftmq/result.h"

namespace raftmq::broker {

// What a topic's settings mean. Defaults come from the broker's configuration.
struct TopicSettings {
  std::uint64_t segment_bytes = 128u << 20;             // "segment.bytes": 1 MiB to 4 GiB.
  std::int64_t retention_ms = 7LL * 24 * 3600 * 1000;   // "retention.ms": -1 = keep for ever.
  std::int64_t retention_bytes = -1;                    // "retention.bytes": -1 = no bound.
  std::uint64_t message_bytes_max = (1u << 20) + 4096;  // "max.message.bytes": a batch, as sent.
  std::int64_t message_id_window_ms = 0;  // "message.id.window": up to 7 days, 0 = no message ids.
  bool operator==(const TopicSettings&) const = default;
};

// [A-Za-z0-9._-]{1,200}, not "." or "..", not beginning with "__". Errors: kBadName.
Status CheckTopicName(std::string_view name);
// The same for the name of a producer.
Status CheckProducerName(std::string_view name);

// Reads settings over `defaults`. Sizes and times may carry units ("64MiB", "7d"); bare numbers are
// bytes and milliseconds, as in Kafka. Errors: kBadRequest, naming the setting and, for an unknown
// one, its nearest match.
Result<TopicSettings> ParseTopicSettings(const std::map<std::string, std::string>& settings,
                                         const TopicSettings& defaults);

}  // namespace raftmq::broker
