// Several Raft machines with disks and a network that obey only the test: nothing is delivered,
// synced or ticked unless asked for. Watches the safety rules of the Raft paper (figure 3) after
// every step.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "raftlog/core/raft.h"

namespace raftmq {

// Single-threaded. Broken rules abort with a message.
class CoreCluster {
 public:
  struct Options {
    std::uint32_t nodes = 3;
    std::uint32_t voters = 3;  // The others are learners.
    std::uint32_t spares = 0;  // Further nodes with a founded log, whom the group does not name.
    std::uint64_t seed = 1;
    RaftConfig raft;  // But for self and seed.
  };
  explicit CoreCluster(const Options& options);

  // One message under way.
  struct Letter {
    NodeId from;
    NodeId to;
    RaftMessage message;
    std::uint64_t number = 0;  // In the order of sending: 1, 2, 3, ...
  };

  // The node begins anew with this on its disk: entries of these terms behind the founding one.
  void Found(NodeId node, const HardState& hard_state, const std::vector<Term>& terms);

  Raft& raft(NodeId node) { return *nodes_.at(node).raft; }
  bool IsUp(NodeId node) const { return nodes_.at(node).raft != nullptr; }
  std::vector<NodeId> node_ids() const;

  void Tick(NodeId node);
  Result<Index> Propose(NodeId node);
  Result<Index> ProposeMembership(NodeId node, const Membership& next);
  Status Transfer(NodeId from, NodeId to);
  void ReadIndex(NodeId node, std::uint64_t id);
  void PeerUnreachable(NodeId node, NodeId peer);
  void GiveUp(NodeId node);
  // The disk can no longer read these entries. REQUIRES: they are synced, and no job is under way.
  void Damage(NodeId node, Index first, Index last);
  // Copies of `peer` replace the first damaged run of the node, if the rules allow that they are
  // the same; the node opens its log anew. False if they do not.
  bool Repair(NodeId node, NodeId peer);
  bool IsDamaged(NodeId node) const { return !nodes_.at(node).disk.damage.empty(); }
  Index FirstOnDisk(NodeId node) const { return nodes_.at(node).disk.before.Next(); }
  Index LastOnDisk(NodeId node) const { return nodes_.at(node).disk.last(); }
  // Deletes the entries before `first_kept`. REQUIRES: the disk holds what stays.
  void TruncateBefore(NodeId node, Index first_kept);
  void BeatLost(NodeId node);
  void PeerSilent(NodeId node, NodeId peer, std::uint32_t ticks);
  // What their shards would do about quiet replicas that do not agree with their leaders.
  void WakeDisagreeing(std::uint32_t ticks);
  // Sends what followers lack, at most `entries_max` per message.
  void EndTurn(NodeId node, std::uint64_t entries_max = 8);

  std::deque<Letter>& letters() { return letters_; }
  const std::deque<Letter>& letters() const { return letters_; }
  void Deliver(std::size_t which);      // And removes it.
  void DeliverCopy(std::size_t which);  // It stays under way.
  void Drop(std::size_t which);

  bool HasUnsynced(NodeId node) const { return !nodes_.at(node).jobs.empty(); }
  void SyncOne(NodeId node);  // The oldest job.
  void SyncAll(NodeId node);
  // The process is gone; of what was not synced, the first `kept_jobs` jobs reached the disk.
  void Crash(NodeId node, std::size_t kept_jobs = 0);
  void Restart(NodeId node);

  // The leader of the highest term; 0 = none.
  NodeId Leader() const;
  Index MaxCommitted() const { return max_committed_; }
  const std::vector<ReadState>& reads(NodeId node) const { return nodes_.at(node).reads; }

  // How often interesting things have happened, so that a generator that never gets there shows.
  struct Seen {
    std::uint64_t elections = 0, truncations = 0, resets = 0, memberships = 0, reads = 0,
                  transfers = 0, damages = 0, repairs = 0, damage_cuts = 0;
  } seen;

 private:
  struct Entry {
    Term term;
    std::optional<Membership> membership;
  };
  struct Disk {
    HardState hard_state;
    Index before;
    Term before_term;
    Membership before_membership;
    Index base_checkpoint_last;
    std::vector<Entry> entries;      // entries[i] has index before + 1 + i.
    std::vector<DamagedRun> damage;  // What they were is known to the test only.
    const Entry& at(Index index) const { return entries.at(index.value() - before.value() - 1); }
    bool IsWhole(Index index) const {
      return index > before && index <= last() && DamagedRuns(damage).Find(index) == nullptr;
    }
    Index last() const { return before.Plus(entries.size()); }
  };
  struct Job {
    std::optional<HardState> hard_state;
    std::optional<ResetRequest> reset;
    std::optional<Index> truncate_after;
    std::vector<std::pair<Index, Entry>> append;
    DurableMark mark;
  };
  struct Node {
    std::unique_ptr<Raft> raft;
    Disk disk;    // Synced.
    Disk staged;  // With all jobs.
    std::deque<Job> jobs;
    std::vector<ReadState> reads;
    std::map<std::uint64_t, Index> asked;  // Read id -> committed somewhere when it was asked.
  };

  void CarryOut(NodeId id, const RaftMessage* stepped);
  void Post(NodeId from, NodeId to, RaftMessage message);
  RaftMessage FillIn(RaftMessage message) const;
  Membership CommittedMembershipAt(Index index) const;
  // core_cluster_disk.cc
  static void Apply(const Job& job, Disk* disk);
  static void ForgetBefore(Index first_kept, Disk* disk);
  RestoredState Restore(const Disk& disk) const;
  // core_cluster_rules.cc
  void Watch(NodeId id);
  void WatchElection(NodeId id);
  void WatchLog(NodeId id);
  void WatchCommit(NodeId id);

  Options options_;
  Membership founders_;
  std::map<NodeId, Node> nodes_;
  std::deque<Letter> letters_;
  std::map<std::pair<Index, Term>, Membership> memberships_;  // Ever proposed.
  std::map<Term, NodeId> leaders_;                            // Ever seen: election safety.
  std::map<Index, Term> committed_;                           // Ever seen anywhere.
  std::map<std::pair<Index, Term>, Term> previous_;  // Term of the entry before: log matching.
  Index max_committed_;
  std::uint64_t boots_ = 0;
  std::uint64_t posted_ = 0;
};

}  // namespace raftmq
