#include "protocol/client/describe.h"

#include <gtest/gtest.h>

namespace raftmq::internal {
namespace {

struct Telling {  // What a node says of one topic with one partition and three replicas.
  std::uint32_t answering = 1;
  std::uint32_t leader = 1;
  std::uint64_t term = 1;
  std::uint64_t end = 0;
};

wire::MetadataReply Reply(const Telling& telling) {
  wire::PartitionInfo partition{
      .leader = NodeId(telling.leader), .term = Term(telling.term), .end = Offset(telling.end)};
  for (std::uint32_t node = 1; node <= 3; ++node) {
    wire::ReplicaInfo replica{.node = NodeId(node)};
    if (node == telling.answering) {
      replica.end = replica.commit = Offset(telling.end);
      replica.durable = Offset(telling.end + 1);
    }
    partition.replicas.push_back(replica);
  }
  wire::MetadataReply reply{.answering = NodeId(telling.answering),
                            .nodes = {{.node = NodeId(1)}, {.node = NodeId(2)}},
                            .topics = {{.name = "orders", .id = {0, 9}}},
                            .metadata_leader = NodeId(2),
                            .nodes_expected = 3};
  reply.topics[0].partitions = {partition};
  return reply;
}

PartitionDescription PartitionFrom(const std::vector<wire::MetadataReply>& answers) {
  return DescribeFrom(answers)->topics.at(0).partitions.at(0);
}

TEST(DescribeFrom, EachReplicaIsDescribedByItsOwnNode) {
  const auto partition = PartitionFrom(
      {Reply({.answering = 1, .leader = 1, .end = 7}), Reply({.answering = 2, .end = 5})});
  EXPECT_EQ(partition.end, 7u);
  EXPECT_EQ(partition.replicas.at(0).end, 7u);
  EXPECT_EQ(partition.replicas.at(1).end, 5u);
  EXPECT_EQ(partition.replicas.at(1).durable, 6u);
}

TEST(DescribeFrom, WhatNobodyToldIsAbsent) {
  const auto partition = PartitionFrom({Reply({.answering = 2, .end = 5})});
  EXPECT_FALSE(partition.replicas.at(0).end);
  EXPECT_FALSE(partition.replicas.at(2).durable);
  EXPECT_EQ(partition.replicas.at(1).commit, 5u);
}

TEST(DescribeFrom, TheNewestTermIsBelievedAndInItTheLeader) {
  EXPECT_EQ(PartitionFrom({Reply({.answering = 1, .leader = 1, .term = 4, .end = 9}),
                           Reply({.answering = 2, .leader = 2, .term = 5, .end = 8})})
                .leader,
            2u);
  EXPECT_EQ(PartitionFrom({Reply({.answering = 1, .leader = 2, .term = 5, .end = 9}),
                           Reply({.answering = 2, .leader = 2, .term = 5, .end = 8})})
                .end,
            8u);
}

TEST(DescribeFrom, NodesThatAnsweredAreToldFromThoseThatDidNot) {
  const auto cluster = DescribeFrom({Reply({.answering = 2})});
  ASSERT_TRUE(cluster);
  EXPECT_FALSE(cluster->nodes.at(0).has_answered);
  EXPECT_TRUE(cluster->nodes.at(1).has_answered);
  EXPECT_EQ(cluster->nodes_expected, 3u);
  EXPECT_EQ(cluster->metadata_leader, 2u);
}

TEST(DescribeFrom, ATopicThatIsNotThereIsAnError) {
  wire::MetadataReply reply = Reply({});
  reply.topics[0].error = {ErrorCode::kTopicNotFound, "no"};
  EXPECT_EQ(DescribeFrom({reply}).error().code, ErrorCode::kTopicNotFound);
}

}  // namespace
}  // namespace raftmq::internal
