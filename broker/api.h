// The kinds of requests, for metrics.
#pragma once

#include <cstddef>
#include <cstdint>

namespace raftmq::broker {

enum class Api : std::uint8_t {
  kHello,
  kProduce,
  kFetch,
  kMetadata,
  kCreateTopic,
  kDeleteTopic,
  kTrim,
  kListOffsets,
  kReadIndex,
  kTransferLeader,
  kInitProducer,
  kOpenSession,
  kScrub,
  kReplaceNode,
  kAcceptLoss,
  kOther,
};
inline constexpr std::size_t kApiCount = 16;

constexpr const char* ApiName(Api api) {
  constexpr const char* kNames[kApiCount] = {
      "hello",        "produce",         "fetch",         "metadata",
      "create_topic", "delete_topic",    "trim",          "list_offsets",
      "read_index",   "transfer_leader", "init_producer", "open_session",
      "scrub",        "replace_node",    "accept_loss",   "other"};
  return kNames[static_cast<std::size_t>(api)];
}

}  // namespace raftmq::broker
