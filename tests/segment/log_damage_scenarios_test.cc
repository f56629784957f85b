// Hand-made scenarios of damaged files that once hid or wrongly condemned entries, or kept a log
// from opening.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "raftlog/opened_log.h"
#include "segment/fault_file_system.h"
#include "segment/meta_file.h"
#include "segment/segment_name.h"
#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

using testing::Contains;
using testing::HasSubstr;

// Found by the simulator: the end of a value of zeros is whole on a page that was zeroed, and what
// follows looked like the rest of a job's last page, so that a read ended there with nothing.
TEST(DamagedLog, AZeroedPageBehindAWholeEntryIsDamageToWhoReadsIt) {
  LogDriver driver(SmallLog());
  driver.StageValue(std::string(6000, '\0'));
  driver.Append(100);
  driver.Append(100);
  driver.Commit();
  driver.Close();
  const auto segment = driver.log().Segments().front();
  const Index end = driver.log().bounds().durable;
  MemoryFileSystem files(driver.files().Snapshot());
  const std::string path = "/p/" + SegmentName{segment.first, segment.first_offset}.LogFile();
  const std::vector<std::byte> zeros(segment.used_bytes - kPageBytes);
  ASSERT_TRUE((*files.Open(path, OpenMode::kWrite))->Write(kPageBytes, zeros).has_value());
  RecoveryReport report;
  const auto log = PartitionLog::Open(files, driver.options(), &report);
  ASSERT_TRUE(log.has_value());
  EXPECT_TRUE((*log)->Read({.value = 2}, end, 1)->Run().has_value());
  for (Index index = Index(3); index <= end; index = index.Next()) {
    const auto read = (*log)->Read({.value = index.value()}, end, 1);
    EXPECT_FALSE(read->Run().has_value());
    ASSERT_NE(read->damage(), nullptr);
    EXPECT_EQ(read->damage()->first, Index(3));
    EXPECT_EQ(read->damage()->last, end);
  }
}

// Found by the simulator: the entries of a damaged front were taken to be of the segment's last
// term, above those behind them, and a replica does not start with such a log.
TEST(DamagedLog, TermsDoNotFallBehindADamagedFront) {
  LogDriver first(SmallLog());
  first.Append(5000);
  auto driver = LogDriver::GoOn(first.options(), first.files().Snapshot());
  driver->Append(5000);
  driver->Commit();
  driver->Background();
  driver->Roll();
  driver->Append(30);
  driver->Commit();
  driver->Append(30);
  driver->Close();
  const auto segment = driver->log().Segments().front();
  const SegmentName name{segment.first, segment.first_offset};
  MemoryFileSystem files(driver->files().Snapshot());
  ASSERT_TRUE((*files.Open("/p/" + name.LogFile(), OpenMode::kWrite))
                  ->Write(0, std::vector<std::byte>(100))
                  .has_value());
  ASSERT_TRUE(files.Remove("/p/" + name.IndexFile()).has_value());
  RecoveryReport report;
  const auto log = PartitionLog::Open(files, driver->options(), &report);
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
  ASSERT_EQ(report.damage.size(), 1u);
  ASSERT_LT((*log)->TermAt(Index(2)), (*log)->TermAt(Index(3)));
  EXPECT_LE((*log)->TermAt(Index(1)), (*log)->TermAt(Index(2)));
}

TEST(DamagedLog, DamageBeforeTheMarkIsNamedAndTheGroupOpens) {
  LogDriver driver(SmallLog());
  for (int i = 0; i < 3; ++i) driver.Append(2000);
  driver.Commit();
  driver.Roll();
  driver.Background();
  MemoryFileSystem files(driver.files().Snapshot());
  files.Damage("/p/00000000000000000001-00000000000000000000.log", 3000, std::byte{1});
  RecoveryReport report;
  auto log = PartitionLog::Open(files, driver.options(), &report);
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
  const auto opened = ScanOpenedLog(std::move(*log), std::move(report));
  ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
  EXPECT_FALSE((*opened)->log->damage().empty());
}

