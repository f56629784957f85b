#include "broker/catalogue_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "broker/start_directory.h"

namespace raftmq::broker {
namespace {

TopicCreated Topic(const std::string& name, std::uint64_t id) {
  return {.id = {1, id},
          .seed = 77,
          .name = name,
          .settings = {{"retention.ms", "1000"}},
          .placement = {{NodeId(1)}, {NodeId(1)}}};
}

std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[(static_cast<unsigned char>(c) >> 4)];
    out += kDigits[static_cast<unsigned char>(c) & 0xF];
  }
  return out;
}

TEST(ClusterCommand, EveryKindComesBackAsItWas) {
  const ClusterCommand commands[] = {
      NodeJoined{NodeId(3), 9, "10.0.0.1", 7440, "10.0.0.1", 7441, 4},
      Topic("orders", 5),
      ReplicasFounded{{1, 2}, NodeId(3)},
      TopicDeleted{{1, 2}},
      SessionAllotted{"relay"},
      SessionAllotted{},
      NodeReplaced{NodeId(3), 9},
      NodeAdmitted{NodeId(3), 10},
      ReplicaLost{{1, 2}, PartitionNumber(4), NodeId(3), ReplicaNumber(7)}};
  for (const ClusterCommand& command : commands) {
    const auto decoded = DecodeClusterCommand(AsBytes(EncodeClusterCommand(command)));
    ASSERT_TRUE(decoded) << decoded.error().ToString();
    EXPECT_EQ(*decoded, command);
  }
}

// The bytes of FORMAT.md: they are in logs, and change only with a new version.
TEST(ClusterCommand, HasTheDocumentedBytes) {
  TopicCreated topic{
      .id = {1, 2}, .seed = 3, .name = "ab", .settings = {{"k", "v"}}, .placement = {{NodeId(7)}}};
  EXPECT_EQ(Hex(EncodeClusterCommand(topic)),
            "0102"
            "01000000000000000200000000000000"
            "0300000000000000"
            "02006162"
            "0100"
            "01006b"
            "010076"
            "0100"
            "01"
            "07000000");
}

TEST(ClusterCommand, OfASessionHasTheDocumentedBytes) {
  EXPECT_EQ(Hex(EncodeClusterCommand(SessionAllotted{"ab"})),
            "0105"
            "02006162");
}

TEST(ClusterCommand, OfANodesDirectoryHasTheDocumentedBytes) {
  EXPECT_EQ(Hex(EncodeClusterCommand(NodeReplaced{NodeId(3), 9})),
            "0106"
            "03000000"
            "0900000000000000");
  EXPECT_EQ(Hex(EncodeClusterCommand(
                ReplicaLost{{1, 2}, PartitionNumber(4), NodeId(3), ReplicaNumber(7)})),
            "0108"
            "01000000000000000200000000000000"
            "04000000"
            "03000000"
            "0700000000000000");
}

TEST(ClusterCommand, RefusesEveryShortAndLongForm) {
  const std::string whole = EncodeClusterCommand(Topic("orders", 5));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(DecodeClusterCommand(AsBytes(whole.substr(0, size)))) << size;
  }
  EXPECT_FALSE(DecodeClusterCommand(AsBytes(whole + "x")));
  std::string newer = whole;
  newer[0] = 2;
  EXPECT_EQ(DecodeClusterCommand(AsBytes(newer)).error().code, ErrorCode::kUnknownFormat);
}

