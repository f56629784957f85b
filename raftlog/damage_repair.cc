#include "raftlog/damage_repair.h"

#include <algorithm>

#include "protocol/types/check.h"

namespace raftmq {

std::optional<RepairRequest> DamageRepair::Next(const Situation& situation) {
  if (asked_ && situation.now < asked_->due) return std::nullopt;
  if (asked_) Answered(RepairReply::Answer::kNotYet, situation.now);
  std::erase_if(attempts_, [&](const auto& attempt) {
    return std::ranges::none_of(
        situation.damage, [&](const DamagedRange& range) { return range.first == attempt.first; });
  });
  for (const DamagedRange& range : situation.damage) {
    const bool is_committed = range.first <= situation.commit;
    // Without its hash nobody can say whether he has the same: the next leader will.
    if (!is_committed && range.last_hash == 0) continue;
    Attempt& attempt = AttemptFor(range, situation);
    if (situation.now < attempt.pause_until) continue;
    // Of a range that is committed in part the others may know no commit at all: then it is the
    // same whole range that they are asked for, which its hash tells. By turns; first for what is
    // of more use.
    const bool has_turns = is_committed && range.last > situation.commit && range.last_hash != 0;
    const bool is_by_commit = is_committed && !(has_turns && attempt.is_by_hash);
    const std::optional<ReplicaId> to = NextToAsk(attempt, situation);
    if (!to) {
      const bool is_none_left = is_committed && HasOnlyDamaged(attempt, situation);
      if (!has_turns) {
        attempt.is_hopeless = is_none_left;
      } else if (is_by_commit) {  // The end may be whole where the beginning is not.
        attempt.is_beginning_hopeless = is_none_left;
        attempt.is_hopeless = attempt.is_hopeless && is_none_left;
      } else {
        attempt.is_hopeless = attempt.is_beginning_hopeless && is_none_left;
      }
      attempt.is_by_hash = !attempt.is_by_hash;
      attempt.answers.clear();
      attempt.pause_until = situation.now + kRetryPause;
      continue;
    }
    asked_ =
        Asked{range.first, *to, situation.now + kAnswerTimeout, range.last <= situation.commit};
    const Index last = is_by_commit ? std::min(range.last, situation.commit) : range.last;
    return RepairRequest{.from = situation.self,
                         .to = *to,
                         .first = range.first,
                         .last = last,
                         .last_hash = last == range.last ? range.last_hash : 0,
                         .is_committed = is_by_commit};
  }
  return std::nullopt;
}

// What was answered on a range that has grown or shrunk was about another one.
DamageRepair::Attempt& DamageRepair::AttemptFor(const DamagedRange& range,
                                                const Situation& situation) {
  const Attempt fresh{.last = range.last, .is_by_hash = situation.needs_whole};
  Attempt& attempt = attempts_.try_emplace(range.first, fresh).first->second;
  if (attempt.last != range.last) attempt = fresh;
  return attempt;
}

void DamageRepair::Answered(RepairReply::Answer answer, Microseconds now) {
  RAFTMQ_CHECK(asked_.has_value());
  Attempt& attempt = attempts_[asked_->first];
  attempt.answers[asked_->to] = answer;
  if (answer == RepairReply::Answer::kRemoved && asked_->is_committed) attempt.is_removed = true;
  asked_->due = now + kAnswerTimeout;
  if (answer == RepairReply::Answer::kHave) return;  // Until it was tried.
  asked_.reset();
}

void DamageRepair::WasSplit() {
  attempts_.erase(asked_->first);
  asked_.reset();
}

void DamageRepair::Tried(bool is_repaired) {
  if (!asked_) return;
  if (is_repaired) {
    // The rest of the range begins elsewhere, and has an attempt of its own.
    attempts_.erase(asked_->first);
  } else {
    attempts_[asked_->first].answers[asked_->to] = RepairReply::Answer::kNotYet;
  }
  asked_.reset();
}

const DamageRepair::Attempt* DamageRepair::Find(const DamagedRange& range) const {
  const auto found = attempts_.find(range.first);
  return found != attempts_.end() && found->second.last == range.last ? &found->second : nullptr;
}

bool DamageRepair::IsHopeless(const DamagedRange& range) const {
  const Attempt* const attempt = Find(range);
  return attempt != nullptr && attempt->is_hopeless;
}

bool DamageRepair::IsRemoved(const DamagedRange& range) const {
  const Attempt* const attempt = Find(range);
  return attempt != nullptr && attempt->is_removed;
}

bool DamageRepair::HasOnlyDamaged(const Attempt& attempt, const Situation& situation) {
  return situation.knows_members &&
         std::ranges::all_of(situation.members, [&](const Replica& replica) {
           if (!replica.voter || replica.id() == situation.self) return true;
           const auto answer = attempt.answers.find(replica.id());
           return answer != attempt.answers.end() &&
                  answer->second == RepairReply::Answer::kHaveDamaged;
         });
}

// Learners last: they may be on their way still.
std::optional<ReplicaId> DamageRepair::NextToAsk(const Attempt& attempt,
                                                 const Situation& situation) const {
  for (const bool voters : {true, false}) {
    for (const Replica& replica : situation.members) {
      if (replica.voter != voters || replica.id() == situation.self) continue;
      if (!attempt.answers.contains(replica.id())) return replica.id();
    }
  }
  return std::nullopt;
}

}  // namespace raftmq
