// What a history tells besides right or wrong.
#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/checker/high_mark.h"
#include "tests/checker/rules.h"

namespace raftmq::checker {
namespace {

constexpr std::size_t kSecondsMax = 7 * 24 * 3600;  // What happens later is not drawn.

void CountSend(const Op& op, Figures& figures) {
  ++(op.outcome == Outcome::kOk     ? figures.sends_ok
     : op.outcome == Outcome::kFail ? figures.sends_failed
                                    : figures.sends_unknown);
}

void Count(const Facts& facts, Figures& figures) {
  for (const Op& op : facts.history.ops()) {
    ++figures.ops;
    if (std::holds_alternative<Send>(op.action)) CountSend(op, figures);
    if (const Poll* const poll = std::get_if<Poll>(&op.action)) {
      ++figures.polls;
      figures.records_read += poll->records.size();
    }
  }
  figures.acked =
      static_cast<std::uint64_t>(std::ranges::count_if(facts.records, &Record::was_acked));
}

// The offsets of a partition that were acked, and since when one of them or a later one was.
class AckTimes {
 public:
  void Add(Offset offset, Microseconds at) { times_.emplace_back(offset, at); }
  void Sort() {
    std::ranges::sort(times_);
    for (std::size_t i = times_.size(); i-- > 1;)
      times_[i - 1].second = std::min(times_[i - 1].second, times_[i].second);
  }
  Microseconds FirstFrom(Offset offset) const {
    const auto found = std::ranges::lower_bound(times_, std::pair(offset, Microseconds::min()));
    return found == times_.end() ? kNever : found->second;
  }

 private:
  std::vector<std::pair<Offset, Microseconds>> times_;
};

// Where the reader is after the poll.
std::optional<Offset> PositionAfter(const Poll& poll) {
  if (poll.records.empty()) return poll.from;
  return poll.records.back().offset.Next();
}

Microseconds WorstLag(const Facts& facts) {
  std::map<PartitionNumber, AckTimes> acks;
  for (const Sending& sending : facts.sendings) {
    if (const auto offset = sending.acked_offset())
      acks[sending.send().partition].Add(*offset, sending.op->ended);
  }
  for (auto& [partition, times] : acks) times.Sort();
  Microseconds worst{0};
  for (const Op& op : facts.history.ops()) {
    const Poll* const poll = std::get_if<Poll>(&op.action);
    if (poll == nullptr || poll->is_final || op.outcome != Outcome::kOk) continue;
    const auto position = PositionAfter(*poll);
    const auto times = acks.find(poll->partition);
    if (!position || times == acks.end()) continue;
    const Microseconds since = times->second.FirstFrom(*position);
    if (since < op.began) worst = std::max(worst, op.began - since);
  }
  return worst;
}

std::vector<Microseconds> HealToAck(const Facts& facts) {
  std::vector<Microseconds> acks;
  for (const Sending& sending : facts.sendings) {
    if (sending.op->outcome == Outcome::kOk) acks.push_back(sending.op->ended);
  }
  std::ranges::sort(acks);
  std::vector<Microseconds> delays;
  for (const Op& op : facts.history.ops()) {
    const Nemesis* const nemesis = std::get_if<Nemesis>(&op.action);
    if (nemesis == nullptr || nemesis->what != "heal") continue;
    const auto ack = std::ranges::lower_bound(acks, op.began);
    if (ack != acks.end()) delays.push_back(*ack - op.began);
  }
  return delays;
}

void CountAckedBelowStart(const Facts& facts, Figures& figures) {
  std::map<PartitionNumber, HighMark> starts;
  for (const Op& op : facts.history.ops()) {
    const Poll* const poll = std::get_if<Poll>(&op.action);
    if (poll != nullptr && op.ended != kNever) starts[poll->partition].Add(op.ended, poll->start);
  }
  SortAll(starts);
  for (const Sending& sending : facts.sendings) {
    const auto offset = sending.acked_offset();
    const auto marks = starts.find(sending.send().partition);
    if (!offset || marks == starts.end()) continue;
    const Offset start = marks->second.Before(sending.op->ended).value_or(Offset(0));
    if (start <= *offset) continue;
    ++figures.acked_below_start;
    figures.acked_below_start_max =
        std::max(figures.acked_below_start_max, start.value() - offset->value());
  }
}

class Seconds {
 public:
  explicit Seconds(const Facts& facts) : begin_(FirstBegin(facts.history)) {
    for (const Op& op : facts.history.ops()) {
      if (std::holds_alternative<Send>(op.action)) NoteSend(op);
    }
    for (const Record& record : facts.records) {
      if (record.was_acked && record.read_at > record.acked_at) NoteUnseen(record);
    }
    std::int64_t unseen = 0;
    for (std::size_t i = 0; i < seconds_.size(); ++i) {
      unseen += unseen_changes_[i];
      seconds_[i].unseen = static_cast<std::uint64_t>(unseen);
    }
  }
  std::vector<Figures::Second> Take() { return std::move(seconds_); }

 private:
  static Microseconds FirstBegin(const History& history) {
    Microseconds begin = kNever;
    for (const Op& op : history.ops()) begin = std::min(begin, op.began);
    return begin;
  }
  // The place of the second, which is there then; empty if there is none.
  std::optional<std::size_t> At(Microseconds time) {
    if (time == kNever || time < begin_) return std::nullopt;
    const auto second = static_cast<std::size_t>((time - begin_) / std::chrono::seconds(1));
    if (second >= kSecondsMax) return std::nullopt;
    if (second >= seconds_.size()) {
      seconds_.resize(second + 1);
      unseen_changes_.resize(second + 1);
    }
    return second;
  }
  void NoteSend(const Op& op) {
    const auto second = At(op.ended);
    if (!second) return;
    ++seconds_[*second].sends;
    if (op.outcome == Outcome::kOk) ++seconds_[*second].ok;
  }
  void NoteUnseen(const Record& record) {
    const auto from = At(record.acked_at);
    if (from) ++unseen_changes_[*from];
    const auto to = At(record.read_at);
    if (from && to) --unseen_changes_[*to];
  }

  const Microseconds begin_;
  std::vector<Figures::Second> seconds_;
  std::vector<std::int64_t> unseen_changes_;
};

}  // namespace

Figures FiguresOf(const Facts& facts) {
  Figures figures;
  Count(facts, figures);
  CountAckedBelowStart(facts, figures);
  figures.worst_lag = WorstLag(facts);
  figures.heal_to_ack = HealToAck(facts);
  figures.seconds = Seconds(facts).Take();
  return figures;
}

}  // namespace raftmq::checker
