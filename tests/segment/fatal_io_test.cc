// How a process ends when its disk has failed it.
#include "segment/fatal_io.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "segment/posix_file_system.h"
#include "segment/sigbus_guard.h"
#include "tests/segment/temp_directory.h"

namespace raftmq {
namespace {

TEST(FatalIoDeathTest, AFailedWriteNamesTheFileAndExitsWith10) {
  EXPECT_EXIT(DieOfFailedWrite({ErrorCode::kIoError, "cannot sync '/data/x.log': EIO"}),
              testing::ExitedWithCode(kExitFailedWrite), "cannot sync '/data/x.log': EIO");
}

// Touches the second page of a mapped file that was cut to nothing behind its map.
void TouchACutMap(const std::string& path) {
  InstallSigbusGuard();
  PosixFileSystem files;
  const auto file = files.Open(path, OpenMode::kCreate);
  if (!(*file)->Allocate(2 * kPageBytes)) return;
  const auto map = (*file)->Map();
  if (truncate(path.c_str(), 0) != 0) return;
  const volatile std::byte byte = (*map)->bytes()[kPageBytes + 5];
  static_cast<void>(byte);
}

TEST(SigbusGuardDeathTest, AMapThatWasCutFromOutsideIsNamedAndExitsWith11) {
  TempDirectory directory;
  EXPECT_EXIT(TouchACutMap(directory / "a.log"), testing::ExitedWithCode(kExitSegmentFault),
              "SIGBUS in the map of '.*a.log' at byte 4101");
}

TEST(SigbusGuardDeathTest, PopulatingACutMapIsAnErrorAndNoSignal) {
  TempDirectory directory;
  PosixFileSystem files;
  const auto file = files.Open(directory / "a", OpenMode::kCreate);
  ASSERT_TRUE((*file)->Allocate(2 * kPageBytes).has_value());
  const auto map = (*file)->Map();
  ASSERT_EQ(truncate((directory / "a").c_str(), 0), 0);
  const auto populated = (*map)->Populate(0, 2 * kPageBytes);
  ASSERT_FALSE(populated.has_value());
  EXPECT_EQ(populated.error().code, ErrorCode::kIoError);
}

TEST(SigbusGuardDeathTest, OtherFaultsEndTheProcessAsBefore) {
  const auto raise_it = [](int number) {
    signal(number, SIG_DFL);  // A sanitizer's handler is not what is tested.
    InstallSigbusGuard();
    raise(number);
  };
  EXPECT_EXIT(raise_it(SIGSEGV), testing::KilledBySignal(SIGSEGV), "");
  EXPECT_EXIT(raise_it(SIGBUS), testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace raftmq
