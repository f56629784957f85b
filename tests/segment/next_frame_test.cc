// Where a log goes on behind damage, if a page of it also stands in another place.
#include "segment/next_frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "segment/segment_name.h"
#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

struct Stored {
  Index index;
  std::uint64_t position = 0, end = 0;
};

// One segment of forty frames that follow directly.
class NextFrame : public ::testing::Test {
 protected:
  NextFrame() {
    LogDriver driver(SmallLog());
    for (int i = 0; i < 40; ++i) driver.Append(700);
    const auto segment = driver.log().Segments().front();
    const auto file = *driver.files().Open(
        "/p/" + SegmentName{segment.first, segment.first_offset}.LogFile(), OpenMode::kRead);
    bytes_.resize(AlignDown(segment.used_bytes, kPageBytes));
    EXPECT_TRUE(file->Read(0, bytes_).has_value());
    for (std::uint64_t at = 0; at < bytes_.size();) {
      ByteSpan frame;
      const auto header = FrameAt(get_, at, LogDriver::kSeed, &frame);
      if (!header) break;  // The last one is cut short.
      stored_.push_back({header->leader.index, at, at + header->padded_length()});
      at = stored_.back().end;
    }
  }
  void CopyPage(std::uint64_t from, std::uint64_t to) {
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(from), kPageBytes,
                bytes_.begin() + static_cast<std::ptrdiff_t>(to));
  }
  bool IsHit(const Stored& frame, std::uint64_t page) const {
    return frame.position < page + kPageBytes && frame.end > page;
  }

  std::vector<std::byte> bytes_;
  const SegmentBytesAt get_ = [this](std::uint64_t at, std::size_t count) -> Result<ByteSpan> {
    if (at >= bytes_.size()) return ByteSpan();
    return ByteSpan(bytes_).subspan(static_cast<std::size_t>(at),
                                    std::min<std::size_t>(count, bytes_.size() - at));
  };
  std::vector<Stored> stored_;
};

TEST_F(NextFrame, IsTheOneInItsOwnPlaceWhereverAPageStandsASecondTime) {
  ASSERT_GT(stored_.size(), 20u);
  const std::vector<std::byte> whole = bytes_;
  const std::uint64_t pages = bytes_.size() / kPageBytes;
  for (std::uint64_t from = 0; from + 2 < pages; ++from) {
    for (std::uint64_t to = 0; to + 2 < pages; ++to) {
      if (from == to) continue;
      bytes_ = whole;
      CopyPage(from * kPageBytes, to * kPageBytes);
      for (std::size_t i = 1; i + 12 < stored_.size(); ++i) {
        // That page is all the damage, or it is further away than a page reaches.
        const std::uint64_t page = to * kPageBytes, at = stored_[i].position;
        const bool is_far = page + kPageBytes <= at || at + 3 * kPageBytes <= page;
        if (!is_far && (!IsHit(stored_[i], page) || IsHit(stored_[i - 1], page))) continue;
        std::size_t next = i;
        while (IsHit(stored_[next], page)) ++next;
        const auto found =
            FindNextFrame(get_, stored_[i].position, stored_[i - 1].index, LogDriver::kSeed);
        ASSERT_TRUE(found && *found);
        ASSERT_EQ((*found)->header.leader.index, stored_[next].index);
        ASSERT_EQ((*found)->position, stored_[next].position)
            << "page " << from << " also at " << to << ", behind " << stored_[i - 1].index.value();
      }
    }
  }
}

}  // namespace
}  // namespace raftmq
