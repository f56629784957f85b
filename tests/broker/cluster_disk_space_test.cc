// Three brokers on small disks that fill up: producers get a definite DISK_FULL, all else goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <memory>

#include "tests/broker/broker_steps.h"
#include "tests/broker/cluster_fixture.h"
#include "tests/broker/cluster_load.h"
#include "tests/broker/cluster_process.h"
#include "tests/broker/small_disk.h"

namespace raftmq::testing {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kMiB = 1u << 20;
constexpr std::uint64_t kDiskBytes = 64 * kMiB;  // So disk_low is 6.4 MiB, disk_critical 1.6 MiB.
constexpr std::uint64_t kLittle = 3 * kMiB;

class ClusterDiskSpace : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!SmallDisk::CanBeMade()) GTEST_SKIP() << "needs root to mount a tmpfs";
    cluster_ = std::make_unique<ClusterProcess>(ClusterProcess::Options{.disk_bytes = kDiskBytes});
  }
  void TearDown() override {
    if (cluster_ && HasFailure()) std::cout << cluster_->Logs();
  }
  // With small segments, so that a trim gives back what it trims.
  void MakeOrders() {
    Client client = ConnectTo(*cluster_);
    const auto created = client.CreateTopic(
        "orders", 1, 3,
        {{"retention.ms", "-1"}, {"segment.bytes", "4MiB"}, {"max.message.bytes", "1MiB"}});
    ASSERT_TRUE(created) << created.error().ToString();
  }
  // Asks whoever leads now, until it gives another answer than that it does not.
  Result<WireClient::Reply> AskLeader(const std::function<wire::Body(const GroupId&)>& request,
                                      ByteSpan attachment = {}) {
    Result<WireClient::Reply> reply = Fail(ErrorCode::kTimeout, "nobody was asked");
    Becomes([&] {
      const NodeId leader = cluster_->WaitForLeader("orders");
      WireClient control(cluster_->client(leader));
      control.Hello();
      const GroupId group = GroupOf(control, "orders");
      WireClient client(cluster_->client(leader));
      client.Hello(ShardOf(control, "orders"));
      reply = client.Call(request(group), attachment);
      return ErrorOf(reply).code != ErrorCode::kNotLeader;
    });
    return reply;
  }
  Error Send(const std::string& value) {
    const ByteBuffer batch = MakeBatch({value});
    return ErrorOf(AskLeader(
        [](const GroupId& group) { return wire::ProduceRequest{.group = group}; }, batch.span()));
  }
  std::vector<std::string> ReadAtLeader(Offset from = {}) {
    WireClient control(cluster_->client(cluster_->WaitForLeader("orders")));
    control.Hello();
    WireClient client(cluster_->client(cluster_->WaitForLeader("orders")));
    client.Hello(ShardOf(control, "orders"));
    return ReadAll(client, GroupOf(control, "orders"), from);
  }
  // Until each has seen it: a leader would hand over to one that has not.
  void FillAll() {
    for (const NodeId node : ClusterProcess::nodes()) cluster_->disk(node).FillUpTo(kLittle);
    for (const NodeId node : ClusterProcess::nodes()) {
      EXPECT_TRUE(Becomes(
          [&] { return Page(node, "/readyz?verbose").find("DISK_FULL") != std::string::npos; }));
    }
  }
  void RemoveFillings() {
    for (const NodeId node : ClusterProcess::nodes()) cluster_->disk(node).RemoveFilling();
  }
  // By itself; with a record of its own.
  void ExpectServiceResumes() {
    const auto freed = steady_clock::now();
    ASSERT_TRUE(Becomes([&] { return Send("resumed").code == ErrorCode::kOk; }));
    const auto pause = steady_clock::now() - freed;
    std::cout << "resumed after "
              << std::chrono::duration_cast<std::chrono::milliseconds>(pause).count() << " ms\n";
  }
  std::string Page(NodeId node, const std::string& path) {
    return HttpGet(cluster_->process(node).http(), path).body;
  }

  std::unique_ptr<ClusterProcess> cluster_;
};

