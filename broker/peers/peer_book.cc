#include "broker/peers/peer_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "raftlog/heartbeats.h"

namespace raftmq::broker {

PeerBook::PeerBook(wire::PeerHello self, std::vector<PeerNode> nodes, SaveCounter::Content saved)
    : self_(std::move(self)), nodes_(std::move(nodes)), save_counter_(saved.number) {
  for (const auto& [node, shown] : saved.others) lives_[node] = {.boot_id = 0, .shown = shown};
}

std::vector<PeerNode> PeerBook::Others() const {
  std::vector<PeerNode> others = nodes_;
  std::erase_if(others, [this](const PeerNode& peer) { return peer.node == self_.node; });
  return others;
}

wire::PeerHello PeerBook::Hello(NodeId to, std::uint32_t shard) const {
  wire::PeerHello hello = self_;
  hello.to = to;
  hello.shard = shard;
  hello.save_counter = save_counter();
  hello.number = own_number();
  hello.is_lost = is_own_lost();
  return hello;
}

void PeerBook::SetDirectory(NodeId node, Directory directory) {
  const std::lock_guard lock(mutex_);
  directories_[node] = std::move(directory);
}

ReplicaNumber PeerBook::NumberOf(NodeId node) const {
  const std::lock_guard lock(mutex_);
  const auto known = directories_.find(node);
  return known == directories_.end() ? ReplicaNumber(0) : known->second.number;
}

std::map<NodeId, std::uint64_t> PeerBook::TakeCandidates() {
  const std::lock_guard lock(mutex_);
  return std::exchange(candidates_, {});
}

std::map<NodeId, ReplicaNumber> PeerBook::TakeLost() {
  const std::lock_guard lock(mutex_);
  return std::exchange(lost_, {});
}

void PeerBook::Open() {
  const std::lock_guard lock(mutex_);
  is_open_ = true;
}

Status PeerBook::Admit(const wire::PeerHello& hello) {
  RAFTMQ_TRY(CheckAddressed(hello));
  const Life life{hello.boot_id, {hello.incarnation, hello.save_counter}};
  const std::lock_guard lock(mutex_);
  if (!is_open_) {
    return Fail(ErrorCode::kNotYet, fmt::format("node {} is starting and does not know its peers "
                                                "yet: call again",
                                                self_.node.value()));
  }
  RAFTMQ_TRY(CheckDirectory(hello.node, hello.incarnation, hello.number));
  RAFTMQ_TRY(CheckLife(hello.node, life));
  RAFTMQ_TRY(CheckReplica(hello));
  Remember(hello.node, life);
  return Ok();
}

Status PeerBook::AdmitAnswer(NodeId node, const wire::PeerWelcome& welcome) {
  if (welcome.node != node || welcome.shards == 0 || welcome.shards > kPeerShardsMax) {
    return Fail(
        ErrorCode::kBadMessage,
        fmt::format("a welcome that is not of node {} or tells no credible shards", node.value()));
  }
  const Life life{welcome.boot_id, {welcome.incarnation, welcome.save_counter}};
  const std::lock_guard lock(mutex_);
  RAFTMQ_TRY(CheckDirectory(node, welcome.incarnation, welcome.number));
  RAFTMQ_TRY(CheckLife(node, life));
  if (welcome.your_number > told_number()) told_number_.store(welcome.your_number.value());
  // Before Open nobody knows whether it is the directory that this node has joined with.
  const auto met = lives_.find(node);
  const bool is_same = met != lives_.end() && met->second.shown.incarnation == welcome.incarnation;
  if (is_open_ || is_same) Remember(node, life);
  is_accepted_ = true;
  return Ok();
}

void PeerBook::NoteSaved(const wire::PeerHello& hello, std::uint64_t counter) {
  const std::lock_guard lock(mutex_);
  Remember(hello.node, {hello.boot_id, {hello.incarnation, counter}});
}

SaveCounter::Content PeerBook::NextSave() const {
  const std::lock_guard lock(mutex_);
  SaveCounter::Content next{.number = save_counter(), .others = {}};
  for (const auto& [node, life] : lives_) next.others[node] = life.shown;
  const bool is_due = !has_begun() || promises() != promises_saved_;
  if (is_accepted_ && is_due) ++next.number;
  return next;
}

void PeerBook::SetSaved(const SaveCounter::Content& saved, std::uint64_t promises) {
  const std::lock_guard lock(mutex_);
  if (saved.number == save_counter()) return;
  save_counter_ = saved.number;
  promises_saved_ = promises;
  has_begun_ = true;
}

Status PeerBook::CheckAddressed(const wire::PeerHello& hello) const {
  if (hello.version_min > wire::kPeerVersion || hello.version_max < wire::kPeerVersion) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("node {} speaks peer version {}, found versions {} to {}", self_.node.value(),
                    wire::kPeerVersion, hello.version_min, hello.version_max));
  }
  if (hello.cluster_id != self_.cluster_id) {
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("expected a node of cluster '{}', found one of '{}'", self_.cluster_id,
                            hello.cluster_id.substr(0, 200)));
  }
  if (hello.to != self_.node) {
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("this is node {}, found a call for node {}: check node.peers",
                            self_.node.value(), hello.to.value()));
  }
  const bool is_known = hello.node != self_.node &&
                        std::ranges::find(nodes_, hello.node, &PeerNode::node) != nodes_.end();
  if (is_known) return Ok();
  return Fail(
      ErrorCode::kForeignDirectory,
      fmt::format("node {} is none of this node's peers: check node.peers", hello.node.value()));
}

