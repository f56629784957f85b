#include "raftmq/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "protocol/client/client_core.h"
#include "protocol/client/config_map.h"
#include "protocol/client/config_sources.h"
#include "protocol/client/describe.h"

namespace raftmq {
namespace {

using internal::ClientCore;
using internal::Reply;
using internal::RetryingCall;

// How long one node may keep the others' answers waiting.
constexpr Milliseconds kSurveyPatience{2'000};

Result<std::vector<Address>> ParseBrokers(const std::vector<std::string>& brokers) {
  if (brokers.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "expected at least one broker as HOST:PORT");
  }
  std::vector<Address> addresses;
  for (const std::string& broker : brokers) {
    RAFTMQ_TRY_ASSIGN(Address address, ParseAddress(broker));
    addresses.push_back(std::move(address));
  }
  return addresses;
}

Status CheckTimes(const ClientConfig& config) {
  if (config.backoff_min.count() < 1 || config.backoff_min > config.backoff_max) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected 1 ms <= backoff_min <= backoff_max, found {} ms and {} ms",
                            config.backoff_min.count(), config.backoff_max.count()));
  }
  const auto shortest = std::min({config.connect_timeout, config.request_timeout,
                                  config.metadata_max_age, config.destructor_timeout});
  if (shortest.count() >= 1) return Ok();
  return Fail(ErrorCode::kInvalidArgument, "expected every timeout of the client to be >= 1 ms");
}

// The one kind of reply that fits, or kUnsupported.
template <class T>
Result<T> Expect(Result<Reply> reply) {
  if (!reply) return Fail(std::move(reply).error());
  if (auto* body = std::get_if<T>(&reply->body)) return std::move(*body);
  return Fail(ErrorCode::kUnsupported, "the broker's answer is not one to the question");
}

}  // namespace

Result<ClientConfig> ClientConfig::FromMap(const std::map<std::string, std::string>& values) {
  ClientConfig config;
  internal::ConfigMap map(values);
  map.List("brokers", &config.brokers);
  map.Text("client_name", &config.client_name);
  map.Duration("connect_timeout", &config.connect_timeout);
  map.Duration("request_timeout", &config.request_timeout);
  map.Duration("backoff_min", &config.backoff_min);
  map.Duration("backoff_max", &config.backoff_max);
  map.Duration("metadata_max_age", &config.metadata_max_age);
  map.Duration("destructor_timeout", &config.destructor_timeout);
  map.Number("seed", &config.seed);
  RAFTMQ_TRY(map.Finish());
  return config;
}

Result<ClientConfig> ClientConfig::FromToml(const std::string& path) {
  RAFTMQ_TRY_ASSIGN(const internal::Settings settings, internal::ReadTomlSection(path, "client"));
  return FromMap(settings);
}

Result<ClientConfig> ClientConfig::FromEnv() {
  return FromMap(internal::ReadEnvironment("RAFTMQ", {"PRODUCER", "CONSUMER"}));
}

Result<Client> Client::Connect(ClientConfig config) {
  RAFTMQ_TRY_ASSIGN(std::vector<Address> brokers, ParseBrokers(config.brokers));
  RAFTMQ_TRY(CheckTimes(config));
  const Milliseconds timeout = config.connect_timeout;
  auto core = std::make_shared<ClientCore>(std::move(config), std::move(brokers));
  const Promise<bool> answered;
  core->Post([loop = &core->loop(), answered] {
    loop->Bootstrap([answered](const Status& status) {
      answered.Set(status ? Result<bool>(true) : Result<bool>(Fail(status.error())));
    });
  });
  const Result<bool> outcome = answered.future().Get(timeout);
  if (outcome) return Client(std::move(core));
  if (outcome.error().code != ErrorCode::kTimeout) return Fail(outcome.error());
  return Fail(ErrorCode::kTimeout, fmt::format("no broker answered within {} ms", timeout.count()));
}

Result<std::string> Client::CreateTopic(const std::string& name, std::uint32_t partitions,
                                        std::uint32_t replicas,
                                        const std::map<std::string, std::string>& settings) {
  wire::CreateTopicRequest request{
      .name = name, .partitions = partitions, .replicas = replicas, .settings = settings};
  RAFTMQ_TRY_ASSIGN(const auto reply,
                    Expect<wire::CreateTopicReply>(core_->CallAny(
                        std::move(request), {.timeout = core_->config().request_timeout})));
  return reply.id.ToHex();
}

