#include "tests/faults/whole_reads.h"

#include <fmt/format.h>

#include <utility>

#include "protocol/types/hash.h"
#include "raftmq/consumer.h"

namespace raftmq::testing {
namespace {

constexpr std::chrono::milliseconds kPollTimeout{50};

// What a broker says that has lost something and does not know it.
bool IsWrong(const Error& error) {
  return error.code == ErrorCode::kOffsetBelowStart || error.code == ErrorCode::kOffsetBeyondEnd ||
         error.code == ErrorCode::kPositionDiverged;
}

}  // namespace

WholeReads::WholeReads(const Client& client, std::string topic, std::uint32_t partitions)
    : client_(client), topic_(std::move(topic)), hashes_(partitions) {}

WholeReads::Outcome WholeReads::From(NodeId node, std::chrono::milliseconds patience,
                                     const std::function<void()>& meanwhile) {
  Outcome outcome{.is_whole = true, .error = {}, .wrong = {}};
  const Bounds bounds{Clock::now() + patience, meanwhile};
  for (std::uint32_t partition = 0; partition < hashes_.size(); ++partition)
    Read(node, partition, bounds, &outcome);
  return outcome;
}

void WholeReads::Read(NodeId node, std::uint32_t partition, const Bounds& bounds,
                      Outcome* outcome) {
  const std::string where = fmt::format("{}/{} at node {}", topic_, partition, node.value());
  std::uint64_t next = 0;
  const auto fail = [&](const Error& error) {
    outcome->is_whole = false;
    outcome->error = fmt::format("{}, offset {}: {}", where, next, error.ToString());
    if (IsWrong(error)) outcome->wrong.push_back(outcome->error);
  };
  ConsumerConfig config;
  config.topic = topic_;
  config.partitions = {partition};
  config.replica = node.value();
  config.linearizable = true;
  auto consumer = Consumer::Create(client_, config);
  if (!consumer) return fail(consumer.error());
  const std::uint64_t end = consumer->Positions().front().end;
  if (end < hashes_[partition].size())
    outcome->wrong.push_back(
        fmt::format("{} ends at {}, {} were read before", where, end, hashes_[partition].size()));
  while (next < end) {
    bounds.meanwhile();
    if (Clock::now() > bounds.deadline) return fail({ErrorCode::kTimeout, "not read in time"});
    const auto batch = consumer->Poll(kPollTimeout);
    if (!batch) return fail(batch.error());
    for (const MessageView& message : batch->messages) {
      const std::string_view value = message.value.value_or("");
      if (message.offset != next ||
          !IsAsBefore(partition, next, Hash64(std::as_bytes(std::span(value))))) {
        outcome->wrong.push_back(fmt::format("{}: expected offset {} as it was before, found {} {}",
                                             where, next, message.offset, value.substr(0, 40)));
        outcome->is_whole = false;
        return;
      }
      ++next;
    }
  }
  if (const auto position = consumer->Positions().front(); position.log_start != 0)
    outcome->wrong.push_back(fmt::format("{} begins at {}", where, position.log_start));
}

bool WholeReads::IsAsBefore(std::uint32_t partition, std::uint64_t offset, std::uint64_t hash) {
  auto& hashes = hashes_[partition];
  if (offset == hashes.size()) hashes.push_back(hash);
  return hashes.at(offset) == hash;
}

}  // namespace raftmq::testing
