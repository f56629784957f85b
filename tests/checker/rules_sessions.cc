// Whether the order of a session is the order of the log, and nothing was stored behind a gap.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "tests/checker/rules.h"

namespace raftmq::checker {
namespace {

using Stream = std::pair<SessionId, PartitionNumber>;  // What has one order.

Stream StreamOf(const Send& send) { return {send.session, send.partition}; }

// The first sending of each message of a session, in the order of the session: by epoch, then as
// sent. A retry has the place of what it repeats.
std::vector<Sending> InOrderOfSessions(const Facts& facts) {
  std::vector<Sending> firsts;
  std::vector<bool> is_known(facts.records.size());
  for (const Sending& sending : facts.sendings) {
    if (sending.send().session == SessionId(0) || is_known[sending.record.value()]) continue;
    is_known[sending.record.value()] = true;
    firsts.push_back(sending);
  }
  std::ranges::stable_sort(firsts, {}, [](const Sending& sending) {
    return std::tuple(StreamOf(sending.send()), sending.send().epoch);
  });
  return firsts;
}

void CheckOrder(const Facts& facts, const Sending& earlier, const Sending& later, Report& report) {
  const Record& first = facts.At(earlier.record);
  const Record& second = facts.At(later.record);
  if (*first.lowest < *second.lowest) return;
  report.Add(Rule::kNonmonotonicSend,
             fmt::format("session {}: {} at offset {} was sent before {} at {}",
                         later.send().session.value(), facts.Name(first), first.lowest->value(),
                         facts.Name(second), second.lowest->value()));
}

void CheckOrderOfSessions(const Facts& facts, Report& report) {
  const Sending* before = nullptr;
  const std::vector<Sending> sendings = InOrderOfSessions(facts);
  for (const Sending& sending : sendings) {
    const bool goes_on = before != nullptr && StreamOf(before->send()) == StreamOf(sending.send());
    if (!facts.At(sending.record).lowest) continue;
    if (goes_on) CheckOrder(facts, *before, sending, report);
    before = &sending;
  }
}

// Without a session only a batch that was sent once has an order.
void CheckOrderInsideBatches(const Facts& facts, Report& report) {
  const Sending* before = nullptr;
  for (const Sending& sending : facts.sendings) {
    const Record& record = facts.At(sending.record);
    if (sending.send().session != SessionId(0) || record.copies_max != 1 || !record.lowest)
      continue;
    if (before != nullptr && before->op == sending.op) CheckOrder(facts, *before, sending, report);
    before = &sending;
  }
}

// What was stored follows something that may have been stored, but for the first that is known of
// a session. Sequences are modulo 2^32.
class Sequences {
 public:
  explicit Sequences(const Facts& facts) {
    for (const Sending& sending : facts.sendings) {
      if (!HasSequence(sending)) continue;
      firsts_.try_emplace(StreamOf(sending.send()), SequenceOf(sending));
      if (sending.op->outcome == Outcome::kFail) continue;
      ends_.insert({StreamOf(sending.send()), SequenceOf(sending) + 1});
    }
  }

  static bool HasSequence(const Sending& sending) {
    return sending.send().session != SessionId(0) && sending.send().sequence;
  }
  static std::uint32_t SequenceOf(const Sending& sending) {
    return *sending.send().sequence + sending.place;
  }
  bool Follows(const Sending& sending) const {
    const Stream stream = StreamOf(sending.send());
    return firsts_.at(stream) == SequenceOf(sending) ||
           ends_.contains({stream, SequenceOf(sending)});
  }

 private:
  std::map<Stream, std::uint32_t> firsts_;
  std::set<std::pair<Stream, std::uint32_t>> ends_;  // Behind all that may have been stored.
};

void CheckSequences(const Facts& facts, Report& report) {
  const Sequences sequences(facts);
  for (const Sending& sending : facts.sendings) {
    const Record& record = facts.At(sending.record);
    const bool is_stored = record.has_happened && sending.op->outcome != Outcome::kFail;
    if (!is_stored || !Sequences::HasSequence(sending) || sequences.Follows(sending)) continue;
    report.Add(
        Rule::kSequenceGap,
        fmt::format("session {}: {} with sequence {} is stored, what precedes it was refused",
                    sending.send().session.value(), facts.Name(record),
                    Sequences::SequenceOf(sending)));
  }
}

}  // namespace

void CheckSessions(const Facts& facts, Report& report) {
  CheckOrderOfSessions(facts, report);
  CheckOrderInsideBatches(facts, report);
  CheckSequences(facts, report);
}

}  // namespace raftmq::checker
