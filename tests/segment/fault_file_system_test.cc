#include "segment/fault_file_system.h"

#include <gtest/gtest.h>

#include "segment/memory_file_system.h"
#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

class FaultFileSystemTest : public testing::Test {
 protected:
  std::unique_ptr<File> Create(const std::string& path) {
    auto file = files_.Open(path, OpenMode::kCreate);
    EXPECT_TRUE(file.has_value());
    return std::move(*file);
  }
  MemoryFileSystem memory_;
  FaultFileSystem files_{memory_};
};

TEST_F(FaultFileSystemTest, TheNthCallOfOneKindOnOnePathFails) {
  const auto log = Create("/p.log");
  const auto other = Create("/meta");
  files_.Add({.operation = FaultOperation::kSync,
              .path_part = ".log",
              .skip = 1,
              .count = 1,
              .error = ErrorCode::kIoError});
  EXPECT_TRUE(log->Sync().has_value());
  EXPECT_TRUE(other->Sync().has_value());
  const auto failed = log->Sync();
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().ToString(), "IO_ERROR: cannot sync '/p.log': injected fault");
  EXPECT_TRUE(log->Sync().has_value());
  EXPECT_EQ(files_.Calls(FaultOperation::kSync), 4u);
}

TEST_F(FaultFileSystemTest, AFailedWriteWritesNothing) {
  const auto file = Create("/a");
  files_.Add({.operation = FaultOperation::kWrite, .error = ErrorCode::kDiskFull});
  EXPECT_EQ(file->Write(0, AsBytes("x")).error().code, ErrorCode::kDiskFull);
  EXPECT_EQ(*file->Size(), 0u);
  files_.Clear();
  EXPECT_TRUE(file->Write(0, AsBytes("x")).has_value());
}

TEST_F(FaultFileSystemTest, ReadsAndMapsFlipABit) {
  const auto file = Create("/a");
  ASSERT_TRUE(file->Write(0, AsBytes("abc")).has_value());
  files_.Add({.operation = FaultOperation::kRead, .flipped_bit = 8});
  files_.Add({.operation = FaultOperation::kMap, .flipped_bit = 17});
  std::string text(3, '?');
  ASSERT_TRUE(file->Read(0, std::as_writable_bytes(std::span(text))).has_value());
  EXPECT_EQ(text, "acc");
  EXPECT_EQ(AsText((*file->Map())->bytes()), "aba");
}

TEST_F(FaultFileSystemTest, AllocationsEndWithTheBudget) {
  const auto file = Create("/a");
  files_.SetAllocationBudget(3 * kPageBytes);
  EXPECT_TRUE(file->Allocate(2 * kPageBytes).has_value());
  EXPECT_EQ(file->Allocate(4 * kPageBytes).error().code, ErrorCode::kDiskFull);
  EXPECT_TRUE(file->Allocate(3 * kPageBytes).has_value());
}

TEST_F(FaultFileSystemTest, DirectIsRefusedWithoutAnError) {
  Create("/a");
  EXPECT_TRUE((*files_.Open("/a", OpenMode::kDirect))->IsDirect());
  files_.RefuseDirect(true);
  EXPECT_FALSE((*files_.Open("/a", OpenMode::kDirect))->IsDirect());
}

TEST_F(FaultFileSystemTest, ASlowCallWaitsForItsHook) {
  const auto file = Create("/a");
  int calls = 0;
  files_.Add({.operation = FaultOperation::kSync, .before = [&calls] { ++calls; }});
  EXPECT_TRUE(file->Sync().has_value());
  EXPECT_EQ(calls, 1);
}

// Every write and sync of founding fails once, then the power goes: an error, and never a log that
// is half there.
TEST_F(FaultFileSystemTest, AFoundingThatFailsAnywhereIsNoLog) {
  for (const FaultOperation operation :
       {FaultOperation::kWrite, FaultOperation::kSync, FaultOperation::kAllocate,
        FaultOperation::kSyncDirectory, FaultOperation::kOpen}) {
    for (std::uint64_t skip = 0;; ++skip) {
      MemoryFileSystem memory;
      FaultFileSystem files(memory);
      files.Add({.operation = operation, .skip = skip, .count = 1, .error = ErrorCode::kIoError});
      const auto failed = PartitionLog::Create(files, SmallLog(), {.group_seed = 1});
      if (failed) break;  // The fault lies behind the end.
      EXPECT_EQ(failed.error().code, ErrorCode::kIoError);
      UniformCrashChooser nothing(false);
      const auto left = memory.AfterPowerCut(nothing);
      RecoveryReport report;
      const auto opened = PartitionLog::Open(*left, SmallLog(), &report);
      EXPECT_TRUE(!opened || report.damage.empty());
      ASSERT_LT(skip, 100u);
    }
  }
}

}  // namespace
}  // namespace raftmq
