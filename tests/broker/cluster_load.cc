#include "tests/broker/cluster_load.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "raftmq/consumer.h"
#include "tests/broker/cluster_history.h"
#include "tests/broker/cluster_process.h"

namespace raftmq::testing {
namespace {

// Many batches under way, and soon refilled.
constexpr std::size_t kMemoryBatches = 32;
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
  config.delivery_timeout = options.delivery_timeout;
  config.memory_bytes = kMemoryBatches * options.batch_bytes;
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
      allowed_(options.messages_allowed),
      producer_(Must(Producer::Create(client, ConfigFor(options)))),
      sender_([this] { Send(); }) {}

Load::~Load() { Finish(); }

void Load::Send() {
  for (std::uint64_t counter = 0; MaySend(counter); ++counter) {
    const checker::Value value{number_.value(), counter};
    // The library's sessions and sequences are not told; what it promises is one order.
    const checker::Send send{.session = SessionId(number_.value()),
                             .partition = PartitionNumber(options_.partition),
                             .values = {value}};
    Message message;
    message.value = Text(value, options_.message_bytes);
    message.partition = options_.partition;
    const checker::OpNumber op = history_.Begin(number_, send);
    producer_.Send(std::move(message),
                   [this, op](const Result<SendReceipt>& outcome) { OnOutcome(op, outcome); });
  }
}

bool Load::MaySend(std::uint64_t counter) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return is_over_ || is_complete_ || counter < allowed_; });
  if (options_.per_second != 0) {
    const std::chrono::duration<double> due(static_cast<double>(counter) / options_.per_second);
    changed_.wait_until(lock, began_ + due, [&] { return is_over_; });
  }
  return !is_over_ && counter < allowed_;
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

bool Load::WaitForAcks(std::size_t more) const { return WaitForAckedCount(acked_count() + more); }

bool Load::WaitForAckedCount(std::size_t count) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return acked_count_ >= count; });
}

bool Load::Finish() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  return AwaitOutcomes();
}

bool Load::SendAll() {
  {
    const std::lock_guard lock(mutex_);
    is_complete_ = true;
  }
  return AwaitOutcomes();
}

bool Load::AwaitOutcomes() {
  changed_.notify_all();
  if (sender_.joinable()) sender_.join();
  return static_cast<bool>(producer_.Flush(kPatience));
}

void Load::Allow(std::uint64_t more) {
  const std::lock_guard lock(mutex_);
  allowed_ += more;
  changed_.notify_all();
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
