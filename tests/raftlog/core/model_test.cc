// Random runs of several machines under loss, doubling, reordering, crashes and slow disks, with
// the rules of the Raft paper watched after each step (core_cluster.h); then peace, in which the
// group has to make progress again.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "protocol/types/split_mix.h"
#include "tests/raftlog/core/core_cluster.h"

namespace raftmq {
namespace {

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// One run; every choice comes from its seed.
class Storms {
 public:
  explicit Storms(std::uint64_t seed) : random_(seed), cluster_(OptionsOf(seed, random_)) {}

  void Storm(int steps) {
    loss_ = random_.Below(30);
    doubles_ = random_.Below(20);
    for (int i = 0; i < steps; ++i) Step();
  }

  // All are up, every message and sync arrives; the last committed entry is a new one. Not so if
  // damage has taken the only copy of something.
  void Peace() {
    for (const NodeId id : cluster_.node_ids()) {
      if (!cluster_.IsUp(id)) cluster_.Restart(id);
    }
    cluster_.letters().clear();
    const Index before = cluster_.MaxCommitted();
    for (int round = 0; round < 500; ++round) {
      for (const NodeId id : cluster_.node_ids()) {
        cluster_.Tick(id);
        cluster_.EndTurn(id);
        cluster_.SyncAll(id);
      }
      if (round % 10 == 0) cluster_.WakeDisagreeing(10);
      if (round % 10 == 0) RepairSome();
      for (std::size_t left = cluster_.letters().size(); left > 0; --left) cluster_.Deliver(0);
      if (const NodeId leader = cluster_.Leader(); leader != NodeId(0) && round % 100 == 99)
        static_cast<void>(cluster_.Propose(leader));
    }
    if (std::ranges::any_of(cluster_.node_ids(), [&](NodeId id) { return cluster_.IsDamaged(id); }))
      return;
    ++seen_whole_;
    EXPECT_GT(cluster_.MaxCommitted(), before);
    const NodeId leader = cluster_.Leader();
    ASSERT_NE(leader, NodeId(0));
    for (const Replica& replica : cluster_.raft(leader).membership()) {
      EXPECT_EQ(cluster_.raft(replica.node).status().commit, cluster_.MaxCommitted())
          << "node " << replica.node.value();
    }
  }

  const CoreCluster::Seen& seen() const { return cluster_.seen; }
  bool ended_whole() const { return seen_whole_ > 0; }

 private:
  static CoreCluster::Options OptionsOf(std::uint64_t seed, SplitMix& random) {
    const auto nodes = static_cast<std::uint32_t>(1 + random.Below(6));
    const auto voters = static_cast<std::uint32_t>(1 + random.Below(nodes));
    CoreCluster::Options options{.nodes = nodes, .voters = voters, .seed = seed};
    options.raft.heartbeat_ticks = 2;
    options.raft.election_ticks_min = 10;
    options.raft.election_ticks_max = 20;
    options.raft.in_flight_max = 1 + random.Below(4);
    options.raft.goes_quiet = random.Below(2) == 0;
    return options;
  }

  NodeId Pick() {
    return NodeId(static_cast<std::uint32_t>(1 + random_.Below(cluster_.node_ids().size())));
  }

  void Step() {
    const NodeId id = Pick();
    const std::uint64_t dice = random_.Below(1000);
    if (has_damage_ && random_.Below(50) == 0) RepairSome();
    if (!cluster_.IsUp(id)) {
      if (dice < 100) cluster_.Restart(id);
      return;
    }
    if (dice < 350) return Network();
    if (dice < 600) return cluster_.Tick(id);
    if (dice < 750) return cluster_.EndTurn(id, 1 + random_.Below(5));
    if (dice < 900) {
      if (cluster_.HasUnsynced(id)) cluster_.SyncOne(id);
      return;
    }
    if (dice < 970) return static_cast<void>(cluster_.Propose(id));
    if (dice < 978) return cluster_.ReadIndex(id, ++read_);
    if (dice < 986) return Change(id);
    if (dice < 989) return static_cast<void>(cluster_.Transfer(id, Pick()));
    if (dice < 993) return cluster_.PeerUnreachable(id, Pick());
    if (dice < 995) return cluster_.WakeDisagreeing(static_cast<std::uint32_t>(random_.Below(20)));
    if (dice < 996) return cluster_.PeerSilent(id, Pick(), 10);
    if (dice < 997) return Compact(id);
    if (dice < 998) return Damage(id);
    cluster_.Crash(id, random_.Below(3));
  }

  // Deletes some of what is committed and synced here.
  void Compact(NodeId id) {
    const RaftStatus& status = cluster_.raft(id).status();
    const Index up_to = std::min(status.commit, status.durable.last);
    if (cluster_.HasUnsynced(id) || cluster_.raft(id).AwaitsCheckpoint()) return;
    cluster_.TruncateBefore(id, Index(1 + random_.Below(up_to.value())));
  }