TEST(CatalogueState, IsTheSameAfterItsOwnBytes) {
  CatalogueState state;
  state.Apply(Index(2), NodeJoined{NodeId(1), 9, "h", 1, "h", 2, 4});
  state.Apply(Index(3), Topic("orders", 5));
  state.Apply(Index(4), Topic("events", 6));
  state.Apply(Index(5), ReplicasFounded{{1, 5}, NodeId(1)});
  state.Apply(Index(6), TopicDeleted{{1, 6}});
  state.Apply(Index(7), SessionAllotted{"relay"});
  state.Apply(Index(8), SessionAllotted{"audit"});
  state.Apply(Index(9), SessionAllotted{"relay"});
  state.Apply(Index(10), NodeReplaced{NodeId(1), 9});
  state.Apply(Index(11), NodeAdmitted{NodeId(1), 10});
  state.Apply(Index(12), ReplicaLost{{1, 5}, PartitionNumber(1), NodeId(1), ReplicaNumber(11)});
  const ByteBuffer bytes = state.Encode();
  const auto again = CatalogueState::Decode(bytes.span());
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(*again, state);
  EXPECT_EQ(AsText(again->Encode().span()), AsText(bytes.span()));
  EXPECT_EQ(again->FindTopic("orders")->created_at, 3u);
  EXPECT_TRUE(again->WasDeleted({1, 6}));
  EXPECT_EQ(again->partition_count(), 2u);
}

TEST(CatalogueState, NoBytesAreTheEmptyState) {
  const auto state = CatalogueState::Decode({});
  ASSERT_TRUE(state);
  EXPECT_EQ(*state, CatalogueState());
}

TEST(CatalogueState, IgnoresCommandsThatNoLongerFit) {
  CatalogueState state;
  state.Apply(Index(2), Topic("orders", 5));
  state.Apply(Index(3), Topic("orders", 6));  // The name is taken.
  state.Apply(Index(4), TopicDeleted{{9, 9}});
  state.Apply(Index(5), ReplicasFounded{{9, 9}, NodeId(1)});
  EXPECT_EQ(state.topics().size(), 1u);
  EXPECT_EQ(state.FindTopic("orders")->created.id, (TopicId{1, 5}));
}

TEST(CatalogueState, FreesTheNameOfADeletedTopic) {
  CatalogueState state;
  state.Apply(Index(2), Topic("orders", 5));
  state.Apply(Index(3), TopicDeleted{{1, 5}});
  EXPECT_EQ(state.FindTopic("orders"), nullptr);
  state.Apply(Index(4), Topic("orders", 6));
  EXPECT_EQ(state.FindTopic("orders")->created.id, (TopicId{1, 6}));
}

TEST(CatalogueState, RemembersABoundedNumberOfDeletedTopics) {
  CatalogueState state;
  for (std::uint64_t i = 0; i < CatalogueState::kDeletedMax + 1; ++i) {
    state.Apply(Index(2 * i), Topic("t", i));
    state.Apply(Index(2 * i + 1), TopicDeleted{{1, i}});
  }
  EXPECT_FALSE(state.WasDeleted({1, 0}));
  EXPECT_TRUE(state.WasDeleted({1, 1}));
}

// The state as version 1 wrote it, before there were names.
TEST(CatalogueState, ReadsAStateWithoutProducersNames) {
  CatalogueState state;
  state.Apply(Index(3), Topic("orders", 5));
  const ByteBuffer bytes = state.Encode();
  // No counts of names, lives and renewed replicas.
  std::string older(AsText(bytes.span().first(bytes.size() - 12)));
  older[0] = 1;
  const auto read = CatalogueState::Decode(AsBytes(older));
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(*read, state);
}

// The state as version 2 wrote it, before directories were replaced.
TEST(CatalogueState, ReadsAStateWithoutReplacedDirectories) {
  CatalogueState state;
  state.Apply(Index(3), Topic("orders", 5));
  state.Apply(Index(7), SessionAllotted{"relay"});
  const ByteBuffer bytes = state.Encode();
  std::string older(AsText(bytes.span().first(bytes.size() - 8)));
  older[0] = 2;
  const auto read = CatalogueState::Decode(AsBytes(older));
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(*read, state);
  older[0] = 4;
  EXPECT_EQ(CatalogueState::Decode(AsBytes(older)).error().code, ErrorCode::kUnknownFormat);
}

