// Pins the bytes of a batch: what was written by any release must be read by all later ones.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "protocol/types/batch_builder.h"
#include "protocol/types/batch_cursor.h"
#include "tests/types/batch_samples.h"

namespace raftmq {
namespace {

// Never change these: they stand for files that exist.
constexpr std::string_view kGolden =
    "c7cb9b84c00a99e388776655443322110500000000000000030000000000000028000000000000000a68e5cf8b0100"
    "00040000000000000036eb14c93ff80e14524d545101000000930000001b00000002000000000000000068e5cf8b01"
    "00000568e5cf8b01000009000000000000000200000064000000"
    "18000000026b0a68656c6c6f00"
    "1a000a020100040268023102"
    "6801"
    "0000000000";
constexpr std::uint64_t kSeed = 0x0123456789ABCDEF;

std::vector<OwnedRecord> Records() {
  return {{.key = "k", .value = "hello", .timestamp_ms = 1'700'000'000'000},
          {.value = "",
           .headers = {{"h", "1"}, {"h", std::nullopt}},
           .timestamp_ms = 1'700'000'000'005}};
}

ByteBuffer GoldenBatch() {
  BatchBuilder builder(4096);
  for (const OwnedRecord& record : Records()) EXPECT_TRUE(AppendTo(&builder, record));
  ByteBuffer frame =
      builder.Finish({.session = SessionId(9), .session_epoch = 2, .base_sequence = 100});
  StampBatch(frame.span(),
             {.index = Index(5),
              .term = Term(3),
              .base_offset = Offset(40),
              .append_time_ms = 1'700'000'000'010,
              .committed_up_to = Index(4),
              .chain = 0x1122334455667788},
             kSeed);
  return frame;
}

std::string Hex(ByteSpan bytes) {
  std::string hex;
  for (const std::byte b : bytes) hex += fmt::format("{:02x}", static_cast<unsigned>(b));
  return hex;
}

std::vector<std::byte> FromHex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// The bytes of the first ```hexdump block of a page.
std::string HexDumpOf(const std::string& path) {
  std::ifstream page(path);
  EXPECT_TRUE(page) << path;
  std::string line, hex;
  while (std::getline(page, line) && line != "```hexdump") continue;
  while (std::getline(page, line) && line != "```") {
    for (const char c : line.substr(6)) {
      if (c != ' ') hex += c;
    }
  }
  return hex;
}

TEST(GoldenBytes, ABatchIsWrittenAsEver) { EXPECT_EQ(Hex(GoldenBatch().span()), kGolden); }

TEST(GoldenBytes, ABatchIsReadAsEver) {
  const std::vector<std::byte> frame = FromHex(kGolden);
  EXPECT_TRUE(HeaderHashHolds(frame, kSeed));
  const auto batch = OpenRecords(frame);
  ASSERT_TRUE(batch.has_value()) << batch.error().ToString();
  BatchCursor cursor(*batch);
  std::vector<OwnedRecord> records;
  while (const auto record = cursor.Next()) records.push_back(OwnedRecord::From(*record));
  EXPECT_EQ(records, Records());
}

TEST(GoldenBytes, TheFormatPageShowsThem) {
  EXPECT_EQ(HexDumpOf(RAFTMQ_SOURCE_DIR "/protocol/types/FORMAT.md"), kGolden);
}

}  // namespace
}  // namespace raftmq
