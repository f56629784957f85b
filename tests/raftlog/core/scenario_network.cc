// The network of a scenario: what is delivered, lost, repeated and held back.
#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "tests/raftlog/core/scenario.h"

namespace raftmq {

std::optional<std::size_t> Scenario::Oldest(Link link) const {
  const auto& letters = cluster_->letters();
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (link.Covers(letters[i].from, letters[i].to)) return i;
  }
  return std::nullopt;
}

void Scenario::DoDeliver(const Words& words) {
  const Link link = LinkOf(words.at(0));
  const std::string which = words.size() > 1 ? words[1] : "oldest";
  auto& letters = cluster_->letters();
  const auto covered = [link](const CoreCluster::Letter& letter) {
    return link.Covers(letter.from, letter.to);
  };
  auto left = std::ranges::count_if(letters, covered);
  if (left == 0) throw std::invalid_argument("nothing is under way " + words[0]);
  if (which == "newest") {
    const auto newest = std::find_if(letters.rbegin(), letters.rend(), covered);
    return cluster_->Deliver(static_cast<std::size_t>(std::distance(newest, letters.rend()) - 1));
  }
  if (which == "oldest") left = 1;
  for (; left > 0; --left) cluster_->Deliver(*Oldest(link));
}

void Scenario::DoRepeat(const Words& words) {
  cluster_->DeliverCopy(Oldest(LinkOf(words.at(0))).value());
}

void Scenario::DoDrop(const Words& words) {
  const Link link = LinkOf(words.at(0));
  while (const auto which = Oldest(link)) cluster_->Drop(*which);
}

void Scenario::DoHold(const Words& words) {
  const Link link = LinkOf(words.at(0));
  while (const auto which = Oldest(link)) {
    held_.push_back(cluster_->letters()[*which]);
    cluster_->Drop(*which);
  }
}

void Scenario::DoRelease(const Words&) {
  std::ranges::move(held_, std::back_inserter(cluster_->letters()));
  held_.clear();
}

void Scenario::DoCut(const Words& words) {
  const Words sides = SplitAt(words.at(0), '|');
  for (const std::string& side : sides) {
    for (const std::string& other : sides) {
      if (side == other) continue;
      for (const NodeId from : NodesOf(side)) {
        for (const NodeId to : NodesOf(other)) cut_.insert({from, to});
      }
    }
  }
}

void Scenario::DoOneWay(const Words& words) { cut_.insert(LinkOf(words.at(0))); }

void Scenario::DoHeal(const Words&) { cut_.clear(); }

bool Scenario::IsCut(NodeId from, NodeId to) const {
  return std::ranges::any_of(cut_, [&](const Link& link) { return link.Covers(from, to); });
}

void Scenario::LoseCut() {
  std::erase_if(cluster_->letters(), [this](const CoreCluster::Letter& letter) {
    return IsCut(letter.from, letter.to);
  });
}

// Whether anything was synced.
bool Scenario::SyncRound() {
  bool has_synced = false;
  for (const NodeId id : cluster_->node_ids()) {
    if (!cluster_->IsUp(id) || hung_.contains(id) || !cluster_->HasUnsynced(id)) continue;
    cluster_->SyncAll(id);
    has_synced = true;
  }
  return has_synced;
}

// Whether anything was delivered.
bool Scenario::MailRound() {
  LoseCut();
  const std::size_t count = cluster_->letters().size();
  for (std::size_t left = count; left > 0; --left) cluster_->Deliver(0);
  LoseCut();
  return count > 0;
}

void Scenario::DoSettle(const Words&) {
  for (int round = 0; round < 1000; ++round) {
    for (const NodeId id : cluster_->node_ids()) {
      if (cluster_->IsUp(id)) cluster_->EndTurn(id);
    }
    const bool has_synced = SyncRound();
    if (!MailRound() && !has_synced) return;
  }
  throw std::runtime_error("the cluster does not come to rest");
}

void Scenario::DoRun(const Words& words) {
  for (std::uint64_t left = NumberOf(words.at(0)); left > 0; --left) {
    for (const NodeId id : cluster_->node_ids()) {
      if (cluster_->IsUp(id)) cluster_->Tick(id);
    }
    DoSettle(words);
  }
}

void Scenario::DoWin(const Words& words) {
  const NodeId id = NodeOf(words.at(0));
  for (const NodeId other : cluster_->node_ids()) {
    if (other == id || !cluster_->IsUp(other) || IsCut(id, other)) continue;
    if (cluster_->raft(other).status().role == RaftRole::kLeader) continue;
    for (int tick = 0; tick < 10; ++tick) cluster_->Tick(other);
  }
  DoTimeout(words);
  bool has_moved = true;
  while (has_moved) {
    const bool has_synced = SyncRound();
    has_moved = MailRound() || has_synced;
  }
}

void Scenario::DoElect(const Words& words) {
  DoWin(words);
  DoSettle(words);
}

}  // namespace raftmq
