// What comes to a peer port and should not: refused by name, counted, harmless.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "protocol/types/split_mix.h"
#include "protocol/wire/codec.h"
#include "protocol/wire/peer_codec.h"
#include "segment/node_directory.h"
#include "segment/posix_file_system.h"
#include "tests/broker/broker_steps.h"
#include "tests/broker/cluster_fixture.h"
#include "tests/broker/wire_client.h"

namespace raftmq::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Error RefusalIn(WireClient& client) {
  const auto frame = client.ReceiveFrame();
  if (!frame) return frame.error();
  const auto message = wire::DecodePeerMessage(frame->message(), frame->attachment().size());
  if (!message) return message.error();
  const auto* refusal = std::get_if<wire::PeerRefusal>(&*message);
  return refusal != nullptr ? refusal->error : Error{ErrorCode::kOk, "no refusal"};
}

// Node 3 is away and somebody else calls node 1 in its name. One cluster for all tests: what they
// do to it must be harmless.
class ClusterPeerPort : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<ClusterProcess>();
    Client client = ConnectTo(*cluster_);
    MakeTopic(*cluster_, client, "orders");
    cluster_->Stop(kAway);
  }
  static void TearDownTestSuite() { cluster_.reset(); }
  void SetUp() override {
    PosixFileSystem files;
    const auto directory = OpenNodeDirectory(files, {.path = cluster_->data_directory(kAway),
                                                     .cluster_id = cluster_->cluster_id(),
                                                     .node = kAway});
    if (!directory) throw std::runtime_error(directory.error().ToString());
    hello_ = {.cluster_id = cluster_->cluster_id(),
              .node = kAway,
              .incarnation = directory->identity.incarnation,
              .boot_id = 1,
              .save_counter = directory->counter->content().number,
              .to = kCalled};
  }

  void TearDown() override {
    if (HasFailure()) std::cout << cluster_->Logs();
  }

  std::uint64_t Metric(const std::string& series) const {
    const std::string name = "\n" + series + " ";
    const std::string body = HttpGet(cluster_->process(kCalled).http(), "/metrics").body;
    const auto at = body.find(name);
    if (at == std::string::npos) throw std::runtime_error("no " + series);
    return std::strtoull(body.c_str() + at + name.size(), nullptr, 10);
  }
  std::uint32_t ShardCount() {
    WireClient caller(cluster_->peer(kCalled));
    caller.SendRaw(wire::EncodePeerHead(hello_, 0).view());
    const auto frame = caller.ReceiveFrame();
    if (!frame) return 0;
    const auto welcome = wire::DecodePeerMessage(frame->message(), 0);
    return welcome ? std::get<wire::PeerWelcome>(*welcome).shards : 0;
  }
  std::uint64_t RefusedCount() const { return Metric("raftmq_peer_refused_total"); }

  // Sends the bytes and expects a refusal that is counted, the end of the connection, and a cluster
  // that takes messages as before.
  Error Refused(ByteSpan bytes) {
    const std::uint64_t before = RefusedCount();
    WireClient caller(cluster_->peer(kCalled));
    caller.SendRaw(bytes);
    Error refusal = RefusalIn(caller);
    EXPECT_TRUE(caller.WaitForClose());
    EXPECT_EQ(RefusedCount(), before + 1);
    ExpectHarmless();
    return refusal;
  }
  Error Refused(const wire::PeerHello& hello) {
    return Refused(wire::EncodePeerHead(hello, 0).view());
  }

  // A caller that was welcomed sends the bytes: expects a refusal and the end of the connection.
  Error RefusedBehindHello(ByteSpan bytes) {
    const std::uint64_t before = RefusedCount();
    WireClient caller(cluster_->peer(kCalled));
    caller.SendRaw(wire::EncodePeerHead(hello_, 0).view());
    const auto frame = caller.ReceiveFrame();
    if (!frame) return frame.error();
    const auto welcome = wire::DecodePeerMessage(frame->message(), 0);
    EXPECT_TRUE(welcome && std::holds_alternative<wire::PeerWelcome>(*welcome));
    caller.SendRaw(bytes);
    Error refusal = RefusalIn(caller);
    EXPECT_TRUE(caller.WaitForClose());
    EXPECT_EQ(RefusedCount(), before + 1);
    ExpectHarmless();
    return refusal;
  }

  void ExpectHarmless() {
    const NodeId leader = cluster_->WaitForLeader("orders");
    TopicClient topic(cluster_->client(leader), "orders");
    Produce(topic.client, topic.group, {"x"});
  }

  wire::PeerItem ItemFrom(NodeId node) const {
    return {.group = {cluster_->Ask(kCalled, "orders")->id, PartitionNumber(0)},
            .from = {node, ReplicaNumber(1)},
            .to = {kCalled, ReplicaNumber(1)},
            .term = Term(1),
            .body = wire::PeerTransferNow{}};
  }

  static constexpr NodeId kCalled{1};
  static constexpr NodeId kAway{3};
  static std::unique_ptr<ClusterProcess> cluster_;
  wire::PeerHello hello_;  // As node 3 would say it.
};

