// The ends of logs as clients see them, in real time: an operation counts as earlier than another
// one only if it had ended before that one began.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/checker/high_mark.h"
#include "tests/checker/rules.h"

namespace raftmq::checker {
namespace {

// A client that was dropped and its successor are two.
using Life = std::tuple<ClientNumber, std::uint32_t, PartitionNumber>;

struct EndSeen {
  Life life;
  const Op* op = nullptr;
  const Poll* poll = nullptr;
};

std::vector<EndSeen> EndsSeen(const History& history) {
  std::vector<EndSeen> ends;
  std::map<ClientNumber, std::uint32_t> crashes;
  for (const Op& op : history.ops()) {
    if (std::holds_alternative<Crash>(op.action)) ++crashes[op.client];
    const Poll* const poll = std::get_if<Poll>(&op.action);
    if (poll == nullptr || op.outcome != Outcome::kOk || !poll->end) continue;
    ends.push_back({{op.client, crashes[op.client], poll->partition}, &op, poll});
  }
  return ends;
}

void CheckEndsGrow(const std::vector<EndSeen>& ends, Report& report) {
  std::map<Life, HighMark> seen;
  for (const EndSeen& end : ends) seen[end.life].Add(end.op->ended, *end.poll->end);
  SortAll(seen);
  for (const EndSeen& end : ends) {
    const auto before = seen.at(end.life).Before(end.op->began);
    if (!before || *before <= *end.poll->end) continue;
    report.Add(Rule::kEndRegress,
               fmt::format("operation {}: client {} sees partition {} end at {} after {}",
                           end.op->number.value(), end.op->client.value(),
                           end.poll->partition.value(), end.poll->end->value(), before->value()));
  }
}

void CheckEndsCoverAcks(const Facts& facts, const std::vector<EndSeen>& ends, Report& report) {
  std::map<PartitionNumber, HighMark> acked;
  for (const Sending& sending : facts.sendings) {
    if (const auto offset = sending.acked_offset())
      acked[sending.send().partition].Add(sending.op->ended, *offset);
  }
  SortAll(acked);
  for (const EndSeen& end : ends) {
    const auto marks = acked.find(end.poll->partition);
    if (!end.poll->is_from_leader || marks == acked.end()) continue;
    const auto before = marks->second.Before(end.op->began);
    if (!before || *before < *end.poll->end) continue;
    report.Add(
        Rule::kStaleAck,
        fmt::format("operation {}: the leader of partition {} says end {}, offset {} was acked",
                    end.op->number.value(), end.poll->partition.value(), end.poll->end->value(),
                    before->value()));
  }
}

}  // namespace

void CheckEnds(const Facts& facts, Report& report) {
  const std::vector<EndSeen> ends = EndsSeen(facts.history);
  CheckEndsGrow(ends, report);
  CheckEndsCoverAcks(facts, ends, report);
}

}  // namespace raftmq::checker
