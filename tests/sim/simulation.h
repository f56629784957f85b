// One run: a cluster is founded, lives through faults, and then, left in peace, has to work again.
// The same choices give the same run and the same hash, in every build and on every machine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "tests/sim/cluster.h"
#include "tests/sim/nemesis.h"
#include "tests/sim/operator.h"
#include "tests/sim/producers.h"
#include "tests/sim/readers.h"

namespace raftmq::sim {

struct RunOptions {
  std::uint64_t events = 20'000;  // Of the phase with faults.
  std::uint32_t nodes = 0;        // 0 = drawn.
  Mutant mutant = Mutant::kNone;
};

struct Outcome {
  std::uint64_t hash = 0;
  std::uint64_t events = 0;
  Time time = 0;  // Simulated.
  std::optional<Violation> violation;
};

inline constexpr Time kNever = ~Time{0};

class Simulation {
 public:
  Simulation(Choices& choices, const RunOptions& options, Coverage& coverage);
  Outcome Run();

 private:
  void FoundPartitions();
  void RunUntil(std::uint64_t events, Time until);
  // The liveness phase: a majority of every partition, healed, the others gone or cut off.
  void Calm();
  // Empty if there is none.
  std::vector<NodeId> DrawCore();
  static bool Suffices(const std::vector<NodeId>& core, const PartitionTruth& truth);
  static bool IsMajority(const std::vector<NodeId>& core, const PartitionTruth& truth,
                         const Membership& membership);
  void HealAll();
  void CutOff(const std::vector<NodeId>& core);
  bool Await(const std::function<bool()>& is_done);
  std::uint64_t Progress() const;
  bool HasDamage() const;
  bool IsHealed(PartitionTruth& truth, const ReplicaRecord& record, const Group& group);
  bool HasAcks() const;
  bool HasConverged(const std::vector<NodeId>& core);
  static Membership FoundersOf(const PartitionTruth& truth);
  // One node that can be spared is cut off for a while and comes back: the terms stay (I-12).
  void Rejoin(const std::vector<NodeId>& core);
  bool CanSpare(const std::vector<NodeId>& core, NodeId node);
  std::vector<Term> Terms(const std::vector<NodeId>& core);
  void ExplainStuck(const std::vector<NodeId>& core);
  // By what they were told from the first to the final reads.
  void JudgeClients();
  void Finish();

  const RunOptions options_;
  std::uint64_t looked_ = 0;  // Events when all oracles last looked at everything.
  Cluster cluster_;
  Nemesis nemesis_;
  Operator operator_;
  std::vector<std::unique_ptr<SimProducer>> producers_;
  std::vector<std::unique_ptr<SimReader>> readers_;
};

}  // namespace raftmq::sim