std::unique_ptr<ClusterProcess> ClusterPeerPort::cluster_;

TEST_F(ClusterPeerPort, HellosOfStrangersAreRefused) {
  wire::PeerHello hello = hello_;
  hello.cluster_id = "another";
  Error error = Refused(hello);
  EXPECT_EQ(error.code, ErrorCode::kForeignDirectory);
  EXPECT_THAT(error.message, AllOf(HasSubstr("cluster"), HasSubstr("'another'")));

  hello = hello_;
  hello.to = NodeId(2);
  error = Refused(hello);
  EXPECT_EQ(error.code, ErrorCode::kForeignDirectory);
  EXPECT_THAT(error.message, HasSubstr("this is node 1, found a call for node 2"));

  for (const NodeId node : {NodeId(9), NodeId(0), kCalled}) {
    hello = hello_;
    hello.node = node;
    error = Refused(hello);
    EXPECT_EQ(error.code, ErrorCode::kForeignDirectory);
    EXPECT_THAT(error.message, HasSubstr("none of this node's peers"));
  }
}

TEST_F(ClusterPeerPort, AnotherDataDirectoryOfANodeIsRefused) {
  wire::PeerHello hello = hello_;
  ++hello.incarnation;
  const Error error = Refused(hello);
  EXPECT_EQ(error.code, ErrorCode::kForeignDirectory);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("another data directory"), HasSubstr("raftmq node replace 3")));
}

TEST_F(ClusterPeerPort, ADataDirectoryOlderThanWhatItHasShownIsRefused) {
  wire::PeerHello hello = hello_;
  ASSERT_GT(hello.save_counter, 0u);
  --hello.save_counter;
  const Error error = Refused(hello);
  EXPECT_EQ(error.code, ErrorCode::kRolledBack);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("node 3 was rolled back"), HasSubstr("raftmq node replace 3")));
}

TEST_F(ClusterPeerPort, OtherVersionsAreRefused) {
  for (const int version : {0, wire::kPeerVersion - 1, wire::kPeerVersion + 1, 65'535}) {
    wire::PeerHello hello = hello_;
    hello.version_min = hello.version_max = static_cast<std::uint16_t>(version);
    const Error error = Refused(hello);
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    EXPECT_THAT(error.message, HasSubstr(fmt::format("peer version {}", wire::kPeerVersion)));
  }
}

TEST_F(ClusterPeerPort, ShardsThatAreNotThereAreRefused) {
  wire::PeerHello hello = hello_;
  hello.shard = 100'000;
  const Error error = Refused(hello);
  EXPECT_EQ(error.code, ErrorCode::kBadRequest);
  EXPECT_THAT(error.message, HasSubstr("shard"));
}

TEST_F(ClusterPeerPort, ClientsAreRefused) {
  const Error error = Refused(wire::EncodeHead({1, wire::HelloRequest{}}, 0).view());
  EXPECT_EQ(error.code, ErrorCode::kBadMessage) << error.ToString();
}

TEST_F(ClusterPeerPort, PeersAreRefusedOnTheClientPort) {
  WireClient caller(cluster_->client(kCalled));
  caller.SendRaw(wire::EncodePeerHead(hello_, 0).view());
  const Error error = ErrorOf(caller.Receive());
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("brokers use the peer port"));
  EXPECT_TRUE(caller.WaitForClose());
  ExpectHarmless();
}

