// Whom a node believes to be who it says: (node id, incarnation, save counter).
#include "broker/peers/peer_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace raftmq::broker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class PeerBookTest : public ::testing::Test {
 protected:
  static constexpr NodeId kSelf{1}, kOther{3};
  static constexpr std::uint64_t kIncarnation = 30;

  static PeerBook Book(const SaveCounter::Content& saved = {}) {
    return {{.cluster_id = "c", .node = kSelf, .incarnation = 10, .boot_id = 100},
            {{kSelf, {}}, {NodeId(2), {}}, {kOther, {}}},
            saved};
  }
  static wire::PeerHello Hello(std::uint64_t boot_id, std::uint64_t counter,
                               std::uint64_t incarnation = kIncarnation) {
    return {.cluster_id = "c",
            .node = kOther,
            .incarnation = incarnation,
            .boot_id = boot_id,
            .save_counter = counter,
            .to = kSelf};
  }
  static wire::PeerHello NewDirectory(ReplicaNumber number = ReplicaNumber(1)) {
    wire::PeerHello hello = Hello(7, 0, kIncarnation + 1);
    hello.number = number;
    return hello;
  }
  static wire::PeerWelcome Welcome(std::uint64_t boot_id, std::uint64_t counter) {
    return {
        .node = kOther, .incarnation = kIncarnation, .boot_id = boot_id, .save_counter = counter};
  }
  static void ExpectRolledBack(const Status& status) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kRolledBack);
    EXPECT_THAT(status.error().message, HasSubstr("raftmq node replace 3"));
  }
};

TEST_F(PeerBookTest, NobodyIsBelievedBeforeTheCatalogueIsKnown) {
  PeerBook book = Book();
  EXPECT_EQ(book.Admit(Hello(7, 1)).error().code, ErrorCode::kNotYet);
  book.Open();
  EXPECT_TRUE(book.Admit(Hello(7, 1)));
}

TEST_F(PeerBookTest, ADirectoryThatShowsALowerCounterInItsNextLifeWasRolledBack) {
  PeerBook book = Book();
  book.Open();
  ASSERT_TRUE(book.Admit(Hello(7, 5)));
  EXPECT_TRUE(book.Admit(Hello(8, 5)));
  ASSERT_TRUE(book.Admit(Hello(8, 6)));
  const Status refused = book.Admit(Hello(9, 5));
  ExpectRolledBack(refused);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("has save counter 5"), HasSubstr("had 6")));
  ExpectRolledBack(book.AdmitAnswer(kOther, Welcome(9, 5)));
  EXPECT_TRUE(book.Admit(Hello(10, 6)));
}

TEST_F(PeerBookTest, WhatAnAnswerAndASaveHaveShownCounts) {
  PeerBook book = Book();
  book.Open();
  ASSERT_TRUE(book.AdmitAnswer(kOther, Welcome(7, 5)));
  ExpectRolledBack(book.Admit(Hello(8, 4)));
  book.NoteSaved(Hello(7, 5), 6);
  ExpectRolledBack(book.Admit(Hello(8, 5)));
}

TEST_F(PeerBookTest, AnOlderHelloOfTheSameLifeIsOnlyLate) {
  PeerBook book = Book();
  book.Open();
  ASSERT_TRUE(book.Admit(Hello(7, 5)));
  EXPECT_TRUE(book.Admit(Hello(7, 4)));
  ExpectRolledBack(book.Admit(Hello(8, 4)));
}

TEST_F(PeerBookTest, WhatOthersHaveShownIsKnownInTheNextLife) {
  SaveCounter::Content saved;
  {
    PeerBook book = Book();
    book.Open();
    ASSERT_TRUE(book.Admit(Hello(7, 5)));
    saved = book.NextSave();
  }
  PeerBook book = Book(saved);
  ExpectRolledBack(book.AdmitAnswer(kOther, Welcome(8, 4)));
  book.Open();
  ExpectRolledBack(book.Admit(Hello(8, 4)));
  EXPECT_TRUE(book.Admit(Hello(8, 5)));
}

// It may be an empty directory that nobody has let in: what is known of the real one stays.
TEST_F(PeerBookTest, AnAnswerBeforeTheCatalogueIsKnownMakesNothingForgotten) {
  PeerBook book = Book({.number = 1, .others = {{kOther, {kIncarnation, 5}}}});
  wire::PeerWelcome stranger = Welcome(8, 0);
  stranger.incarnation = kIncarnation + 1;
  EXPECT_TRUE(book.AdmitAnswer(kOther, stranger));
  book.SetDirectory(kOther, {.incarnation = kIncarnation, .gone = {}});
  book.Open();
  ExpectRolledBack(book.Admit(Hello(9, 4)));
}