Status Client::DeleteTopic(const std::string& name) {
  RAFTMQ_TRY(Expect<wire::EmptyReply>(core_->CallAny(
      wire::DeleteTopicRequest{.name = name}, {.timeout = core_->config().request_timeout})));
  return Ok();
}

Result<ClusterDescription> Client::Describe(const std::vector<std::string>& topics) {
  const RetryingCall::Options options{.timeout = core_->config().request_timeout,
                                      .retry_unknown = true};
  RAFTMQ_TRY_ASSIGN(auto reply, Expect<wire::MetadataReply>(core_->CallAny(
                                    wire::MetadataRequest{.topics = topics}, options)));
  return internal::DescribeFrom({std::move(reply)});
}

Result<ClusterDescription> Client::Survey(const std::vector<std::string>& topics) {
  const Milliseconds patience = std::min(core_->config().request_timeout, kSurveyPatience);
  RAFTMQ_TRY_ASSIGN(const std::vector<Reply> replies,
                    core_->CallEveryNode(wire::MetadataRequest{.topics = topics}, patience));
  std::vector<wire::MetadataReply> answers;
  for (const Reply& reply : replies) {
    if (const auto* answer = std::get_if<wire::MetadataReply>(&reply.body))
      answers.push_back(*answer);
  }
  if (answers.empty()) return Fail(ErrorCode::kNotYet, "no node knows the cluster yet");
  return internal::DescribeFrom(answers);
}

Result<std::uint64_t> Client::Trim(const std::string& topic, std::uint32_t partition,
                                   std::uint64_t offset) {
  const RetryingCall::Options options{.timeout = core_->config().request_timeout,
                                      .retry_unknown = true};
  RAFTMQ_TRY_ASSIGN(const auto reply, Expect<wire::TrimReply>(core_->CallReplica(
                                          {topic, partition},
                                          [offset](GroupId group) {
                                            return wire::TrimRequest{.group = group,
                                                                     .offset = Offset(offset)};
                                          },
                                          options)));
  return reply.log_start.value();
}

Result<Client::LossReport> Client::AcceptLoss(const std::string& topic, std::uint32_t partition,
                                              std::uint64_t offset) {
  const RetryingCall::Options options{.timeout = core_->config().request_timeout,
                                      .retry_unknown = true};
  RAFTMQ_TRY_ASSIGN(const auto reply, Expect<wire::AcceptLossReply>(core_->CallReplica(
                                          {topic, partition},
                                          [offset](GroupId group) {
                                            return wire::AcceptLossRequest{
                                                .group = group, .offset = Offset(offset)};
                                          },
                                          options)));
  return LossReport{reply.log_start.value(), reply.files_end.value()};
}

Status Client::TransferLeader(const std::string& topic, std::uint32_t partition,
                              std::uint32_t node) {
  const RetryingCall::Options options{.timeout = core_->config().request_timeout};
  RAFTMQ_TRY(Expect<wire::EmptyReply>(core_->CallReplica(
      {topic, partition},
      [node](GroupId group) {
        return wire::TransferLeaderRequest{.group = group, .to = NodeId(node)};
      },
      options)));
  return Ok();
}

Status Client::ReplaceNode(std::uint32_t node) {
  const RetryingCall::Options options{.timeout = core_->config().request_timeout,
                                      .retry_unknown = true};
  RAFTMQ_TRY(Expect<wire::EmptyReply>(
      core_->CallAny(wire::ReplaceNodeRequest{.node = NodeId(node)}, options)));
  return Ok();
}

Result<Client::OffsetAtTime> Client::OffsetForTime(const std::string& topic,
                                                   std::uint32_t partition,
                                                   std::int64_t timestamp_ms) {
  const RetryingCall::Options options{.timeout = core_->config().request_timeout,
                                      .retry_unknown = true};
  RAFTMQ_TRY_ASSIGN(const auto reply, Expect<wire::ListOffsetsReply>(core_->CallReplica(
                                          {topic, partition},
                                          [timestamp_ms](GroupId group) {
                                            return wire::ListOffsetsRequest{
                                                .group = group, .timestamp_ms = timestamp_ms};
                                          },
                                          options)));
  return OffsetAtTime{reply.offset.value(), reply.log_start.value(), reply.end.value()};
}

}  // namespace raftmq
