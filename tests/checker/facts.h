// What a history tells about each message, derived once and used by every rule.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/checker/history.h"

namespace raftmq::checker {

// A place in Facts::records.
using RecordNumber = TypedNumber<struct RecordTag, std::uint32_t>;

// One message in one partition, and what is known of it from all operations together.
struct Record {
  static constexpr std::uint32_t kAnyNumber = ~0u;

  PartitionNumber partition;
  Value value;

  // Sent.
  SessionId session;             // Of its first send that was not refused for certain.
  std::uint32_t copies_max = 0;  // How often it may be stored; 0 = all sends were refused.
  bool was_sent = false;
  bool was_acked = false;
  bool was_read = false;
  bool has_happened = false;  // It must be in the log: acked, or it or another of its batch read.
  std::optional<Offset> acked_offset;     // As first told.
  Microseconds acked_at = kNever;         // First.
  Microseconds read_at = kNever;          // First.
  std::optional<Offset> lowest, highest;  // Where it is by acks, reads, or others of its batch.

  void Locate(Offset at);
};

// A record of a poll's answer.
struct Reading {
  const Op* op = nullptr;
  Offset offset;
  RecordNumber record;
};

// A value of a send, in the order of (begin of the operation, place in the batch).
struct Sending {
  const Op* op = nullptr;
  std::uint32_t place = 0;  // In Send::values.
  RecordNumber record;

  const Send& send() const { return std::get<Send>(op->action); }
  std::optional<Offset> acked_offset() const;
};

// Immutable once built. Borrows the history.
class Facts {
 public:
  explicit Facts(const History& from);

  const History& history;
  std::vector<Record> records;
  std::vector<Sending> sendings;
  std::vector<Reading> readings;
  std::map<PartitionNumber, Offset> log_starts;  // The highest that was told of each.

  const Record& At(RecordNumber number) const { return records[number.value()]; }
  Offset LogStart(PartitionNumber partition) const;
  // "1/3-17": partition and value.
  std::string Name(const Record& record) const;

 private:
  struct Key {
    PartitionNumber partition;
    Value value;
    bool operator==(const Key&) const = default;
  };
  struct HashOfKey {
    std::size_t operator()(const Key& key) const;
  };

  RecordNumber Find(PartitionNumber partition, const Value& value);
  Record& At(RecordNumber number) { return records[number.value()]; }
  void Note(const Op& op, const Send& send);
  void Note(const Op& op, const Poll& poll);
  void AllowCopies(const Op& op, const Send& send, Record& record);
  void LocateByBatches();

  std::unordered_map<Key, RecordNumber, HashOfKey> numbers_;
};

}  // namespace raftmq::checker
