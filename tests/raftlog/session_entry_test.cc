#include "raftlog/session_entry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace raftmq {
namespace {

TEST(SessionEntry, IsReadBack) {
  for (const SessionEntry& entry :
       {SessionEntry(SessionOpening{SessionId(9), 2}), SessionEntry(SessionExpiry{-5}),
        SessionEntry(SessionRepeat{SessionId(9), 2, 7, Offset(100), 1'000}),
        SessionEntry(MessageIdExpiry{-5})})
    EXPECT_EQ(DecodeSessionEntry(EncodeSessionEntry(entry).span()).value(), entry);
}

TEST(SessionEntry, TheBytesAreThoseOfTheHeader) {
  const ByteBuffer payload = EncodeSessionEntry(SessionOpening{SessionId(9), 2});
  const std::vector<std::uint8_t> expected{1, 0, 1, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0};
  ASSERT_EQ(payload.size(), expected.size());
  EXPECT_TRUE(std::ranges::equal(payload.span(), std::as_bytes(std::span(expected))));
}

TEST(SessionEntry, ForeignPayloadsAreRefused) {
  const ByteBuffer whole = EncodeSessionEntry(SessionOpening{SessionId(9), 2});
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_EQ(DecodeSessionEntry(whole.span().first(length)).error().code, ErrorCode::kBadBatch);
  ByteBuffer nobody = EncodeSessionEntry(SessionOpening{SessionId(0), 2});
  EXPECT_EQ(DecodeSessionEntry(nobody.span()).error().code, ErrorCode::kBadBatch);
  ByteBuffer later = EncodeSessionEntry(SessionExpiry{1});
  StoreLittleEndian(later.data(), std::uint16_t{2});
  EXPECT_EQ(DecodeSessionEntry(later.span()).error().code, ErrorCode::kUnknownFormat);
  ByteBuffer strange = EncodeSessionEntry(SessionExpiry{1});
  StoreLittleEndian(strange.data() + 2, std::uint16_t{5});
  EXPECT_EQ(DecodeSessionEntry(strange.span()).error().code, ErrorCode::kBadBatch);
  const ByteBuffer repeat = EncodeSessionEntry(SessionRepeat{.session = SessionId(9)});
  EXPECT_EQ(DecodeSessionEntry(repeat.span().first(16)).error().code, ErrorCode::kBadBatch);
}

}  // namespace
}  // namespace raftmq