  // Some of what is synced on the node whose disk is bad. The others' copies are good, so what is
  // committed by two voters at least can be repaired.
  void Damage(NodeId id) {
    if (id != bad_disk_ || cluster_.HasUnsynced(id) || cluster_.IsDamaged(id)) return;
    const Index end = cluster_.LastOnDisk(id);
    const std::uint64_t count = 1 + random_.Below(4);
    const std::uint64_t back = random_.Below(2) == 0 ? 0 : random_.Below(12);
    if (end.value() < count + back + 1) return;
    const Index last = end.Minus(back);
    const Index first = last.Minus(count - 1);
    if (first <= cluster_.FirstOnDisk(id)) return;
    cluster_.Damage(id, first, last);
    has_damage_ = true;
  }

  void RepairSome() {
    for (const NodeId id : cluster_.node_ids()) {
      for (const NodeId peer : cluster_.node_ids()) {
        if (peer != id && cluster_.IsDamaged(id) && cluster_.Repair(id, peer)) break;
      }
    }
  }

  void Network() {
    auto& letters = cluster_.letters();
    if (letters.empty()) return;
    // Mostly in order, as TCP brings them; sometimes any.
    const std::size_t which =
        random_.Below(4) == 0 ? static_cast<std::size_t>(random_.Below(letters.size())) : 0;
    if (random_.Below(100) < loss_) return cluster_.Drop(which);
    if (random_.Below(100) < doubles_) return cluster_.DeliverCopy(which);
    cluster_.Deliver(which);
    while (letters.size() > 300) cluster_.Drop(0);
  }

  void Change(NodeId id) {
    Membership next = cluster_.raft(id).membership();
    const NodeId other = Pick();
    const auto found = std::ranges::find(next, other, &Replica::node);
    if (found == next.end()) {
      next.push_back({other, ReplicaNumber(other.value()), false});
      std::ranges::sort(next, {}, &Replica::node);
    } else if (!found->voter && random_.Below(2) == 0) {
      found->voter = true;
    } else {
      next.erase(found);
    }
    static_cast<void>(cluster_.ProposeMembership(id, next));
  }

  SplitMix random_;
  CoreCluster cluster_;
  std::uint64_t loss_ = 0;
  std::uint64_t doubles_ = 0;
  std::uint64_t read_ = 0;
  const NodeId bad_disk_ = Pick();
  bool has_damage_ = false;
  int seen_whole_ = 0;
};

TEST(RaftModel, RulesHoldInEveryStormAndPeaceBringsProgress) {
  const std::uint64_t first = FromEnvironment("RAFTMQ_SEED", 1);
  const std::uint64_t runs = FromEnvironment("RAFTMQ_RUNS", 300);
  CoreCluster::Seen all;
  std::uint64_t ended_whole = 0;
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    SCOPED_TRACE("RAFTMQ_SEED=" + std::to_string(seed) + " RAFTMQ_RUNS=1");
    RecordProperty("seed", std::to_string(seed));
    if (std::getenv("RAFTMQ_VERBOSE") != nullptr)
      std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    Storms run(seed);
    run.Storm(3000);
    run.Peace();
    if (HasFailure()) break;
    all.elections += run.seen().elections;
    all.truncations += run.seen().truncations;
    all.resets += run.seen().resets;
    all.memberships += run.seen().memberships;
    all.reads += run.seen().reads;
    all.transfers += run.seen().transfers;
    all.damages += run.seen().damages;
    all.repairs += run.seen().repairs;
    all.damage_cuts += run.seen().damage_cuts;
    ended_whole += run.ended_whole() ? 1 : 0;
  }
  std::printf(
      "elections %llu, truncations %llu, resets %llu, memberships %llu, reads %llu, transfers "
      "%llu, damages %llu, repairs %llu, cuts of damage %llu, whole in the end %llu\n",
      static_cast<unsigned long long>(all.elections),
      static_cast<unsigned long long>(all.truncations), static_cast<unsigned long long>(all.resets),
      static_cast<unsigned long long>(all.memberships), static_cast<unsigned long long>(all.reads),
      static_cast<unsigned long long>(all.transfers), static_cast<unsigned long long>(all.damages),
      static_cast<unsigned long long>(all.repairs),
      static_cast<unsigned long long>(all.damage_cuts),
      static_cast<unsigned long long>(ended_whole));
  if (runs < 100) return;
  // A generator that never gets there tests nothing.
  EXPECT_GT(all.elections, runs);
  EXPECT_GT(all.truncations, 0u);
  EXPECT_GT(all.resets, 0u);
  EXPECT_GT(all.memberships, 0u);
  EXPECT_GT(all.reads, 0u);
  EXPECT_GT(all.transfers, 0u);
  EXPECT_GT(all.damages, 0u);
  EXPECT_GT(all.repairs, 0u);
  EXPECT_GT(all.damage_cuts, 0u);
  EXPECT_GT(ended_whole, runs * 8 / 10);
}

}  // namespace
}  // namespace raftmq
