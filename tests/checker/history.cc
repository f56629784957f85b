#include "tests/checker/history.h"

#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include "protocol/types/bytes.h"
#include "protocol/types/check.h"
#include "protocol/types/hash.h"

namespace raftmq::checker {
namespace {

constexpr std::uint32_t kForeignProducer = std::numeric_limits<std::uint32_t>::max();

}  // namespace

std::string Value::ToString() const {
  return (is_foreign() ? "?" : std::to_string(producer)) + "-" + std::to_string(counter);
}

Value Value::Foreign(std::uint64_t hash) { return {kForeignProducer, hash}; }

bool Value::is_foreign() const { return producer == kForeignProducer; }

Value ReadValue(std::string_view text) {
  const char* const end = text.data() + text.size();
  Value value;
  const auto foreign = [text] { return Value::Foreign(Hash64(AsBytes(text))); };
  const auto producer = std::from_chars(text.data(), end, value.producer);
  if (producer.ec != std::errc() || producer.ptr == end || *producer.ptr != '-') return foreign();
  const auto counter = std::from_chars(producer.ptr + 1, end, value.counter);
  return counter.ec == std::errc() && !value.is_foreign() ? value : foreign();
}

OpNumber History::Begin(ClientNumber client, Microseconds now, Action action) {
  const OpNumber number(ops_.size());
  Add({.number = number, .began = now, .client = client, .action = std::move(action)});
  return number;
}

void History::Note(ClientNumber client, Microseconds now, Action action) {
  Op& op = At(Begin(client, now, std::move(action)));
  op.ended = now;
  op.outcome = Outcome::kOk;
}

void History::Add(Op op) {
  if (!ops_.empty()) RAFTMQ_CHECK(op.number > ops_.back().number);
  ops_.push_back(std::move(op));
}

}  // namespace raftmq::checker
