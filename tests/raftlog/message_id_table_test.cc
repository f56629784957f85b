// Message ids as the log tells of them, against a naive table.
#include "raftlog/message_id_table.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <map>
#include <random>
#include <string>

namespace raftmq {
namespace {

std::string BytesOf(const MessageIdTable& table) {
  const ByteBuffer encoded = table.Encode();
  return std::string(AsText(encoded.span()));
}

// A table and the log that it tells of.
struct Log {
  void Append(const std::string& id) {
    index = index.Next();
    table.Append(MessageIdOf(id), {end, now_ms, index});
    end = end.Next();
  }
  void Expire(std::int64_t before_ms) {
    index = index.Next();
    table.Expire(index, before_ms);
  }
  std::optional<Offset> Find(const std::string& id) const {
    const auto stored = table.Find(MessageIdOf(id));
    if (!stored) return std::nullopt;
    return stored->base_offset;
  }

  MessageIdTable table;
  Index index;
  Offset end;
  std::int64_t now_ms = 1'000;
};

TEST(MessageIdTable, AnIdIsFoundWhereItWasAppendedLast) {
  Log log;
  EXPECT_EQ(log.Find("a"), std::nullopt);
  log.Append("a");
  log.Append("b");
  EXPECT_EQ(log.Find("a"), Offset(0));
  log.Append("a");
  EXPECT_EQ(log.Find("a"), Offset(2));
  EXPECT_EQ(log.table.size(), 2u);
}

TEST(MessageIdTable, ExpiryDropsWhatIsOlderButNotWhatCameAgain) {
  Log log;
  log.Append("a");
  log.Append("b");
  log.now_ms = 2'000;
  log.Append("a");
  EXPECT_TRUE(log.table.HasOlderThan(1'001));
  EXPECT_FALSE(log.table.HasOlderThan(1'000));
  log.Expire(2'000);
  EXPECT_EQ(log.Find("a"), Offset(2));
  EXPECT_EQ(log.Find("b"), std::nullopt);
  log.Expire(2'001);
  EXPECT_EQ(log.table.size(), 0u);
  EXPECT_TRUE(BytesOf(log.table).empty());
}

TEST(MessageIdTable, ManyOldIdsAreDroppedInPortions) {
  Log log;
  for (int i = 0; i < 10; ++i) {
    log.Append(std::to_string(i));
    if (i != 2) ++log.now_ms;  // Those of 2 and 3 are of one millisecond.
  }
  EXPECT_EQ(log.table.ExpiryOf(10, 5'000), 5'000);
  EXPECT_EQ(log.table.ExpiryOf(5, 1'002), 1'002);
  log.Expire(log.table.ExpiryOf(3, 5'000));
  EXPECT_EQ(log.table.size(), 8u);  // All before the millisecond of the fourth.
  log.Expire(log.table.ExpiryOf(1, 5'000));
  EXPECT_EQ(log.table.size(), 6u);
}

TEST(MessageIdTable, ForeignBytesAreRefused) {
  Log log;
  log.Append("a");
  log.Append("b");
  const ByteBuffer bytes = log.table.Encode();
  for (std::size_t length = 1; length < bytes.size(); ++length)
    EXPECT_FALSE(MessageIdTable::Decode(bytes.span().first(length)).has_value()) << length;
  ByteBuffer unsorted = log.table.Encode();
  StoreLittleEndian(unsorted.data() + 4 + 16, std::uint64_t{1});
  EXPECT_FALSE(MessageIdTable::Decode(unsorted.span()).has_value());
  ByteBuffer twice = log.table.Encode();
  std::copy_n(twice.data() + 4, 16, twice.data() + 36);
  EXPECT_FALSE(MessageIdTable::Decode(twice.span()).has_value());
  ByteBuffer of_none(4);  // An empty table has no bytes at all.
  StoreLittleEndian(of_none.data(), std::uint32_t{0});
  EXPECT_FALSE(MessageIdTable::Decode(of_none.span()).has_value());
}

// Random logs: cut back anywhere, they say what the log up to there says, and so does a table that
// was read from the bytes of a checkpoint.
TEST(MessageIdTable, UndoingGivesTheTableOfTheShorterLog) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Log log;
    std::map<std::uint64_t, std::string> bytes_at{{0, ""}};
    std::uint64_t commit = 0;
    for (int step = 0; step < 60; ++step) {
      const auto what = random() % 10;
      if (what < 6) {
        log.Append(std::to_string(random() % 8));
      } else if (what < 8) {
        log.Expire(log.now_ms - static_cast<std::int64_t>(random() % 40));
      } else if (what < 9) {
        log.now_ms += 10;
        continue;
      } else {
        const std::uint64_t kept = commit + random() % (log.index.value() - commit + 1);
        log.table.UndoAfter(Index(kept));
        log.index = Index(kept);
        EXPECT_EQ(BytesOf(log.table), bytes_at.at(kept));
      }
      bytes_at[log.index.value()] = BytesOf(log.table);
      EXPECT_EQ(log.table.encoded_bytes(), BytesOf(log.table).size());
      if (random() % 4 == 0) {
        commit = log.index.value();
        log.table.SetCommit(log.index);
        const ByteBuffer encoded = log.table.Encode();
        if (random() % 2 == 0) log.table = MessageIdTable::Decode(encoded.span()).value();
      }
    }
  }
}

// Under a sanitizer's allocator the heap says 0.
TEST(MessageIdTable, AnIdTakesAtMost200BytesOfMemory) {
  constexpr int kIds = 20'000;
  const std::size_t before = mallinfo2().uordblks;
  Log log;
  for (int i = 0; i < kIds; ++i) log.Append(std::to_string(i));
  log.table.SetCommit(log.index);
  const std::size_t per_id = (mallinfo2().uordblks - before) / kIds;
  RecordProperty("bytes_per_id", static_cast<int>(per_id));
  EXPECT_LE(per_id, 200u);
}

}  // namespace
}  // namespace raftmq
