// Hand-made scenarios that once lost, hid or wrongly condemned entries, or ended the process.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "raftlog/opened_log.h"
#include "segment/fault_file_system.h"
#include "segment/log_check.h"
#include "segment/meta_file.h"
#include "segment/segment_name.h"
#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

// Everything is kept but one page.
class LosesOnePage final : public CrashChooser {
 public:
  explicit LosesOnePage(int number) : lost_(number) {}
  bool Keeps(std::uint64_t) override { return true; }
  PageFate FateOf(std::uint64_t, SectorMask written) override {
    return {.kept = seen_++ == lost_ ? SectorMask{0} : written};
  }

 private:
  const int lost_;
  int seen_ = 0;
};

TEST(LogScenarios, ARestartedLogCutsWhatIsNotCommitted) {
  LogDriver first(SmallLog());
  first.Append(100);
  first.Commit();
  for (int i = 0; i < 3; ++i) first.Append(100);
  first.Roll();
  first.Append(100);
  first.Background();
  const auto driver = LogDriver::GoOn(first.options(), first.files().Snapshot());
  driver->Cut(Index(3));
  EXPECT_EQ(driver->log().bounds().last, Index(3));
  driver->Append(70);
  const auto again = LogDriver::GoOn(first.options(), driver->files().Snapshot());
  EXPECT_EQ(ContentsOf(again->log()).hashes, ContentsOf(driver->log()).hashes);
}

TEST(LogScenarios, AReadWhileTheTailIsCutDamagesNothing) {
  LogDriver driver(SmallLog());
  driver.Append(3000);
  driver.Append(3000);  // Crosses a page.
  driver.Commit();
  driver.Append(3000);
  driver.log().TruncateAfter(Index(3));
  const auto read = driver.log().Read({.value = 3}, Index(3), 1u << 20);
  const auto slice = read->Run();
  ASSERT_FALSE(slice.has_value());
  EXPECT_EQ(slice.error().code, ErrorCode::kNotYet);
  EXPECT_EQ(read->damage(), nullptr);
  driver.Flush();
  EXPECT_TRUE(driver.log().Read({.value = 3}, Index(3), 1u << 20)->Run().has_value());
}

// It waits for the pool while the log is cut and written anew.
TEST(LogScenarios, AReadThatACutOvertakesFindsNoDamage) {
  LogDriver driver(SmallLog());
  for (int i = 0; i < 12; ++i) driver.Append(1000);
  PartitionLog& log = driver.log();
  const auto read = log.Read({.value = 10}, log.bounds().durable, 1u << 20);
  driver.Cut(Index(5));
  for (int i = 0; i < 4; ++i) driver.Append(1700);
  const auto slice = read->Run();
  ASSERT_FALSE(slice.has_value());
  EXPECT_EQ(read->damage(), nullptr) << read->damage()->what;
}

TEST(LogScenarios, AFileIsNotTakenOverWhileSomebodyReadsIt) {
  LogDriver driver(SmallLog());
  for (int i = 0; i < 8; ++i) driver.Append(5000);
  driver.Background();
  driver.Roll();
  driver.Append(5000);
  driver.Commit();
  const auto held = driver.log().Read({.value = 3}, Index(6), 1u << 20)->Run();
  const auto waiting = driver.log().Read({.value = 2}, Index(6), 1u << 20);
  const std::uint64_t hash = ParseBatchHeader(held->bytes.view())->header_hash;
  for (int i = 0; i < 7; ++i) driver.Append(5000);
  driver.Trim(1);
  driver.Roll();
  for (int i = 0; i < 8; ++i) driver.Append(5000);
  EXPECT_EQ(ParseBatchHeader(held->bytes.view())->header_hash, hash);
  EXPECT_TRUE(waiting->Run().has_value());
  EXPECT_EQ(waiting->damage(), nullptr);
}

