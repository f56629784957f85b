#include "tests/broker/cluster_load.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "raftmq/consumer.h"
#include "tests/broker/cluster_history.h"
#include "tests/broker/cluster_process.h"

namespace raftmq::testing {
namespace {

// Some hundred messages: many batches under way, and soon refilled.
constexpr std::size_t kMemoryBytes = 256u << 10;
constexpr std::chrono::milliseconds kPollTimeout{200};

template <class T>
T Must(Result<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().ToString());
  return std::move(*outcome);
}

ProducerConfig ConfigFor(const Load::Options& options) {
  ProducerConfig config;
  config.topic = options.topic;
  config.linger = std::chrono::milliseconds(1);
  config.batch_bytes = options.batch_bytes;
  config.memory_bytes = kMemoryBytes;
  return config;
}

std::string Text(const checker::Value& value, std::size_t bytes) {
  std::string text = value.ToString() + "-";
  text.resize(bytes, 'x');
  return text;
}

}  // namespace

Load::Load(const Client& client, checker::HistoryRecorder& history, const Options& options)
    : history_(history),
      number_(history.NewClient()),
      options_(options),
      producer_(Must(Producer::Create(client, ConfigFor(options)))),
      sender_([this] { Send(); }) {}

Load::~Load() { Finish(); }

void Load::Send() {
  for (std::uint64_t counter = 0; counter < options_.messages_max && !is_over_; ++counter) {
    const checker::Value value{number_.value(), counter};
    // Retries of the library are not told.
    const checker::Send send{.partition = PartitionNumber(options_.partition),
                             .values = {value},
                             .attempts = checker::Send::kAttemptsUnknown};
    Message message;
    message.value = Text(value, options_.message_bytes);
    message.partition = options_.partition;
    const checker::OpNumber op = history_.Begin(number_, send);
    producer_.Send(std::move(message),
                   [this, op](const Result<SendReceipt>& outcome) { OnOutcome(op, outcome); });
  }
}

void Load::OnOutcome(checker::OpNumber op, const Result<SendReceipt>& outcome) {
  RecordOutcome(history_, op, outcome);
  const std::lock_guard lock(mutex_);
  if (!outcome) return errors_.push_back(outcome.error().ToString());
  const auto now = std::chrono::steady_clock::now();
  if (acked_count_ > 0) longest_pause_ = std::max(longest_pause_, now - last_ack_);
  last_ack_ = now;
  ++acked_count_;
  changed_.notify_all();
}

bool Load::WaitForAcks(std::size_t more) const {
  std::unique_lock lock(mutex_);
  const std::size_t wanted = acked_count_ + more;
  return changed_.wait_for(lock, kPatience, [&] { return acked_count_ >= wanted; });
}

bool Load::Finish() {
  is_over_ = true;
  return SendAll();
}

bool Load::SendAll() {
  if (sender_.joinable()) sender_.join();
  return static_cast<bool>(producer_.Flush(kPatience));
}

std::size_t Load::acked_count() const {
  const std::lock_guard lock(mutex_);
  return acked_count_;
}

std::vector<std::string> Load::errors() const {
  const std::lock_guard lock(mutex_);
  return errors_;
}

std::chrono::milliseconds Load::longest_pause() const {
  const std::lock_guard lock(mutex_);
  return std::chrono::duration_cast<std::chrono::milliseconds>(longest_pause_);
}

std::map<std::string, int> CountValues(const Client& client, const std::string& topic) {
  ConsumerConfig config;
  config.topic = topic;
  Consumer consumer = Must(Consumer::Create(client, config));
  std::map<std::uint32_t, std::uint64_t> ends;
  for (const auto& position : Must(consumer.Ends())) ends[position.partition] = position.end;
  const auto is_read = [&] {
    return std::ranges::all_of(consumer.Positions(), [&ends](const Consumer::Position& position) {
      return position.next_offset >= ends[position.partition];
    });
  };
  std::map<std::string, int> stored;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!is_read()) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("topic " + topic + " could not be read to its ends");
    const MessageBatch batch = Must(consumer.Poll(kPollTimeout));
    for (const MessageView& message : batch.messages) ++stored[std::string(*message.value)];
  }
  return stored;
}

}  // namespace raftmq::testing
