#include "tests/checker/facts.h"

#include <algorithm>

#include "protocol/types/split_mix.h"

namespace raftmq::checker {

void Record::Locate(Offset at) {
  lowest = std::min(lowest.value_or(at), at);
  highest = std::max(highest.value_or(at), at);
}

std::optional<Offset> Sending::acked_offset() const {
  if (op->outcome != Outcome::kOk || !send().offset) return std::nullopt;
  return send().offset->Plus(place);
}

Facts::Facts(const History& from) : history(from) {
  for (const Op& op : history.ops()) {
    if (const Send* const send = std::get_if<Send>(&op.action)) Note(op, *send);
    if (const Poll* const poll = std::get_if<Poll>(&op.action)) Note(op, *poll);
  }
  LocateByBatches();
}

void Facts::Note(const Op& op, const Send& send) {
  for (std::uint32_t place = 0; place < send.values.size(); ++place) {
    const Sending sending{&op, place, Find(send.partition, send.values[place])};
    sendings.push_back(sending);
    Record& record = At(sending.record);
    record.was_sent = true;
    AllowCopies(op, send, record);
    if (op.outcome != Outcome::kOk) continue;
    record.was_acked = record.has_happened = true;
    record.acked_at = std::min(record.acked_at, op.ended);
    if (const auto offset = sending.acked_offset()) {
      if (!record.acked_offset) record.acked_offset = offset;
      record.Locate(*offset);
    }
  }
}

// Within a session all sends of a message are one.
void Facts::AllowCopies(const Op& op, const Send& send, Record& record) {
  if (op.outcome == Outcome::kFail || record.copies_max == Record::kAnyNumber) return;
  if (send.session == SessionId(0)) {
    const bool is_known = send.attempts != Send::kAttemptsUnknown;
    record.copies_max = is_known ? record.copies_max + send.attempts : Record::kAnyNumber;
  } else if (record.session != send.session) {
    ++record.copies_max;
    if (record.session == SessionId(0)) record.session = send.session;
  }
}

void Facts::Note(const Op& op, const Poll& poll) {
  Offset& log_start = log_starts[poll.partition];
  log_start = std::max(log_start, poll.start);
  for (const ReadRecord& read : poll.records) {
    const RecordNumber number = Find(poll.partition, read.value);
    readings.push_back({&op, read.offset, number});
    Record& record = At(number);
    record.was_read = record.has_happened = true;
    record.read_at = std::min(record.read_at, op.ended);
    record.Locate(read.offset);
  }
}

// A batch is stored whole: where one of its messages is, the others are its neighbours.
void Facts::LocateByBatches() {
  for (std::size_t begin = 0; begin < sendings.size();) {
    const Sending& first = sendings[begin];
    const std::size_t end = begin + first.send().values.size();
    const auto read =
        std::find_if(sendings.begin() + static_cast<std::ptrdiff_t>(begin),
                     sendings.begin() + static_cast<std::ptrdiff_t>(end),
                     [this](const Sending& each) { return At(each.record).was_read; });
    const bool is_stored = first.op->outcome != Outcome::kFail &&
                           read != sendings.begin() + static_cast<std::ptrdiff_t>(end);
    for (std::size_t i = begin; is_stored && i < end; ++i) {
      Record& record = At(sendings[i].record);
      record.has_happened = true;
      const std::uint64_t base = At(read->record).lowest->value() + sendings[i].place;
      if (!record.lowest && base >= read->place) record.Locate(Offset(base - read->place));
    }
    begin = end;
  }
}

Offset Facts::LogStart(PartitionNumber partition) const {
  const auto found = log_starts.find(partition);
  return found == log_starts.end() ? Offset(0) : found->second;
}

std::string Facts::Name(const Record& record) const {
  return record.partition.ToString() + "/" + record.value.ToString();
}

std::size_t Facts::HashOfKey::operator()(const Key& key) const {
  const std::uint64_t place = std::uint64_t{key.partition.value()} << 32 | key.value.producer;
  return SplitMix(SplitMix(place).Next() ^ key.value.counter).Next();
}

RecordNumber Facts::Find(PartitionNumber partition, const Value& value) {
  const RecordNumber next(static_cast<std::uint32_t>(records.size()));
  const auto [found, is_new] = numbers_.try_emplace(Key{partition, value}, next);
  if (is_new) records.push_back({.partition = partition, .value = value});
  return found->second;
}

}  // namespace raftmq::checker
