#include "tests/sim/client_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/types/batch_builder.h"

namespace raftmq::sim {
namespace {

using checker::Rule;
using ::testing::ElementsAre;

constexpr NodeId kNode(1);

// A partition whose log is one batch of one value.
class ClientHistoryTest : public ::testing::Test {
 protected:
  checker::OpNumber Sends() { return history_.Sends(1, 0, {{1, 0}}, {}); }
  void ReadsNothingInTheEnd() {
    history_.Close();
    history_.ReadInTheEnd(kNode, 0, Offset(0), {}, Offset(1));
  }
  static FetchSlice SliceOf(const std::string& value) {
    BatchBuilder builder(1'000);
    EXPECT_TRUE(builder.Append({.value = value}));
    return {
        .batches = {SharedBytes(builder.Finish({}))}, .next_offset = Offset(1), .end = Offset(1)};
  }

  Timeline timeline_;
  ClientHistory history_{timeline_};
};

TEST_F(ClientHistoryTest, AnAckThatTheFinalReadsFindIsAllRight) {
  history_.Sent(Sends(), Offset(0), /*is_promise=*/true);
  history_.Close();
  history_.ReadInTheEnd(kNode, 0, Offset(0), SliceOf("1-0..."), Offset(1));
  EXPECT_TRUE(history_.Judge().is_clean()) << history_.Judge().ToString();
  EXPECT_EQ(history_.Judge().figures.acked, 1u);
}

TEST_F(ClientHistoryTest, AnAckThatTheFinalReadsDoNotFindIsNoticed) {
  history_.Sent(Sends(), Offset(0), /*is_promise=*/true);
  ReadsNothingInTheEnd();
  EXPECT_THAT(history_.Judge().broken(), ElementsAre(Rule::kUnseen));
}

TEST_F(ClientHistoryTest, AnAckFromMemoryPromisesNothing) {
  history_.Sent(Sends(), Offset(0), /*is_promise=*/false);
  ReadsNothingInTheEnd();
  EXPECT_TRUE(history_.Judge().is_clean());
}

TEST_F(ClientHistoryTest, WhatIsAckedAfterTheCloseIsNotLookedFor) {
  const checker::OpNumber op = Sends();
  ReadsNothingInTheEnd();
  history_.Sent(op, Offset(1), /*is_promise=*/true);
  EXPECT_TRUE(history_.Judge().is_clean());
}

TEST_F(ClientHistoryTest, AValueThatWasRefusedForCertainAndIsReadIsNoticed) {
  history_.Sent(Sends(), Fail(ErrorCode::kNotLeader, ""), /*is_promise=*/true);
  const checker::OpNumber fetch =
      history_.Asks({.consumer = checker::ConsumerNumber(1), .from = Offset(0)});
  history_.Fetched(fetch, SliceOf("1-0"), Offset(0));
  EXPECT_THAT(history_.Judge().broken(), ElementsAre(Rule::kAbortedRead));
}

TEST_F(ClientHistoryTest, ALinearizableReadThatMissesAnAckIsNoticed) {
  history_.Sent(Sends(), Offset(0), /*is_promise=*/true);
  timeline_.After(5, [this] {
    const checker::OpNumber read =
        history_.Asks({.consumer = checker::ConsumerNumber(1), .is_from_leader = true});
    history_.ReadIndexed(read, Offset(0));
  });
  EXPECT_TRUE(timeline_.RunNext());
  EXPECT_THAT(history_.Judge().broken(), ElementsAre(Rule::kStaleAck));
}

}  // namespace
}  // namespace raftmq::sim
