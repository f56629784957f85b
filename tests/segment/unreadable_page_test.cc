// A page that the disk cannot read costs its entries, and no others.
#include "tests/segment/unreadable_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "raftlog/opened_log.h"
#include "segment/log_read.h"
#include "segment/segment_name.h"
#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

using ::testing::SizeIs;

const std::string kSegment = "/p/" + SegmentName{Index(1), Offset(0)}.LogFile();

class UnreadablePageTest : public ::testing::Test {
 protected:
  // Entries 2 to 7, each over more than one page.
  void SetUp() override {
    for (int i = 0; i < 6; ++i) driver_.Append(6000);
    driver_.Commit();
    driver_.Append(6000);
    driver_.Close();
  }
  Result<std::unique_ptr<OpenedLog>> Open() {
    RecoveryReport report;
    RAFTMQ_TRY_ASSIGN(auto log, PartitionLog::Open(files_, driver_.options(), &report));
    return ScanOpenedLog(std::move(log), std::move(report));
  }
  std::uint64_t used() { return driver_.log().Segments().back().used_bytes; }

  LogDriver driver_{SmallLog()};
  UnreadablePage files_{driver_.files()};
};

TEST_F(UnreadablePageTest, InTheMidstOfASegmentItIsDamage) {
  files_.Set(kSegment, 4 * kPageBytes);
  const auto opened = Open();
  ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
  ASSERT_THAT((*opened)->log->damage(), SizeIs(1));
  EXPECT_EQ((*opened)->log->bounds().last, driver_.log().bounds().last);
  EXPECT_EQ(ContentsOf(*(*opened)->log).last(), driver_.log().bounds().last.value());
}

TEST_F(UnreadablePageTest, AtTheEndOfASegmentItIsDamageAndTheLogGoesOn) {
  ASSERT_NE(used() % kPageBytes, 0u);
  files_.Set(kSegment, used() / kPageBytes * kPageBytes);
  const auto opened = Open();
  ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
  ASSERT_THAT((*opened)->log->damage(), SizeIs(1));
  EXPECT_EQ((*opened)->log->bounds().last, driver_.log().bounds().last);
}

// It could be read when the log was opened, and once it is known, what lies around it is served.
TEST_F(UnreadablePageTest, AReadThatMeetsItNamesItsEntriesAndGivesTheOthers) {
  RecoveryReport report;
  const auto log = PartitionLog::Open(files_, driver_.options(), &report);
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
  files_.Set(kSegment, 4 * kPageBytes);
  const Index last = (*log)->bounds().durable;
  const auto before = (*log)->Read({.value = 1}, last, 1u << 20)->Run();
  ASSERT_TRUE(before.has_value()) << before.error().ToString();
  const auto read = (*log)->Read({.value = before->last.Next().value()}, last, 1u << 20);
  EXPECT_EQ(read->Run().error().code, ErrorCode::kDataCorrupt);
  ASSERT_NE(read->damage(), nullptr);
  EXPECT_EQ(read->damage()->first, before->last.Next());
  EXPECT_LT(read->damage()->last, last);
  const auto behind =
      (*log)->Read({.value = read->damage()->last.Next().value()}, last, 1u << 20)->Run();
  ASSERT_TRUE(behind.has_value()) << behind.error().ToString();
  EXPECT_EQ(behind->first, read->damage()->last.Next());
}

// The system has not even tried: that says nothing of the disk.
class NotNow final : public FileMap {
 public:
  ByteSpan bytes() const override { return bytes_; }
  void AdviseSequential(bool) override {}
  bool IsResident(std::size_t, std::size_t) const override { return false; }
  Status Populate(std::size_t, std::size_t) override {
    return Fail(ErrorCode::kInternal, "no memory");
  }

 private:
  std::vector<std::byte> bytes_ = std::vector<std::byte>(4 * kPageBytes);
};

TEST(UnreadableMap, WhatTheSystemHasNotTriedToReadIsNoDamage) {
  const auto read = MakeLogRead({.view = {.map = std::make_shared<NotNow>(),
                                          .page = {},
                                          .page_at = 4 * kPageBytes,
                                          .end = 4 * kPageBytes},
                                 .line = {.index = Index(1)},
                                 .from = {.value = 1},
                                 .up_to = Index(2),
                                 .bytes_max = kPageBytes,
                                 .is_overtaken = std::make_shared<std::atomic<bool>>(false)});
  EXPECT_EQ(read->Run().error().code, ErrorCode::kInternal);
  EXPECT_EQ(read->damage(), nullptr);
}

}  // namespace
}  // namespace raftmq
