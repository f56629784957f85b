#include "protocol/client/metadata_cache.h"

#include <gtest/gtest.h>

namespace raftmq::internal {
namespace {

struct Telling {  // What a node says of one topic with one partition.
  std::uint32_t answering = 1;
  std::uint32_t leader = 1;
  std::uint32_t shard = 0;
  std::uint64_t term = 1;
  std::uint64_t topic_id = 9;
};

wire::MetadataReply Reply(const Telling& telling) {
  wire::MetadataReply reply{.answering = NodeId(telling.answering)};
  reply.nodes = {{.node = NodeId(1), .host = "one", .port = 1},
                 {.node = NodeId(2), .host = "two", .port = 2}};
  wire::TopicInfo topic{.name = "orders", .id = {0, telling.topic_id}};
  topic.partitions = {
      {.leader = NodeId(telling.leader), .shard = telling.shard, .term = Term(telling.term)}};
  reply.topics = {topic};
  return reply;
}

TEST(MetadataCache, RoutesToTheShardOfTheLeader) {
  MetadataCache cache;
  cache.Merge(Reply({.shard = 3}), Microseconds(0));
  const auto route = cache.RouteTo("orders", 0);
  ASSERT_TRUE(route.has_value());
  EXPECT_EQ(route->address, (Address{"one", 1}));
  EXPECT_EQ(route->shard, 3u);
}

TEST(MetadataCache, AsksTheLeaderItselfForItsShard) {
  MetadataCache cache;
  cache.Merge(Reply({.answering = 1, .leader = 2, .shard = 3}), Microseconds(0));
  EXPECT_EQ(cache.RouteTo("orders", 0).error().code, ErrorCode::kNotLeader);
  EXPECT_FALSE(cache.KnowsShards("orders"));
  EXPECT_EQ(cache.OthersToAsk("orders", NodeId(1)), std::vector<Address>({{"two", 2}}));
  cache.Merge(Reply({.answering = 2, .leader = 2, .shard = 1}), Microseconds(0));
  EXPECT_TRUE(cache.KnowsShards("orders"));
  EXPECT_EQ(cache.RouteTo("orders", 0)->shard, 1u);
}

TEST(MetadataCache, BelievesTheHigherTerm) {
  MetadataCache cache;
  cache.Merge(Reply({.answering = 2, .leader = 2, .term = 5}), Microseconds(0));
  cache.Merge(Reply({.answering = 1, .leader = 1, .term = 4}), Microseconds(0));
  EXPECT_EQ(cache.RouteTo("orders", 0)->node, NodeId(2));
}

TEST(MetadataCache, ForgetsWhatBelongedToATopicOfTheSameName) {
  MetadataCache cache;
  cache.Merge(Reply({.leader = 2, .term = 5}), Microseconds(0));
  cache.Merge(Reply({.leader = 1, .term = 1, .topic_id = 10}), Microseconds(0));
  EXPECT_EQ(cache.RouteTo("orders", 0)->group.topic, (TopicId{0, 10}));
}

TEST(MetadataCache, TellsMissingTopicsAndPartitions) {
  MetadataCache cache;
  cache.Merge(Reply({}), Microseconds(0));
  EXPECT_EQ(cache.RouteTo("orders", 1).error().code, ErrorCode::kPartitionNotFound);
  EXPECT_EQ(cache.RouteTo("bills", 0).error().code, ErrorCode::kTopicNotFound);
  wire::MetadataReply gone;
  gone.topics = {{.name = "orders", .error = {ErrorCode::kTopicNotFound, ""}}};
  cache.Merge(gone, Microseconds(0));
  EXPECT_EQ(cache.FindTopic("orders").error().code, ErrorCode::kTopicNotFound);
}

TEST(MetadataCache, KnowsItsAge) {
  MetadataCache cache;
  cache.Merge(Reply({}), Microseconds(0));
  EXPECT_FALSE(cache.IsOlderThan("orders", Milliseconds(5), Milliseconds(5)));
  EXPECT_TRUE(cache.IsOlderThan("orders", Milliseconds(6), Milliseconds(5)));
}

}  // namespace
}  // namespace raftmq::internal