TEST(DamagedLog, ALogWithoutItsFirstFileOpensAndNamesItsOffsetsAsDamaged) {
  LogDriver driver(SmallLog());
  driver.Append(2000);
  driver.Commit();
  driver.Roll();
  driver.Append(2000);
  driver.Commit();
  driver.Append(10);
  driver.Close();
  MemoryFileSystem files(driver.files().Snapshot());
  ASSERT_TRUE(files.Remove("/p/00000000000000000001-00000000000000000000.log").has_value());
  RecoveryReport report;
  auto log = PartitionLog::Open(files, driver.options(), &report);
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
  const auto opened = ScanOpenedLog(std::move(*log), std::move(report));
  ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
  const PartitionLog& found = *(*opened)->log;
  EXPECT_EQ(found.bounds().first, Index(1));
  ASSERT_FALSE(found.damage().empty());
  EXPECT_EQ(found.damage().front().first_offset, Offset(0));
  EXPECT_EQ((*opened)->raft.runs.front().first, Index(1));
}

TEST(DamagedLog, APageOfMetaThatCannotBeReadIsMadeGoodFromItsTwin) {
  LogDriver driver(SmallLog());
  driver.Append(2000);
  driver.SaveHardState(5);
  for (std::uint64_t nth = 0; nth < 8; ++nth) {
    MemoryFileSystem below(driver.files().Snapshot());
    FaultFileSystem files(below);
    files.Add({.operation = FaultOperation::kRead,
               .path_part = "meta",
               .skip = nth,
               .count = 1,
               .error = ErrorCode::kIoError});
    RecoveryReport report;
    const auto log = PartitionLog::Open(files, driver.options(), &report);
    ASSERT_TRUE(log.has_value()) << nth << ": " << log.error().ToString();
    EXPECT_EQ(report.hard_state.term, Term(5));
    EXPECT_FALSE(report.notes.empty());
  }
}

TEST(DamagedLog, ASectorThatCannotBeReadIsDamageOfItsEntriesOnly) {
  LogDriver driver(SmallLog());
  for (int i = 0; i < 5; ++i) driver.Append(3000);
  driver.Commit();
  driver.Append(10);
  driver.Background();
  FaultFileSystem files(driver.files());
  // The window of the scan, then one of its pages.
  for (const std::uint64_t skip : {0u, 2u}) {
    files.Add({.operation = FaultOperation::kRead,
               .path_part = ".log",
               .skip = skip,
               .count = 1,
               .error = ErrorCode::kIoError});
  }
  RecoveryReport report;
  const auto log = PartitionLog::Open(files, driver.options(), &report);
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
  ASSERT_FALSE(report.damage.empty());
  EXPECT_EQ((*log)->bounds().last, driver.log().bounds().last);
}

// A file system check has cut the file short, of which a cut was under way.
TEST(DamagedLog, APendingCutOfAFileThatIsTooShortIsFinished) {
  LogDriver driver(SmallLog());
  for (int i = 0; i < 8; ++i) driver.Append(6000);
  driver.Cut(Index(6));
  MemoryFileSystem files(driver.files().Snapshot());
  {
    std::vector<std::string> notes;
    const auto meta = MetaFile::Open(files, "/p/meta", driver.options().group, NodeId(), &notes);
    ASSERT_TRUE(meta.has_value()) << meta.error().ToString();
    const LogIntent cut{.pending = LogIntent::Pending::kCut, .after = (*meta)->mark(), .base = {}};
    ASSERT_TRUE((*meta)->SaveIntent(cut).has_value());
  }
  const std::string path = "/p/" + SegmentName{Index(1), Offset(0)}.LogFile();
  std::vector<std::byte> left(2 * kPageBytes + 100);
  ASSERT_TRUE((*files.Open(path, OpenMode::kRead))->Read(0, left).has_value());
  ASSERT_TRUE(files.Remove(path).has_value());
  ASSERT_TRUE((*files.Open(path, OpenMode::kCreate))->Write(0, left).has_value());
  RecoveryReport report;
  const auto log = PartitionLog::Open(files, driver.options(), &report);
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
  EXPECT_EQ((*log)->bounds().last, Index(6));
  ASSERT_EQ(report.damage.size(), 1u);
  EXPECT_EQ(report.damage.front().last, Index(6));
}

