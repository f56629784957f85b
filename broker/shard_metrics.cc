#include "broker/shard_metrics.h"

#include <utility>

namespace raftmq::broker {
namespace {

MetricFamilyOptions CounterFamily(std::string name, std::string help) {
  return {.name = std::move(name), .help = std::move(help)};
}

MetricFamilyOptions GaugeFamily(std::string name, std::string help) {
  return {.name = std::move(name), .help = std::move(help), .kind = MetricKind::kGauge};
}

MetricFamilyOptions SecondsFamily(std::string name, std::string help) {
  return {.name = std::move(name),
          .help = std::move(help),
          .kind = MetricKind::kHistogram,
          .scale = kMicrosecondsToSeconds};
}

}  // namespace

ShardMetrics::ShardMetrics(MetricsRegistry& registry) {
  RegisterApis(registry);
  RegisterTotals(registry);
  RegisterProduceStages(registry);
  RegisterGroups(registry);
  RegisterPeers(registry);
  RegisterDisk(registry);
}

void ShardMetrics::RecordRequest(Api api, std::uint64_t microseconds) {
  apis_[static_cast<std::size_t>(api)].duration_us.Record(microseconds);
}

void ShardMetrics::RecordError(Api api, ErrorCode code) {
  ApiMetrics& metrics = apis_[static_cast<std::size_t>(api)];
  (IsRetriable(code) ? metrics.retriable_errors : metrics.final_errors).Add();
}

void ShardMetrics::RegisterApis(MetricsRegistry& registry) {
  const auto duration = SecondsFamily("raftmq_request_duration_seconds",
                                      "Time from a request's last byte to its answer.");
  const auto errors =
      CounterFamily("raftmq_request_errors_total", "Requests that were answered with an error.");
  for (std::size_t i = 0; i < kApiCount; ++i) {
    const std::string api = ApiName(static_cast<Api>(i));
    registrations_.push_back(
        registry.Add(duration, {{"listener", "client"}, {"api", api}}, &apis_[i].duration_us));
    registrations_.push_back(registry.Add(errors, {{"api", api}, {"code_class", "retriable"}},
                                          &apis_[i].retriable_errors));
    registrations_.push_back(
        registry.Add(errors, {{"api", api}, {"code_class", "final"}}, &apis_[i].final_errors));
  }
}

void ShardMetrics::RegisterTotals(MetricsRegistry& registry) {
  registrations_.push_back(registry.Add(GaugeFamily("raftmq_connections", "Open connections."),
                                        {{"listener", "client"}}, &connections));
  const auto bytes = CounterFamily("raftmq_bytes_total", "Bytes of client connections.");
  registrations_.push_back(registry.Add(bytes, {{"direction", "in"}}, &bytes_in));
  registrations_.push_back(registry.Add(bytes, {{"direction", "out"}}, &bytes_out));
  registrations_.push_back(registry.Add(
      SecondsFamily("raftmq_event_loop_lag_seconds", "How late the tick of a shard's loop came."),
      {}, &loop_lag_us));
}

// Where the time of a produce request goes, one part after the other.
void ShardMetrics::RegisterProduceStages(MetricsRegistry& registry) {
  const auto stages = SecondsFamily(
      "raftmq_produce_stage_seconds",
      "Time of the stages of produce requests: queue (of each, up to the disk thread), append and "
      "sync (of each round of the disk thread), replication (of each, from the own sync to the "
      "commit), reply (of each turn that answered some).");
  const std::pair<const char*, const Histogram*> kStages[] = {
      {"queue", &groups.queue_us},
      {"append", &disk.write_us},
      {"sync", &disk.sync_us},
      {"replication", &groups.replication_us},
      {"reply", &reply_us}};
  for (const auto& [stage, histogram] : kStages)
    registrations_.push_back(registry.Add(stages, {{"stage", stage}}, histogram));
}

void ShardMetrics::RegisterPeers(MetricsRegistry& registry) {
  registrations_.push_back(
      registry.Add(CounterFamily("raftmq_peer_frames_sent_total", "Frames sent to other nodes."),
                   {}, &peers.frames_sent));
  registrations_.push_back(registry.Add(
      CounterFamily("raftmq_peer_messages_dropped_total",
                    "Messages to other nodes without a connection, or beyond its bound."),
      {}, &peers.dropped));
  const auto events = CounterFamily("raftmq_peer_connections_total",
                                    "Connections to other nodes that came up and broke.");
  registrations_.push_back(registry.Add(events, {{"event", "up"}}, &peers.connected));
  registrations_.push_back(registry.Add(events, {{"event", "lost"}}, &peers.lost));
  registrations_.push_back(registry.Add(
      CounterFamily("raftmq_peer_refused_total", "Connections to the peer port that were refused."),
      {}, &peers.refused));
}

void ShardMetrics::RegisterSessions(MetricsRegistry& registry) {
  registrations_.push_back(registry.Add(
      GaugeFamily("raftmq_sessions", "Producers' sessions that the partitions here remember."), {},
      &groups.sessions));
  registrations_.push_back(
      registry.Add(CounterFamily("raftmq_sessions_expired_total",
                                 "Sessions that leaders here dropped: expired, or to make place."),
                   {}, &groups.sessions_expired));
  registrations_.push_back(
      registry.Add(CounterFamily("raftmq_produce_duplicates_total",
                                 "Batches that were in the log already, and not appended again."),
                   {}, &groups.duplicates));
  registrations_.push_back(
      registry.Add(GaugeFamily("raftmq_message_ids", "Message ids that the partitions here know."),
                   {}, &groups.message_ids));
  registrations_.push_back(
      registry.Add(CounterFamily("raftmq_message_id_refusals_total",
                                 "Messages with an id where as many are known as may be."),
                   {}, &groups.refused_message_ids_full));
  const auto refused = CounterFamily("raftmq_session_refusals_total",
                                     "Batches and openings that their sessions did not allow.");
  const std::pair<const char*, const Counter*> kReasons[] = {
      {"fenced", &groups.refused_fenced},
      {"sequence_gap", &groups.refused_sequence_gap},
      {"sequence_overlap", &groups.refused_sequence_overlap},
      {"duplicate_offset_unknown", &groups.refused_duplicate_unknown},
      {"unknown_session", &groups.refused_unknown_session},
      {"limit_exceeded", &groups.refused_sessions_full}};
  for (const auto& [reason, counter] : kReasons)
    registrations_.push_back(registry.Add(refused, {{"reason", reason}}, counter));
}

void ShardMetrics::RegisterGroups(MetricsRegistry& registry) {
  registrations_.push_back(registry.Add(
      GaugeFamily("raftmq_raft_is_leader_partitions", "Partitions that this node leads."), {},
      &groups.leaders));
  registrations_.push_back(registry.Add(
      CounterFamily("raftmq_raft_leader_changes_total", "Times that a replica here became leader."),
      {}, &groups.terms_started));
  const auto elections =
      CounterFamily("raftmq_raft_elections_total", "Elections that a replica here stood for.");
  registrations_.push_back(registry.Add(elections, {{"result", "won"}}, &groups.terms_started));
  registrations_.push_back(registry.Add(elections, {{"result", "lost"}}, &groups.elections_lost));
  registrations_.push_back(
      registry.Add(CounterFamily("raftmq_raft_heartbeat_failures_total",
                                 "Times that a follower was silent for an election timeout."),
                   {}, &groups.heartbeat_failures));
  registrations_.push_back(
      registry.Add(GaugeFamily("raftmq_cluster_leaderless_partitions",
                               "Partitions with a replica here that knows no leader."),
                   {}, &leaderless_partitions));
  registrations_.push_back(registry.Add(
      SecondsFamily("raftmq_raft_append_latency_seconds",
                    "Time from the hand-over of entries to the disk thread to their sync."),
      {}, &groups.append_latency_us));
  registrations_.push_back(registry.Add(
      GaugeFamily("raftmq_raft_pending_proposals", "Proposals that are not yet committed."), {},
      &groups.pending_proposals));
  registrations_.push_back(registry.Add(
      SecondsFamily("raftmq_raft_commit_latency_seconds", "Time from a proposal to its commit."),
      {}, &groups.commit_latency_us));
  registrations_.push_back(registry.Add(
      GaugeFamily("raftmq_raft_pending_bytes", "Bytes of proposals that are not yet committed."),
      {}, &groups.pending_bytes));
  const auto refused = CounterFamily("raftmq_raft_proposals_refused_total",
                                     "Proposals that were refused for lack of room.");
  registrations_.push_back(
      registry.Add(refused, {{"reason", "overloaded"}}, &groups.refused_overloaded));
  registrations_.push_back(
      registry.Add(refused, {{"reason", "disk_full"}}, &groups.refused_disk_full));
  RegisterSessions(registry);
  registrations_.push_back(registry.Add(
      GaugeFamily(
          "raftmq_raft_diverged_partitions",
          "Partitions whose replica here computed another checkpoint than their leader, and "
          "has stopped."),
      {}, &groups.diverged));
  registrations_.push_back(registry.Add(
      CounterFamily("raftmq_raft_resets_total",
                    "Logs that began anew because they ended before their leader's begins."),
      {}, &groups.resets));
  const auto messages = CounterFamily("raftmq_raft_messages_refused_total",
                                      "Messages of other replicas that had no effect, by reason.");
  registrations_.push_back(
      registry.Add(messages, {{"reason", "bad_entries"}}, &groups.appends_refused));
  registrations_.push_back(registry.Add(messages, {{"reason", "reset"}}, &groups.resets_refused));
  registrations_.push_back(
      registry.Add(messages, {{"reason", "term_jump"}}, &groups.terms_refused));
  const auto fetches = CounterFamily("raftmq_fetches_total",
                                     "Reads of the log for consumers, by where they were served.");
  registrations_.push_back(registry.Add(fetches, {{"from", "cache"}}, &groups.fetches_from_cache));
  registrations_.push_back(registry.Add(fetches, {{"from", "map"}}, &groups.fetches_from_map));
  registrations_.push_back(registry.Add(fetches, {{"from", "disk"}}, &groups.fetches_cold));
  registrations_.push_back(registry.Add(
      CounterFamily("raftmq_storage_checksum_errors_total", "Reads that met damaged bytes."), {},
      &groups.reads_damaged));
  registrations_.push_back(
      registry.Add(CounterFamily("raftmq_storage_losses_accepted_total",
                                 "Times that damaged records without a good copy were given up."),
                   {}, &groups.losses_accepted));
}

void ShardMetrics::RegisterDisk(MetricsRegistry& registry) {
  registrations_.push_back(registry.Add(
      GaugeFamily("raftmq_storage_lost_partitions", "Partitions that could not be opened."), {},
      &lost_partitions));
  registrations_.push_back(registry.Add(
      GaugeFamily("raftmq_storage_segments", "Segment files of the topics' partitions."), {},
      &segments));
  registrations_.push_back(registry.Add(
      SecondsFamily("raftmq_storage_fsync_duration_seconds", "Time of all syncs of one round."), {},
      &disk.sync_us));
  registrations_.push_back(
      registry.Add({.name = "raftmq_storage_fsync_batch_entries",
                    .help = "Entries that one round of the disk thread made durable.",
                    .kind = MetricKind::kHistogram,
                    .buckets = BucketLadder::kBatchSize},
                   {}, &disk.round_entries));
  registrations_.push_back(
      registry.Add(CounterFamily("raftmq_storage_bytes_written_total", "Bytes written into logs."),
                   {}, &disk.bytes_written));
}

TopicMetrics::TopicMetrics(MetricsRegistry& registry, const std::string& topic) {
  const auto messages = CounterFamily("raftmq_topic_messages_total",
                                      "Messages taken from producers and sent to consumers.");
  const auto bytes =
      CounterFamily("raftmq_topic_bytes_total", "Bytes of batches, as stored, in and out.");
  registrations_.push_back(
      registry.Add(messages, {{"topic", topic}, {"direction", "in"}}, &messages_in));
  registrations_.push_back(
      registry.Add(messages, {{"topic", topic}, {"direction", "out"}}, &messages_out));
  registrations_.push_back(registry.Add(bytes, {{"topic", topic}, {"direction", "in"}}, &bytes_in));
  registrations_.push_back(
      registry.Add(bytes, {{"topic", topic}, {"direction", "out"}}, &bytes_out));
  registrations_.push_back(
      registry.Add(GaugeFamily("raftmq_topic_size_bytes", "Log bytes of a topic on this node."),
                   {{"topic", topic}}, &size_bytes));
}

}  // namespace raftmq::broker
