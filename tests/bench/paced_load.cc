#include "tests/bench/paced_load.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "protocol/types/bytes.h"
#include "protocol/types/check.h"

namespace raftmq::bench {
namespace {

constexpr std::chrono::seconds kLong{60};
constexpr std::chrono::milliseconds kPace{1};

// More than what is sent while a partition has no leader: the others must not be held up.
constexpr std::size_t kMemoryBytes = 512u << 20;

template <class T>
T Must(Result<T> outcome) {
  RAFTMQ_CHECK(outcome.has_value());
  return std::move(*outcome);
}

std::uint64_t NumberIn(std::string_view value) {
  RAFTMQ_CHECK(value.size() >= sizeof(std::uint64_t));
  return LoadLittleEndian<std::uint64_t>(AsBytes(value).data());
}

}  // namespace

PacedLoad::PacedLoad(const Client& client, const Options& options)
    : options_(options),
      first_acks_(options.partitions),
      acked_(options.partitions),
      producer_(
          Must(Producer::Create(client, {.topic = options.topic, .memory_bytes = kMemoryBytes}))),
      thread_([this] { Run(); }) {}

PacedLoad::~PacedLoad() {
  is_over_ = true;
  if (thread_.joinable()) thread_.join();
}

void PacedLoad::Run() {
  const auto start = Clock::now();
  std::uint64_t sent = 0;
  while (!is_over_) {
    const std::chrono::duration<double> passed = Clock::now() - start;
    const double due = passed.count() * options_.bytes_per_second;
    while (static_cast<double>(sent * options_.message_bytes) < due && !is_over_) SendOne(sent++);
    std::this_thread::sleep_for(kPace);
  }
}

void PacedLoad::SendOne(std::uint64_t number) {
  const auto partition = static_cast<std::uint32_t>(number % options_.partitions);
  Message message;
  message.partition = partition;
  std::string& value = message.value.emplace(options_.message_bytes, 'x');
  StoreLittleEndian(reinterpret_cast<std::byte*>(value.data()), number);
  producer_.Send(std::move(message), [this, number, partition,
                                      sent_at = Clock::now()](const Result<SendReceipt>& outcome) {
    const std::lock_guard lock(mutex_);
    if (!outcome) {
      ++errors_;
      return;
    }
    acked_[partition].push_back(number);
    if (!noted_from_ || sent_at < *noted_from_ || first_acks_[partition]) return;
    first_acks_[partition] = Clock::now();
  });
}

void PacedLoad::NoteFirstAcks() {
  const std::lock_guard lock(mutex_);
  noted_from_ = Clock::now();
}

std::vector<std::optional<PacedLoad::Clock::time_point>> PacedLoad::first_acks() const {
  const std::lock_guard lock(mutex_);
  return first_acks_;
}

bool PacedLoad::Finish() {
  is_over_ = true;
  thread_.join();
  return static_cast<bool>(producer_.Close(kLong)) && errors_ == 0;
}

std::vector<std::uint64_t> EndsOf(const Client& client, const std::string& topic) {
  Consumer consumer = Must(Consumer::Create(client, {.topic = topic}));
  std::vector<std::uint64_t> ends;
  for (const Consumer::Position& position : Must(consumer.Ends())) {
    ends.resize(std::max<std::size_t>(ends.size(), position.partition + 1));
    ends[position.partition] = position.end;
  }
  return ends;
}

std::uint64_t CountLost(const Client& client, ConsumerConfig from,
                        const std::vector<std::uint64_t>& starts,
                        const std::vector<std::vector<std::uint64_t>>& acked) {
  const std::vector<std::uint64_t> ends = EndsOf(client, from.topic);
  std::uint64_t lost = 0;
  for (std::uint32_t partition = 0; partition < acked.size(); ++partition) {
    from.partitions = {partition};
    from.start = StartPosition::At(starts[partition]);
    Consumer consumer = Must(Consumer::Create(client, from));
    std::set<std::uint64_t> stored;
    while (consumer.Positions().at(0).next_offset < ends[partition]) {
      for (const MessageView& message : Must(consumer.Poll(kLong)).messages)
        stored.insert(NumberIn(*message.value));
    }
    lost += static_cast<std::uint64_t>(std::ranges::count_if(
        acked[partition], [&](std::uint64_t number) { return !stored.contains(number); }));
  }
  return lost;
}

}  // namespace raftmq::bench
