// Which nodes this node talks to: where they are, which data directory each has proven to have, and
// how far that one has shown itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "broker/peers/peer_node.h"
#include "protocol/types/ids.h"
#include "protocol/wire/peer_messages.h"
#include "raftmq/result.h"
#include "segment/save_counter.h"

namespace raftmq::broker {

// Thread-safe.
class PeerBook {
 public:
  // `self` as it introduces itself, but for `to`, `shard` and `save_counter`. `nodes`: the founding
  // ones, this one included. `saved`: what this node's directory says.
  PeerBook(wire::PeerHello self, std::vector<PeerNode> nodes, SaveCounter::Content saved = {});

  const std::vector<PeerNode>& nodes() const { return nodes_; }
  bool HasPeers() const { return nodes_.size() > 1; }
  // All but this one.
  std::vector<PeerNode> Others() const;
  std::uint64_t boot_id() const { return self_.boot_id; }
  wire::PeerHello Hello(NodeId to, std::uint32_t shard) const;

  // What the catalogue says of a node's data directory.
  struct Directory {
    std::uint64_t incarnation = 0;
    ReplicaNumber number{1};          // Of its replica of the catalogue; see wire::PeerHello.
    bool is_replaced = false;         // It is gone, and no other is admitted yet.
    std::vector<std::uint64_t> gone;  // Incarnations that never come back.
  };
  void SetDirectory(NodeId node, Directory directory);
  // The number of this node's own directory, as that says itself.
  void SetOwnNumber(ReplicaNumber number) { own_number_.store(number.value()); }
  ReplicaNumber own_number() const { return ReplicaNumber(own_number_.load()); }
  // The replica of that number is lost: this node says so, asks for another and promises nothing
  // before it has that.
  void SetOwnLost(bool is_lost) { is_own_lost_.store(is_lost); }
  bool is_own_lost() const { return is_own_lost_.load(); }
  // The highest number that others have said it has: while it is higher than that, this is another
  // directory than they know by it, and says nothing to anybody.
  ReplicaNumber told_number() const { return ReplicaNumber(told_number_.load()); }
  // What to tell a node of its own number; 0 if the catalogue does not know it.
  ReplicaNumber NumberOf(NodeId node) const;
  // Nodes whose directories were replaced, and the incarnations of those that they have come with
  // since, as far as they have called since the last time this was asked.
  std::map<NodeId, std::uint64_t> TakeCandidates();
  // The same of nodes that have lost their replicas of the catalogue: the numbers of these.
  std::map<NodeId, ReplicaNumber> TakeLost();
  // Others have turned this node away in this life.
  void SetTurnedAway() { is_turned_away_.store(true); }
  bool is_turned_away() const { return is_turned_away_.load(); }

  // From here on hellos are believed: what this node's own catalogue says of the others is set. A
  // node that came before with an empty directory could vote as its old self.
  void Open();
  // Whether to believe a hello; then its counter is remembered. Errors, each saying what was
  // expected and found: kUnsupported (version), kForeignDirectory (cluster, node, incarnation, a
  // candidate that is still to be admitted), kRolledBack (save counter), kNotYet before Open, and
  // of who has lost its replica of the catalogue until it is to have another.
  Status Admit(const wire::PeerHello& hello);
  // The same of who answers a call to `node`; kBadMessage for a welcome of no credible sender. Then
  // this node is accepted by one that knows how far it was, and may go on: see NextSave.
  Status AdmitAnswer(NodeId node, const wire::PeerWelcome& welcome);
  // It has moved on since its hello.
  void NoteSaved(const wire::PeerHello& hello, std::uint64_t counter);

  // This node's own counter, as it is on disk, and whether it was raised in this life: before that
  // nothing may be promised to anybody.
  std::uint64_t save_counter() const { return save_counter_.load(); }
  bool has_begun() const { return has_begun_.load(); }
  // Something was promised to others.
  void NotePromise() { promises_.fetch_add(1, std::memory_order_relaxed); }
  // What is to be saved next: the same as before if nothing has changed.
  SaveCounter::Content NextSave() const;
  // It is durable. `promises`: those that were made before it was asked for.
  void SetSaved(const SaveCounter::Content& saved, std::uint64_t promises);
  std::uint64_t promises() const { return promises_.load(std::memory_order_relaxed); }

 private:
  // The newest life of another node's directory that this node has met.
  struct Life {
    std::uint64_t boot_id = 0;  // 0: of an earlier life of this process.
    SaveCounter::Shown shown;
  };

  Status CheckAddressed(const wire::PeerHello& hello) const;
  Status CheckDirectory(NodeId node, std::uint64_t incarnation, ReplicaNumber number);
  Status CheckLife(NodeId node, const Life& life) const;
  Status CheckReplica(const wire::PeerHello& hello);
  void Remember(NodeId node, const Life& life);

  const wire::PeerHello self_;
  const std::vector<PeerNode> nodes_;
  std::atomic<std::uint64_t> save_counter_;
  std::atomic<bool> has_begun_{false};
  std::atomic<std::uint64_t> promises_{0};
  std::atomic<std::uint64_t> own_number_{1};
  std::atomic<std::uint64_t> told_number_{0};
  std::atomic<bool> is_own_lost_{false};
  std::atomic<bool> is_turned_away_{false};
  mutable std::mutex mutex_;  // Guards what follows.
  std::map<NodeId, Directory> directories_;
  std::map<NodeId, std::uint64_t> candidates_;
  std::map<NodeId, ReplicaNumber> lost_;
  std::map<NodeId, Life> lives_;
  bool is_open_ = false;
  bool is_accepted_ = false;  // In this life, by another node.
  std::uint64_t promises_saved_ = 0;
};

}  // namespace raftmq::broker
