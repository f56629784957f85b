#include "raftlog/log_state.h"

#include <gtest/gtest.h>

#include "protocol/types/batch_builder.h"
#include "protocol/types/message_id.h"
#include "raftlog/session_entry.h"

namespace raftmq {
namespace {

BatchHeader Header(EntryKind kind, std::uint64_t index, std::uint64_t base,
                   std::uint32_t records = 0, std::uint64_t term = 1) {
  BatchHeader header;
  header.producer.kind = kind;
  header.producer.record_count = records;
  header.producer.length = kBatchHeaderBytes;
  header.leader.index = Index(index);
  header.leader.term = Term(term);
  header.leader.base_offset = Offset(base);
  return header;
}

void MoveStart(LogState* state, std::uint64_t index, std::uint64_t start) {
  state->Append(Header(EntryKind::kLogStart, index, 10),
                EncodeLogStart({Offset(start), {}}).span());
}

TEST(LogState, TheLogStartIsVisibleOnceCommittedAndInCheckpointsAtOnce) {
  LogState state{Checkpoint{}};
  MoveStart(&state, 1, 4);
  MoveStart(&state, 2, 7);
  EXPECT_EQ(state.log_start(), Offset(7));
  EXPECT_EQ(state.committed_log_start(), Offset(0));
  state.SetCommit(Index(1));
  EXPECT_EQ(state.committed_log_start(), Offset(4));
  state.SetCommit(Index(2));
  EXPECT_EQ(state.committed_log_start(), Offset(7));
}

TEST(LogState, ALossMovesTheLogStartLikeATrim) {
  LogState state{Checkpoint{}};
  const ByteBuffer payload = EncodeLogStart({Offset(7), Offset(5)});
  EXPECT_EQ(payload.size(), 16u);
  state.Append(Header(EntryKind::kLogStart, 1, 10), payload.span());
  EXPECT_EQ(state.log_start(), Offset(7));
}

TEST(LogState, AMoveOfTheLogStartIsReadAsWrittenOrRefused) {
  const Result<LogStartMove> trim = DecodeLogStart(EncodeLogStart({Offset(7), {}}).span());
  ASSERT_TRUE(trim.has_value());
  EXPECT_EQ(trim->log_start, Offset(7));
  EXPECT_FALSE(trim->lost_from.has_value());
  const Result<LogStartMove> loss = DecodeLogStart(EncodeLogStart({Offset(7), Offset(5)}).span());
  ASSERT_TRUE(loss.has_value());
  EXPECT_EQ(loss->log_start, Offset(7));
  EXPECT_EQ(loss->lost_from, Offset(5));
  EXPECT_EQ(DecodeLogStart(ByteBuffer(12).span()).error().code, ErrorCode::kBadBatch);
}

TEST(LogState, TheLogStartOnlyGrows) {
  LogState state{Checkpoint{}};
  MoveStart(&state, 1, 7);
  MoveStart(&state, 2, 4);
  EXPECT_EQ(state.log_start(), Offset(7));
}

TEST(LogState, EndsFollowCommitAndDurableApart) {
  LogState state{Checkpoint{}};
  state.Append(Header(EntryKind::kData, 1, 0, 3), {});
  state.Append(Header(EntryKind::kNoOp, 2, 3), {});
  state.Append(Header(EntryKind::kData, 3, 3, 2), {});
  state.SetDurable(Index(3));
  EXPECT_EQ(state.durable_end(), Offset(5));
  EXPECT_EQ(state.committed_end(), Offset(0));
  state.SetCommit(Index(2));
  EXPECT_EQ(state.committed_end(), Offset(3));
  state.SetCommit(Index(3));
  EXPECT_EQ(state.committed_end(), Offset(5));
}

BatchHeader SessionBatch(std::uint64_t index, std::uint32_t sequence, std::uint64_t base) {
  BatchHeader header = Header(EntryKind::kData, index, base, 2);
  header.producer.session = SessionId(5);
  header.producer.base_sequence = sequence;
  return header;
}

TEST(LogState, SessionsFollowTheLogToItsEndAndAreTakenBackWithIt) {
  LogState state{Checkpoint{}};
  state.Append(SessionBatch(1, 0, 0), {});
  state.Append(Header(EntryKind::kSession, 2, 2),
               EncodeSessionEntry(SessionOpening{SessionId(6), 1}).span());
  state.SetCommit(Index(2));
  state.Append(SessionBatch(3, 2, 2), {});
  state.Append(Header(EntryKind::kSession, 4, 4), EncodeSessionEntry(SessionExpiry{9}).span());
  EXPECT_EQ(state.sessions().size(), 0u);
  EXPECT_EQ(state.sessions().floor(), SessionId(6));
  state.TruncateAfter(Index(2));
  EXPECT_EQ(state.sessions().NextSequence(SessionId(5)), 2u);
  EXPECT_EQ(state.sessions().NextSequence(SessionId(6)), 0u);
  EXPECT_EQ(state.sessions().floor(), SessionId(0));
}

TEST(LogState, SessionsBeginWithThoseOfTheCheckpoint) {
  LogState before{Checkpoint{}};
  before.Append(SessionBatch(1, 0, 0), {});
  Checkpoint checkpoint;
  checkpoint.sessions = before.sessions().Encode();
  const LogState state(checkpoint);
  EXPECT_EQ(state.sessions().NextSequence(SessionId(5)), 2u);
}

ByteBuffer WithMessageId(std::uint64_t index, std::uint64_t base, const std::string& id) {
  BatchBuilder builder(kBatchBytesMax);
  const RecordHeader header{kMessageIdHeader, id};
  EXPECT_TRUE(builder.Append({.value = "v", .headers = {&header, 1}, .timestamp_ms = 1}));
  ByteBuffer frame = builder.Finish({.has_message_id = true});
  StampBatch(frame.span(), {.index = Index(index), .base_offset = Offset(base)}, 0);
  return frame;
}

void AppendFrame(LogState* state, const ByteBuffer& frame) {
  const Result<BatchHeader> header = ParseBatchHeader(frame.span());
  ASSERT_TRUE(header.has_value());
  state->Append(*header, frame.span().subspan(kBatchHeaderBytes));
}

TEST(LogState, MessageIdsFollowTheLogAndStandInCheckpoints) {
  LogState state{Checkpoint{}};
  AppendFrame(&state, WithMessageId(1, 0, "one"));
  state.SetCommit(Index(1));
  AppendFrame(&state, WithMessageId(2, 1, "two"));
  EXPECT_EQ(state.message_ids().Find(MessageIdOf("two"))->base_offset, Offset(1));
  state.TruncateAfter(Index(1));
  EXPECT_FALSE(state.message_ids().Find(MessageIdOf("two")).has_value());
  Checkpoint checkpoint;
  checkpoint.message_ids = state.message_ids().Encode();
  const LogState next(checkpoint);
  EXPECT_EQ(next.message_ids().Find(MessageIdOf("one"))->base_offset, Offset(0));
}

// Appends the parts of a checkpoint of about two parts, the first `count` of them.
Index AppendRun(LogState* state, std::uint64_t index, std::size_t count, std::uint64_t term) {
  Checkpoint checkpoint;
  checkpoint.state_machine = ByteBuffer(kCheckpointPartBytesMax + 10);
  std::fill_n(checkpoint.state_machine.data(), checkpoint.state_machine.size(), std::byte{1});
  const std::vector<ByteBuffer> parts = EncodeCheckpoint(checkpoint);
  EXPECT_EQ(parts.size(), 2u);
  for (std::size_t i = 0; i < count; ++i) {
    state->Append(Header(EntryKind::kCheckpoint, index++, 10, 0, term), parts[i].span());
  }
  return Index(index - 1);
}

TEST(LogState, ARunBrokenByANewTermIsVoid) {
  LogState state{Checkpoint{}};
  const Index last = AppendRun(&state, 1, 1, 1);
  EXPECT_FALSE(state.IsNewestRunBroken(Term(1)));
  EXPECT_TRUE(state.IsNewestRunBroken(Term(2)));
  state.SetCommit(last);
  EXPECT_FALSE(state.NewestFrontFor(Offset(10)).has_value());
}

TEST(LogState, OnlyASegmentWithAWholeCommittedCheckpointCanStandAtTheFront) {
  LogState state{Checkpoint{}};
  state.AddWholeRun(Index(1), Offset(0));
  state.SetRecordedCommit(Index(1));
  const Index last = AppendRun(&state, 20, 2, 1);
  state.SetCommit(last);
  state.SetDurable(last);
  EXPECT_EQ(state.NewestFrontFor(Offset(10))->first, Index(1));  // No entry says so yet.
  BatchHeader says_so = Header(EntryKind::kNoOp, last.value() + 1, 10);
  says_so.leader.committed_up_to = last;
  state.Append(says_so, {});
  EXPECT_EQ(state.NewestFrontFor(Offset(10))->first, Index(1));  // Not synced yet.
  state.SetDurable(last.Next());
  EXPECT_EQ(state.NewestFrontFor(Offset(9))->first, Index(1));
  EXPECT_EQ(state.NewestFrontFor(Offset(10))->first, Index(20));
  state.TruncateBefore(Index(20));
  EXPECT_FALSE(state.NewestFrontFor(Offset(9)).has_value());
}

}  // namespace
}  // namespace raftmq