// Found by the simulator: the end of a value of zeros is whole on a page that was zeroed, and what
// follows looked like the rest of a job's last page, so that a read ended there with nothing.
TEST(LogScenarios, AZeroedPageBehindAWholeEntryIsDamageToWhoReadsIt) {
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
TEST(LogScenarios, TermsDoNotFallBehindADamagedFront) {
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

TEST(LogScenarios, AVoteThatIsSavedWhileEntriesComeKeepsTheUnfinishedPageReadable) {
  LogDriver driver(SmallLog());
  driver.Append(100);
  driver.log().SaveHardState({Term(7), NodeId(2)});
  auto vote = driver.log().TakeJob();
  driver.Stage(100);
  vote->Write();
  vote->Sync();
  driver.log().Completed(std::move(vote));
  const auto slice = driver.log().Read({.value = 2}, Index(2), 1u << 20)->Run();
  ASSERT_TRUE(slice.has_value()) << slice.error().ToString();
  EXPECT_EQ(slice->last, Index(2));
}

TEST(LogScenarios, ARollWhoseCheckpointNeverArrivedIsUndone) {
  LogDriver first(SmallLog());
  for (int i = 0; i < 3; ++i) first.Append(100);
  const LogTail tail = first.log().tail();
  // Killed behind the rename of the prepared file.
  const SegmentName next{tail.index.Next(), tail.next_offset};
  const std::string path = first.options().directory + "/" + next.LogFile();
  ASSERT_TRUE((*first.files().Open(path, OpenMode::kCreate))->Allocate(64u << 10).has_value());
  const auto driver = LogDriver::GoOn(first.options(), first.files().Snapshot());
  EXPECT_EQ(driver->log().Segments().size(), 1u);
  EXPECT_EQ(driver->log().bounds().last, tail.index);
  driver->Append(100);  // No checkpoint: as a new leader's first entry.
  driver->Roll();
  const auto again = LogDriver::GoOn(first.options(), driver->files().Snapshot());
  EXPECT_EQ(again->log().Segments().size(), 2u);
  EXPECT_EQ(ContentsOf(again->log()).hashes, ContentsOf(driver->log()).hashes);
}

TEST(LogScenarios, AFollowerWithAFreshPageForEveryEntryHasRoomForAllItsLeaderTakes) {
  LogOptions options = SmallLog();
  options.fresh_page_per_job = true;
  LogDriver leader(options);
  LogDriver follower(options);
  int entries = 0;
  while (leader.log().room_for_control() > 500) {
    leader.Stage(100);  // All in one job.
    follower.Append(100);
    ++entries;
  }
  EXPECT_GT(entries, 10);
  EXPECT_EQ(leader.log().tail(), follower.log().tail());
}

// What may be cut off can reach back into a sealed segment, whatever had to be rebuilt before it.
TEST(LogScenarios, ALogWithARebuiltIndexIsCutWhereItShouldBe) {
  LogDriver driver(SmallLog());
  driver.Append(10);
  driver.Roll();
  driver.Append(10);
  driver.Roll();
  driver.Commit();
  driver.Append(10);  // Says that all before it is committed.
  driver.Append(10);
  const Index last_kept = driver.log().bounds().last;
  driver.Append(10);
  driver.Roll();
  driver.Background();
  driver.Background();  // Idle for long enough: the mark moves to the newest segment.
  driver.files().Damage("/p/00000000000000000001-00000000000000000000.index", 0, std::byte{1});
  const auto restarted = LogDriver::GoOn(SmallLog(), driver.files().Snapshot());
  restarted->Cut(last_kept);
  EXPECT_EQ(restarted->log().bounds().last, last_kept);
}

// Thousands of quiet partitions must not hold a second file each.
TEST(LogScenarios, NothingIsPreparedAheadForASegmentLessThanHalfFull) {
  LogDriver driver(SmallLog());
  const auto files = [&] { return driver.files().List("/p")->size(); };
  const std::uint64_t room = driver.log().room_for_control();
  const std::size_t before = files();
  while (driver.log().room_for_control() > room / 2 + 8000) {
    driver.Append(3000);
    driver.Background();
    EXPECT_EQ(files(), before) << driver.log().room_for_control() << " of " << room << " left";
  }
  for (int i = 0; i < 4; ++i) driver.Append(3000);
  driver.Background();
  EXPECT_EQ(files(), before + 1);
}

// A follower's next file may be larger than the one its leader has chosen. When it leads itself, it
// must not put more into the segment than the others' files hold.
TEST(LogScenarios, ASegmentTakesWhatItsCheckpointSaysThoughItsFileIsLarger) {
  constexpr std::uint64_t kLeadersBytes = 64u << 10;
  LogOptions options = SmallLog();
  options.segment_bytes_first = options.segment_bytes_max = 2 * kLeadersBytes;
  LogDriver driver(options);
  driver.Append(10);
  while (!driver.log().CanRoll(kLeadersBytes)) driver.Background();
  driver.RollTo(kLeadersBytes);
  EXPECT_GT(driver.log().room_for_control(), 0u);
  EXPECT_LT(driver.log().room_for_control(), kLeadersBytes);
  const auto restarted = LogDriver::GoOn(options, driver.files().Snapshot());
  EXPECT_EQ(restarted->log().room_for_control(), driver.log().room_for_control());
}

TEST(LogScenarios, TheCommitFloorOutlivesTheTornTailThatProvedIt) {
  for (int lost = 0; lost < 6; ++lost) {
    LogDriver driver(SmallLog());
    driver.Append(2000);
    driver.Roll();
    driver.Background();
    driver.Commit();
    driver.Stage(6000);  // One of its pages is lost.
    driver.Stage(100);   // Whole, and says what is committed.
    driver.log().TakeJob()->Write();
    LosesOnePage chooser(lost);
    const auto left = driver.files().AfterPowerCut(chooser);
    RecoveryReport first, second;
    ASSERT_TRUE(PartitionLog::Open(*left, driver.options(), &first).has_value());
    ASSERT_TRUE(PartitionLog::Open(*left, driver.options(), &second).has_value());
    EXPECT_GE(second.commit_floor, first.commit_floor) << "page " << lost;
    EXPECT_EQ(second.newest_checkpoint_index, first.newest_checkpoint_index);
  }
}

TEST(LogScenarios, AFullDiskDoesNotKeepALogWithoutItsIndexFromOpening) {
  LogDriver driver(SmallLog());
  driver.Append(2000);
  driver.Roll();
  driver.Append(2000);
  driver.Commit();
  driver.Append(50);
  driver.Background();
  MemoryFileSystem files(driver.files().Snapshot());
  const auto entries = files.List("/p");
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(".index")) continue;
    ASSERT_TRUE(files.Remove("/p/" + entry.name).has_value());
  }
  files.SetCapacity((64u << 10) * 2 + 8 * kPageBytes);
  RecoveryReport report;
  const auto log = PartitionLog::Open(files, driver.options(), &report);
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
}

