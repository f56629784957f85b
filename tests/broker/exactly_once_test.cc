// Producers that retry while acks get lost and leaders are killed: each message is stored once, and
// in order (I-31 to I-33). RAFTMQ_EXACTLY_ONCE_SENDS: how many are sent (2,000).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/broker/ack_killer.h"
#include "tests/broker/cluster_fixture.h"
#include "tests/broker/cluster_history.h"
#include "tests/broker/cluster_load.h"
#include "tests/broker/cluster_process.h"
#include "tests/broker/reader_thread.h"

namespace raftmq::testing {
namespace {

using ::testing::IsEmpty;

const std::string kTopic = "orders";
constexpr std::chrono::milliseconds kSoon{10}, kLate{200};
constexpr std::uint64_t kSendsPerKill = 5'000;
constexpr std::uint64_t kKillsMin = 2;
constexpr std::uint32_t kAcksKilledPerMille = 100;

std::uint64_t Sends() {
  const char* const sends = std::getenv("RAFTMQ_EXACTLY_ONCE_SENDS");
  return sends != nullptr ? std::strtoull(sends, nullptr, 10) : 2'000;
}

class ExactlyOnce : public ::testing::Test {
 protected:
  ExactlyOnce() { std::cout << "ack killer seed " << seed_ << "\n"; }
  void TearDown() override {
    if (HasFailure()) std::cout << cluster_.Logs();
  }

  // Sessions that write to one partition side by side, each over connections of its own, so that
  // one goes on while another has lost its acks.
  void StartLoads(std::size_t message_bytes,
                  const std::vector<std::chrono::milliseconds>& retry_after) {
    for (const std::chrono::milliseconds pause : retry_after) {
      loads_.push_back(
          std::make_unique<Load>(ConnectTo(cluster_, pause), history_,
                                 Load::Options{.topic = kTopic,
                                               .messages_allowed = 0,
                                               .message_bytes = message_bytes,
                                               .batch_bytes = kMessagesPerBatch * message_bytes}));
    }
  }
  // The leader dies again and again while messages are under way.
  void KillLeaders(std::uint64_t sends) {
    const std::uint64_t kills = std::max(kKillsMin, sends / kSendsPerKill);
    const std::uint64_t portion = sends / loads_.size() / kills;
    for (std::uint64_t kill = 0; kill < kills; ++kill) {
      const NodeId victim = cluster_.WaitForLeader(kTopic);
      for (const auto& load : loads_) load->Allow(portion);
      ASSERT_TRUE(loads_.front()->WaitForAckedCount(kill * portion + portion / 4));
      cluster_.Kill(victim);
      EXPECT_LT(loads_.front()->acked_count(), (kill + 1) * portion) << "killed too late";
      history_.Note(history_.NewClient(), checker::Nemesis{"kill " + victim.ToString()});
      ASSERT_NE(cluster_.WaitForLeader(kTopic), victim);
      cluster_.Start(victim);
    }
    sends_ = kills * portion;
  }
  void ExpectAllAcked() {
    for (const auto& load : loads_) {
      EXPECT_TRUE(load->SendAll());
      EXPECT_THAT(load->errors(), IsEmpty());
      EXPECT_EQ(load->acked_count(), sends_);
    }
    const AckKiller::Counts counts = killer_.counts();
    EXPECT_GT(counts.cut_before, 0u);
    EXPECT_GT(counts.cut_behind, 0u);
    std::cout << counts.requests << " produce requests, " << counts.cut_behind
              << " connections cut behind one, " << counts.cut_before << " before its answer\n";
    killer_.Relent();
  }

  static constexpr std::size_t kMessagesPerBatch = 5;
  const std::uint64_t seed_ = std::random_device{}();
  AckKiller killer_{ClusterProcess::nodes(),
                    {.seed = seed_, .kills_per_mille = kAcksKilledPerMille}};
  ClusterProcess cluster_{{.ack_killer = &killer_}};
  Client client_ = ConnectTo(cluster_);
  checker::HistoryRecorder history_;
  std::vector<std::unique_ptr<Load>> loads_;
  std::uint64_t sends_ = 0;  // Of each.
};

TEST_F(ExactlyOnce, EachMessageIsStoredOnceThoughAcksAreLostAndLeadersDie) {
  MakeTopic(cluster_, client_, kTopic);
  StartLoads(200, {kSoon, kSoon});
  KillLeaders(Sends());
  ExpectAllAcked();
  EXPECT_TRUE(IsConsistent(cluster_, client_, kTopic, history_));
}

TEST_F(ExactlyOnce, RetriesAreKnownAgainThoughTheLogNoLongerHoldsTheOriginal) {
  // So large that a slow machine, too, fills a segment before a late retry.
  constexpr std::size_t kBytes = 60'000, kSegmentBytes = 1u << 20;
  const auto created = client_.CreateTopic(
      kTopic, 1, 3, {{"segment.bytes", std::to_string(kSegmentBytes)}, {"retention.ms", "-1"}});
  ASSERT_TRUE(created) << created.error().ToString();
  ReaderThread reader(client_, history_, {.reads = {.topic = kTopic}, .trims = true});
  StartLoads(kBytes, {kLate, kSoon});  // Meanwhile the other one writes on.
  KillLeaders(Sends() / 4);
  ExpectAllAcked();
  EXPECT_EQ(reader.Finish(), "");
  const checker::Report report = FinalReport(cluster_, client_, kTopic, history_);
  EXPECT_TRUE(report.is_clean()) << report.ToString();
  std::cout << report.figures.acked_below_start
            << " acks of messages that were removed already, by "
            << report.figures.acked_below_start_max << " messages at most\n";
  EXPECT_GT(report.figures.acked_below_start_max, kSegmentBytes / kBytes);
}

}  // namespace
}  // namespace raftmq::testing
