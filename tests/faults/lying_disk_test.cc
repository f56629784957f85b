// The test of the power cuts: on disks that lie about syncs (no_sync.c) the same cluster, load, cut
// and judgement must find that acked messages are lost.
//
// No file may be reused here: direct writes into blocks that were written before survive the cut
// without a sync. Those into new segments are there only once the file system has noted that the
// blocks are written, which it does with a sync, or by itself every 5 s.
#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <functional>
#include <iostream>

#include "tests/faults/choreographies.h"
#include "tests/faults/cluster_disks.h"
#include "tests/faults/fault_test.h"
#include "tests/faults/loaded_cluster.h"

namespace raftmq::testing {
namespace {

constexpr std::chrono::milliseconds kPartOfChoreography{2'000};
constexpr std::chrono::seconds kTimeToRefuse{5};  // One that was rolled back.

class LyingDisk : public LoopDiskTest {};

LoadedCluster::Options OnLyingDisks(const ClusterDisks& disks, std::size_t nodes) {
  return {.nodes = nodes,
          .data_directory = disks.directories(),
          .environment = {{"LD_PRELOAD", NO_SYNC_PATH}},
          .reuses_files = false,
          // With a majority turned away nothing is delivered any more.
          .delivery_timeout = std::chrono::seconds(4),
          .keeps_history = false};
}

// A broker that has lost what it had promised may end itself, even at its start.
Judgement JudgeAfter(LoadedCluster& cluster, const std::function<void()>& faults) {
  try {
    faults();
  } catch (const std::exception& error) {
    std::cout << error.what() << "\n";
  }
  // Without a majority nobody else could tell anything.
  if (Becomes([&] { return cluster.CountRefusals() > 0; }, kTimeToRefuse))
    return {.refusals = cluster.CountRefusals()};
  return cluster.Judge();
}

// Red by what it has to be red by: not because the test itself goes wrong. A replica that finds its
// own commit index gone ends itself; one that shows less than others remember of it is refused.
::testing::AssertionResult TellsOfLoss(const Judgement& judgement) {
  std::cout << judgement.ToString();
  const auto broken = judgement.report.broken();
  const bool by_checker =
      broken.contains(checker::Rule::kLostWrite) || broken.contains(checker::Rule::kUnseen);
  std::cout << "noticed by:" << (by_checker ? " checker" : "")
            << (judgement.verify_exit == 1 ? " verify" : "")
            << (judgement.refusals > 0 ? " broker" : "") << "\n";
  if (by_checker || judgement.verify_exit == 1 || judgement.refusals > 0)
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "no acked message was found lost";
}

TEST_F(LyingDisk, IsFoundOutByAPowerCutOfAllNodes) {
  InPortions({"RAFTMQ_LYING_POWER_CUTS", 1}, [](sim::Choices& choices, std::uint64_t cuts) {
    for (std::uint64_t cut = 0; cut < cuts; ++cut) {
      ClusterDisks disks(ClusterProcess::kNodes);
      LoadedCluster cluster(OnLyingDisks(disks, ClusterProcess::kNodes));
      disks.Sync();  // The cluster and the topic are there afterwards, what is acked now is not.
      cluster.AwaitAckOfEach();
      cluster.AwaitAcks(choices);
      const auto cut_all = [&] {
        disks.CutPowerOfAll(cluster.processes(), LoopDisk::Luck::kNone, choices);
        cluster.processes().StartAll();
      };
      EXPECT_TRUE(TellsOfLoss(JudgeAfter(cluster, cut_all)));
    }
  });
}

TEST_F(LyingDisk, IsFoundOutByPauseKill) {
  InPortions({"RAFTMQ_LYING_CHOREOGRAPHIES", 1}, [](sim::Choices& choices, std::uint64_t times) {
    for (std::uint64_t time = 0; time < times; ++time) {
      ClusterDisks disks(kChoreographyNodes);
      LoadedCluster cluster(OnLyingDisks(disks, kChoreographyNodes));
      disks.Sync();
      const auto pause_kill = [&] { PauseKill({cluster, disks, choices, kPartOfChoreography}); };
      EXPECT_TRUE(TellsOfLoss(JudgeAfter(cluster, pause_kill)));
    }
  });
}

}  // namespace
}  // namespace raftmq::testing
