#include "raftmq/client.h"

#include <gtest/gtest.h>

#include <atomic>

#include "protocol/client/client_core.h"
#include "tests/client/client_fixture.h"

namespace raftmq::testing {
namespace {

TEST(Client, CreatesDescribesAndDeletesTopics) {
  FakeBroker broker;
  Client client = ConnectTo(broker);
  const auto id = client.CreateTopic("orders", 3);
  ASSERT_TRUE(id.has_value()) << id.error().ToString();
  EXPECT_EQ(id->size(), 32u);
  EXPECT_EQ(client.CreateTopic("orders", 3).error().code, ErrorCode::kTopicExists);

  const auto cluster = client.Describe();
  ASSERT_TRUE(cluster.has_value());
  EXPECT_EQ(cluster->cluster_id, "fake");
  ASSERT_EQ(cluster->topics.size(), 1u);
  EXPECT_EQ(cluster->topics[0].partitions.size(), 3u);
  EXPECT_EQ(cluster->topics[0].partitions[2].leader, 1u);

  EXPECT_TRUE(client.DeleteTopic("orders").has_value());
  EXPECT_EQ(client.Describe({"orders"}).error().code, ErrorCode::kTopicNotFound);
}

TEST(Client, FindsOffsetsByTimeAndTrims) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(3), Codec::kNone, 100);
  broker.Append("orders", 0, Numbered(3), Codec::kNone, 200);
  Client client = ConnectTo(broker);
  const auto found = client.OffsetForTime("orders", 0, 150);
  ASSERT_TRUE(found.has_value()) << found.error().ToString();
  EXPECT_EQ(found->offset, 3u);
  EXPECT_EQ(found->end, 6u);
  EXPECT_EQ(client.Trim("orders", 0, 2).value_or(0), 2u);
  EXPECT_EQ(client.OffsetForTime("orders", 0, 150)->log_start, 2u);
}

TEST(Client, AcceptsALossAndSaysWhenItsFilesGo) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(6));
  Client client = ConnectTo(broker);
  const auto loss = client.AcceptLoss("orders", 0, 3);
  ASSERT_TRUE(loss.has_value()) << loss.error().ToString();
  EXPECT_EQ(loss->log_start, 3u);
  EXPECT_EQ(loss->files_end, 5u);
  EXPECT_EQ(client.AcceptLoss("absent", 0, 3).error().code, ErrorCode::kTopicNotFound);
}

TEST(Client, SaysWhenNoBrokerAnswers) {
  ClientConfig config;
  {
    FakeBroker gone;
    config = QuickConfig(gone);
  }
  const auto client = Client::Connect(config);
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().code, ErrorCode::kUnreachable);
  EXPECT_NE(client.error().message.find(config.brokers[0]), std::string::npos);
}

TEST(Client, NeedsOnlyOneBrokerThatAnswers) {
  FakeBroker broker;
  ClientConfig config = QuickConfig(broker);
  {
    FakeBroker gone;
    config.brokers = {gone.bootstrap(), broker.bootstrap()};
  }
  EXPECT_TRUE(Client::Connect(config).has_value());
}

TEST(Client, TimesOutOnASilentBroker) {
  FakeBroker broker;
  broker.SetHook(FaultAlways<wire::HelloRequest>({.what = What::kIgnore}));
  ClientConfig config = QuickConfig(broker);
  config.connect_timeout = std::chrono::milliseconds(50);
  const auto client = Client::Connect(config);
  ASSERT_FALSE(client.has_value());
  EXPECT_TRUE(client.error().retriable());
}

TEST(Client, RefusesBadConfigurations) {
  EXPECT_EQ(Client::Connect({}).error().code, ErrorCode::kInvalidArgument);
  ClientConfig config;
  config.brokers = {"no port"};
  EXPECT_EQ(Client::Connect(config).error().code, ErrorCode::kInvalidArgument);
}

TEST(Client, ConnectsAgainAfterALostConnection) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  for (int i = 0; i < 5; ++i) {
    broker.DropConnections();
    const auto cluster = client.Describe();
    ASSERT_TRUE(cluster.has_value()) << cluster.error().ToString();
  }
}

TEST(Client, DoesNotRepeatWhatMayHaveTakenEffect) {
  FakeBroker broker;
  Client client = ConnectTo(broker);
  broker.SetHook(FaultAt<wire::CreateTopicRequest>({1}, {.what = What::kDropAfter}));
  const auto created = client.CreateTopic("orders", 1);
  ASSERT_FALSE(created.has_value());
  EXPECT_EQ(created.error().code, ErrorCode::kDisconnected);
  EXPECT_FALSE(created.error().definite());
  EXPECT_TRUE(client.Describe({"orders"}).has_value());
}

TEST(Client, RepeatsWhatCertainlyHadNoEffect) {
  FakeBroker broker;
  Client client = ConnectTo(broker);
  broker.SetHook(FaultAt<wire::CreateTopicRequest>(
      {1, 2}, {.what = What::kFail, .error = {.error = {ErrorCode::kOverloaded, "busy"}}}));
  EXPECT_TRUE(client.CreateTopic("orders", 1).has_value());
}

TEST(Client, FollowsTheLeader) {
  FakeBroker first(1);
  FakeBroker second(2);
  first.AddTopic("orders", 1);
  second.AddTopic("orders", 1);
  second.Append("orders", 0, Numbered(7));
  Client client = ConnectTo(first);
  EXPECT_EQ(client.OffsetForTime("orders", 0, 0)->end, 0u);
  first.SetLeader(2, second.address());
  const auto found = client.OffsetForTime("orders", 0, 0);
  ASSERT_TRUE(found.has_value()) << found.error().ToString();
  EXPECT_EQ(found->end, 7u);
}

TEST(Client, BlockingCallsInsideCallbacksAreRefused) {
  FakeBroker broker;
  Client client = ConnectTo(broker);
  const Promise<bool> refused;
  client.core()->Post([&client, refused] {
    const auto outcome = client.Describe();
    refused.Set(!outcome && outcome.error().code == ErrorCode::kInvalidArgument);
  });
  EXPECT_TRUE(refused.future().Get(kLong).value_or(false));
}

TEST(Client, MayBeDestroyedOnItsOwnThread) {
  FakeBroker broker;
  auto client = std::make_unique<Client>(ConnectTo(broker));
  internal::ClientCore* core = client->core().get();
  const Promise<bool> done;
  core->Post([owned = std::make_shared<std::unique_ptr<Client>>(std::move(client)), done] {
    owned->reset();
    done.Set(true);
  });
  EXPECT_TRUE(done.future().Get(kLong).value_or(false));
}

TEST(Client, LogsThroughTheCallback) {
  FakeBroker broker;
  ClientConfig config = QuickConfig(broker);
  auto lines = std::make_shared<std::atomic<int>>(0);
  config.log = [lines](int, std::string_view, std::string_view) { ++*lines; };
  ASSERT_TRUE(Client::Connect(config).has_value());
  EXPECT_GT(*lines, 0);
}

TEST(Future, CallsBackOnceWhateverCameFirst) {
  int calls = 0;
  const Promise<int> early;
  early.future().Then([&](const Result<int>&) { ++calls; });
  early.Set(1);
  const Promise<int> late;
  late.Set(2);
  late.future().Then([&](const Result<int>& value) { calls += *value; });
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(Promise<int>().future().Get(std::chrono::milliseconds(0)).error().code,
            ErrorCode::kTimeout);
}

}  // namespace
}  // namespace raftmq::testing
