#include "broker/membership_plan.h"

#include <gtest/gtest.h>

namespace raftmq::broker {
namespace {

constexpr ReplicaId Id(std::uint32_t node, std::uint64_t number) {
  return {NodeId(node), ReplicaNumber(number)};
}
constexpr Replica Voter(std::uint32_t node, std::uint64_t number) {
  return {NodeId(node), ReplicaNumber(number), true};
}
constexpr Replica Learner(std::uint32_t node, std::uint64_t number) {
  return {NodeId(node), ReplicaNumber(number), false};
}

const std::vector<ReplicaId> kWanted{Id(1, 4), Id(2, 4), Id(3, 9)};
const ReplicaId kLeader = Id(1, 4);

TEST(MembershipPlan, WhatIsAsWantedStays) {
  EXPECT_EQ(NextMembership({Voter(1, 4), Voter(2, 4), Voter(3, 9)}, kWanted, kLeader),
            std::nullopt);
}

TEST(MembershipPlan, AReplacedReplicaGoesThenTheNextComesAsALearnerThenItIsPromoted) {
  const Membership without{Voter(1, 4), Voter(2, 4)};
  const Membership learning{Voter(1, 4), Voter(2, 4), Learner(3, 9)};
  const Membership whole{Voter(1, 4), Voter(2, 4), Voter(3, 9)};
  EXPECT_EQ(NextMembership({Voter(1, 4), Voter(2, 4), Voter(3, 4)}, kWanted, kLeader), without);
  EXPECT_EQ(NextMembership(without, kWanted, kLeader), learning);
  EXPECT_EQ(NextMembership(learning, kWanted, kLeader), whole);
}

TEST(MembershipPlan, WhoseNodeHasNoDirectoryGoes) {
  EXPECT_EQ(
      NextMembership({Voter(1, 4), Voter(2, 4), Learner(3, 9)}, {Id(1, 4), Id(2, 4)}, kLeader),
      (Membership{Voter(1, 4), Voter(2, 4)}));
}

TEST(MembershipPlan, AHigherNumberThanIsWantedIsNewerNews) {
  const Membership newer{Voter(1, 4), Voter(2, 4), Learner(3, 12)};
  EXPECT_EQ(NextMembership(newer, kWanted, kLeader), std::nullopt);
}

TEST(MembershipPlan, TheLeaderAndTheLastVoterStay) {
  EXPECT_EQ(NextMembership({Voter(1, 4)}, {Id(1, 9)}, kLeader), std::nullopt);
  EXPECT_EQ(NextMembership({Learner(1, 4), Voter(2, 4)}, {Id(1, 4), Id(2, 9)}, kLeader),
            (Membership{Voter(1, 4), Voter(2, 4)}));
}

}  // namespace
}  // namespace raftmq::broker
