// One change of the membership at a time, committed like any entry.
#include <gtest/gtest.h>

#include <optional>

#include "tests/raftlog/group_world.h"

namespace raftmq {
namespace {

const Replica kAlone{.node = NodeId(1), .number = ReplicaNumber(1)};
const Replica kLearner{.node = NodeId(2), .number = ReplicaNumber(2), .voter = false};
const Replica kPromoted{.node = NodeId(2), .number = ReplicaNumber(2)};

std::optional<Result<Proposed>> Change(GroupWorld& world, const Membership& next) {
  std::optional<Result<Proposed>> answer;
  world.group->ChangeMembership(next, [&](Result<Proposed> proposed) { answer = proposed; });
  world.Settle();
  return answer;
}

TEST(GroupMembership, AChangeIsAnsweredOnceItIsCommitted) {
  GroupWorld world;
  world.transport.loses_all = true;
  world.Start();
  const auto added = Change(world, {kAlone, kLearner});
  ASSERT_TRUE(added && *added);
  EXPECT_EQ((*added)->index, world.group->status().commit);
  const auto removed = Change(world, {kAlone});
  EXPECT_TRUE(removed && *removed);
}

TEST(GroupMembership, ALearnerThatIsBehindIsNotPromoted) {
  GroupWorld world;
  world.transport.loses_all = true;
  world.Start();
  ASSERT_TRUE(*Change(world, {kAlone, kLearner}));
  const auto promoted = Change(world, {kAlone, kPromoted});
  ASSERT_TRUE(promoted.has_value());
  EXPECT_EQ(promoted->error().code, ErrorCode::kNotYet);
  EXPECT_TRUE(world.Produce({"a"}).has_value());
}

TEST(GroupMembership, WhatIsNoSingleChangeIsRefused) {
  GroupWorld world;
  world.transport.loses_all = true;
  world.Start();
  EXPECT_EQ(Change(world, {kAlone, kPromoted})->error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Change(world, {})->error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace raftmq
