// Sessions as the log tells of them: each row of the table in raftlog/DESIGN.md, the edges of the
// numbers, and undoing, against a naive table.
#include "raftlog/session_table.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <map>
#include <random>
#include <string>

namespace raftmq {
namespace {

constexpr SessionId kSession{9};

std::string BytesOf(const SessionTable& table) {
  const ByteBuffer encoded = table.Encode();
  return std::string(AsText(encoded.span()));
}

// A table and the log that it tells of.
struct Log {
  SessionVerdict Judge(std::uint32_t sequence, std::uint32_t count, std::uint32_t epoch = 1) {
    return table.Judge({kSession, epoch, sequence, count}).verdict;
  }
  void Append(std::uint32_t sequence, std::uint32_t count, std::uint32_t epoch = 1,
              SessionId session = kSession) {
    index = index.Next();
    table.Append({session, epoch, sequence, count}, {end, now_ms, index}, now_ms);
    end = end.Plus(count);
  }
  void Open(SessionId session, std::uint32_t epoch) {
    index = index.Next();
    table.Open(index, session, epoch, now_ms);
  }
  void Expire(std::int64_t before_ms) {
    index = index.Next();
    table.Expire(index, before_ms);
  }

  SessionTable table;
  Index index;
  Offset end{100};
  std::int64_t now_ms = 1'000;
};

TEST(SessionTable, AnUnknownSessionBeginsWithSequenceZeroOnly) {
  Log log;
  EXPECT_EQ(log.Judge(0, 3), SessionVerdict::kBegins);
  EXPECT_EQ(log.Judge(1, 3), SessionVerdict::kUnknown);
}

TEST(SessionTable, TheNextSequenceContinuesASession) {
  Log log;
  log.Append(0, 3);
  EXPECT_EQ(log.Judge(3, 1), SessionVerdict::kContinues);
  EXPECT_EQ(log.Judge(4, 1), SessionVerdict::kGap);
  EXPECT_EQ(log.table.NextSequence(kSession), 3u);
  EXPECT_EQ(log.table.NextSequence(SessionId(8)), std::nullopt);
}

TEST(SessionTable, AnyOfTheLastFiveBatchesIsADuplicateOfItself) {
  Log log;
  for (std::uint32_t i = 0; i < 6; ++i) {
    log.now_ms += 10;
    log.Append(2 * i, 2);
  }
  for (std::uint32_t i = 1; i < 6; ++i) {
    const SessionJudgement judged = log.table.Judge({kSession, 1, 2 * i, 2});
    EXPECT_EQ(judged.verdict, SessionVerdict::kDuplicate);
    EXPECT_EQ(judged.stored.base_offset, Offset(100 + 2 * i));
    EXPECT_EQ(judged.stored.append_time_ms, 1'010 + 10 * i);
  }
  const SessionJudgement first = log.table.Judge({kSession, 1, 0, 2});
  EXPECT_EQ(first.verdict, SessionVerdict::kForgotten);
  EXPECT_EQ(first.stored.base_offset, Offset(102));
}

TEST(SessionTable, APartOfWhatIsThereIsAnOverlap) {
  Log log;
  for (std::uint32_t i = 0; i < 6; ++i) log.Append(2 * i, 2);
  EXPECT_EQ(log.Judge(10, 1), SessionVerdict::kOverlap);  // A shorter last batch.
  EXPECT_EQ(log.Judge(10, 3), SessionVerdict::kOverlap);  // And something new behind it.
  EXPECT_EQ(log.Judge(8, 4), SessionVerdict::kOverlap);   // Two batches as one.
  EXPECT_EQ(log.Judge(7, 2), SessionVerdict::kOverlap);   // Across two.
  EXPECT_EQ(log.Judge(1, 2), SessionVerdict::kOverlap);   // From before the remembered ones.
}

TEST(SessionTable, NothingLiesBeforeAFirstBatch) {
  Log log;
  log.Open(kSession, 1);
  EXPECT_EQ(log.Judge(0u - 2, 2), SessionVerdict::kGap);
  EXPECT_EQ(log.Judge(0u - 2, 3), SessionVerdict::kGap);
  log.Append(0, 2);
  EXPECT_EQ(log.Judge(0u - 2, 2), SessionVerdict::kGap);
}

TEST(SessionTable, ALowerEpochIsFencedAndAHigherOneTakesOver) {
  Log log;
  log.Append(0, 2, 3);
  EXPECT_EQ(log.Judge(2, 1, 2), SessionVerdict::kFenced);
  EXPECT_EQ(log.Judge(0, 2, 2), SessionVerdict::kFenced);
  EXPECT_EQ(log.Judge(3, 1, 4), SessionVerdict::kGap);
  EXPECT_EQ(log.Judge(2, 1, 4), SessionVerdict::kContinues);
  log.Append(2, 1, 4);
  EXPECT_EQ(log.Judge(3, 1, 3), SessionVerdict::kFenced);
}

TEST(SessionTable, TheGreatestEpochIsFencedByNobody) {
  constexpr std::uint32_t kGreatest = 0xFFFFFFFF;
  Log log;
  log.Append(0, 2, kGreatest);
  EXPECT_EQ(log.Judge(2, 1, kGreatest), SessionVerdict::kContinues);
  EXPECT_EQ(log.Judge(2, 1, 0), SessionVerdict::kFenced);
}

TEST(SessionTable, OpeningFencesAndKeepsTheSequence) {
  Log log;
  EXPECT_EQ(log.table.JudgeOpening(kSession, 1), SessionVerdict::kBegins);
  log.Append(0, 2, 1);
  EXPECT_EQ(log.table.JudgeOpening(kSession, 1), SessionVerdict::kDuplicate);
  EXPECT_EQ(log.table.JudgeOpening(kSession, 2), SessionVerdict::kContinues);
  log.Open(kSession, 2);
  EXPECT_EQ(log.table.JudgeOpening(kSession, 1), SessionVerdict::kFenced);
  EXPECT_EQ(log.table.NextSequence(kSession), 2u);
  EXPECT_EQ(log.Judge(2, 1, 1), SessionVerdict::kFenced);
  EXPECT_EQ(log.Judge(2, 1, 2), SessionVerdict::kContinues);
  EXPECT_EQ(log.Judge(0, 2, 2), SessionVerdict::kDuplicate);
}

TEST(SessionTable, SequencesWrap) {
  Log log;
  constexpr std::uint32_t kLarge = 600'000'000;
  std::uint32_t sequence = 0;
  for (int i = 0; i < 7; ++i, sequence += kLarge) log.Append(sequence, kLarge);
  const std::uint32_t before = 0u - sequence - 3;
  log.Append(sequence, before);
  EXPECT_EQ(log.table.NextSequence(kSession), 0u - 3);
  log.Append(0u - 3, 5);  // Across the end of the numbers.
  EXPECT_EQ(log.table.NextSequence(kSession), 2u);
  EXPECT_EQ(log.Judge(2, 1), SessionVerdict::kContinues);
  EXPECT_EQ(log.Judge(3, 1), SessionVerdict::kGap);
  EXPECT_EQ(log.Judge(0u - 3, 5), SessionVerdict::kDuplicate);
  EXPECT_EQ(log.Judge(0u - 3, 4), SessionVerdict::kOverlap);
  EXPECT_EQ(log.Judge(0, 2), SessionVerdict::kOverlap);
  log.Append(2, 1);
  for (std::uint32_t i = 3; i < 7; ++i) log.Append(i, 1);
  EXPECT_EQ(log.Judge(0u - 3, 5), SessionVerdict::kForgotten);
}

TEST(SessionTable, ADroppedSessionRaisesTheFloor) {
  Log log;
  log.Append(0, 1, 1, SessionId(7));
  log.now_ms = 2'000;
  log.Append(0, 1, 1, SessionId(9));
  log.Expire(2'000);
  EXPECT_EQ(log.table.size(), 1u);
  EXPECT_EQ(log.table.floor(), SessionId(7));
  // Neither as it was nor from the beginning, nor any other up to the floor.
  for (const std::uint32_t sequence : {0u, 1u})
    for (const std::uint64_t id : {5u, 7u})
      EXPECT_EQ(log.table.Judge({SessionId(id), 1, sequence, 1}).verdict, SessionVerdict::kUnknown);
  EXPECT_EQ(log.table.Judge({SessionId(8), 1, 0, 1}).verdict, SessionVerdict::kBegins);
  EXPECT_EQ(log.Judge(1, 1), SessionVerdict::kContinues);
}

// A name keeps its session for ever: it comes back under its next epoch.
TEST(SessionTable, ASessionBelowTheFloorIsOpenedAnew) {
  Log log;
  log.Append(0, 1, 1, SessionId(7));
  log.now_ms = 2'000;
  log.Expire(2'000);
  for (const std::uint64_t id : {5u, 7u})
    EXPECT_EQ(log.table.JudgeOpening(SessionId(id), 2), SessionVerdict::kBegins);
  log.Open(SessionId(7), 2);
  EXPECT_EQ(log.table.NextSequence(SessionId(7)), 0u);
  EXPECT_EQ(log.table.Judge({SessionId(7), 1, 0, 1}).verdict, SessionVerdict::kFenced);
  EXPECT_EQ(log.table.Judge({SessionId(7), 2, 0, 1}).verdict, SessionVerdict::kContinues);
}

TEST(SessionTable, TheOldestAreFoundByLogTime) {
  Log log;
  for (std::uint64_t id = 1; id <= 10; ++id) {
    log.now_ms = 1'000 * static_cast<std::int64_t>(id);
    log.Append(0, 1, 1, SessionId(id));
  }
  EXPECT_FALSE(log.table.HasOlderThan(1'000));
  EXPECT_TRUE(log.table.HasOlderThan(1'001));
  EXPECT_EQ(log.table.FindExpiry(3, 8'000), 3'001);
  EXPECT_EQ(log.table.FindExpiry(9, 5'000), 4'001);
  EXPECT_EQ(log.table.FindExpiry(1, 1'000), std::nullopt);
  log.Append(1, 1, 1, SessionId(1));  // Heard of again, at 10,000.
  EXPECT_FALSE(log.table.HasOlderThan(2'000));
  log.table.UndoAfter(log.index.Minus(1));
  EXPECT_TRUE(log.table.HasOlderThan(2'000));
}

TEST(SessionTable, WhatDoesNotFollowReplacesWhatWasRemembered) {
  Log log;
  log.Append(0, 2);
  const std::string before = BytesOf(log.table);
  log.Append(50, 2);  // No leader of this version appends that; an older one may have.
  EXPECT_EQ(log.Judge(52, 1), SessionVerdict::kContinues);
  EXPECT_EQ(log.Judge(0, 2), SessionVerdict::kGap);
  log.table.UndoAfter(Index(1));
  EXPECT_EQ(BytesOf(log.table), before);
}

TEST(SessionTable, TheBytesAreCanonicalAndReadBack) {
  EXPECT_TRUE(BytesOf(SessionTable()).empty());
  Log one;
  one.Append(0, 2, 1, SessionId(3));
  one.Append(0, 2, 1, SessionId(200));
  Log other;
  other.end = Offset(102);
  other.Append(0, 2, 1, SessionId(200));
  other.end = Offset(100);
  other.Append(0, 2, 1, SessionId(3));
  EXPECT_EQ(BytesOf(one.table), BytesOf(other.table));
  EXPECT_LE(BytesOf(one.table).size(), one.table.encoded_bytes_max());
  one.now_ms = 5'000;
  one.Append(2, 1, 1, SessionId(200));
  one.Expire(5'000);
  const ByteBuffer bytes = one.table.Encode();
  const Result<SessionTable> read = SessionTable::Decode(bytes.span());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(BytesOf(*read), BytesOf(one.table));
  EXPECT_EQ(read->floor(), SessionId(3));
}

// Its first copy may have come long ago, and from another session.
TEST(SessionTable, ARepeatedMessageContinuesTheSessionWhereItWasFirstStored) {
  Log log;
  log.Append(0, 1);
  log.now_ms = 2'000;
  log.table.Append({kSession, 1, 1, 1}, {Offset(3), 500, Index(2)}, log.now_ms);
  EXPECT_EQ(log.Judge(2, 1), SessionVerdict::kContinues);
  const SessionJudgement again = log.table.Judge({kSession, 1, 1, 1});
  EXPECT_EQ(again.verdict, SessionVerdict::kDuplicate);
  EXPECT_EQ(again.stored.base_offset, Offset(3));
  EXPECT_EQ(again.stored.append_time_ms, 500);
  EXPECT_EQ(again.stored.index, Index(2));
  EXPECT_FALSE(log.table.HasOlderThan(2'000));
}

TEST(SessionTable, ForeignBytesAreRefused) {
  Log log;
  log.Append(0, 2, 1, SessionId(3));
  log.Append(0, 2, 1, SessionId(4));
  const ByteBuffer bytes = log.table.Encode();
  for (std::size_t length = 1; length < bytes.size(); ++length)
    EXPECT_FALSE(SessionTable::Decode(bytes.span().first(length)).has_value()) << length;
  ByteBuffer unsorted = log.table.Encode();
  StoreLittleEndian(unsorted.data() + 12, std::uint64_t{4});
  EXPECT_FALSE(SessionTable::Decode(unsorted.span()).has_value());
  ByteBuffer crowded = log.table.Encode();
  StoreLittleEndian(crowded.data() + 36, std::uint8_t{6});
  EXPECT_FALSE(SessionTable::Decode(crowded.span()).has_value());
}

// What a random log says, judged by going through all of it.
struct Entry {
  enum class Kind { kBatch, kOpen, kExpire } kind = Kind::kBatch;
  SessionBatch batch;
  Offset base_offset;
  std::int64_t append_time_ms = 0;
  std::int64_t before_ms = 0;
};

SessionTable Replay(const std::vector<Entry>& log) {
  SessionTable table;
  for (std::size_t i = 0; i < log.size(); ++i) {
    const Entry& entry = log[i];
    const Index index(i + 1);
    switch (entry.kind) {
      case Entry::Kind::kBatch:
        table.Append(entry.batch, {entry.base_offset, entry.append_time_ms, index},
                     entry.append_time_ms);
        break;
      case Entry::Kind::kOpen:
        table.Open(index, entry.batch.session, entry.batch.epoch, entry.append_time_ms);
        break;
      case Entry::Kind::kExpire:
        table.Expire(index, entry.before_ms);
        break;
    }
  }
  return table;
}

// The same rules, by looking for the batch among all of the session's since it began.
SessionVerdict JudgeNaively(const std::vector<Entry>& log, const SessionBatch& batch) {
  struct Known {
    std::uint32_t epoch = 0;
    std::int64_t heard_ms = 0;
    std::vector<SessionBatch> batches;
  };
  std::map<SessionId, Known> sessions;
  SessionId floor;
  for (const Entry& entry : log) {
    if (entry.kind == Entry::Kind::kExpire) {
      std::erase_if(sessions, [&](const auto& session) {
        if (session.second.heard_ms >= entry.before_ms) return false;
        floor = std::max(floor, session.first);
        return true;
      });
      continue;
    }
    Known& known = sessions[entry.batch.session];
    known.epoch = entry.batch.epoch;
    known.heard_ms = entry.append_time_ms;
    if (entry.kind == Entry::Kind::kBatch) known.batches.push_back(entry.batch);
  }
  const auto found = sessions.find(batch.session);
  if (found == sessions.end()) {
    const bool begins = batch.base_sequence == 0 && batch.session > floor;
    return begins ? SessionVerdict::kBegins : SessionVerdict::kUnknown;
  }
  const Known& known = found->second;
  if (batch.epoch < known.epoch) return SessionVerdict::kFenced;
  std::uint32_t next = 0;
  for (const SessionBatch& there : known.batches) next += there.record_count;
  if (batch.base_sequence == next) return SessionVerdict::kContinues;
  if (batch.base_sequence > next) return SessionVerdict::kGap;
  const std::size_t kept = std::min(known.batches.size(), SessionTable::kBatchesKept);
  const auto first_kept = known.batches.end() - static_cast<std::ptrdiff_t>(kept);
  for (auto there = first_kept; there != known.batches.end(); ++there) {
    if (there->base_sequence == batch.base_sequence && there->record_count == batch.record_count)
      return SessionVerdict::kDuplicate;
  }
  const std::uint32_t end = batch.base_sequence + batch.record_count;
  return end <= first_kept->base_sequence ? SessionVerdict::kForgotten : SessionVerdict::kOverlap;
}

std::uint32_t Below(std::uint32_t bound, std::mt19937* random) {
  return static_cast<std::uint32_t>((*random)() % bound);
}

SessionBatch RandomBatch(std::mt19937* random, const SessionTable& table) {
  SessionBatch batch{.session = SessionId(Below(6, random) + 1),
                     .epoch = Below(3, random),
                     .record_count = Below(3, random) + 1};
  const std::uint32_t next = table.NextSequence(batch.session).value_or(0);
  const std::uint32_t back = Below(2, random) == 0 ? 0 : Below(20, random);
  batch.base_sequence = next >= back ? next - back : next + 1;
  return batch;
}

TEST(SessionTable, UndoingEntriesGivesTheTableOfTheShorterLog) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    std::vector<Entry> log;
    SessionTable table;
    std::size_t commit = 0;
    std::int64_t now_ms = 1'000;
    Offset end;
    for (int step = 0; step < 400; ++step) {
      now_ms += random() % 50;
      const Index next(log.size() + 1);
      const SessionBatch batch = RandomBatch(&random, table);
      const SessionVerdict verdict = table.Judge(batch).verdict;
      ASSERT_EQ(verdict, JudgeNaively(log, batch));
      switch (random() % 12) {
        case 0:
          if (table.JudgeOpening(batch.session, batch.epoch) == SessionVerdict::kFenced) break;
          log.push_back({Entry::Kind::kOpen, batch, {}, now_ms, 0});
          table.Open(next, batch.session, batch.epoch, now_ms);
          break;
        case 1: {
          const auto before_ms = now_ms - static_cast<std::int64_t>(random() % 600);
          log.push_back({Entry::Kind::kExpire, {}, {}, now_ms, before_ms});
          table.Expire(next, before_ms);
          break;
        }
        case 2:
          commit += random() % (log.size() - commit + 1);
          table.SetCommit(Index(commit));
          break;
        case 3:
          log.resize(commit + random() % (log.size() - commit + 1));
          table.UndoAfter(Index(log.size()));
          ASSERT_EQ(BytesOf(table), BytesOf(Replay(log)));
          break;
        default:
          if (verdict != SessionVerdict::kContinues && verdict != SessionVerdict::kBegins) break;
          log.push_back({Entry::Kind::kBatch, batch, end, now_ms, 0});
          table.Append(batch, {end, now_ms, next}, now_ms);
          end = end.Plus(batch.record_count);
      }
    }
    EXPECT_EQ(BytesOf(table), BytesOf(Replay(log)));
  }
}

// 0 under a sanitizer's allocator.
std::size_t HeapBytes() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

TEST(SessionTable, AHundredThousandSessionsTakeLessThan64MiB) {
  constexpr std::uint64_t kSessions = 100'000;
  constexpr std::size_t kBytesMax = 64u << 20;
  const std::size_t before = HeapBytes();
  Log log;
  for (std::uint64_t id = 1; id <= kSessions; ++id) {
    for (std::uint32_t batch = 0; batch < 6; ++batch) log.Append(batch, 1, 1, SessionId(id));
    log.table.SetCommit(log.index);
  }
  const std::size_t used = HeapBytes() - before;
  RecordProperty("bytes_per_session", static_cast<int>(used / kSessions));
  std::printf("%zu bytes of memory and %zu of a checkpoint per session\n", used / kSessions,
              log.table.Encode().size() / kSessions);
  EXPECT_LT(used, kBytesMax);
}

// A look, not a benchmark: the bound is far above what it takes, so that a busy machine holds it.
TEST(SessionTable, JudgingAndAppendingABatchTakesMicrosecondsAtMost) {
  constexpr std::uint64_t kSessions = 20'000;
  constexpr std::uint64_t kBatches = 200'000;
  Log log;
  for (std::uint64_t id = 1; id <= kSessions; ++id) log.Append(0, 1, 1, SessionId(id));
  log.table.SetCommit(log.index);
  std::mt19937 random(1);
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < kBatches; ++i) {
    const SessionId session(random() % kSessions + 1);
    const SessionBatch batch{session, 1, *log.table.NextSequence(session), 1};
    ASSERT_EQ(log.table.Judge(batch).verdict, SessionVerdict::kContinues);
    log.Append(batch.base_sequence, 1, 1, session);
    if (i % 100 == 0) log.table.SetCommit(log.index);
  }
  const auto took = std::chrono::steady_clock::now() - start;
  const auto per_batch_ns = std::chrono::nanoseconds(took).count() / std::int64_t{kBatches};
  std::printf("%ld ns per batch\n", static_cast<long>(per_batch_ns));
  EXPECT_LT(per_batch_ns, 20'000);
}

}  // namespace
}  // namespace raftmq
