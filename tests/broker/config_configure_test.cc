// From arguments, environment and a real file to settings or an exit code.
#include "broker/config/configure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <filesystem>
#include <fstream>

namespace raftmq {
namespace {

using testing::HasSubstr;
using testing::Not;

class ConfigureTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "raftmq-config-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& text) {
    std::ofstream(folder_ / "f.toml") << text;
    return (folder_ / "f.toml").string();
  }
  // With an identity and a data directory that may stand anywhere.
  Configured Run(std::vector<std::string> arguments, const Environment& environment = {}) {
    for (const std::string& argument :
         {std::string("--node-id=1"), std::string("--cluster-id=demo"),
          "--data-dir=" + (folder_ / "data").string(),
          std::string("--set=storage.allow_tmpfs=true")}) {
      arguments.push_back(argument);
    }
    return Configure(arguments, environment);
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigureTest, SettingsComeFromAllSources) {
  const std::string file = Write("[log]\nlevel = \"debug\"\n[limits]\ntopics = 5\n");
  const Configured done = Run({"--config", file}, {{"RAFTMQ_LIMITS__TOPICS", "6"}});
  EXPECT_FALSE(done.exit_code) << done.err;
  EXPECT_EQ(done.settings.log.level, LogLevel::kDebug);
  EXPECT_EQ(done.settings.limits.topics, 6u);
}

TEST_F(ConfigureTest, CheckConfigSaysGoodOrEveryProblem) {
  const Configured good = Run({"--check-config"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  const std::string file = Write("[log]\nlevl = \"debug\"\n[limits]\ntopics = 0\n");
  const Configured bad = Run({"--check-config", "--config", file});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr(file + ":2:1: unknown setting 'log.levl'; did you mean"));
  EXPECT_THAT(bad.err, HasSubstr(file + ":4:1: limits.topics: expected a whole number from 1"));
}

TEST_F(ConfigureTest, PrintConfigNamesOrigins) {
  const Configured done = Run({"--print-config"}, {{"RAFTMQ_LOG__LEVEL", "warn"}});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("id = 1  # --node-id\n"));
  EXPECT_THAT(done.out, HasSubstr("level = \"warn\"  # RAFTMQ_LOG__LEVEL\n"));
}

TEST_F(ConfigureTest, HelpAndVersionNeedNoConfiguration) {
  EXPECT_EQ(Configure({"--help"}, {}).exit_code, 0);
  const Configured version = Configure({"--version"}, {});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, testing::MatchesRegex("raftmqd [0-9.]+\n"));
}

TEST_F(ConfigureTest, UsageErrorsExitWith2) {
  EXPECT_EQ(Configure({"--nodeid=1"}, {}).exit_code, 2);
  EXPECT_EQ(Configure({"--node-id=x"}, {}).exit_code, 2);
  EXPECT_EQ(Configure({}, {}).exit_code, 2);
}

TEST_F(ConfigureTest, AFileThatCannotBeReadIsNamed) {
  const std::string absent = (folder_ / "absent.toml").string();
  EXPECT_THAT(Run({"--config", absent}).err, HasSubstr(absent + ": No such file"));
  EXPECT_THAT(Run({"--config", folder_.string()}).err, HasSubstr("expected a regular file"));
  const std::string fifo = (folder_ / "fifo").string();
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(Run({"--config", fifo}).err, HasSubstr("expected a regular file"));
  EXPECT_THAT(Run({"--config", Write(std::string(2u << 20, '#'))}).err, HasSubstr("at most 1 MiB"));
}

TEST_F(ConfigureTest, ValuesCannotForgeLinesOfTheOutput) {
  const Configured done = Run({"--set", "log.level=x\nraftmqd: all is well\x1b[2J"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1);
  EXPECT_THAT(done.err, Not(HasSubstr("\x1b")));
  EXPECT_LT(Run({"--set", "log.level=" + std::string(100'000, 'x')}).err.size(), 2'000u);
}

TEST_F(ConfigureTest, WhatIsWrongIsPrintedInFullToo) {
  const Configured done = Configure({"--print-config"}, {});
  EXPECT_EQ(done.exit_code, kExitUsage);
  EXPECT_THAT(done.out, HasSubstr("id = 0  # default"));
  EXPECT_THAT(done.err, HasSubstr("node.id"));
}

TEST_F(ConfigureTest, ADataDirectoryThatIsAFileIsRefused) {
  const std::string file = Write("");
  const Configured done = Configure({"--dev", "--data-dir", file}, {});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_THAT(done.err, HasSubstr("--data-dir: node.data_dir: expected a directory"));
}

TEST_F(ConfigureTest, ADataDirectoryInMemoryIsRefusedUnlessAllowed) {
  struct statfs info {};
  if (statfs("/dev/shm", &info) != 0 || info.f_type != TMPFS_MAGIC) {
    GTEST_SKIP() << "this machine has no tmpfs at /dev/shm";
  }
  const Configured refused = Configure({"--dev", "--data-dir", "/dev/shm/raftmq/not/there"}, {});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("storage.allow_tmpfs=true"));
  const Configured allowed = Configure(
      {"--dev", "--data-dir", "/dev/shm/raftmq/not/there", "--set", "storage.allow_tmpfs=true"},
      {});
  EXPECT_FALSE(allowed.exit_code) << allowed.err;
  EXPECT_FALSE(std::filesystem::exists("/dev/shm/raftmq"));
}

TEST_F(ConfigureTest, WarningsComeWithTheSettings) {
  const Configured done = Run({"--unsafe-no-sync"});
  ASSERT_FALSE(done.exit_code) << done.err;
  EXPECT_TRUE(done.settings.storage.unsafe_no_sync);
  EXPECT_THAT(done.warnings, testing::Contains(HasSubstr("unsafe_no_sync")));
}

}  // namespace
}  // namespace raftmq