Status PeerBook::CheckDirectory(NodeId node, std::uint64_t incarnation, ReplicaNumber number) {
  const auto found = directories_.find(node);
  if (found == directories_.end()) return Ok();
  const Directory& known = found->second;
  if (std::ranges::count(known.gone, incarnation) > 0) {
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("the data directory of node {} (incarnation {}) was replaced: it must "
                            "not vote any more. Start the node with an empty directory",
                            node.value(), incarnation));
  }
  // It was admitted by a command that this node does not know yet.
  if (number > known.number) return Ok();
  if (known.is_replaced) {
    candidates_[node] = incarnation;
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("node {} is being admitted with its new data directory: call again",
                            node.value()));
  }
  if (known.incarnation == incarnation) return Ok();
  return Fail(ErrorCode::kForeignDirectory,
              fmt::format("node {} has another data directory (incarnation {}) than the one it "
                          "joined with ({}): it must not vote as its old self. Start it with that "
                          "one; if that is gone for good, run `raftmq node replace {}`",
                          node.value(), incarnation, known.incarnation, node.value()));
}

Status PeerBook::CheckLife(NodeId node, const Life& life) const {
  const auto met = lives_.find(node);
  if (met == lives_.end() || met->second.shown.incarnation != life.shown.incarnation) return Ok();
  // Of one life an older hello may come later; another life begins where the last one was saved.
  if (met->second.boot_id == life.boot_id || life.shown.number >= met->second.shown.number)
    return Ok();
  return Fail(ErrorCode::kRolledBack,
              fmt::format("node {} was rolled back: its data directory has save counter {}, and "
                          "had {} when node {} last heard of it. It must not vote as its old self: "
                          "start it with the newer directory; if that is gone for good, with an "
                          "empty one, and run `raftmq node replace {}`",
                          node.value(), life.shown.number, met->second.shown.number,
                          self_.node.value(), node.value()));
}

// Whoever is welcomed is told the number of the replica that it is to found in place of the lost
// one.
Status PeerBook::CheckReplica(const wire::PeerHello& hello) {
  if (!hello.is_lost) return Ok();
  const auto known = directories_.find(hello.node);
  if (known != directories_.end() && known->second.number > hello.number) return Ok();
  if (known != directories_.end()) lost_[hello.node] = hello.number;
  return Fail(ErrorCode::kNotYet,
              fmt::format("node {} is getting another replica of the catalogue in place of {}, "
                          "which it has lost: call again",
                          hello.node.value(), hello.number.value()));
}

void PeerBook::Remember(NodeId node, const Life& life) {
  const auto met = lives_.find(node);
  if (met == lives_.end() || met->second.shown.incarnation != life.shown.incarnation) {
    lives_[node] = life;
  } else if (life.shown.number >= met->second.shown.number) {
    met->second = life;
  }
}

}  // namespace raftmq::broker
