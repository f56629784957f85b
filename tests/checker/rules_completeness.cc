// What must be in the log and was not read: once over all polls, and once per node over those of
// the final phase, which read each node from the start.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/checker/rules.h"

namespace raftmq::checker {
namespace {

// What some of the polls have read, together.
class View {
 public:
  View(const Facts& facts, std::string name) : facts_(facts), name_(std::move(name)) {
    is_read_.resize(facts.records.size());
  }

  // Reading reaches down to here, and the partition was asked for.
  void Covers(PartitionNumber partition, Offset from) {
    const auto [span, is_new] = spans_.try_emplace(partition, Span{from, {}});
    span->second.low = std::min(span->second.low, from);
  }
  // A value counts by its first place, so that one that is there twice does not stretch the bound.
  void Reads(const Reading& reading) {
    const Record& record = facts_.At(reading.record);
    is_read_[reading.record.value()] = true;
    Span& span = spans_.at(record.partition);
    span.bound = std::max(span.bound.value_or(*record.lowest), *record.lowest);
    span.end = std::max(span.end, reading.offset.Next());
  }
  bool HasAsked(PartitionNumber partition) const { return spans_.contains(partition); }

  void FindLost(Report& report) const;
  void FindUnseen(Report& report) const;
  // Where reading ends before that of another view.
  void FindShort(const View& whole, Report& report) const;

 private:
  struct Span {
    Offset low;                   // Read from here,
    std::optional<Offset> bound;  // up to here.
    Offset end;                   // Behind all that was read.
  };
  struct Counters {
    std::uint64_t first = ~std::uint64_t{0}, last = 0;
  };
  using Producer = std::pair<PartitionNumber, std::uint32_t>;

  // Those that must be there and were not read.
  std::vector<const Record*> Missing() const;
  bool IsLost(const Record& record) const;
  std::map<Producer, Counters> CountersRead() const;

  const Facts& facts_;
  const std::string name_;
  std::map<PartitionNumber, Span> spans_;
  std::vector<bool> is_read_;
};

std::vector<const Record*> View::Missing() const {
  std::vector<const Record*> missing;
  for (std::size_t i = 0; i < facts_.records.size(); ++i) {
    const Record& record = facts_.records[i];
    if (!record.has_happened || is_read_[i]) continue;
    const auto span = spans_.find(record.partition);
    if (span == spans_.end()) continue;
    // Below the log start it may be gone; where it is unknown, it may be there.
    const Offset log_start = facts_.LogStart(record.partition);
    if (record.highest.value_or(Offset(0)) < log_start) continue;
    if (record.highest && *record.highest < span->second.low) continue;
    missing.push_back(&record);
  }
  return missing;
}

bool View::IsLost(const Record& record) const {
  const auto& bound = spans_.at(record.partition).bound;
  return record.highest && bound && *record.highest <= *bound;
}

std::map<View::Producer, View::Counters> View::CountersRead() const {
  std::map<Producer, Counters> counters;
  for (std::size_t i = 0; i < facts_.records.size(); ++i) {
    if (!is_read_[i]) continue;
    const Record& record = facts_.records[i];
    Counters& read = counters[{record.partition, record.value.producer}];
    read.first = std::min(read.first, record.value.counter);
    read.last = std::max(read.last, record.value.counter);
  }
  return counters;
}

void View::FindLost(Report& report) const {
  std::vector<const Record*> lost = Missing();
  std::erase_if(lost, [this](const Record* record) { return !IsLost(*record); });
  if (lost.empty()) return;
  const std::map<Producer, Counters> counters = CountersRead();
  for (const Record* record : lost) {
    const auto read = counters.find({record->partition, record->value.producer});
    std::string part = "all";
    if (read != counters.end()) {
      part = record->value.counter < read->second.first  ? "prefix"
             : record->value.counter > read->second.last ? "suffix"
                                                         : "middle";
    }
    report.Add(Rule::kLostWrite,
               fmt::format("{} ({} of its producer) must be at offset {} and was not read{}",
                           facts_.Name(*record), part, record->highest->value(), name_));
  }
}

void View::FindUnseen(Report& report) const {
  for (const Record* record : Missing()) {
    if (IsLost(*record)) continue;
    report.Add(Rule::kUnseen, fmt::format("{} must be there and was not read in the end{}",
                                          facts_.Name(*record), name_));
  }
}

void View::FindShort(const View& whole, Report& report) const {
  for (const auto& [partition, span] : spans_) {
    const Offset end = whole.spans_.at(partition).end;
    if (span.end < end && facts_.LogStart(partition) < end)
      report.Add(Rule::kUnseen,
                 fmt::format("partition {} was read up to offset {}, and in the end up to {}{}",
                             partition.value(), end.value(), span.end.value(), name_));
  }
}

bool IsFinal(const Op& op) {
  const Poll* const poll = std::get_if<Poll>(&op.action);
  return poll != nullptr && poll->is_final;
}

// Polls that brought nothing say nothing, but in the final phase, which is to read all.
View AllPolls(const Facts& facts) {
  View all(facts, "");
  for (const Op& op : facts.history.ops()) {
    const Poll* const poll = std::get_if<Poll>(&op.action);
    if (poll == nullptr || (poll->records.empty() && !poll->is_final)) continue;
    all.Covers(poll->partition, poll->from.value_or(Offset(0)));
  }
  for (const Reading& reading : facts.readings) all.Reads(reading);
  return all;
}

std::map<NodeId, View> FinalPolls(const Facts& facts) {
  std::map<NodeId, View> nodes;
  for (const Op& op : facts.history.ops()) {
    if (!IsFinal(op)) continue;
    const Poll& poll = std::get<Poll>(op.action);
    const std::string name = fmt::format(" at node {}", poll.node.value());
    nodes.try_emplace(poll.node, facts, name)
        .first->second.Covers(poll.partition, poll.from.value_or(Offset(0)));
  }
  for (const Reading& reading : facts.readings) {
    if (IsFinal(*reading.op)) nodes.at(std::get<Poll>(reading.op->action).node).Reads(reading);
  }
  return nodes;
}

// Partitions that the final phase has forgotten.
void FindUnread(const Facts& facts, const std::map<NodeId, View>& nodes, Report& report) {
  std::set<PartitionNumber> unread;
  for (const Record& record : facts.records) {
    const auto has_asked = [&record](const auto& node) {
      return node.second.HasAsked(record.partition);
    };
    if (record.was_acked && std::ranges::none_of(nodes, has_asked)) unread.insert(record.partition);
  }
  for (const PartitionNumber partition : unread)
    report.Add(Rule::kUnseen,
               fmt::format("the final phase has not read partition {}", partition.value()));
}

}  // namespace

void CheckCompleteness(const Facts& facts, Report& report) {
  const View all = AllPolls(facts);
  all.FindLost(report);
  const std::map<NodeId, View> nodes = FinalPolls(facts);
  for (const auto& [node, view] : nodes) {
    view.FindLost(report);
    view.FindUnseen(report);
    view.FindShort(all, report);
  }
  if (!nodes.empty()) FindUnread(facts, nodes, report);
}

}  // namespace raftmq::checker
