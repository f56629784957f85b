// What a scenario does to replicas, their clocks and their disks.
#include <algorithm>
#include <stdexcept>

#include "tests/raftlog/core/scenario.h"

namespace raftmq {

void Scenario::DoCluster(const Words& words) {
  CoreCluster::Options options;
  options.voters = static_cast<std::uint32_t>(NumberOf(words.at(0)));
  options.nodes = options.voters;
  options.raft.heartbeat_ticks = 3;
  options.raft.election_ticks_min = 10;
  options.raft.election_ticks_max = 1010;  // Wide: timers run out when a scenario says so.
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto [name, value] = SettingOf(words[i]);
    const std::uint64_t number = NumberOf(value);
    if (name == "learners") options.nodes += static_cast<std::uint32_t>(number);
    if (name == "spares") options.spares = static_cast<std::uint32_t>(number);
    if (name == "in-flight") options.raft.in_flight_max = number;
  }
  cluster_.emplace(options);
  for (const NodeId id : cluster_->node_ids()) said_[id] = FieldsOfNode(id);
}

void Scenario::DoLog(const Words& words) {
  HardState hard_state;
  std::vector<Term> terms;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto [name, value] = SettingOf(words[i]);
    if (name == "term") hard_state.term = Term(NumberOf(value));
    if (name == "vote") hard_state.vote = NodeOf(value);
    if (name != "terms") continue;
    for (const std::string& term : SplitAt(value, ',')) terms.emplace_back(NumberOf(term));
  }
  cluster_->Found(NodeOf(words.at(0)), hard_state, terms);
}

void Scenario::DoTick(const Words& words) {
  for (std::uint64_t left = NumberOf(words.at(1)); left > 0; --left) {
    for (const NodeId id : NodesOf(words.at(0))) {
      cluster_->Tick(id);
      cluster_->EndTurn(id);
    }
  }
}

void Scenario::DoTimeout(const Words& words) {
  const NodeId id = NodeOf(words.at(0));
  const Raft& raft = cluster_->raft(id);
  const RaftRole role = raft.status().role;
  const Term term = raft.status().term;
  const std::size_t letters = cluster_->letters().size();
  for (int tick = 0; tick < 1100; ++tick) {
    cluster_->Tick(id);
    if (raft.status().role != role || raft.status().term != term) return;
    if (cluster_->letters().size() > letters) return;
  }
  Say("its timer starts no election");
}

void Scenario::DoPropose(const Words& words) {
  const std::uint64_t count = words.size() > 1 ? NumberOf(words[1]) : 1;
  for (std::uint64_t i = 0; i < count; ++i) SayRefusal(cluster_->Propose(NodeOf(words.at(0))));
}

void Scenario::DoSend(const Words& words) {
  const std::uint64_t entries_max = words.size() > 1 ? NumberOf(words[1]) : 8;
  cluster_->EndTurn(NodeOf(words.at(0)), entries_max);
}

void Scenario::DoSync(const Words& words) {
  for (const NodeId id : NodesOf(words.at(0))) {
    std::uint64_t left = words.size() > 1 ? NumberOf(words[1]) : UINT64_MAX;
    while (left-- > 0 && cluster_->HasUnsynced(id)) cluster_->SyncOne(id);
  }
}

void Scenario::DoDisk(const Words& words) {
  if (words.at(1) == "hangs") hung_.insert(NodeOf(words.at(0)));
  if (words.at(1) == "works") hung_.erase(NodeOf(words.at(0)));
}

void Scenario::DoCrash(const Words& words) {
  const std::size_t kept = words.size() > 1 ? NumberOf(SettingOf(words[1]).second) : 0;
  for (const NodeId id : NodesOf(words.at(0))) cluster_->Crash(id, kept);
}

void Scenario::DoRestart(const Words& words) {
  for (const NodeId id : NodesOf(words.at(0))) {
    cluster_->Restart(id);
    hung_.erase(id);
  }
}

void Scenario::DoMember(const Words& words) {
  const NodeId leader = NodeOf(words.at(0));
  const std::string& change = words.at(1);
  const NodeId node = NodeOf(words.at(2));
  Membership next = cluster_->raft(leader).membership();
  if (change.starts_with("add"))
    next.push_back({node, ReplicaNumber(node.value()), change == "add-voter"});
  if (change == "remove") std::erase_if(next, [node](const Replica& r) { return r.node == node; });
  for (Replica& replica : next) {
    if (change == "promote" && replica.node == node) replica.voter = true;
  }
  std::ranges::sort(next, {}, &Replica::node);
  SayRefusal(cluster_->ProposeMembership(leader, next));
}

void Scenario::DoTransfer(const Words& words) {
  const Link link = LinkOf(words.at(0));
  const Status status = cluster_->Transfer(link.from, link.to);
  if (!status) Say("refused: " + status.error().message);
}

void Scenario::DoRead(const Words& words) { cluster_->ReadIndex(NodeOf(words.at(0)), ++read_); }

void Scenario::DoGiveUp(const Words& words) { cluster_->GiveUp(NodeOf(words.at(0))); }

void Scenario::DoUnreachable(const Words& words) {
  const Link link = LinkOf(words.at(0));
  cluster_->PeerUnreachable(link.from, link.to);
}

void Scenario::DoCompact(const Words& words) {
  for (const NodeId id : NodesOf(words.at(0)))
    cluster_->TruncateBefore(id, Index(NumberOf(words.at(1))));
}

void Scenario::DoDamage(const Words& words) {
  cluster_->Damage(NodeOf(words.at(0)), Index(NumberOf(words.at(1))), Index(NumberOf(words.at(2))));
}

void Scenario::DoRepair(const Words& words) {
  const std::size_t arrow = words.at(0).find("<-");
  const NodeId node = NodeOf(words.at(0).substr(0, arrow));
  const NodeId peer = NodeOf(words.at(0).substr(arrow + 2));
  if (!cluster_->Repair(node, peer)) Say("it has no copy that is surely the same");
}

}  // namespace raftmq
