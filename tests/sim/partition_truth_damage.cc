// What a replica with damaged entries may do (DESIGN.md section 5, "Damage and voting").
#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "tests/sim/partition_truth.h"

namespace raftmq::sim {
namespace {

bool IsSoleVoter(const ReplicaRecord& record) {
  const auto is_other = [&record](const Replica& replica) {
    return replica.voter && replica.id() != record.id;
  };
  return std::ranges::none_of(record.membership(), is_other);
}

}  // namespace

bool PartitionTruth::IsDamaged() const {
  return std::ranges::any_of(
      placements, [](const auto& placed) { return !placed.second.record.damaged.empty(); });
}

void PartitionTruth::KnowsDamage(ReplicaRecord& record, const std::vector<DamagedRange>& damage) {
  record.named.clear();
  for (const DamagedRange& range : damage) record.named.push_back({range.first, range.last});
  record.first_damaged = FirstMissed(damage);
}

Index PartitionTruth::FirstMissed(const std::vector<DamagedRange>& damage) const {
  const auto first = std::ranges::find_if(
      damage, [this](const auto& range) { return range.last >= not_missed_before_; });
  return first == damage.end() ? Index(0) : first->first;
}

// I-19: nobody counts a replica for what it cannot read, unless it is alone or no copy is left.
void PartitionTruth::CheckAck(const ReplicaRecord& record, const AppendReply& reply) {
  if (record.first_damaged == Index(0) || !keeps_copies || IsSoleVoter(record)) return;
  if (reply.durable >= record.first_damaged)
    Broken("I-19", record,
           fmt::format("acks up to {} with {} damaged", reply.durable.value(),
                       record.first_damaged.value()));
}

// Damaged entries that are cut off may have been promised: what they ended with counts on.
void PartitionTruth::KeepsPromise(ReplicaRecord& record, Index last_kept) {
  const bool takes_damage = std::ranges::any_of(
      record.damaged, [last_kept](const auto& run) { return run.last > last_kept; });
  if (!takes_damage) return;
  Reach(Mark::kDamageCut);
  const bool is_known = record.first_damaged != Index(0);
  if (is_known && record.durable > Index(0)) {
    const auto end = std::pair(record.At(record.durable).term, record.durable);
    std::tie(record.promised_term, record.promised) =
        std::max(end, std::pair(record.promised_term, record.promised));
  }
  std::erase_if(record.damaged, [last_kept](const auto& run) { return run.first > last_kept; });
  for (DamagedEntries& run : record.damaged) run.last = std::min(run.last, last_kept);
}

void PartitionTruth::Hears(ReplicaRecord& record, const RaftMessage& message) {
  const auto* const request = std::get_if<VoteRequest>(&message.body);
  if (request == nullptr || request->is_pre_vote) return;
  auto& [term, asked] = record.asked[message.from.node];
  if (message.term < term) return;
  term = message.term;
  asked = *request;
}

// I-02, I-04: a vote goes to a log that is at least as long as what was promised here, whether that
// can be read or not. What came in the new term may have come after the vote was given.
void PartitionTruth::CheckVote(const ReplicaRecord& record, const RaftMessage& message) {
  const auto asked = record.asked.find(message.to.node);
  if (asked == record.asked.end() || asked->second.first != message.term) return;
  Index last = record.durable;
  while (last >= record.first && last > Index(0) && record.At(last).term >= message.term)
    last = last.Minus(1);
  // The log has been reset since to behind an entry of the new term.
  if (last > Index(0) && record.At(last).term >= message.term) last = Index(0);
  auto own = std::pair(record.promised_term, record.promised);
  if (last > Index(0)) own = std::max(own, std::pair(record.At(last).term, last));
  const auto theirs = std::pair(asked->second.second.last_term, asked->second.second.last);
  if (theirs < own)
    Broken("I-04", record,
           fmt::format("votes for node {} with {} of term {}, has promised {} of term {}",
                       message.to.node.value(), theirs.second.value(), theirs.first.value(),
                       own.second.value(), own.first.value()));
}

}  // namespace raftmq::sim
