#include "broker/settings_options.h"

#include <algorithm>

namespace raftmq::broker {
namespace {

SessionLimits SessionLimitsFrom(const LimitSettings& limits) {
  SessionLimits session;
  session.hello_frame_bytes_max = limits.frame_before_hello_bytes;
  session.frame_bytes_max = limits.frame_bytes;
  session.requests_in_flight_max = limits.in_flight_requests;
  session.bytes_in_flight_max = limits.in_flight_bytes;
  session.hello_deadline = limits.hello_deadline;
  session.idle_timeout = limits.idle;
  session.body_grace = limits.body_grace;
  session.body_bytes_per_second_min = limits.body_bytes_per_second;
  return session;
}

TopicSettings TopicDefaultsFrom(const StorageSettings& storage) {
  TopicSettings topic;
  topic.segment_bytes = storage.segment_bytes;
  // In the file 0 says "for ever" and "unlimited"; topics say it with Kafka's -1.
  topic.retention_ms = storage.retention.count() == 0 ? -1 : storage.retention.count();
  topic.retention_bytes =
      storage.retention_bytes == 0 ? -1 : static_cast<std::int64_t>(storage.retention_bytes);
  return topic;
}

}  // namespace

BrokerOptions OptionsFrom(const BrokerSettings& settings, unsigned cores) {
  BrokerOptions options;
  options.node = settings.node.id;
  options.cluster_id = settings.node.cluster_id;
  for (const PeerSetting& peer : settings.node.peers)
    options.peers.push_back({peer.id, peer.address});
  if (options.peers.empty())
    options.peers.push_back({settings.node.id, settings.listeners.peer_listen});
  std::ranges::sort(options.peers, {}, &PeerNode::node);
  options.shards = settings.node.shards != 0 ? settings.node.shards : std::max(1u, cores);
  options.auto_create_topics = settings.node.dev;
  options.session = SessionLimitsFrom(settings.limits);
  options.catalogue.topics_max = settings.limits.topics;
  options.catalogue.partitions_per_topic_max = settings.limits.partitions_per_topic;
  options.stall_limit = settings.limits.stall;
  options.storage.data_directory = settings.node.data_dir;
  options.storage.fresh_page_per_job = settings.storage.fresh_page_per_job;
  options.storage.unsafe_no_sync = settings.storage.unsafe_no_sync;
  options.storage.tail_cache_bytes = settings.storage.tail_cache_bytes;
  options.storage.scrub = ScrubLimitsFrom(settings.storage);
  options.storage.watermarks = WatermarksFrom(settings);
  options.topic_defaults = TopicDefaultsFrom(settings.storage);
  options.memory_bytes_max = settings.limits.memory_bytes;
  return options;
}

ScrubLimits ScrubLimitsFrom(const StorageSettings& storage) {
  return {.period = storage.scrub_period,
          .rate = storage.scrub_rate,
          .started_rate = storage.scrub_started_rate};
}

DiskWatermarks WatermarksFrom(const BrokerSettings& settings) {
  return {.low_bytes = settings.storage.disk_low_bytes,
          .critical_bytes = settings.storage.disk_critical_bytes};
}

BrokerListeners ListenersFrom(const BrokerSettings& settings) {
  BrokerListeners listeners;
  listeners.client = settings.listeners.listen;
  listeners.peer = settings.listeners.peer_listen;
  listeners.http = settings.listeners.http;
  listeners.advertise = settings.listeners.advertise;
  listeners.peer_advertise = settings.listeners.peer_advertise;
  listeners.limits.connections_max = settings.limits.connections;
  listeners.limits.per_address_max = settings.limits.connections_per_address;
  return listeners;
}

}  // namespace raftmq::broker
