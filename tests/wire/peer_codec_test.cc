#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "protocol/types/split_mix.h"
#include "protocol/wire/codec.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/peer_codec.h"

namespace raftmq::wire {
namespace {

using testing::HasSubstr;

ByteSpan MessageOf(const SharedBytes& head) { return head.view().subspan(kFrameHeaderBytes); }

PeerBody RandomBody(SplitMix& random) {
  const auto number = [&random] { return random.Next(); };
  const auto flag = [&random] { return random.Below(2) == 1; };
  switch (random.Below(13)) {
    case 0:
      return PeerVoteRequest{flag(), flag(), Index(number()), Term(number())};
    case 1:
      return PeerVoteReply{flag(), flag()};
    case 2:
      return PeerAppendRequest{Index(number()), Term(number()), Index(number()), number(), flag()};
    case 3:
      return PeerAppendReply{Index(number()), Index(number()), number(), Index(number())};
    case 4:
      return PeerAppendRejection{Index(number()), Index(number()), Term(number()), number(),
                                 flag()};
    case 5:
      return PeerResetRequest{Index(number()), Term(number()), number()};
    case 6:
      return PeerTransferNow{};
    case 7:
      return PeerReadRequest{number()};
    case 8:
      return PeerReadReply{number(), flag(), Index(number())};
    case 9:
      return PeerForwardedProposal{number()};
    case 10:
      return PeerRepairRequest{number(), Index(number()), Index(number()), number(), flag()};
    case 11:
      return PeerRepairReply{number(), static_cast<PeerRepairAnswer>(random.Below(5))};
    default:
      return PeerForwardedOutcome{number(), ErrorCode::kNotLeader, Index(number()), "elsewhere"};
  }
}

std::vector<PeerQuietGroup> RandomQuietGroups(SplitMix& random) {
  std::vector<PeerQuietGroup> groups(random.Below(20));
  for (PeerQuietGroup& quiet : groups) {
    quiet = {.group = {TopicId{random.Next(), random.Next()},
                       PartitionNumber(static_cast<std::uint32_t>(random.Next()))},
             .term = Term(random.Next())};
  }
  return groups;
}

TEST(PeerCodec, HeartbeatsComeBackAsTheyWere) {
  constexpr std::uint64_t kTestSeed = 8;
  SplitMix random(kTestSeed);
  for (int run = 0; run < 100; ++run) {
    const PeerHeartbeat heartbeat{.shard = static_cast<std::uint32_t>(random.Below(8)),
                                  .boot_id = random.Next(),
                                  .number = random.Next(),
                                  .hash = random.Next(),
                                  .lists_groups = random.Below(2) == 1,
                                  .groups = RandomQuietGroups(random)};
    const auto back = DecodePeerMessage(MessageOf(EncodePeerHead(heartbeat, 0)), 0);
    ASSERT_TRUE(back.has_value()) << back.error().ToString();
    EXPECT_EQ(std::get<PeerHeartbeat>(*back), heartbeat) << "seed " << kTestSeed << " run " << run;
    const PeerHeartbeatReply reply{.shard = static_cast<std::uint32_t>(random.Below(8)),
                                   .boot_id = random.Next(),
                                   .number = random.Next(),
                                   .is_agreed = random.Below(2) == 1,
                                   .refused = RandomQuietGroups(random)};
    const auto reply_back = DecodePeerMessage(MessageOf(EncodePeerHead(reply, 0)), 0);
    ASSERT_TRUE(reply_back.has_value()) << reply_back.error().ToString();
    EXPECT_EQ(std::get<PeerHeartbeatReply>(*reply_back), reply);
  }
}

TEST(PeerCodec, HeartbeatsOfMoreGroupsThanAnyPairOfShardsAreRefused) {
  PeerHeartbeat heartbeat{.lists_groups = true};
  heartbeat.groups.resize(kPeerQuietGroupsMax + 1);
  const auto back = DecodePeerMessage(MessageOf(EncodePeerHead(heartbeat, 0)), 0);
  ASSERT_FALSE(back.has_value());
  EXPECT_EQ(back.error().code, ErrorCode::kBadMessage);
}

TEST(PeerCodec, EveryMessageComesBackAsItWas) {
  constexpr std::uint64_t kTestSeed = 7;
  SplitMix random(kTestSeed);
  for (int run = 0; run < 500; ++run) {
    PeerItems items(random.Below(100));
    std::size_t attached = 0;
    for (PeerItem& item : items) {
      item = {.group = {TopicId{random.Next(), random.Next()},
                        PartitionNumber(static_cast<std::uint32_t>(random.Next()))},
              .from = {NodeId(1), ReplicaNumber(random.Next())},
              .to = {NodeId(2), ReplicaNumber(random.Next())},
              .term = Term(random.Next()),
              .body = RandomBody(random),
              .attachment_bytes = static_cast<std::uint32_t>(random.Below(1000))};
      attached += item.attachment_bytes;
    }
    const auto back = DecodePeerMessage(MessageOf(EncodePeerHead(items, attached)), attached);
    ASSERT_TRUE(back.has_value()) << back.error().ToString();
    EXPECT_EQ(std::get<PeerItems>(*back), items) << "seed " << kTestSeed << " run " << run;
  }
  const PeerHello hello{.cluster_id = "c",
                        .node = NodeId(1),
                        .incarnation = 2,
                        .boot_id = 3,
                        .save_counter = 6,
                        .number = ReplicaNumber(7),
                        .to = NodeId(4),
                        .shard = 5};
  EXPECT_EQ(std::get<PeerHello>(*DecodePeerMessage(MessageOf(EncodePeerHead(hello, 0)), 0)), hello);
  const PeerWelcome welcome{.node = NodeId(1),
                            .incarnation = 2,
                            .boot_id = 3,
                            .save_counter = 5,
                            .number = ReplicaNumber(6),
                            .your_number = ReplicaNumber(7),
                            .shards = 4};
  EXPECT_EQ(std::get<PeerWelcome>(*DecodePeerMessage(MessageOf(EncodePeerHead(welcome, 0)), 0)),
            welcome);
  const PeerSaved saved{7};
  EXPECT_EQ(std::get<PeerSaved>(*DecodePeerMessage(MessageOf(EncodePeerHead(saved, 0)), 0)), saved);
  const PeerRefusal refusal{{ErrorCode::kForeignDirectory, "another cluster"}};
  EXPECT_EQ(std::get<PeerRefusal>(*DecodePeerMessage(MessageOf(EncodePeerHead(refusal, 0)), 0)),
            refusal);
}

TEST(PeerCodec, AClientsMessageIsRefusedByName) {
  const SharedBytes head = EncodeHead({1, HelloRequest{}}, 0);
  const auto decoded = DecodePeerMessage(MessageOf(head), 0);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().code, ErrorCode::kBadMessage);
  EXPECT_THAT(decoded.error().message, HasSubstr("client port"));
}

TEST(PeerCodec, APeersMessageIsNoClientsMessage) {
  const SharedBytes head = EncodePeerHead(PeerHello{.cluster_id = "c", .node = NodeId(1)}, 0);
  std::uint64_t id = 0;
  const auto decoded = DecodeMessage(MessageOf(head), &id);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_THAT(decoded.error().message, HasSubstr("peer port"));
}

TEST(PeerCodec, AttachmentsThatDoNotSumUpAreRefused) {
  const PeerItems items{{.group = {TopicId{1, 2}, PartitionNumber(0)},
                         .body = PeerAppendRequest{},
                         .attachment_bytes = 8}};
  const SharedBytes head = EncodePeerHead(items, 8);
  EXPECT_EQ(DecodePeerMessage(MessageOf(head), 16).error().code, ErrorCode::kBadMessage);
  EXPECT_EQ(DecodePeerMessage(MessageOf(EncodePeerHead(PeerHello{}, 0)), 8).error().code,
            ErrorCode::kBadMessage);
}

}  // namespace
}  // namespace raftmq::wire
