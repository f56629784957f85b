// What clients did and what they were told, in memory: the input of CheckHistory. DESIGN.md says
// what each operation means to the checker, history_json.h how it looks in a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/types/clock.h"
#include "protocol/types/ids.h"

namespace raftmq::checker {

// What a message is worth to the checker: who made it, and the how many-th of that producer it is.
// Unique in a history; only retries of the same message bear it again.
struct Value {
  std::uint32_t producer = 0;
  std::uint64_t counter = 0;

  auto operator<=>(const Value&) const = default;
  std::string ToString() const;  // "3-17"; "?-HASH" if it is foreign.
  // Something that was read and that no producer of the history can have made.
  static Value Foreign(std::uint64_t hash);
  bool is_foreign() const;
};

// Reads "3-17", by itself or with padding behind it that begins with no digit; anything else is
// foreign.
Value ReadValue(std::string_view text);

using ClientNumber = TypedNumber<struct ClientTag, std::uint32_t>;
using ConsumerNumber = TypedNumber<struct ConsumerTag, std::uint32_t>;
using OpNumber = TypedNumber<struct OpTag, std::uint64_t>;

// One batch, or one message, to one partition. Either one attempt (then each retry is a send of its
// own), or all that a client library did until it told the outcome.
struct Send {
  static constexpr std::uint32_t kAttemptsUnknown = 0;

  SessionId session;        // 0 = none: nothing keeps a retry from being stored again.
  std::uint32_t epoch = 0;  // Of the session.
  std::optional<std::uint32_t> sequence;  // Of the first value, if the client knows it.
  PartitionNumber partition;
  std::vector<Value> values;     // In order.
  std::optional<Offset> offset;  // Of the first value, if it was told.
  std::uint32_t attempts = 1;    // Without a session: as often it may be stored.
};

struct ReadRecord {
  Offset offset;
  Value value;
};

// One answer to one read of one partition.
struct Poll {
  ConsumerNumber consumer;      // Whose position moves.
  bool is_in_group = false;     // Else the consumer was assigned its partitions.
  bool is_from_leader = false;  // A linearizable answer: it promises all that was acked before.
  bool is_final = false;  // Of the final phase: all healed, read from the start, node by node.
  NodeId node;            // Who answered; 0 = not known.
  PartitionNumber partition;
  std::optional<Offset> from;  // The position that was asked for.
  std::vector<ReadRecord> records;
  std::optional<Offset> end;  // As the answer told them.
  Offset start;
};

// From now on the consumer has these partitions; it keeps its position in those that stay.
struct Assign {
  enum class Kind { kAssign, kSubscribe, kRebalance } kind = Kind::kAssign;
  ConsumerNumber consumer;
  std::vector<PartitionNumber> partitions;
};

struct Seek {
  ConsumerNumber consumer;
  PartitionNumber partition;
  std::optional<Offset> offset;  // Empty: somewhere (the end, a time).
};

// Of a group's offset: kept, not judged yet.
struct Commit {
  std::string group;
  std::uint32_t epoch = 0;
  PartitionNumber partition;
  Offset offset;
};

// The client was dropped, with all that it knew; who bears its number from now on is a new one.
struct Crash {};

// What was done to the cluster: "kill 2", ... Only "heal" means something: all faults have ended.
struct Nemesis {
  std::string what;
};

using Action = std::variant<Send, Poll, Assign, Seek, Commit, Crash, Nemesis>;

enum class Outcome {
  kOk,
  kFail,  // By a definite error: it certainly had no effect, and never will.
  kInfo,  // Anything else: it may have had one, or may still have one.
};

inline constexpr Microseconds kNever = Microseconds::max();

struct Op {
  OpNumber number;                        // They rise in the order in which the operations began.
  Microseconds began{0}, ended = kNever;  // By one steady clock.
  ClientNumber client;
  Outcome outcome = Outcome::kInfo;
  Action action;
};

// Operations in the order in which they began. Not thread-safe (HistoryRecorder is).
class History {
 public:
  // Begins an operation, whose outcome is kInfo until somebody knows more.
  OpNumber Begin(ClientNumber client, Microseconds now, Action action);
  // The operation, to be completed: outcome, end, and what the answer told. REQUIRES: `number` came
  // from Begin.
  Op& At(OpNumber number) { return ops_[static_cast<std::size_t>(number.value())]; }
  // Something that happens at once.
  void Note(ClientNumber client, Microseconds now, Action action);

  // Takes an operation from elsewhere, a file or a test. REQUIRES: its number is above all others.
  void Add(Op op);

  const std::deque<Op>& ops() const { return ops_; }

 private:
  std::deque<Op> ops_;  // Grows without a pause, since tests measure pauses.
};

}  // namespace raftmq::checker
