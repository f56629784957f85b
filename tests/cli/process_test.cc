#include "cli/process.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

namespace raftmq::cli {
namespace {

using namespace std::chrono_literals;

std::string LogPath() { return testing::TempDir() + "raftmq_process_test.log"; }

TEST(ProcessTest, ReadyLineIsReadAndStatesAreTold) {
  // `marker` only stands in the command line, to tell the process from another with the same pid.
  const auto started = StartInBackground(
      {"sh", "-c", "echo ready; read x < /dev/zero; true", "marker-1"}, LogPath(), 10s);
  ASSERT_TRUE(started.has_value()) << started.error().ToString();
  EXPECT_EQ(started->first_line, "ready");
  EXPECT_EQ(StateOf(started->pid, "another"), ProcessState::kStopped);
  EXPECT_EQ(StateOf(started->pid, "marker-1"), ProcessState::kRunning);
  ASSERT_TRUE(SendSignal(started->pid, SIGKILL).has_value());
  ASSERT_TRUE(WaitUntilGone(started->pid, 10s).has_value());
  EXPECT_EQ(StateOf(started->pid, "marker-1"), ProcessState::kStopped);
}

TEST(ProcessTest, AStoppedProcessIsWaitedFor) {
  const auto started = StartInBackground(
      {"sh", "-c", "echo ready; read x < /dev/zero; true", "marker-2"}, LogPath(), 10s);
  ASSERT_TRUE(started.has_value()) << started.error().ToString();
  EXPECT_EQ(WaitUntilPaused(started->pid, 0ms).error().code, ErrorCode::kTimeout);
  ASSERT_TRUE(SendSignal(started->pid, SIGSTOP).has_value());
  ASSERT_TRUE(WaitUntilPaused(started->pid, 10s).has_value());
  EXPECT_EQ(StateOf(started->pid, "marker-2"), ProcessState::kPaused);
  ASSERT_TRUE(SendSignal(started->pid, SIGKILL).has_value());
  ASSERT_TRUE(WaitUntilGone(started->pid, 10s).has_value());
}

TEST(ProcessTest, AnEarlyEndGivesItsExitCode) {
  const auto started = StartInBackground({"sh", "-c", "exit 13"}, LogPath(), 10s);
  ASSERT_TRUE(started.has_value());
  EXPECT_EQ(started->first_line, "");
  EXPECT_EQ(started->exit_code, 13);
}

TEST(ProcessTest, AMissingProgramIsNamed) {
  const auto started = StartInBackground({"raftmq-no-such-program"}, LogPath(), 10s);
  ASSERT_FALSE(started.has_value());
  EXPECT_NE(started.error().message.find("raftmq-no-such-program"), std::string::npos);
}

}  // namespace
}  // namespace raftmq::cli