TEST_F(ClusterDiskSpace, ALeaderOnAFullDiskHandsOverAndProducersGoOn) {
  Client client = ConnectTo(*cluster_);
  MakeTopic(*cluster_, client, "orders");
  const NodeId full = cluster_->WaitForLeader("orders");
  checker::HistoryRecorder history;
  Load load(client, history, {.topic = "orders", .messages_allowed = 1'000});
  ASSERT_TRUE(load.WaitForAckedCount(1'000));
  cluster_->disk(full).FillUpTo(kLittle);
  ASSERT_TRUE(Becomes([&] {
    const auto leader = cluster_->FindLeader("orders");
    return leader && *leader != full;
  }));
  load.Allow(1'000);
  EXPECT_TRUE(load.WaitForAckedCount(2'000));
  EXPECT_THAT(Page(full, "/readyz?verbose"), HasSubstr("DISK_FULL: node " + full.ToString()));
  EXPECT_EQ(HttpGet(cluster_->process(full).http(), "/readyz").status, 200);
  EXPECT_THAT(Page(full, "/metrics"), HasSubstr("raftmq_storage_disk_alert 1"));
  EXPECT_THAT(cluster_->process(full).Stderr(), HasSubstr("storage.disk_low"));
  // It goes on as a follower, and leads again when it is asked and has space.
  cluster_->disk(full).RemoveFilling();
  EXPECT_TRUE(
      Becomes([&] { return client.TransferLeader("orders", 0, full.value()).has_value(); }));
  load.Allow(1'000);
  EXPECT_TRUE(load.SendAll());
  EXPECT_THAT(load.errors(), IsEmpty());
}

TEST_F(ClusterDiskSpace, WhereAllDisksAreFullProducersAreRefusedAndElectionsAndReadsGoOn) {
  MakeOrders();
  ASSERT_EQ(Send("kept").code, ErrorCode::kOk);
  FillAll();
  const std::vector<std::string> kept{"kept"};
  const Error refused = Send("refused");
  EXPECT_EQ(refused.code, ErrorCode::kDiskFull);
  EXPECT_THAT(refused.message, HasSubstr("storage.disk_low"));
  const NodeId killed = cluster_->WaitForLeader("orders");
  cluster_->Kill(killed);
  EXPECT_NE(cluster_->WaitForLeader("orders"), killed);
  EXPECT_EQ(Send("refused").code, ErrorCode::kDiskFull);
  EXPECT_EQ(ReadAtLeader(), kept);
  cluster_->Start(killed);  // There is space for that.
  RemoveFillings();
  ExpectServiceResumes();
  std::vector<std::string> all = kept;
  all.push_back("resumed");
  EXPECT_EQ(ReadAtLeader(), all);  // And nothing of what was refused.
}

TEST_F(ClusterDiskSpace, ATrimOnFullDisksGivesSpaceBackAndServiceResumesByItself) {
  MakeOrders();
  const std::string large(900'000, 'x');
  std::size_t acked = 0;
  Error error{ErrorCode::kOk, ""};
  while ((error = Send(large)).code == ErrorCode::kOk && acked < 1'000) ++acked;
  EXPECT_EQ(error.code, ErrorCode::kDiskFull) << error.ToString();
  EXPECT_GT(acked, 20u);
  EXPECT_EQ(ReadAtLeader().size(), acked);
  const auto trimmed = AskLeader([&](const GroupId& group) {
    return wire::TrimRequest{.group = group, .offset = Offset(acked)};
  });
  EXPECT_EQ(As<wire::TrimReply>(trimmed).log_start, Offset(acked));
  ExpectServiceResumes();
  EXPECT_THAT(ReadAtLeader(Offset(acked)), ::testing::ElementsAre("resumed"));
}

}  // namespace
}  // namespace raftmq::testing
