// What the shards of a broker work by: the configuration, resolved and without its sources.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/disk_watermarks.h"
#include "broker/peers/peer_node.h"
#include "broker/scrub/scrub_pace.h"
#include "broker/topic_settings.h"
#include "protocol/net/address.h"
#include "protocol/types/clock.h"
#include "protocol/types/ids.h"

namespace raftmq::broker {

// Bounds of one connection; all are settings.
struct SessionLimits {
  std::size_t hello_frame_bytes_max = 8u << 10;  // Until the hello is accepted.
  std::size_t frame_bytes_max = 8u << 20;
  std::size_t requests_in_flight_max = 64;
  std::size_t bytes_in_flight_max = 16u << 20;
  std::size_t streams_max = 1024;            // Fetch streams open at a time.
  std::size_t output_bytes_max = 1u << 20;   // Unsent bytes above which nothing is added.
  std::size_t fetch_bytes_max = 1u << 20;    // Most bytes of one FetchData.
  std::uint32_t fetch_wait_max_ms = 60'000;  // Longest long-poll.
  Milliseconds hello_deadline{5'000};
  Milliseconds idle_timeout{600'000};
  Milliseconds body_grace{10'000};  // After it a frame's body must come at:
  std::size_t body_bytes_per_second_min = 1024;
};

struct CatalogueLimits {
  std::size_t topics_max = 10'000;
  std::size_t partitions_per_topic_max = 1024;
  std::size_t partitions_max = 20'000;  // Of all topics together.
};

struct StorageOptions {
  std::string data_directory;
  std::uint64_t segment_bytes_first = 1u << 20;
  bool fresh_page_per_job = false;
  bool unsafe_no_sync = false;               // Only told to people; the FileSystem does it.
  std::size_t tail_cache_bytes = 32u << 20;  // Per shard.
  ScrubLimits scrub;
  DiskWatermarks watermarks;
};

struct BrokerOptions {
  NodeId node;
  std::string cluster_id;
  std::uint64_t incarnation = 0;
  std::uint64_t boot_id = 0;    // Another one at every start.
  std::vector<PeerNode> peers;  // The founding nodes by id, this one included: never empty.
  std::uint32_t shards = 1;
  bool auto_create_topics = false;  // --dev.
  Milliseconds tick{10};
  Milliseconds stall_limit{30'000};  // A loop or disk silent for longer fails /livez.
  SessionLimits session;
  CatalogueLimits catalogue;
  StorageOptions storage;
  TopicSettings topic_defaults;
  std::size_t memory_bytes_max = 1u << 30;
};

}  // namespace raftmq::broker