TEST_F(ClusterPeerPort, ItemsBeforeAHelloAreRefused) {
  const Error error = Refused(wire::EncodePeerHead(wire::PeerItems{ItemFrom(kAway)}, 0).view());
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("hello"));
}

TEST_F(ClusterPeerPort, RandomBytesAreRefused) {
  const std::uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  SplitMix random(seed);
  for (int round = 0; round < 20; ++round) {
    // As many as a frame's header, so that there is something to judge.
    std::vector<std::byte> bytes(16 + random.Below(5'000));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Next());
    EXPECT_NE(Refused(bytes).code, ErrorCode::kOk);
  }
}

TEST_F(ClusterPeerPort, ItemsInAnotherNodesNameEndTheConnection) {
  wire::PeerItem item = ItemFrom(NodeId(2));
  Error error = RefusedBehindHello(wire::EncodePeerHead(wire::PeerItems{item}, 0).view());
  EXPECT_EQ(error.code, ErrorCode::kBadRequest);
  EXPECT_THAT(error.message, HasSubstr("expected items from node 3 to node 1"));

  item = ItemFrom(kAway);
  item.to.node = NodeId(2);
  error = RefusedBehindHello(wire::EncodePeerHead(wire::PeerItems{item}, 0).view());
  EXPECT_EQ(error.code, ErrorCode::kBadRequest);
  EXPECT_THAT(error.message, HasSubstr("found one from 3 to 2"));
}

TEST_F(ClusterPeerPort, ATermJumpIsRefusedAndCounted) {
  const std::string series = "raftmq_raft_messages_refused_total{reason=\"term_jump\"}";
  const std::uint64_t before = Metric(series);
  wire::PeerItem item = ItemFrom(kAway);
  item.term = Term(std::uint64_t{1} << 40);
  item.body = wire::PeerVoteRequest{.last = Index(1u << 30), .last_term = item.term};
  // On each shard, so that the one that has the partition is among them.
  const std::uint32_t shards = ShardCount();
  ASSERT_GT(shards, 0u);
  for (hello_.shard = 0; hello_.shard < shards; ++hello_.shard) {
    WireClient caller(cluster_->peer(kCalled));
    caller.SendRaw(wire::EncodePeerHead(hello_, 0).view());
    ASSERT_TRUE(caller.ReceiveFrame());  // The welcome.
    caller.SendRaw(wire::EncodePeerHead(wire::PeerItems{item}, 0).view());
    caller.SendRaw(wire::EncodePeerHead(hello_, 0).view());  // Refused when all before was taken.
    EXPECT_TRUE(caller.WaitForClose());
  }
  EXPECT_EQ(Metric(series), before + 1);
  EXPECT_THAT(cluster_->process(kCalled).Stderr(),
              HasSubstr("with a term beyond any credible one"));
  ExpectHarmless();
}

TEST_F(ClusterPeerPort, ASecondHelloAndNonsenseEndTheConnection) {
  Error error = RefusedBehindHello(wire::EncodePeerHead(hello_, 0).view());
  EXPECT_EQ(error.code, ErrorCode::kBadMessage);
  EXPECT_THAT(error.message, HasSubstr("expected items"));

  const std::vector<std::byte> nonsense(64, std::byte{0xEE});
  EXPECT_EQ(RefusedBehindHello(nonsense).code, ErrorCode::kBadFrame);
}

// An append whose entries are no entries, of a replica that is a voter.
TEST_F(ClusterPeerPort, EntriesThatAreNoneEndTheConnection) {
  wire::PeerItem item = ItemFrom(kAway);
  item.body = wire::PeerAppendRequest{};
  item.attachment_bytes = 64;
  const SharedBytes head = wire::EncodePeerHead(wire::PeerItems{item}, 64);
  std::vector<std::byte> bytes(head.view().begin(), head.view().end());
  bytes.resize(bytes.size() + 64, std::byte{0xEE});
  EXPECT_EQ(RefusedBehindHello(bytes).code, ErrorCode::kBadBatch);
}

}  // namespace
}  // namespace raftmq::testing
