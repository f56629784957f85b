// What refusals mean for a batch and for those behind it.
#include "producer/partition_session.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "protocol/types/batch_builder.h"

namespace raftmq::internal {
namespace {

using Fate = PartitionSession::Fate;
using Kind = PartitionSession::Kind;
using Need = PartitionSession::Need;

constexpr std::uint32_t kRecords = 10;  // Of every batch here.

SessionPosition At(std::uint32_t sequence) { return {SessionId(7), 2, sequence}; }

// The `number`-th batch of a session: numbers count from 0, sequences by kRecords.
OutgoingBatch Batch(std::uint32_t number, bool maybe_stored = false) {
  OutgoingBatch batch;
  batch.number = number;
  batch.position = At(number * kRecords);
  batch.maybe_stored = maybe_stored;
  return batch;
}

std::deque<OutgoingBatch> Waiting(const std::vector<std::uint32_t>& numbers,
                                  bool maybe_stored = false) {
  std::deque<OutgoingBatch> batches;
  for (const std::uint32_t number : numbers) batches.push_back(Batch(number, maybe_stored));
  return batches;
}

Error Refused(ErrorCode code) { return {code, "by the test"}; }

TEST(PartitionSession, WhatTheServiceRefusesForAWhileIsSentAgain) {
  PartitionSession session(Kind::kAnonymous);
  for (const ErrorCode code : {ErrorCode::kOverloaded, ErrorCode::kNotLeader, ErrorCode::kTimeout,
                               ErrorCode::kPartitionNotFound}) {
    EXPECT_EQ(session.Judge(Batch(0), Refused(code), false), Fate::kAgain);
  }
  EXPECT_FALSE(session.IsMending());
}

TEST(PartitionSession, ABatchWithoutASessionEndsWithWhateverIsFinal) {
  PartitionSession session(Kind::kNone);
  EXPECT_EQ(session.Judge(Batch(0), Refused(ErrorCode::kSequenceGap), true), Fate::kEnds);
  session.NoteFailed(Batch(0));
  EXPECT_FALSE(session.IsMending());
}

TEST(PartitionSession, AGapBehindUnsettledBatchesWaitsForThem) {
  PartitionSession session(Kind::kAnonymous);
  for (const ErrorCode code : {ErrorCode::kSequenceGap, ErrorCode::kUnknownSession})
    EXPECT_EQ(session.Judge(Batch(1), Refused(code), /*has_earlier=*/true), Fate::kAgain);
  EXPECT_FALSE(session.IsMending());
}

TEST(PartitionSession, AnOldDuplicateIsStoredIfItCanBe) {
  PartitionSession session(Kind::kAnonymous);
  const Error error = Refused(ErrorCode::kDuplicateOffsetUnknown);
  EXPECT_EQ(session.Judge(Batch(0, /*maybe_stored=*/true), error, false), Fate::kStored);
  // One that was never there cannot be a duplicate: somebody else uses these sequences.
  EXPECT_EQ(session.Judge(Batch(1), error, false), Fate::kAgain);
  EXPECT_TRUE(session.IsMending());
}

TEST(PartitionSession, ATakeoverEndsTheProducer) {
  PartitionSession session(Kind::kNamed);
  session.Restart();
  EXPECT_EQ(session.Judge(Batch(0), Refused(ErrorCode::kFenced), false), Fate::kFenced);
}

TEST(PartitionSession, TheNextOnesTakeThePlaceOfABatchThatWasNeverStored) {
  PartitionSession session(Kind::kAnonymous);
  session.NoteFailed(Batch(2));
  EXPECT_TRUE(session.MaySend(Batch(1)));
  EXPECT_FALSE(session.MaySend(Batch(3)));
  // Those in flight behind it cannot be taken by the leader.
  EXPECT_EQ(session.Judge(Batch(3), Refused(ErrorCode::kSequenceGap), false), Fate::kAgain);
  EXPECT_FALSE(session.CanMend(Waiting({1, 3})));
  ASSERT_TRUE(session.CanMend(Waiting({3, 4})));
  EXPECT_EQ(session.Mend(Waiting({3, 4})), At(2 * kRecords));
  EXPECT_EQ(session.need(), Need::kNothing);
  EXPECT_TRUE(session.MaySend(Batch(3)));
}

TEST(PartitionSession, TheFirstOfSeveralHolesCounts) {
  PartitionSession session(Kind::kAnonymous);
  session.NoteFailed(Batch(3));
  session.NoteFailed(Batch(1));
  session.NoteFailed(Batch(5));
  EXPECT_EQ(session.Mend(Waiting({2, 4, 6})), At(kRecords));
}

TEST(PartitionSession, AHoleAtTheEndGivesItsPlaceToWhatComes) {
  PartitionSession session(Kind::kAnonymous);
  session.NoteFailed(Batch(1));
  ASSERT_TRUE(session.CanMend({}));
  EXPECT_EQ(session.Mend({}), At(kRecords));
}

// A copy of batch 2 may be under way: at its old place it would be taken as soon as batch 3 has
// filled the hole.
TEST(PartitionSession, WhatMayBeUnderWayGoesToAnotherSession) {
  PartitionSession session(Kind::kAnonymous);
  session.NoteFailed(Batch(1));
  EXPECT_EQ(session.Mend(Waiting({2}, /*maybe_stored=*/true)), std::nullopt);
  EXPECT_EQ(session.need(), Need::kAnother);
  EXPECT_FALSE(session.MaySend(Batch(2)));
  session.Restart();
  EXPECT_TRUE(session.MaySend(Batch(2)));
}

TEST(PartitionSession, WhatFollowsABatchWithoutAnOutcomeIsTriedAsItIs) {
  PartitionSession session(Kind::kAnonymous);
  session.NoteFailed(Batch(0, /*maybe_stored=*/true));
  EXPECT_FALSE(session.IsMending());
  EXPECT_TRUE(session.MaySend(Batch(1)));
}

TEST(PartitionSession, WhatIsRefusedBehindABatchWithoutAnOutcomeGoesToAnotherSession) {
  PartitionSession session(Kind::kAnonymous);
  session.NoteFailed(Batch(0, /*maybe_stored=*/true));
  EXPECT_EQ(session.Judge(Batch(1), Refused(ErrorCode::kSequenceGap), false), Fate::kAgain);
  EXPECT_EQ(session.Mend(Waiting({1, 2})), std::nullopt);
  EXPECT_EQ(session.need(), Need::kAnother);
}

TEST(PartitionSession, WhatMayBeStoredAndIsRefusedEndsAsUnknown) {
  PartitionSession session(Kind::kAnonymous);
  for (const ErrorCode code :
       {ErrorCode::kSequenceGap, ErrorCode::kUnknownSession, ErrorCode::kSequenceOverlap}) {
    EXPECT_EQ(session.Judge(Batch(0, /*maybe_stored=*/true), Refused(code), false), Fate::kEnds);
  }
}

TEST(PartitionSession, AForgottenSessionIsReplacedForWhatWasNeverStored) {
  PartitionSession session(Kind::kAnonymous);
  EXPECT_EQ(session.Judge(Batch(4), Refused(ErrorCode::kUnknownSession), false), Fate::kAgain);
  EXPECT_EQ(session.Mend(Waiting({4})), std::nullopt);
  EXPECT_EQ(session.need(), Need::kAnother);
}

TEST(PartitionSession, ANamedOneIsOpenedFirst) {
  PartitionSession session(Kind::kNamed);
  EXPECT_EQ(session.need(), Need::kOpen);
  EXPECT_FALSE(session.MaySend(Batch(0)));
  session.Restart();
  EXPECT_TRUE(session.MaySend(Batch(0)));
}

// Its sequence says how many messages are stored: none may be missing among them.
TEST(PartitionSession, ANamedOneEndsBehindAHole) {
  PartitionSession session(Kind::kNamed);
  session.Restart();
  session.NoteFailed(Batch(1));
  EXPECT_EQ(session.Mend(Waiting({2})), std::nullopt);
  EXPECT_TRUE(session.is_over());

  PartitionSession unopened(Kind::kNamed);
  unopened.NoteFailed(Batch(0));
  EXPECT_TRUE(unopened.is_over());
}

TEST(PartitionSession, ANamedOneThatWasForgottenIsOpenedAgain) {
  PartitionSession session(Kind::kNamed);
  session.Restart();
  EXPECT_EQ(session.Judge(Batch(1), Refused(ErrorCode::kUnknownSession), false), Fate::kAgain);
  EXPECT_EQ(session.Mend(Waiting({1})), std::nullopt);
  EXPECT_EQ(session.need(), Need::kOpen);
  EXPECT_FALSE(session.is_over());
}

// What it has sent may still come: whoever opens the session again must do so under a new epoch.
TEST(PartitionSession, ANamedOneEndsWhereItCannotKnowWhatIsStored) {
  PartitionSession behind_unknown(Kind::kNamed);
  behind_unknown.Restart();
  behind_unknown.NoteFailed(Batch(0, /*maybe_stored=*/true));
  EXPECT_EQ(behind_unknown.Judge(Batch(1), Refused(ErrorCode::kSequenceGap), false), Fate::kAgain);
  EXPECT_EQ(behind_unknown.Mend(Waiting({1})), std::nullopt);
  EXPECT_TRUE(behind_unknown.is_over());

  PartitionSession under_way(Kind::kNamed);
  under_way.Restart();
  under_way.NoteFailed(Batch(0));
  EXPECT_EQ(under_way.Mend(Waiting({1}, /*maybe_stored=*/true)), std::nullopt);
  EXPECT_TRUE(under_way.is_over());
}

TEST(SealAnew, KeepsTheRecordsAndHashesThemUnderTheNewPosition) {
  BatchBuilder builder(1000);
  ASSERT_TRUE(builder.Append({.value = "x", .timestamp_ms = 5}));
  const SharedBytes before(builder.Finish({.session = SessionId(7), .base_sequence = 3}));
  const SharedBytes after = SealAnew(before, {SessionId(9), 4, 5});
  const auto old_header = ParseBatchHeader(before.view());
  const auto header = ParseBatchHeader(after.view());
  ASSERT_TRUE(header.has_value());
  EXPECT_TRUE(PayloadHashHolds(after.view(), *header));
  ProducerBlock expected = old_header->producer;
  expected.session = SessionId(9);
  expected.session_epoch = 4;
  expected.base_sequence = 5;
  EXPECT_EQ(header->producer, expected);
  EXPECT_EQ(AsText(after.view().subspan(kBatchHeaderBytes)),
            AsText(before.view().subspan(kBatchHeaderBytes)));
  EXPECT_EQ(old_header->producer.session, SessionId(7));  // Who still sends it is not disturbed.
}

TEST(SessionPosition, WrapsWithItsSequence) {
  SessionPosition position{SessionId(1), 0, 0xFFFFFFFF};
  EXPECT_EQ(position.Take(3).sequence, 0xFFFFFFFF);
  EXPECT_EQ(position.sequence, 2u);
  SessionPosition none;
  (void)none.Take(3);
  EXPECT_EQ(none, SessionPosition());
}

}  // namespace
}  // namespace raftmq::internal
