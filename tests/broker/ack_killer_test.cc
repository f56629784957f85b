#include "tests/broker/ack_killer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "tests/broker/broker_steps.h"
#include "tests/client/fake_broker.h"

namespace raftmq::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

constexpr std::array kNodes{NodeId(1)};

class AckKillerTest : public ::testing::Test {
 protected:
  AckKillerTest() { broker_.AddTopic("orders", 1); }
  // Through the door of a killer that leads to the broker.
  AckKiller& Kill(std::uint32_t per_mille) {
    killer_.emplace(kNodes, AckKiller::Options{.seed = 5, .kills_per_mille = per_mille});
    killer_->SetAddress(NodeId(1), broker_.address());
    return *killer_;
  }
  std::unique_ptr<WireClient> Connect() {
    auto client = std::make_unique<WireClient>(killer_->Door(NodeId(1)));
    client->Hello();
    return client;
  }
  static void SendOne(WireClient& client, const std::string& value) {
    const GroupId group = GroupOf(client, "orders");  // Asking passes always.
    const ByteBuffer batch = MakeBatch({value});
    client.Send(wire::ProduceRequest{.group = group}, batch.span());
  }

  FakeBroker broker_;
  std::optional<AckKiller> killer_;
};

TEST_F(AckKillerTest, WithoutKillsEverythingPasses) {
  AckKiller& killer = Kill(0);
  const auto client = Connect();
  const GroupId group = GroupOf(*client, "orders");
  EXPECT_EQ(Produce(*client, group, {"a", "b"}), Offset(0));
  EXPECT_EQ(Produce(*client, group, {"c"}), Offset(2));
  EXPECT_THAT(broker_.Values("orders", 0), ElementsAre("a", "b", "c"));
  EXPECT_EQ(killer.counts().requests, 2u);
  EXPECT_EQ(killer.counts().cut_before + killer.counts().cut_behind, 0u);
}

TEST_F(AckKillerTest, AConnectionBreaksInsteadOfTheAnswerWhichHasTakenEffectOrMayHave) {
  AckKiller& killer = Kill(1000);
  constexpr std::uint64_t kSends = 30;
  for (std::uint64_t i = 0; i < kSends; ++i) {
    const std::string value = "value-" + std::to_string(i);
    const std::uint64_t before = killer.counts().cut_before;
    const auto client = Connect();
    SendOne(*client, value);
    EXPECT_EQ(ErrorOf(client->Receive()).code, ErrorCode::kDisconnected);
    if (killer.counts().cut_before > before) {
      EXPECT_THAT(broker_.Values("orders", 0), Contains(value));
    }
  }
  EXPECT_EQ(killer.counts().requests, kSends);
  EXPECT_EQ(killer.counts().cut_before + killer.counts().cut_behind, kSends);
  EXPECT_GT(killer.counts().cut_before, 0u);
  EXPECT_GT(killer.counts().cut_behind, 0u);
}

TEST_F(AckKillerTest, AfterItRelentsEverythingPasses) {
  Kill(1000).Relent();
  const auto client = Connect();
  EXPECT_EQ(Produce(*client, GroupOf(*client, "orders"), {"a"}), Offset(0));
}

TEST_F(AckKillerTest, ABrokerThatIsGoneTakesItsClientsAlong) {
  AckKiller& killer = Kill(0);
  const auto client = Connect();
  broker_.DropConnections();
  EXPECT_TRUE(client->WaitForClose());
  killer.SetAddress(NodeId(1), {"127.0.0.1", 1});  // Nobody listens there.
  WireClient other(killer.Door(NodeId(1)));
  EXPECT_TRUE(other.WaitForClose());
}

}  // namespace
}  // namespace raftmq::testing
