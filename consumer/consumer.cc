#include "raftmq/consumer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "consumer/consumer_impl.h"
#include "protocol/client/config_map.h"
#include "protocol/client/config_sources.h"

namespace raftmq {
namespace {

constexpr std::size_t kPrefetchBytesMax = 1u << 30;

// "start", "end", "17" (an offset), "-100" (the last 100) or "@1700000000000" (milliseconds).
Result<StartPosition> ParseStart(const std::string& text) {
  if (text == "start") return StartPosition::Start();
  if (text == "end") return StartPosition::End();
  const bool is_last = text.starts_with('-');
  const bool is_time = text.starts_with('@');
  std::uint64_t number = 0;
  const char* const begin = text.data() + (is_last || is_time ? 1 : 0);
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(begin, end, number);
  if (error != std::errc() || stopped != end) {
    return Fail(ErrorCode::kBadConfig,
                fmt::format("setting 'start': expected start, end, OFFSET, -COUNT or "
                            "@MILLISECONDS, found '{}'",
                            text));
  }
  if (is_last) return StartPosition::Last(number);
  if (is_time) return StartPosition::Time(static_cast<std::int64_t>(number));
  return StartPosition::At(number);
}

Result<std::vector<std::uint32_t>> PartitionsOf(const ConsumerConfig& config,
                                                std::uint32_t partitions) {
  std::vector<std::uint32_t> chosen = config.partitions;
  if (chosen.empty()) {
    for (std::uint32_t i = 0; i < partitions; ++i) chosen.push_back(i);
  }
  std::ranges::sort(chosen);
  const auto repeated = std::ranges::unique(chosen);
  chosen.erase(repeated.begin(), repeated.end());
  if (!chosen.empty() && chosen.back() < partitions) return chosen;
  return Fail(ErrorCode::kPartitionNotFound,
              fmt::format("topic '{}' has {} partitions, numbered from 0; expected fewer than "
                          "that, found {}",
                          config.topic, partitions, chosen.empty() ? 0 : chosen.back()));
}

}  // namespace

Result<ConsumerConfig> ConsumerConfig::FromMap(const std::map<std::string, std::string>& values) {
  ConsumerConfig config;
  internal::ConfigMap map(values);
  std::vector<std::string> partitions;
  std::string start = "start";
  map.Text("topic", &config.topic);
  map.List("partitions", &partitions);
  map.Text("start", &start);
  map.Number("replica", &config.replica);
  map.Choice<bool>("linearizable", {{"true", true}, {"false", false}}, &config.linearizable);
  map.Bytes("prefetch_bytes", &config.prefetch_bytes);
  map.Choice<AutoOffsetReset>("auto_offset_reset",
                              {{"none", AutoOffsetReset::kNone},
                               {"earliest", AutoOffsetReset::kEarliest},
                               {"latest", AutoOffsetReset::kLatest}},
                              &config.auto_offset_reset);
  RAFTMQ_TRY(map.Finish());
  RAFTMQ_TRY_ASSIGN(config.start, ParseStart(start));
  for (const std::string& text : partitions) {
    std::uint32_t number = 0;
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || stopped != text.data() + text.size()) {
      return Fail(ErrorCode::kBadConfig,
                  fmt::format("setting 'partitions': expected numbers, found '{}'", text));
    }
    config.partitions.push_back(number);
  }
  return config;
}

Result<ConsumerConfig> ConsumerConfig::FromToml(const std::string& path) {
  RAFTMQ_TRY_ASSIGN(const internal::Settings settings, internal::ReadTomlSection(path, "consumer"));
  return FromMap(settings);
}

Result<ConsumerConfig> ConsumerConfig::FromEnv() {
  return FromMap(internal::ReadEnvironment("RAFTMQ_CONSUMER", {}));
}

Result<Consumer> Consumer::Create(const Client& client, ConsumerConfig config) {
  if (config.topic.empty()) return Fail(ErrorCode::kInvalidArgument, "expected a topic");
  if (config.prefetch_bytes == 0 || config.prefetch_bytes > kPrefetchBytesMax) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("prefetch_bytes: expected 1 to {}, found {}", kPrefetchBytesMax,
                            config.prefetch_bytes));
  }
  RAFTMQ_TRY_ASSIGN(const internal::TopicSummary topic, client.core()->LookUpTopic(config.topic));
  RAFTMQ_TRY_ASSIGN(std::vector<std::uint32_t> partitions, PartitionsOf(config, topic.partitions));
  auto impl = std::make_shared<Impl>(client.core(), std::move(config), std::move(partitions));
  RAFTMQ_TRY(impl->Start());
  return Consumer(std::move(impl));
}

Consumer::Consumer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Consumer::Consumer(Consumer&&) noexcept = default;

Consumer& Consumer::operator=(Consumer&& other) noexcept {
  if (this == &other) return *this;
  if (impl_) impl_->Destroy();
  impl_ = std::move(other.impl_);
  return *this;
}

Consumer::~Consumer() {
  if (impl_) impl_->Destroy();
}

Result<MessageBatch> Consumer::Poll(std::chrono::milliseconds timeout) {
  return impl_->Poll(timeout);
}
Status Consumer::Consume(const std::function<void(const MessageBatch&)>& handler,
                         std::uint32_t concurrency) {
  return impl_->Consume(handler, concurrency);
}
void Consumer::Stop() { impl_->Stop(); }
Status Consumer::Seek(std::uint32_t partition, std::uint64_t offset) {
  return impl_->Seek(partition, offset);
}
Status Consumer::SeekToTime(std::int64_t timestamp_ms) { return impl_->SeekToTime(timestamp_ms); }
Status Consumer::Pause(std::uint32_t partition) { return impl_->SetPaused(partition, true); }
Status Consumer::Resume(std::uint32_t partition) { return impl_->SetPaused(partition, false); }
std::vector<Consumer::Position> Consumer::Positions() const { return impl_->Positions(); }
Result<std::vector<Consumer::Position>> Consumer::Ends() { return impl_->Ends(); }
Status Consumer::Close(std::chrono::milliseconds timeout) { return impl_->Close(timeout); }

}  // namespace raftmq