// Node 1 and 2 with a topic of one partition on both, created at index 4.
class ReplacedDirectories : public ::testing::Test {
 protected:
  ReplacedDirectories() {
    Apply(NodeJoined{kOne, 9, "h", 1, "h", 2, 4});
    Apply(NodeJoined{kTwo, 20, "h", 1, "h", 2, 4});
    TopicCreated topic = Topic("orders", 5);
    topic.placement = {{kOne, kTwo}};
    Apply(topic);
    Apply(ReplicasFounded{kTopic, kOne});
    Apply(ReplicasFounded{kTopic, kTwo});
  }
  std::uint64_t Apply(const ClusterCommand& command) {
    state_.Apply(Index(++index_), command);
    return index_;
  }
  std::vector<ReplicaId> Wanted() const {
    return state_.WantedReplicas(*state_.FindTopic(kTopic), PartitionNumber(0));
  }
  static ReplicaId Id(NodeId node, std::uint64_t number) { return {node, ReplicaNumber(number)}; }

  static constexpr NodeId kOne{1}, kTwo{2};
  static constexpr TopicId kTopic{1, 5};
  static constexpr std::uint64_t kCreated = 4;
  std::uint64_t index_ = 1;
  CatalogueState state_;
};

TEST_F(ReplacedDirectories, UntilAnotherIsAdmittedTheNodeHoldsNothing) {
  EXPECT_THAT(Wanted(), ::testing::ElementsAre(Id(kOne, kCreated), Id(kTwo, kCreated)));
  Apply(NodeReplaced{kOne, 9});
  EXPECT_THAT(Wanted(), ::testing::ElementsAre(Id(kTwo, kCreated)));
  EXPECT_THAT(state_.WantedOfCatalogue({kOne, kTwo}, ReplicaNumber(1)),
              ::testing::ElementsAre(Id(kTwo, 1)));
}

TEST_F(ReplacedDirectories, TheNextOneHoldsReplicasWithTheNumberOfItsCommand) {
  Apply(NodeReplaced{kOne, 9});
  const std::uint64_t admitted = Apply(NodeAdmitted{kOne, 10});
  EXPECT_THAT(Wanted(), ::testing::ElementsAre(Id(kOne, admitted), Id(kTwo, kCreated)));
  EXPECT_THAT(state_.WantedOfCatalogue({kOne, kTwo}, ReplicaNumber(1)),
              ::testing::ElementsAre(Id(kOne, admitted), Id(kTwo, 1)));
  EXPECT_FALSE(state_.FindTopic(kTopic)->founded.contains(kOne));
  EXPECT_EQ(state_.nodes().at(kOne).incarnation, 10u);
  // What is created later is founded by it like by any other.
  Apply(Topic("events", 6));
  EXPECT_THAT(state_.WantedReplicas(*state_.FindTopic("events"), PartitionNumber(0)),
              ::testing::ElementsAre(Id(kOne, index_)));
}

TEST_F(ReplacedDirectories, WhatIsGoneNeverComesBack) {
  Apply(NodeReplaced{kOne, 9});
  Apply(NodeAdmitted{kOne, 9});
  Apply(NodeJoined{kOne, 9, "elsewhere", 1, "h", 2, 4});
  EXPECT_TRUE(state_.lives().at(kOne).is_replaced);
  EXPECT_EQ(state_.nodes().at(kOne).client_host, "h");
  Apply(NodeAdmitted{kOne, 10});
  Apply(NodeReplaced{kOne, 10});
  Apply(NodeAdmitted{kOne, 9});
  EXPECT_TRUE(state_.lives().at(kOne).is_replaced);
}

TEST_F(ReplacedDirectories, ACommandThatIsLoggedTwiceHasItsEffectOnce) {
  Apply(NodeReplaced{kOne, 9});
  const std::uint64_t admitted = Apply(NodeAdmitted{kOne, 10});
  const CatalogueState before = state_;
  Apply(NodeReplaced{kOne, 9});
  Apply(NodeAdmitted{kOne, 10});
  Apply(NodeAdmitted{kOne, 11});
  EXPECT_EQ(state_, before);
  EXPECT_EQ(state_.lives().at(kOne).admitted_at, admitted);
}