// What `raftmq log verify` says of an index that is there but not right.
void ExpectNoFaults(MemoryFileSystem& files) {
  const auto check = CheckPartition(files, "/p", {});
  ASSERT_TRUE(check.has_value()) << check.error().ToString();
  for (const LogFault& fault : check->faults) ADD_FAILURE() << fault.path << ": " << fault.what;
}

// The power goes right after a roll: the mark still lies in the sealed segment, and its index,
// which nobody syncs, is an empty file.
TEST(LogScenarios, AnIndexThatAPowerCutTookIsWrittenAgainThoughItIsNotNeeded) {
  LogDriver driver(SmallLog());
  driver.Append(2000);
  driver.Roll();
  MemoryFileSystem files(driver.files().Snapshot());
  const std::string index = "/p/00000000000000000001-00000000000000000000.index";
  ASSERT_TRUE(files.Remove(index).has_value());
  ASSERT_TRUE(files.Open(index, OpenMode::kCreate).has_value());
  const auto restarted = LogDriver::GoOn(SmallLog(), files.Snapshot());
  ExpectNoFaults(restarted->files());
}

// Of what is kept nobody remembers the greatest timestamp.
TEST(LogScenarios, AnIndexOfACutSegmentIsWrittenOnlyAsItWouldBeRebuilt) {
  LogDriver driver(SmallLog());
  driver.Append(100);
  driver.Commit();
  const Index last_kept = driver.log().bounds().last;
  driver.Stage(100, 5000);
  driver.Flush();
  driver.Cut(last_kept);
  driver.Append(100);
  driver.Roll();
  ExpectNoFaults(driver.files());
  const auto restarted = LogDriver::GoOn(SmallLog(), driver.files().Snapshot());
  ExpectNoFaults(restarted->files());
}

