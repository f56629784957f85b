#include "tests/broker/cluster_load.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "raftmq/consumer.h"
#include "tests/broker/cluster_process.h"

namespace raftmq::testing {
namespace {

constexpr std::size_t kValueBytes = 200;
// Some hundred messages: many batches under way, and soon refilled.
constexpr std::size_t kMemoryBytes = 256u << 10;
constexpr std::chrono::milliseconds kPollTimeout{200};

template <class T>
T Must(Result<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().ToString());
  return std::move(*outcome);
}

ProducerConfig ConfigFor(const std::string& topic) {
  ProducerConfig config;
  config.topic = topic;
  config.linger = std::chrono::milliseconds(1);
  config.batch_bytes = 8u << 10;
  config.memory_bytes = kMemoryBytes;
  return config;
}

}  // namespace

Load::Load(const Client& client, const std::string& topic, std::uint32_t partition)
    : partition_(partition),
      producer_(Must(Producer::Create(client, ConfigFor(topic)))),
      sender_([this] { Send(); }) {}

Load::~Load() { Finish(); }

void Load::Send() {
  for (std::uint64_t number = 0; !is_over_; ++number) {
    Message message;
    message.value = ValueOf(number);
    message.partition = partition_;
    producer_.Send(std::move(message), [this, number](const Result<SendReceipt>& outcome) {
      OnOutcome(number, outcome);
    });
  }
}

void Load::OnOutcome(std::uint64_t number, const Result<SendReceipt>& outcome) {
  const std::lock_guard lock(mutex_);
  if (!outcome) return errors_.push_back(ValueOf(number) + ": " + outcome.error().ToString());
  const auto now = std::chrono::steady_clock::now();
  if (!acked_.empty()) longest_pause_ = std::max(longest_pause_, now - last_ack_);
  last_ack_ = now;
  acked_.push_back(number);
  changed_.notify_all();
}

std::string Load::ValueOf(std::uint64_t number) const {
  std::string value = std::to_string(partition_) + "-" + std::to_string(number) + "-";
  value.resize(kValueBytes, 'x');
  return value;
}

bool Load::WaitForAcks(std::size_t more) const {
  std::unique_lock lock(mutex_);
  const std::size_t wanted = acked_.size() + more;
  return changed_.wait_for(lock, kPatience, [&] { return acked_.size() >= wanted; });
}

bool Load::Finish() {
  is_over_ = true;
  if (sender_.joinable()) sender_.join();
  return static_cast<bool>(producer_.Flush(kPatience));
}

std::size_t Load::acked_count() const {
  const std::lock_guard lock(mutex_);
  return acked_.size();
}

std::vector<std::string> Load::acked() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> values;
  for (const std::uint64_t number : acked_) values.push_back(ValueOf(number));
  return values;
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

Audit AuditOf(const std::map<std::string, int>& stored, const std::vector<std::string>& acked) {
  Audit audit;
  for (const std::string& value : acked) {
    if (!stored.contains(value)) audit.lost.push_back(value);
  }
  for (const auto& [value, count] : stored) audit.doubled += count > 1 ? 1 : 0;
  return audit;
}

}  // namespace raftmq::testing
