// Whom a damaged replica asks for copies, and for what.
#include "raftlog/damage_repair.h"

#include <gtest/gtest.h>

namespace raftmq {
namespace {

constexpr ReplicaId kSelf{NodeId(2), ReplicaNumber(1)};
constexpr ReplicaId kOther{NodeId(1), ReplicaNumber(1)};
constexpr std::uint64_t kHash = 9;

class DamageRepairTest : public testing::Test {
 protected:
  std::optional<RepairRequest> Ask() {
    return repair_.Next({.now = now_,
                         .damage = damage_,
                         .commit = Index(15),
                         .members = members_,
                         .knows_members = knows_members_,
                         .needs_whole = needs_whole_,
                         .self = kSelf});
  }
  void Pause() { now_ += DamageRepair::kRetryPause; }

  std::vector<DamagedRange> damage_ = {
      {.first = Index(13), .last = Index(17), .last_hash = kHash, .term_max = Term(1)}};
  const Membership members_ = {{kOther.node, kOther.number}, {kSelf.node, kSelf.number}};
  bool knows_members_ = true;
  bool needs_whole_ = false;
  Microseconds now_{0};
  DamageRepair repair_;
};

// Found by the simulator: the leader of two voters had all of it and could not commit without the
// damaged one, which asked only for what it knew to be committed, as nobody else did.
TEST_F(DamageRepairTest, WhoMayKnowNoCommitIsAskedForTheSameWholeRangeByTurns) {
  for (int turn = 0; turn < 2; ++turn) {
    const auto committed = Ask();
    ASSERT_TRUE(committed.has_value());
    EXPECT_TRUE(committed->is_committed);
    EXPECT_EQ(committed->last, Index(15));
    EXPECT_EQ(committed->last_hash, 0u);
    repair_.Answered(RepairReply::Answer::kNotYet, now_);
    EXPECT_FALSE(Ask().has_value());
    Pause();
    const auto same = Ask();
    ASSERT_TRUE(same.has_value());
    EXPECT_FALSE(same->is_committed);
    EXPECT_EQ(same->last, Index(17));
    EXPECT_EQ(same->last_hash, kHash);
    repair_.Answered(RepairReply::Answer::kDoNotHave, now_);
    EXPECT_FALSE(Ask().has_value());
    Pause();
  }
}

// Found by the simulator: what was committed of a run was repaired first, and stood where the rest
// did not fit behind it; the whole run was damaged again then, and so on for ever.
TEST_F(DamageRepairTest, WhereOnlyTheWholeTellsWhereEntriesStoodItIsAskedForFirst) {
  needs_whole_ = true;
  for (int turn = 0; turn < 2; ++turn) {
    const auto whole = Ask();
    ASSERT_TRUE(whole.has_value());
    EXPECT_FALSE(whole->is_committed);
    EXPECT_EQ(whole->last, Index(17));
    repair_.Answered(RepairReply::Answer::kDoNotHave, now_);
    EXPECT_FALSE(Ask().has_value());
    Pause();
    const auto committed = Ask();
    ASSERT_TRUE(committed.has_value());
    EXPECT_TRUE(committed->is_committed);
    EXPECT_EQ(committed->last, Index(15));
    repair_.Answered(RepairReply::Answer::kHave, now_);
    repair_.Tried(true);  // And then the rest does not fit: the run is what it was.
  }
}

// The end of the run, above the commit, may be whole where what is committed of it is not.
TEST_F(DamageRepairTest, ARunWithTurnsIsHopelessOnceBothTurnsHaveSaidSo) {
  const auto answer = [this](RepairReply::Answer given) {
    ASSERT_TRUE(Ask().has_value());
    repair_.Answered(given, now_);
    EXPECT_FALSE(Ask().has_value());
    Pause();
  };
  answer(RepairReply::Answer::kHaveDamaged);
  EXPECT_FALSE(repair_.IsHopeless(damage_[0]));
  answer(RepairReply::Answer::kNotYet);
  EXPECT_FALSE(repair_.IsHopeless(damage_[0]));
  for (int turn = 0; turn < 2; ++turn) answer(RepairReply::Answer::kHaveDamaged);
  EXPECT_TRUE(repair_.IsHopeless(damage_[0]));
  answer(RepairReply::Answer::kHaveDamaged);
  EXPECT_TRUE(repair_.IsHopeless(damage_[0]));
  for (int turn = 0; turn < 2; ++turn) answer(RepairReply::Answer::kNotYet);
  EXPECT_FALSE(repair_.IsHopeless(damage_[0]));
}

TEST_F(DamageRepairTest, WhatWasSaidOfARunDoesNotHoldForALongerOne) {
  for (const auto answer : {RepairReply::Answer::kHaveDamaged, RepairReply::Answer::kRemoved}) {
    damage_[0].last = Index(14);
    ASSERT_TRUE(Ask().has_value());
    repair_.Answered(answer, now_);
    EXPECT_FALSE(Ask().has_value());
    EXPECT_TRUE(repair_.IsHopeless(damage_[0]) || repair_.IsRemoved(damage_[0]));
    damage_[0].last = Index(15);
    EXPECT_FALSE(repair_.IsHopeless(damage_[0]) || repair_.IsRemoved(damage_[0]));
    EXPECT_TRUE(Ask().has_value());
    repair_.Answered(RepairReply::Answer::kNotYet, now_);
  }
}

// Of what is not known to be committed the other may have removed other entries.
TEST_F(DamageRepairTest, WhatIsCommittedAndOneOtherHasRemovedNobodyMisses) {
  ASSERT_TRUE(Ask().has_value());
  repair_.Answered(RepairReply::Answer::kRemoved, now_);
  EXPECT_FALSE(Ask().has_value());
  EXPECT_FALSE(repair_.IsRemoved(damage_[0]));
  damage_[0].last = Index(14);
  Pause();
  ASSERT_TRUE(Ask().has_value());
  repair_.Answered(RepairReply::Answer::kRemoved, now_);
  EXPECT_TRUE(repair_.IsRemoved(damage_[0]));
  EXPECT_FALSE(Ask().has_value());
  EXPECT_FALSE(repair_.IsHopeless(damage_[0]));
}

// Found by the simulator: the damaged entries made another a voter, who had good copies.
TEST_F(DamageRepairTest, WhoDoesNotKnowTheMembersDoesNotKnowThatNoGoodCopyIsLeft) {
  knows_members_ = false;
  ASSERT_TRUE(Ask().has_value());
  repair_.Answered(RepairReply::Answer::kHaveDamaged, now_);
  EXPECT_FALSE(Ask().has_value());
  EXPECT_FALSE(repair_.IsHopeless(damage_[0]));
}

TEST_F(DamageRepairTest, WhereTheEndsHashIsLostOnlyWhatIsCommittedIsAskedFor) {
  damage_[0].last_hash = 0;
  for (int round = 0; round < 3; ++round) {
    const auto question = Ask();
    ASSERT_TRUE(question.has_value());
    EXPECT_TRUE(question->is_committed);
    repair_.Answered(RepairReply::Answer::kNotYet, now_);
    EXPECT_FALSE(Ask().has_value());
    Pause();
  }
}

}  // namespace
}  // namespace raftmq