TEST(LogScenarios, AnIndexOfAnotherLogIsMadeAnew) {
  const auto fill = [](LogDriver& driver, int entries) {
    for (int i = 0; i < entries; ++i) driver.Append(3000);
    driver.Commit();
    driver.Roll();
    driver.Append(10);
    driver.Commit();
    driver.Background();
  };
  LogDriver driver(SmallLog()), other(SmallLog());
  fill(driver, 12);
  fill(other, 7);
  const std::string path = "/p/" + SegmentName{Index(1), Offset(0)}.IndexFile();
  MemoryFileSystem files(driver.files().Snapshot());
  {
    const auto from = other.files().Open(path, OpenMode::kRead);
    std::vector<std::byte> bytes(*(*from)->Size());
    ASSERT_TRUE((*from)->Read(0, bytes).has_value());
    ASSERT_TRUE(files.Remove(path).has_value());
    ASSERT_TRUE((*files.Open(path, OpenMode::kCreate))->Write(0, bytes).has_value());
  }
  for (int start = 0; start < 2; ++start) {
    RecoveryReport report;
    const auto log = PartitionLog::Open(files, driver.options(), &report);
    ASSERT_TRUE(log.has_value()) << log.error().ToString();
    EXPECT_TRUE(report.damage.empty());
    EXPECT_EQ(report.notes.empty(), start == 1);
    EXPECT_EQ(ContentsOf(**log).hashes, ContentsOf(driver.log()).hashes);
  }
}

TEST(LogScenarios, DamageBeforeTheMarkIsNamedAndTheGroupOpens) {
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

TEST(LogScenarios, ALogWithoutItsFirstFileOpensAndNamesItsOffsetsAsDamaged) {
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

TEST(LogScenarios, AKillAtAnyStepOfTheFoundingLeavesALogOrNone) {
  MemoryFileSystem files;
  const OperationTrace trace(&files);
  const LogOptions options = SmallLog();
  const LogFounding founding{.group_seed = 9,
                             .membership = {{.node = NodeId(1), .number = ReplicaNumber(1)}},
                             .replica = ReplicaNumber(1)};
  ASSERT_TRUE(PartitionLog::Create(files, options, founding).has_value());
  for (std::size_t steps = 0; steps <= trace.size(); ++steps) {
    MemoryFileSystem left(trace.DiskAfter(steps));
    RecoveryReport report;
    const auto log = PartitionLog::Open(left, options, &report);
    EXPECT_TRUE(log || log.error().code == ErrorCode::kNotFound) << log.error().ToString();
  }
}

TEST(LogScenarios, APageOfMetaThatCannotBeReadIsMadeGoodFromItsTwin) {
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

TEST(LogScenarios, ASectorThatCannotBeReadIsDamageOfItsEntriesOnly) {
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
TEST(LogScenarios, APendingCutOfAFileThatIsTooShortIsFinished) {
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

// Whose entries are all gone says nothing of their terms.
TEST(LogScenarios, EmptySegmentFilesInARowTakeTheTermBeforeThem) {
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

TEST(LogScenarios, OldPayloadThatLooksLikeHeadersIsNotReadAtLength) {
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
TEST(LogScenarios, AnArrivingCheckpointWithADamagedPartIsALostReplica) {
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
