// Proposals of internal topics that are made on a replica that does not lead, and reads that must
// see everything committed before them.
#include <fmt/format.h>

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "protocol/types/check.h"
#include "raftlog/replica_group.h"

namespace raftmq {

void ReplicaGroup::ProposeAnywhere(ByteBuffer frame, ProposeDone done) {
  if (core_.IsAccepting() || draining_ || failure_) {
    const std::size_t bytes = frame.size();
    return Propose(std::move(frame), 0, bytes, std::move(done));
  }
  const Replica* const leader = FindMember(core_.status().leader);
  if (leader == nullptr || leader->node == options_.self) return done(Fail(RefusedNotLeader()));
  const std::uint64_t id = ++asked_id_;
  forwarded_[id] = {std::move(done), deps_.clock.SteadyNow() + kAnswerTimeout};
  std::vector<SharedBytes> frames;
  frames.emplace_back(std::move(frame));
  deps_.transport.Send({.group = options_.log.group,
                        .body = ForwardedProposal{self(), leader->id(), id},
                        .frames = std::move(frames)});
}

void ReplicaGroup::ReceiveProposal(const ForwardedProposal& proposal,
                                   std::vector<SharedBytes> frames) {
  const auto answer = [this, to = proposal.from,
                       id = proposal.id](const Result<Proposed>& outcome) {
    ForwardedOutcome reply{.from = self(), .to = to, .id = id};
    if (outcome) {
      reply.index = outcome->index;
    } else {
      reply.code = outcome.error().code;
      reply.message = outcome.error().message;
    }
    deps_.transport.Send({.group = options_.log.group, .body = std::move(reply), .frames = {}});
  };
  if (!options_.internal || frames.size() != 1) {
    return answer(Fail(ErrorCode::kBadRequest, "expected one command for an internal topic"));
  }
  const Result<BatchHeader> header = ParseBatchHeader(frames.front().view());
  if (!header || header->padded_length() != frames.front().size() ||
      header->producer.kind != EntryKind::kCommand) {
    return answer(Fail(ErrorCode::kBadBatch, "expected a whole command entry"));
  }
  ByteBuffer copy(frames.front().size());  // It is stamped in place, and what came is shared.
  std::copy(frames.front().view().begin(), frames.front().view().end(), copy.data());
  const std::size_t bytes = copy.size();
  Propose(std::move(copy), 0, bytes, answer);
}

void ReplicaGroup::ReceiveOutcome(const ForwardedOutcome& outcome) {
  auto found = forwarded_.extract(outcome.id);
  if (found.empty()) return;
  if (outcome.code != ErrorCode::kOk)
    return found.mapped().done(Fail(outcome.code, outcome.message));
  found.mapped().done(Proposed{.index = outcome.index});
}

void ReplicaGroup::ReadIndex(std::function<void(Result<Offset>)> done) {
  if (const Status serving = CheckServing(); !serving) return done(Fail(serving.error()));
  const std::uint64_t id = ++asked_id_;
  reads_[id] = {.done = std::move(done), .due = deps_.clock.SteadyNow() + kAnswerTimeout};
  core_.ReadIndex(id);
  CarryOut({});
}

void ReplicaGroup::TakeReadStates(const std::vector<ReadState>& states) {
  for (const ReadState& state : states) {
    const auto found = reads_.find(state.id);
    if (found == reads_.end()) continue;
    if (state.is_confirmed) {
      found->second.confirmed = state.index;
      continue;
    }
    auto failed = reads_.extract(found);
    failed.mapped().done(Fail(NotConfirmed()));
  }
  AnswerReads();
}

Error ReplicaGroup::NotConfirmed() const {
  const RaftStatus& raft = core_.status();
  const std::string why =
      raft.role == RaftRole::kLeader ? "its term has only begun"
      : raft.leader == NodeId(0)
          ? "it knows no leader, perhaps for want of a majority of the replicas"
          : fmt::format("node {}, which leads, has not confirmed it", raft.leader.value());
  return {ErrorCode::kNotYet,
          fmt::format("node {} cannot confirm what is committed: {}", options_.self.value(), why)};
}

// A read may be served once this replica has what was committed when it was asked, and can tell
// where that ends.
void ReplicaGroup::AnswerReads() {
  if (core_.AwaitsCheckpoint() || !state_.KnowsCommittedEnd()) return;
  const Index visible = VisibleCommit();
  std::vector<std::function<void(Result<Offset>)>> served;  // They may ask again.
  for (auto read = reads_.begin(); read != reads_.end();) {
    const bool is_served = read->second.confirmed && *read->second.confirmed <= visible;
    if (is_served) served.push_back(std::move(read->second.done));
    read = is_served ? reads_.erase(read) : std::next(read);
  }
  const Offset end = state_.committed_end();
  for (const auto& done : served) done(end);
}

// Messages get lost: nobody waits for an answer for ever.
void ReplicaGroup::GiveUpLateAnswers() {
  const Microseconds now = deps_.clock.SteadyNow();
  while (!forwarded_.empty() && forwarded_.begin()->second.due <= now) {
    const auto late = forwarded_.extract(forwarded_.begin());
    late.mapped().done(Fail(ErrorCode::kTimeout, "the leader has not answered in time"));
  }
  while (!reads_.empty() && reads_.begin()->second.due <= now) {
    const auto late = reads_.extract(reads_.begin());
    late.mapped().done(
        Fail(ErrorCode::kTimeout, "no majority of the replicas has answered in time"));
  }
  // Whoever does not lead any more learns the outcome from the next leader, or not at all.
  if (core_.status().role == RaftRole::kLeader || !proposals_.has_waiting()) return;
  if (proposals_.oldest_waiting() + kAnswerTimeout <= now)
    proposals_.LoseAbove(Index(0), UnknownOutcome());
}

// Answers that are still to come find nobody any more. `why` is told to those who wait for reads.
void ReplicaGroup::EndQuestions(const Error& why) {
  const auto forwarded = std::exchange(forwarded_, {});
  for (const auto& [id, asked] : forwarded) asked.done(Fail(UnknownOutcome()));
  const auto reads = std::exchange(reads_, {});
  for (const auto& [id, read] : reads) read.done(Fail(why));
}

const Replica* ReplicaGroup::FindMember(NodeId node) const {
  for (const Replica& replica : core_.membership()) {
    if (replica.node == node) return &replica;
  }
  return nullptr;
}

}  // namespace raftmq
