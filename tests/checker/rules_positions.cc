// Whether readers were led from record to record without a gap or a step back.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "tests/checker/rules.h"

namespace raftmq::checker {
namespace {

class Readers {
 public:
  explicit Readers(Report& report) : report_(report) {}

  void On(const Op& op, const Poll& poll) {
    CheckInside(op, poll);
    if (op.outcome != Outcome::kOk || poll.records.empty()) return;
    const Offset first = poll.records.front().offset;
    auto& next = positions_[{op.client, poll.consumer}][poll.partition];
    if (next) CheckBegin(op, poll, *next, "the consumer was at");
    if (poll.from && next != poll.from) CheckBegin(op, poll, *poll.from, "it asked for");
    next = std::max(first, poll.records.back().offset).Next();
  }
  void On(const Op& op, const Assign& assign) {
    auto& positions = positions_[{op.client, assign.consumer}];
    std::erase_if(positions, [&assign](const auto& position) {
      return std::ranges::count(assign.partitions, position.first) == 0;
    });
  }
  void On(const Op& op, const Seek& seek) {
    positions_[{op.client, seek.consumer}][seek.partition] = seek.offset;
  }
  void On(const Op& op, const Crash&) {
    std::erase_if(positions_, [&op](const auto& each) { return each.first.first == op.client; });
  }
  template <class Other>
  void On(const Op&, const Other&) {}

 private:
  void CheckInside(const Op& op, const Poll& poll) {
    for (std::size_t i = 1; i < poll.records.size(); ++i) {
      const Offset before = poll.records[i - 1].offset;
      const Offset after = poll.records[i].offset;
      if (after == before.Next()) continue;
      report_.Add(after > before ? Rule::kIntPollSkip : Rule::kIntNonmonotonic,
                  fmt::format("operation {}: offset {} after {} in one answer", op.number.value(),
                              after.value(), before.value()));
    }
  }
  // What lies below the log start of the answer may have been left out.
  void CheckBegin(const Op& op, const Poll& poll, Offset wanted, const char* because) {
    const Offset first = poll.records.front().offset;
    const bool is_back = first < wanted;
    const bool is_skip = first > std::max(wanted, poll.start);
    if (!is_back && !is_skip) return;
    report_.Add(
        is_back ? Rule::kNonmonotonicPoll : Rule::kPollSkip,
        fmt::format("operation {}: partition {} goes on at offset {}, but {} {}", op.number.value(),
                    poll.partition.value(), first.value(), because, wanted.value()));
  }

  using Consumer = std::pair<ClientNumber, ConsumerNumber>;
  // Empty position: not known.
  std::map<Consumer, std::map<PartitionNumber, std::optional<Offset>>> positions_;
  Report& report_;
};

}  // namespace

void CheckPositions(const Facts& facts, Report& report) {
  Readers readers(report);
  for (const Op& op : facts.history.ops()) {
    std::visit([&](const auto& action) { readers.On(op, action); }, op.action);
  }
}

}  // namespace raftmq::checker