// A log that was marked, and what a power cut can leave of the segment behind it.
class UndoneRoll : public testing::Test {
 protected:
  void SetUp() override {
    driver_.Append(100);
    driver_.Roll();
    for (int i = 0; i < 3; ++i) driver_.Append(100);
    driver_.Commit();
    driver_.Close();
    tail_ = driver_.log().tail();
    marked_ = driver_.log().Segments().back();
    next_ = PathOf(SegmentName{tail_.index.Next(), tail_.next_offset});
    files_ = std::make_unique<MemoryFileSystem>(driver_.files().Snapshot());
    ASSERT_TRUE((*files_->Open(next_, OpenMode::kCreate))->Allocate(64u << 10));
  }
  static std::string PathOf(const SegmentName& name) { return "/p/" + name.LogFile(); }
  std::string PathOfMarked() const { return PathOf({marked_.first, marked_.first_offset}); }
  void CutMarked() {
    const std::string path = PathOfMarked();
    std::vector<std::byte> kept(static_cast<std::size_t>(marked_.used_bytes - 100));
    ASSERT_TRUE((*files_->Open(path, OpenMode::kRead))->Read(0, kept).has_value());
    ASSERT_TRUE(files_->Remove(path).has_value());
    ASSERT_TRUE((*files_->Open(path, OpenMode::kCreate))->Write(0, kept).has_value());
  }
  // Of the job that opened the next segment a later page has reached the disk, with whole entries.
  void KeepALaterPage() {
    driver_.Roll();
    for (int i = 0; i < 20; ++i) driver_.Append(300);
    std::vector<std::byte> page(kPageBytes);
    ASSERT_TRUE((*driver_.files().Open(next_, OpenMode::kRead))->Read(kPageBytes, page));
    ASSERT_TRUE((*files_->Open(next_, OpenMode::kWrite))->Write(kPageBytes, page).has_value());
  }
  // Of the files only so many are left; the next start sees the same.
  void ExpectTheEndPromised(std::size_t segments) {
    for (int start = 0; start < 2; ++start) {
      RecoveryReport report;
      const auto log = PartitionLog::Open(*files_, driver_.options(), &report);
      ASSERT_TRUE(log.has_value()) << log.error().ToString();
      EXPECT_EQ((*log)->tail(), tail_);
      ASSERT_EQ((*log)->damage().size(), 1u);
      EXPECT_EQ((*log)->damage().front().last, tail_.index);
      EXPECT_EQ((*log)->damage().front().last_hash, tail_.chain);
      EXPECT_EQ((*log)->Segments().size(), segments);
      if (start == 0) notes_ = report.notes;
    }
  }

  LogDriver driver_{SmallLog()};
  std::unique_ptr<MemoryFileSystem> files_;
  LogTail tail_;
  PartitionLog::SegmentInfo marked_;
  std::string next_;
  std::vector<std::string> notes_;  // Of the first start.
};

// Found by the simulator: with the empty file went the promise of what had stood before it.
TEST_F(UndoneRoll, TheEndBeforeAnEmptyFileStaysPromised) {
  CutMarked();
  ExpectTheEndPromised(2);
}

TEST_F(UndoneRoll, TheEndBeforeATornFileStaysPromised) {
  CutMarked();
  KeepALaterPage();
  ExpectTheEndPromised(2);
}

TEST_F(UndoneRoll, AFileThatIsGoneBeforeATornOneStaysPromised) {
  ASSERT_TRUE(files_->Remove(PathOfMarked()).has_value());
  KeepALaterPage();
  ExpectTheEndPromised(1);
}

TEST_F(UndoneRoll, TheDamageIsNotExplainedByTheFileThatWasRemoved) {
  CutMarked();
  ExpectTheEndPromised(2);
  EXPECT_THAT(notes_, Contains(HasSubstr("log' at byte 728: it ends before what was promised)")));
}

