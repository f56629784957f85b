// Producers' sessions over the wire, as a broker allots them.
#include <gtest/gtest.h>
#include <signal.h>

#include <optional>
#include <string>

#include "tests/broker/broker_process.h"
#include "tests/broker/broker_steps.h"
#include "tests/broker/wire_client.h"

namespace raftmq::testing {
namespace {

class Sessions : public ::testing::Test {
 protected:
  Sessions() { Start(); }
  void Start() {
    broker_.emplace(BrokerProcess::Options{.data_directory = data_.path()});
    client_.emplace(broker_->client());
    client_->Hello();
  }
  wire::InitProducerReply Ask(const std::string& name) {
    return As<wire::InitProducerReply>(client_->Call(wire::InitProducerRequest{.name = name}));
  }

  TemporaryDirectory data_;
  std::optional<BrokerProcess> broker_;
  std::optional<WireClient> client_;
};

TEST_F(Sessions, WithoutANameRise) {
  const auto first = Ask("");
  const auto second = Ask("");
  EXPECT_NE(first.session, SessionId());
  EXPECT_GT(second.session, first.session);
  EXPECT_EQ(second.epoch, 0u);
}

TEST_F(Sessions, OfANameAreOneWithRisingEpochsOverRestarts) {
  const auto first = Ask("relay");
  const auto second = Ask("relay");
  EXPECT_EQ(second.session, first.session);
  EXPECT_EQ(second.epoch, first.epoch + 1);
  const auto other = Ask("audit");
  EXPECT_NE(other.session, first.session);
  broker_->Signal(SIGKILL);
  Start();
  EXPECT_EQ(Ask("relay"), (wire::InitProducerReply{first.session, first.epoch + 2}));
  EXPECT_GT(Ask("").session, other.session);
}

TEST_F(Sessions, NamesThatCannotBeAreRefused) {
  for (const std::string& name :
       {std::string("a/b"), std::string("../x"), std::string(201, 'x'), std::string("a\0b", 3),
        std::string("__cluster"), std::string("a\n")}) {
    EXPECT_EQ(ErrorOf(client_->Call(wire::InitProducerRequest{.name = name})).code,
              ErrorCode::kBadName);
  }
}

TEST_F(Sessions, ThatAreNoneOrOfNoPartitionAreRefused) {
  TopicClient topic(broker_->client(), "orders");
  EXPECT_EQ(ErrorOf(topic.client.Call(wire::OpenSessionRequest{.group = topic.group})).code,
            ErrorCode::kBadRequest);
  GroupId beyond = topic.group;
  beyond.partition = PartitionNumber(9);
  EXPECT_EQ(
      ErrorOf(topic.client.Call(wire::OpenSessionRequest{.group = beyond, .session = SessionId(1)}))
          .code,
      ErrorCode::kPartitionNotFound);
}

}  // namespace
}  // namespace raftmq::testing