TEST_F(ReplacedDirectories, NobodyJoinsInTheNameOfANodeThatWasNotReplaced) {
  const CatalogueState before = state_;
  Apply(NodeJoined{kOne, 11, "h", 1, "h", 2, 4});
  Apply(NodeAdmitted{kOne, 11});
  Apply(NodeReplaced{kOne, 11});
  Apply(NodeReplaced{NodeId(9), 1});
  EXPECT_EQ(state_, before);
}

TEST_F(ReplacedDirectories, ALostReplicaGetsTheNumberOfItsCommand) {
  const ReplicaLost lost{kTopic, PartitionNumber(0), kOne, ReplicaNumber(kCreated)};
  const std::uint64_t renewed = Apply(lost);
  EXPECT_THAT(Wanted(), ::testing::ElementsAre(Id(kOne, renewed), Id(kTwo, kCreated)));
  const CatalogueState before = state_;
  Apply(lost);  // Of the one before.
  Apply(ReplicaLost{kTopic, PartitionNumber(1), kOne, ReplicaNumber(renewed)});
  Apply(ReplicaLost{{1, 9}, PartitionNumber(0), kOne, ReplicaNumber(renewed)});
  EXPECT_EQ(state_, before);
  const std::uint64_t again =
      Apply(ReplicaLost{kTopic, PartitionNumber(0), kOne, ReplicaNumber(renewed)});
  EXPECT_THAT(Wanted(), ::testing::ElementsAre(Id(kOne, again), Id(kTwo, kCreated)));
  Apply(NodeReplaced{kOne, 9});
  const std::uint64_t admitted = Apply(NodeAdmitted{kOne, 10});
  EXPECT_THAT(Wanted(), ::testing::ElementsAre(Id(kOne, admitted), Id(kTwo, kCreated)));
}

TEST_F(ReplacedDirectories, ALostReplicaOfTheCatalogueGetsTheNumberOfItsCommand) {
  const auto lost = [](NodeId node, std::uint64_t number) {
    return ReplicaLost{kClusterTopicId, PartitionNumber(0), node, ReplicaNumber(number)};
  };
  const auto wanted = [this] { return state_.WantedOfCatalogue({kOne, kTwo}, kCatalogueReplica); };
  const std::uint64_t renewed = Apply(lost(kOne, 1));
  EXPECT_EQ(state_.CatalogueReplicaOf(kOne), ReplicaNumber(renewed));
  EXPECT_THAT(wanted(), ::testing::ElementsAre(Id(kOne, renewed), Id(kTwo, 1)));
  // Partitions are another matter.
  EXPECT_THAT(Wanted(), ::testing::ElementsAre(Id(kOne, kCreated), Id(kTwo, kCreated)));
  const CatalogueState before = state_;
  Apply(lost(kOne, 1));  // Of the one before.
  Apply(lost(NodeId(9), 1));
  EXPECT_EQ(state_, before);
  const auto restored = CatalogueState::Decode(state_.Encode().span());
  ASSERT_TRUE(restored) << restored.error().ToString();
  EXPECT_EQ(*restored, state_);
  const std::uint64_t again = Apply(lost(kOne, renewed));
  EXPECT_THAT(wanted(), ::testing::ElementsAre(Id(kOne, again), Id(kTwo, 1)));
  Apply(NodeReplaced{kOne, 9});
  Apply(lost(kOne, again));  // There is none any more.
  const std::uint64_t admitted = Apply(NodeAdmitted{kOne, 10});
  EXPECT_THAT(wanted(), ::testing::ElementsAre(Id(kOne, admitted), Id(kTwo, 1)));
  EXPECT_TRUE(state_.renewed().empty());
}

AllottedSession Allot(CatalogueState& state, std::uint64_t index, const std::string& name) {
  const SessionAllotted command{name};
  state.Apply(Index(index), command);
  const auto allotted = state.AllottedAt(Index(index), command);
  EXPECT_TRUE(allotted) << allotted.error().ToString();
  return allotted.value_or(AllottedSession());
}