TEST_F(PeerBookTest, AnotherDirectoryIsRefusedOnceOneHasJoined) {
  PeerBook book = Book();
  book.SetDirectory(kOther, {.incarnation = kIncarnation, .gone = {}});
  book.Open();
  const Status refused = book.Admit(Hello(7, 1, kIncarnation + 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kForeignDirectory);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("another data directory"), HasSubstr("raftmq node replace 3")));
}

TEST_F(PeerBookTest, AReplacedDirectoryIsRefusedAndTheNextOneIsACandidate) {
  PeerBook book = Book();
  book.SetDirectory(kOther,
                    {.incarnation = kIncarnation, .is_replaced = true, .gone = {kIncarnation}});
  book.Open();
  const Status gone = book.Admit(Hello(7, 1));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kForeignDirectory);
  EXPECT_THAT(gone.error().message, HasSubstr("was replaced"));
  EXPECT_TRUE(book.TakeCandidates().empty());
  EXPECT_EQ(book.Admit(NewDirectory()).error().code, ErrorCode::kForeignDirectory);
  EXPECT_EQ(book.TakeCandidates(), (std::map<NodeId, std::uint64_t>{{kOther, kIncarnation + 1}}));
  book.SetDirectory(
      kOther,
      {.incarnation = kIncarnation + 1, .number = ReplicaNumber(40), .gone = {kIncarnation}});
  EXPECT_TRUE(book.Admit(NewDirectory()));
  EXPECT_EQ(book.NumberOf(kOther), ReplicaNumber(40));
}

// It may lead this node's catalogue, which nobody else could bring up to date then.
TEST_F(PeerBookTest, ADirectoryThatWasAdmittedLaterThanThisNodeKnowsIsBelieved) {
  PeerBook book = Book();
  book.SetDirectory(kOther, {.incarnation = kIncarnation, .gone = {}});
  book.Open();
  EXPECT_FALSE(book.Admit(NewDirectory()));
  EXPECT_TRUE(book.Admit(NewDirectory(ReplicaNumber(40))));
}

TEST_F(PeerBookTest, WhoHasLostItsReplicaOfTheCatalogueIsLetInOnceItIsToHaveAnother) {
  PeerBook book = Book();
  book.SetDirectory(kOther, {.incarnation = kIncarnation, .gone = {}});
  book.Open();
  wire::PeerHello lost = Hello(7, 1);
  lost.number = ReplicaNumber(1);
  lost.is_lost = true;
  EXPECT_EQ(book.Admit(lost).error().code, ErrorCode::kNotYet);
  EXPECT_EQ(book.TakeLost(), (std::map<NodeId, ReplicaNumber>{{kOther, ReplicaNumber(1)}}));
  EXPECT_TRUE(book.TakeLost().empty());
  book.SetDirectory(kOther, {.incarnation = kIncarnation, .number = ReplicaNumber(40), .gone = {}});
  EXPECT_TRUE(book.Admit(lost));
  EXPECT_EQ(book.NumberOf(kOther), ReplicaNumber(40));
  EXPECT_TRUE(book.TakeLost().empty());
  lost.number = ReplicaNumber(40);  // That one, too.
  EXPECT_EQ(book.Admit(lost).error().code, ErrorCode::kNotYet);
  EXPECT_EQ(book.TakeLost(), (std::map<NodeId, ReplicaNumber>{{kOther, ReplicaNumber(40)}}));
}

TEST_F(PeerBookTest, TheOwnLossIsSaidInEachHello) {
  PeerBook book = Book();
  EXPECT_FALSE(book.Hello(kOther, 0).is_lost);
  book.SetOwnLost(true);
  EXPECT_TRUE(book.Hello(kOther, 0).is_lost);
}

// What was rolled back and is refused must not count its way back.
TEST_F(PeerBookTest, TheOwnCounterRisesOnlyOnceAnotherNodeHasAcceptedThisOne) {
  PeerBook book = Book({.number = 4, .others = {}});
  book.Open();
  ASSERT_TRUE(book.Admit(Hello(7, 5)));
  EXPECT_EQ(book.NextSave().number, 4u);
  EXPECT_FALSE(book.has_begun());
  ASSERT_TRUE(book.AdmitAnswer(kOther, Welcome(7, 5)));
  EXPECT_EQ(book.NextSave().number, 5u);
}

TEST_F(PeerBookTest, TheOwnCounterRisesAfterEachPromise) {
  PeerBook book = Book({.number = 4, .others = {}});
  book.Open();
  ASSERT_TRUE(book.AdmitAnswer(kOther, Welcome(7, 5)));
  book.SetSaved(book.NextSave(), book.promises());
  EXPECT_TRUE(book.has_begun());
  EXPECT_EQ(book.save_counter(), 5u);
  EXPECT_EQ(book.NextSave().number, 5u);
  book.NotePromise();
  EXPECT_EQ(book.NextSave().number, 6u);
}

}  // namespace
}  // namespace raftmq::broker
