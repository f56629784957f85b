#include "raftmq/producer.h"

#include <fmt/format.h>

#include <utility>

#include "producer/producer_impl.h"
#include "producer/session_request.h"
#include "protocol/client/config_map.h"
#include "protocol/client/config_sources.h"
#include "protocol/types/batch_header.h"

namespace raftmq {
namespace {

using internal::SessionPosition;

// Waits this much longer than a call itself may take, so that its own error arrives.
constexpr std::chrono::milliseconds kGrace{1'000};
// So many batches of a session a leader knows again.
constexpr std::uint32_t kBatchesInFlightMax = 5;

bool IsIdempotent(const ProducerConfig& config) {
  return config.idempotence.value_or(config.acks == ProducerAcks::kQuorum);
}

Status CheckSession(const ProducerConfig& config) {
  const auto refuse = [](std::string text) {
    return Status(Fail(ErrorCode::kInvalidArgument, std::move(text)));
  };
  if (!IsIdempotent(config)) {
    if (config.name.empty()) return Ok();
    return refuse("name: expected none without idempotence, found '" + config.name + "'");
  }
  if (config.acks != ProducerAcks::kQuorum)
    return refuse("idempotence: expected acks=quorum with it; weaker acks can lose messages");
  if (config.batches_in_flight <= kBatchesInFlightMax) return Ok();
  return refuse(fmt::format("batches_in_flight: expected at most {} with idempotence, found {}",
                            kBatchesInFlightMax, config.batches_in_flight));
}

Status CheckConfig(const ProducerConfig& config) {
  const auto refuse = [](std::string text) {
    return Status(Fail(ErrorCode::kInvalidArgument, std::move(text)));
  };
  if (config.topic.empty()) return refuse("expected a topic");
  if (config.batch_bytes <= kBatchHeaderBytes || config.batch_bytes > kBatchBytesMax) {
    return refuse(fmt::format("batch_bytes: expected {} to {}, found {}", kBatchHeaderBytes + 1,
                              kBatchBytesMax, config.batch_bytes));
  }
  if (config.batches_in_flight == 0) return refuse("batches_in_flight: expected at least 1");
  if (config.memory_bytes == 0) return refuse("memory_bytes: expected at least 1");
  if (config.linger.count() < 0) return refuse("linger: expected at least 0 ms");
  if (config.delivery_timeout.count() < 1)
    return refuse("delivery_timeout: expected at least 1 ms");
  return CheckSession(config);
}

// As Create does it: in a callback nothing can be waited for.
Result<SessionPosition> AskForSessionAndWait(internal::ClientCore& core, const std::string& name) {
  RAFTMQ_TRY(core.CheckMayBlock());
  const Promise<SessionPosition> promise;
  core.Post([&loop = core.loop(), name, promise] {
    internal::AskForSession(loop, name, [promise](const Result<internal::GrantedSession>& outcome) {
      if (!outcome) return promise.Set(Fail(outcome.error()));
      promise.Set(outcome->first);
    });
  });
  return promise.future().Get(core.config().request_timeout + kGrace);
}

}  // namespace

Result<ProducerConfig> ProducerConfig::FromMap(const std::map<std::string, std::string>& values) {
  ProducerConfig config;
  internal::ConfigMap map(values);
  map.Text("topic", &config.topic);
  map.Choice<ProducerAcks>("acks",
                           {{"quorum", ProducerAcks::kQuorum},
                            {"leader-memory", ProducerAcks::kLeaderMemory},
                            {"none", ProducerAcks::kNone}},
                           &config.acks);
  map.Choice<Compression>(
      "compression",
      {{"none", Compression::kNone}, {"lz4", Compression::kLz4}, {"zstd", Compression::kZstd}},
      &config.compression);
  map.Bytes("batch_bytes", &config.batch_bytes);
  map.Duration("linger", &config.linger);
  map.Number("batches_in_flight", &config.batches_in_flight);
  map.Bytes("memory_bytes", &config.memory_bytes);
  map.Choice<WhenFull>("when_full", {{"block", WhenFull::kBlock}, {"fail", WhenFull::kFail}},
                       &config.when_full);
  map.Duration("delivery_timeout", &config.delivery_timeout);
  const std::initializer_list<std::pair<std::string_view, std::optional<bool>>> flags = {
      {"true", true}, {"false", false}};
  map.Choice("idempotence", flags, &config.idempotence);
  map.Choice("enable.idempotence", flags, &config.idempotence);
  map.Text("name", &config.name);
  map.Text("producer.name", &config.name);
  RAFTMQ_TRY(map.Finish());
  return config;
}

Result<ProducerConfig> ProducerConfig::FromToml(const std::string& path) {
  RAFTMQ_TRY_ASSIGN(const internal::Settings settings, internal::ReadTomlSection(path, "producer"));
  return FromMap(settings);
}

Result<ProducerConfig> ProducerConfig::FromEnv() {
  return FromMap(internal::ReadEnvironment("RAFTMQ_PRODUCER", {}));
}

Result<Producer> Producer::Create(const Client& client, ProducerConfig config) {
  RAFTMQ_TRY(CheckConfig(config));
  RAFTMQ_TRY_ASSIGN(const internal::TopicSummary topic, client.core()->LookUpTopic(config.topic));
  if (topic.partitions == 0) {
    return Fail(ErrorCode::kPartitionNotFound,
                fmt::format("topic '{}' has no partitions", config.topic));
  }
  SessionPosition session;
  if (IsIdempotent(config)) {
    RAFTMQ_TRY_ASSIGN(session, AskForSessionAndWait(*client.core(), config.name));
  }
  return Producer(
      std::make_shared<Impl>(client.core(), std::move(config), topic.partitions, session));
}

Producer::Producer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Producer::Producer(Producer&&) noexcept = default;

Producer& Producer::operator=(Producer&& other) noexcept {
  if (this == &other) return *this;
  if (impl_) impl_->Destroy();
  impl_ = std::move(other.impl_);
  return *this;
}

Producer::~Producer() {
  if (impl_) impl_->Destroy();
}

Future<SendReceipt> Producer::Send(Message message) {
  const Promise<SendReceipt> promise;
  impl_->Send(message, [promise](const Result<SendReceipt>& outcome) { promise.Set(outcome); });
  return promise.future();
}

void Producer::Send(Message message, SendCallback callback) {
  impl_->Send(message, std::move(callback));
}

Result<std::uint32_t> Producer::ResumedSequence(std::uint32_t partition) {
  return impl_->ResumedSequence(partition);
}

Status Producer::Flush(std::chrono::milliseconds timeout) { return impl_->Flush(timeout); }
Status Producer::Close(std::chrono::milliseconds timeout) { return impl_->Close(timeout); }
Producer::Stats Producer::stats() const { return impl_->stats(); }

}  // namespace raftmq