TEST(AllottedSessions, WithoutANameAreEachTheirOwn) {
  CatalogueState state;
  EXPECT_EQ(Allot(state, 7, ""), (AllottedSession{SessionId(7), 0}));
  EXPECT_EQ(Allot(state, 8, ""), (AllottedSession{SessionId(8), 0}));
  EXPECT_EQ(state, CatalogueState());
}

TEST(AllottedSessions, OfOneNameDifferByTheirEpoch) {
  CatalogueState state;
  EXPECT_EQ(Allot(state, 7, "relay"), (AllottedSession{SessionId(7), 0}));
  EXPECT_EQ(Allot(state, 8, "audit"), (AllottedSession{SessionId(8), 0}));
  EXPECT_EQ(Allot(state, 9, "relay"), (AllottedSession{SessionId(7), 1}));
  EXPECT_EQ(Allot(state, 10, "relay"), (AllottedSession{SessionId(7), 2}));
}

// The canonical bytes of a name whose epochs are used up; nobody allots 2^32 times to get there.
CatalogueState WithHighestEpoch(const std::string& name) {
  CatalogueState state;
  (void)Allot(state, 7, name);
  std::string bytes(AsText(state.Encode().span()));
  bytes.replace(bytes.size() - 20, 4, 4, '\xFF');  // The epoch, before the index and two counts.
  return *CatalogueState::Decode(AsBytes(bytes));
}

TEST(AllottedSessions, TheEpochNeverWraps) {
  CatalogueState state = WithHighestEpoch("relay");
  ASSERT_EQ(state.producer_names().at("relay").newest, (AllottedSession{SessionId(7), 0xFFFFFFFF}));
  EXPECT_EQ(Allot(state, 20, "relay"), (AllottedSession{SessionId(20), 0}));
  EXPECT_EQ(Allot(state, 21, "relay"), (AllottedSession{SessionId(20), 1}));
}

TEST(AllottedSessions, NamesAreBoundedInNumber) {
  CatalogueState state;
  for (std::uint64_t i = 0; i < CatalogueState::kProducerNamesMax; ++i)
    (void)Allot(state, i + 1, "name-" + std::to_string(i));
  const SessionAllotted one_more{"one-more"};
  const CatalogueState before = state;
  state.Apply(Index(9000), one_more);
  EXPECT_EQ(state.AllottedAt(Index(9000), one_more).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(state, before);
  EXPECT_EQ(Allot(state, 9001, "name-0"), (AllottedSession{SessionId(1), 1}));
  EXPECT_EQ(Allot(state, 9002, ""), (AllottedSession{SessionId(9002), 0}));
}

TEST(Leftovers, AreRemovedOnlyIfTheirTopicWasDeleted) {
  CatalogueState state;
  state.Apply(Index(2), Topic("orders", 5));
  state.Apply(Index(3), Topic("gone", 6));
  state.Apply(Index(4), TopicDeleted{{1, 6}});
  const std::string kept = TopicId{1, 5}.ToHex();
  const std::string gone = TopicId{1, 6}.ToHex();
  const std::string foreign = TopicId{1, 7}.ToHex();
  const auto directory = [](std::string name) {
    return DirectoryEntry{std::move(name), FileType::kDirectory};
  };
  const Leftovers left = FindLeftovers(
      {directory(kept + "-0"),
       directory(kept + "-2"),
       directory(gone + "-1"),
       directory(gone + "-1x"),
       directory(foreign + "-0"),
       directory("notes"),
       directory(TopicId{0, 1}.ToHex() + "-0"),
       {"file", FileType::kRegular}},
      {{{1, 6}, PartitionNumber(1)}, {{1, 6}, PartitionNumber(2)}, {{1, 5}, PartitionNumber(0)}},
      state);
  EXPECT_THAT(left.deleted, ::testing::ElementsAre(GroupId{{1, 6}, PartitionNumber(1)},
                                                   GroupId{{1, 6}, PartitionNumber(2)}));
  EXPECT_THAT(left.unknown,
              ::testing::ElementsAre(kept + "-2", gone + "-1x", foreign + "-0", "notes"));
}

}  // namespace
}  // namespace raftmq::broker
