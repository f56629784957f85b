#include "broker/shard_metrics.h"

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
      GaugeFamily("raftmq_raft_is_leader_partitions", "Partitions that this node leads."), {},
      &leader_partitions));
  registrations_.push_back(registry.Add(
      GaugeFamily("raftmq_storage_segments", "Segment files of all partitions."), {}, &segments));
  registrations_.push_back(registry.Add(
      SecondsFamily("raftmq_event_loop_lag_seconds", "How late the tick of a shard's loop came."), {},
      &loop_lag_us));
}

TopicMetrics::TopicMetrics(MetricsRegistry& registry, const std::string& topic) {
  const auto messages =
      CounterFamily("raftmq_topic_messages_total", "Messages taken from producers and sent to consumers.");
  const auto bytes =
      CounterFamily("raftmq_topic_bytes_total", "Bytes of batches, as stored, in and out.");
  registrations_.push_back(registry.Add(messages, {{"topic", topic}, {"direction", "in"}}, &messages_in));
  registrations_.push_back(registry.Add(messages, {{"topic", topic}, {"direction", "out"}}, &messages_out));
  registrations_.push_back(registry.Add(bytes, {{"topic", topic}, {"direction", "in"}}, &bytes_in));
  registrations_.push_back(registry.Add(bytes, {{"topic", topic}, {"direction", "out"}}, &bytes_out));
  registrations_.push_back(
      registry.Add(GaugeFamily("raftmq_topic_size_bytes", "Log bytes of a topic on this node."),
                   {{"topic", topic}}, &size_bytes));
}

}  // namespace raftmq::broker
