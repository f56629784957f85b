// The scrubber of a running raftmqd: what is damaged under way is found, told, and repaired or
// named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "tests/broker/broker_process.h"
#include "tests/broker/broker_steps.h"
#include "tests/broker/cluster_process.h"
#include "tests/broker/wire_client.h"

namespace raftmq::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

void FlipByte(const fs::path& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const int byte = file.get();
  ASSERT_NE(byte, EOF) << path;
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 0x10));
}

class ScrubProcess : public ::testing::Test {
 protected:
  void SetUp() override { Start(); }
  void TearDown() override {
    if (HasFailure()) std::cout << broker_->Stderr();
  }
  void Start() {
    broker_ = std::make_unique<BrokerProcess>(BrokerProcess::Options{
        .data_directory = data_.path(), .sets = {"storage.scrub_period=0s"}});
    ASSERT_TRUE(broker_->IsReady()) << broker_->Stderr();
  }
  void Stop() {
    broker_->Signal(SIGTERM);
    ASSERT_EQ(broker_->WaitForExit(kPatience), 0);
  }
  void Restart() {
    Stop();
    Start();
  }
  wire::ScrubReply Ask(bool start) const {
    WireClient client(broker_->client());
    client.Hello();
    return As<wire::ScrubReply>(client.Call(wire::ScrubRequest{.start = start}));
  }
  // Starts a scrub and waits for its end.
  wire::ScrubReply Scrub() const {
    EXPECT_TRUE(Ask(true).running);
    wire::ScrubReply reply;
    EXPECT_TRUE(Becomes([&] { return !(reply = Ask(false)).running; }));
    return reply;
  }

  const TemporaryDirectory data_;
  std::unique_ptr<BrokerProcess> broker_;
};

TEST_F(ScrubProcess, AWholeNodeIsReadAndHasNoDamage) {
  TopicClient topic(broker_->client(), "orders");
  Produce(topic.client, topic.group, {"one", "two"});
  const wire::ScrubReply first = Scrub();
  EXPECT_EQ(first.node, NodeId(1));
  EXPECT_EQ(first.passes, 1u);
  EXPECT_NE(first.ended_ms, 0);
  EXPECT_EQ(first.damage_found, 0u);
  EXPECT_EQ(Scrub().passes, 2u);
}

TEST_F(ScrubProcess, ABadCopyOfTheNodesFilesIsMadeAgain) {
  for (const char* name : {"node", "manifest", "manifest.copy", "counter"}) {
    FlipByte(data_.path() + "/" + name, 5);
    const wire::ScrubReply reply = Scrub();
    EXPECT_EQ(reply.damage_open, 0u) << name;
    EXPECT_GE(reply.damage_repaired, 1u) << name;
    EXPECT_THAT(broker_->Stderr(), HasSubstr("it was made again")) << name;
  }
  EXPECT_EQ(Ask(false).damage_repaired, 4u);
  Restart();
  EXPECT_EQ(broker_->Stderr().find("repaired"), std::string::npos) << broker_->Stderr();
}

TEST_F(ScrubProcess, ABadCopyOfAMetaFileIsMadeAgainUnderWay) {
  TopicClient topic(broker_->client(), "orders");
  Produce(topic.client, topic.group, {"one"});
  const fs::path meta = data_.path() + "/partitions/" + topic.group.ToString() + "/meta";
  FlipByte(meta, 100);  // Of the identity, which is written once.
  EXPECT_EQ(Scrub().damage_found, 1u);
  EXPECT_EQ(Scrub().damage_open, 0u);
  Restart();
  EXPECT_EQ(Scrub().damage_found, 0u);
}

// Until repair comes from other replicas: this node has none.
TEST_F(ScrubProcess, AByteThatFlipsInASealedSegmentIsFoundWhileTheBrokerRuns) {
  TopicClient topic(broker_->client(), "orders",
                    {{"segment.bytes", "1048576"}, {"retention.ms", "-1"}});
  for (int i = 0; i < 6; ++i)
    Produce(topic.client, topic.group, {"value-" + std::to_string(i) + std::string(500'000, '.')});
  const fs::path sealed = data_.path() + "/partitions/" + topic.group.ToString() +
                          "/00000000000000000001-00000000000000000000.log";
  EXPECT_EQ(Scrub().damage_found, 0u);
  FlipByte(sealed, 300'000);
  const wire::ScrubReply reply = Scrub();
  EXPECT_GT(reply.bytes_read, 3'000'000u);
  EXPECT_EQ(reply.damage_found, 1u);
  EXPECT_EQ(reply.damage_open + reply.damage_repaired, 1u);
  ASSERT_EQ(reply.damage.size(), reply.damage_open);
  if (reply.damage_open == 0) return;
  EXPECT_EQ(reply.damage.front().where, "orders/0");
  EXPECT_EQ(reply.damage.front().first_offset, Offset(0));
  EXPECT_EQ(reply.damage.front().end_offset, Offset(1));
  EXPECT_THAT(broker_->Stderr(), HasSubstr("orders/0 is damaged at offsets 0 to 1"));
  EXPECT_EQ(Scrub().damage_found, 1u);  // The same one.
}

TEST_F(ScrubProcess, DamageThatAReadMeetsIsLoggedAndCountedWithoutAScrub) {
  GroupId group;
  {
    TopicClient topic(broker_->client(), "orders",
                      {{"segment.bytes", "1048576"}, {"retention.ms", "-1"}});
    group = topic.group;
    for (int i = 0; i < 6; ++i)
      Produce(topic.client, group, {"value-" + std::to_string(i) + std::string(500'000, '.')});
  }
  Stop();
  FlipByte(data_.path() + "/partitions/" + group.ToString() +
               "/00000000000000000001-00000000000000000000.log",
           300'000);
  Start();
  TopicClient topic(broker_->client(), "orders");
  for (int i = 0; i < 2; ++i) {
    const auto reply = topic.client.Call(
        wire::FetchRequest{.group = group, .credit_bytes = 1u << 20, .one_answer = true});
    EXPECT_EQ(ErrorOf(reply).code, ErrorCode::kDataCorrupt);
  }
  EXPECT_THAT(broker_->Stderr(), HasSubstr("orders/0: a read has met damage at offsets 0 to 1, of "
                                           "which there is no other copy"));
  EXPECT_EQ(Ask(false).damage_found, 1u);
  EXPECT_EQ(Ask(false).damage_open, 1u);
  EXPECT_EQ(Scrub().damage_found, 1u);  // The same one.
}

TEST_F(ScrubProcess, TheLastPassIsRememberedOverARestart) {
  const wire::ScrubReply before = Scrub();
  EXPECT_TRUE(Becomes([&] { return fs::exists(data_.path() + "/scrub"); }));
  Restart();
  const wire::ScrubReply after = Ask(false);
  EXPECT_FALSE(after.running);
  EXPECT_EQ(after.ended_ms, before.ended_ms);
  EXPECT_EQ(broker_->Stderr().find("scrub is not ours"), std::string::npos);
}

TEST_F(ScrubProcess, ADamagedFileOfItsOwnCostsAPassAndNothingElse) {
  Scrub();
  EXPECT_TRUE(Becomes([&] { return fs::exists(data_.path() + "/scrub"); }));
  Stop();
  FlipByte(data_.path() + "/scrub", 9);
  Start();
  EXPECT_THAT(broker_->Stderr(), HasSubstr("everything is read anew"));
  EXPECT_EQ(Ask(false).ended_ms, 0);
}

}  // namespace
}  // namespace raftmq::testing
