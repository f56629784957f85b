#include "tests/raftlog/core/core_cluster.h"

#include <algorithm>

#include "protocol/types/check.h"

namespace raftmq {

CoreCluster::CoreCluster(const Options& options) : options_(options) {
  for (std::uint32_t i = 1; i <= options.nodes; ++i) {
    founders_.push_back({NodeId(i), ReplicaNumber(i), i <= options.voters});
  }
  for (std::uint32_t i = 1; i <= options.nodes + options.spares; ++i) Found(NodeId(i), {}, {});
}

std::vector<NodeId> CoreCluster::node_ids() const {
  std::vector<NodeId> ids;
  for (const auto& [id, node] : nodes_) ids.push_back(id);
  return ids;
}

void CoreCluster::Tick(NodeId id) {
  raft(id).Tick();
  CarryOut(id, nullptr);
}

Result<Index> CoreCluster::Propose(NodeId id) {
  const Result<Index> index = raft(id).Propose(EntryKind::kData, 100);
  CarryOut(id, nullptr);
  return index;
}

Result<Index> CoreCluster::ProposeMembership(NodeId id, const Membership& next) {
  const Result<Index> index = raft(id).ProposeMembership(next, 100);
  if (index) {
    memberships_[{*index, raft(id).status().term}] = next;
    ++seen.memberships;
  }
  CarryOut(id, nullptr);
  return index;
}

Status CoreCluster::Transfer(NodeId from, NodeId to) {
  const Status status = raft(from).TransferTo(to);
  if (status) ++seen.transfers;
  CarryOut(from, nullptr);
  return status;
}

void CoreCluster::ReadIndex(NodeId id, std::uint64_t read) {
  nodes_.at(id).asked[read] = max_committed_;
  raft(id).ReadIndex(read);
  CarryOut(id, nullptr);
}

void CoreCluster::PeerUnreachable(NodeId id, NodeId peer) {
  raft(id).PeerUnreachable(peer);
  CarryOut(id, nullptr);
}

void CoreCluster::GiveUp(NodeId id) {
  raft(id).GiveUp();
  CarryOut(id, nullptr);
}

void CoreCluster::BeatLost(NodeId id) {
  raft(id).BeatLost();
  CarryOut(id, nullptr);
}

void CoreCluster::PeerSilent(NodeId id, NodeId peer, std::uint32_t ticks) {
  raft(id).PeerSilent(peer, ticks);
  CarryOut(id, nullptr);
}

void CoreCluster::WakeDisagreeing(std::uint32_t ticks) {
  const auto follows = [this](NodeId follower, NodeId leader) {
    if (!IsUp(follower)) return false;
    const RaftStatus& status = raft(follower).status();
    return status.role == RaftRole::kFollower && raft(follower).IsQuiet() &&
           status.leader == leader && status.term == raft(leader).status().term;
  };
  const auto leads = [this](NodeId leader, NodeId follower) {
    if (!IsUp(leader) || raft(leader).status().role != RaftRole::kLeader) return false;
    const auto& followers = raft(leader).followers();
    return std::ranges::any_of(followers, [follower](const Progress& progress) {
      return progress.replica.node == follower && progress.is_quiet;
    });
  };
  std::vector<std::pair<NodeId, NodeId>> silent;
  for (const NodeId id : node_ids()) {
    for (const NodeId peer : node_ids()) {
      if (id == peer || !IsUp(id)) continue;
      if (leads(id, peer) && !follows(peer, id)) silent.emplace_back(id, peer);
      if (IsUp(peer) && follows(id, peer) && !leads(peer, id)) silent.emplace_back(id, peer);
      if (!IsUp(peer)) silent.emplace_back(id, peer);
    }
  }
  for (const auto& [id, peer] : silent) PeerSilent(id, peer, ticks);
}

void CoreCluster::EndTurn(NodeId id, std::uint64_t entries_max) {
  for (const Progress& follower : raft(id).followers()) {
    const NodeId to = follower.replica.node;
    while (const auto range = raft(id).NextToSend(to)) {
      Index last = std::min(range->last, range->first.Plus(entries_max - 1));
      for (const DamagedRun& run : nodes_.at(id).staged.damage) {
        if (run.first <= last && run.last >= range->first) last = run.first.Minus(1);
      }
      if (last < range->first) break;  // It cannot read them.
      Post(id, to, raft(id).MakeAppend(to, last));
    }
  }
  raft(id).EndTurn();
  CarryOut(id, nullptr);
}

// What a real owner reads from the entries.
RaftMessage CoreCluster::FillIn(RaftMessage message) const {
  if (auto* const reset = std::get_if<ResetRequest>(&message.body)) {
    // A checkpoint of one part.
    reset->checkpoint_last = reset->before.Next();
    reset->membership = CommittedMembershipAt(reset->before);
  }
  auto* const append = std::get_if<AppendRequest>(&message.body);
  if (append == nullptr) return message;
  append->memberships.clear();
  std::size_t run = 0;
  for (Index index = append->previous.Next(); index <= append->last; index = index.Next()) {
    while (run + 1 < append->runs.size() && append->runs[run + 1].first <= index) ++run;
    const auto found = memberships_.find({index, append->runs[run].term});
    if (found != memberships_.end()) append->memberships.push_back({index, found->second});
  }
  return message;
}

Membership CoreCluster::CommittedMembershipAt(Index index) const {
  Membership membership = founders_;
  for (const auto& [at, proposed] : memberships_) {
    const auto committed = committed_.find(at.first);
    if (at.first > index || committed == committed_.end() || committed->second != at.second)
      continue;
    membership = proposed;
  }
  return membership;
}

void CoreCluster::DeliverCopy(std::size_t which) {
  const Letter letter = letters_.at(which);
  if (!nodes_.contains(letter.to) || !IsUp(letter.to)) return;
  const RaftMessage message = FillIn(letter.message);
  raft(letter.to).Step(message);
  CarryOut(letter.to, &message);
}

void CoreCluster::Deliver(std::size_t which) {
  const Letter letter = letters_.at(which);
  Drop(which);
  letters_.push_front(letter);
  DeliverCopy(0);
  letters_.pop_front();
}

void CoreCluster::Drop(std::size_t which) {
  letters_.erase(letters_.begin() + static_cast<std::ptrdiff_t>(which));
}

void CoreCluster::CarryOut(NodeId id, const RaftMessage* stepped) {
  Node& node = nodes_.at(id);
  Output output;
  node.raft->TakeOutput(&output);
  Job job{.hard_state = output.hard_state,
          .reset = output.reset,
          .truncate_after = output.truncate_after,
          .mark = output.mark};
  for (const AppendedEntry& entry : output.append) {
    const auto found = memberships_.find({entry.index, entry.term});
    job.append.push_back(
        {entry.index,
         {entry.term, found == memberships_.end() ? std::nullopt : std::optional(found->second)}});
  }
  if (!output.received.IsEmpty()) {
    const auto& append = std::get<AppendRequest>(stepped->body);
    std::size_t run = 0;
    for (Index index = output.received.first; index <= output.received.last; index = index.Next()) {
      while (run + 1 < append.runs.size() && append.runs[run + 1].first <= index) ++run;
      Entry entry{append.runs[run].term, std::nullopt};
      for (const MembershipAt& at : append.memberships) {
        if (at.index == index) entry.membership = at.membership;
      }
      job.append.push_back({index, entry});
    }
  }
  if (output.truncate_after) ++seen.truncations;
  const auto goes = [&](const DamagedRun& run) {
    return output.truncate_after && run.first > *output.truncate_after;
  };
  if (std::ranges::any_of(node.staged.damage, goes)) ++seen.damage_cuts;
  if (output.reset) ++seen.resets;
  Apply(job, &node.staged);
  if (job.hard_state || job.reset || job.truncate_after || !job.append.empty())
    node.jobs.push_back(std::move(job));
  for (RaftMessage& message : output.messages) {
    Post(id, message.to.node, std::move(message));
  }
  for (const ReadState& read : output.reads) {
    node.reads.push_back(read);
    const auto asked = node.asked.find(read.id);
    if (!read.is_confirmed || asked == node.asked.end()) continue;
    ++seen.reads;
    // A linearizable read sees what was committed anywhere before it was asked.
    RAFTMQ_CHECK(read.index >= asked->second);
  }
  Watch(id);
}

void CoreCluster::Post(NodeId from, NodeId to, RaftMessage message) {
  letters_.push_back({from, to, std::move(message), ++posted_});
}

NodeId CoreCluster::Leader() const {
  NodeId leader;
  Term term;
  for (const auto& [id, node] : nodes_) {
    if (!node.raft || node.raft->status().role != RaftRole::kLeader) continue;
    if (node.raft->status().term < term) continue;
    leader = id;
    term = node.raft->status().term;
  }
  return leader;
}

}  // namespace raftmq