// Whose entries are all gone says nothing of their terms.
TEST(DamagedLog, EmptySegmentFilesInARowTakeTheTermBeforeThem) {
  for (std::size_t first = 0; first < 3; ++first) {
    LogDriver driver(SmallLog());
    for (int segment = 0; segment < 4; ++segment) {
      driver.Append(100);
      driver.Cut(driver.log().tail().index.Minus(1));  // The next term.
      driver.Append(100);
      driver.Commit();
      driver.Roll();
    }
    driver.Append(100);
    driver.Commit();
    driver.Append(100);
    driver.Background();
    MemoryFileSystem files(driver.files().Snapshot());
    const auto segments = driver.log().Segments();
    for (const std::size_t i : {first, first + 1}) {
      const SegmentName name{segments[i].first, segments[i].first_offset};
      ASSERT_TRUE(files.Remove("/p/" + name.LogFile()).has_value());
      ASSERT_TRUE(files.Open("/p/" + name.LogFile(), OpenMode::kCreate).has_value());
    }
    RecoveryReport report;
    auto log = PartitionLog::Open(files, driver.options(), &report);
    ASSERT_TRUE(log.has_value()) << log.error().ToString();
    Term before;
    for (Index at = (*log)->bounds().first; at <= (*log)->bounds().last; at = at.Next()) {
      ASSERT_GE((*log)->TermAt(at), before) << "entry " << at.value() << ", files from " << first;
      before = *(*log)->TermAt(at);
    }
    const auto opened = ScanOpenedLog(std::move(*log), std::move(report));
    EXPECT_TRUE(opened.has_value()) << opened.error().ToString();
  }
}

TEST(DamagedLog, OldPayloadThatLooksLikeHeadersIsNotReadAtLength) {
  LogOptions options = SmallLog();
  options.segment_bytes_first = options.segment_bytes_max = 16u << 20;
  LogDriver driver(options);
  driver.Append(10);
  driver.Commit();
  driver.Append(10);
  driver.Background();
  ByteBuffer header = MakeControlEntry(EntryKind::kNoOp, {});
  StoreLittleEndian(header.data() + 72, static_cast<std::uint32_t>(kBatchBytesMax));
  StoreLittleEndian(header.data() + 76,
                    static_cast<std::uint32_t>(kBatchBytesMax - kBatchHeaderBytes));
  const ByteSpan head = header.span().first(kBatchHeaderBytes);
  ASSERT_TRUE(ParseBatchHeader(head).has_value());
  std::vector<std::byte> all;
  for (int i = 0; i < 2000; ++i) all.insert(all.end(), head.begin(), head.end());
  MemoryFileSystem below(driver.files().Snapshot());
  const auto file =
      below.Open("/p/00000000000000000001-00000000000000000000.log", OpenMode::kWrite);
  ASSERT_TRUE((*file)->Write(1u << 20, all).has_value());
  FaultFileSystem files(below);
  RecoveryReport report;
  ASSERT_TRUE(PartitionLog::Open(files, options, &report).has_value());
  EXPECT_LT(files.Calls(FaultOperation::kRead), 200u);
}

// Its other parts are on their way, but nothing can be made of them any more.
TEST(DamagedLog, AnArrivingCheckpointWithADamagedPartIsALostReplica) {
  LogDriver driver(SmallLog());
  driver.Append(600);
  driver.SetCheckpointState(8000);
  while (!driver.log().CanRoll(0)) driver.Background();
  driver.log().Reset(driver.BaseAt(40, 43));
  driver.StageRollTo(64u << 10, /*parts_max=*/1);
  driver.Flush();
  driver.Close();  // The mark names the part.
  const auto open = [&driver] {
    RecoveryReport report;
    return PartitionLog::Open(driver.files(), driver.options(), &report);
  };
  EXPECT_TRUE(open().has_value());
  const auto files = driver.files().List("/p");
  for (const DirectoryEntry& entry : *files) {
    if (entry.name.ends_with(".log"))
      driver.files().Damage("/p/" + entry.name, kBatchHeaderBytes + 100, std::byte{1});
  }
  const auto damaged = open();
  ASSERT_FALSE(damaged.has_value());
  EXPECT_EQ(damaged.error().code, ErrorCode::kDataCorrupt);
}

}  // namespace
}  // namespace raftmq
