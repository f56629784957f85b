#include "broker/config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace raftmq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string ValueOf(const CommandLine& line, const std::string& key) {
  const auto found = std::ranges::find(line.flags, key, &Assignment::key);
  return found == line.flags.end() ? "(not given)" : found->value;
}

TEST(CommandLineTest, TheFixedFormIsUnderstood) {
  const auto line = ParseCommandLine({"--node-id",
                                      "1",
                                      "--cluster-id",
                                      "demo",
                                      "--data-dir",
                                      "D",
                                      "--listen",
                                      "127.0.0.1:0",
                                      "--peer-listen",
                                      "127.0.0.1:1",
                                      "--http",
                                      "127.0.0.1:2",
                                      "--peers",
                                      "1@h:1,2@h:2",
                                      "--bootstrap",
                                      "--config",
                                      "F",
                                      "--set",
                                      "log.level=debug",
                                      "--set",
                                      "node.shards=2",
                                      "--unsafe-no-sync",
                                      "--insecure",
                                      "--dev"});
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(line->action, CommandLineAction::kRun);
  EXPECT_EQ(ValueOf(*line, "node.id"), "1");
  EXPECT_EQ(ValueOf(*line, "node.cluster_id"), "demo");
  EXPECT_EQ(ValueOf(*line, "node.data_dir"), "D");
  EXPECT_EQ(ValueOf(*line, "listeners.listen"), "127.0.0.1:0");
  EXPECT_EQ(ValueOf(*line, "listeners.peer_listen"), "127.0.0.1:1");
  EXPECT_EQ(ValueOf(*line, "listeners.http"), "127.0.0.1:2");
  EXPECT_EQ(ValueOf(*line, "node.peers"), "1@h:1,2@h:2");
  EXPECT_EQ(ValueOf(*line, "node.bootstrap"), "true");
  EXPECT_EQ(ValueOf(*line, "storage.unsafe_no_sync"), "true");
  EXPECT_EQ(ValueOf(*line, "listeners.insecure"), "true");
  EXPECT_EQ(ValueOf(*line, "node.dev"), "true");
  EXPECT_EQ(line->config_file, "F");
  EXPECT_THAT(line->sets, ElementsAre("log.level=debug", "node.shards=2"));
}

TEST(CommandLineTest, WithoutFlagsNothingIsAssigned) {
  const auto line = ParseCommandLine({});
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->flags.empty());
  EXPECT_TRUE(line->sets.empty());
  EXPECT_FALSE(line->config_file);
}

TEST(CommandLineTest, EqualsSignsWork) {
  const auto line = ParseCommandLine({"--node-id=7", "--set=log.file=a=b"});
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(ValueOf(*line, "node.id"), "7");
  EXPECT_THAT(line->sets, ElementsAre("log.file=a=b"));
}

TEST(CommandLineTest, TheActionsAreFlags) {
  EXPECT_EQ(ParseCommandLine({"--check-config"})->action, CommandLineAction::kCheckConfig);
  EXPECT_EQ(ParseCommandLine({"--print-config"})->action, CommandLineAction::kPrintConfig);
  EXPECT_EQ(ParseCommandLine({"--version"})->action, CommandLineAction::kVersion);
  const auto help = ParseCommandLine({"--help"});
  EXPECT_EQ(help->action, CommandLineAction::kHelp);
  for (const char* flag : {"--node-id", "--peer-listen", "--unsafe-no-sync", "--set"}) {
    EXPECT_THAT(help->help_text, HasSubstr(flag));
  }
}

TEST(CommandLineTest, AMistypedFlagNamesTheNearest) {
  EXPECT_EQ(ParseCommandLine({"--nodeid", "1"}).error().message,
            "unknown flag '--nodeid'; did you mean '--node-id'?");
  EXPECT_EQ(ParseCommandLine({"--bootstap"}).error().message,
            "unknown flag '--bootstap'; did you mean '--bootstrap'?");
  EXPECT_EQ(ParseCommandLine({"--data_dir=x"}).error().message,
            "unknown flag '--data_dir'; did you mean '--data-dir'?");
  EXPECT_EQ(ParseCommandLine({"--password", "x"}).error().message,
            "unknown flag '--password'; see --help");
}

TEST(CommandLineTest, WhatMakesNoSenseIsRefused) {
  EXPECT_EQ(ParseCommandLine({"start"}).error().message, "expected only flags, found 'start'");
  EXPECT_FALSE(ParseCommandLine({"--node-id"}));
  EXPECT_FALSE(ParseCommandLine({"--node-id", "1", "--node-id", "2"}));
  EXPECT_FALSE(ParseCommandLine({"--set"}));
  EXPECT_FALSE(ParseCommandLine({"--config"}));
  EXPECT_FALSE(ParseCommandLine({"--bootstrap=maybe"}));
  EXPECT_FALSE(ParseCommandLine({"-x"}));
  EXPECT_FALSE(ParseCommandLine({""}));
  EXPECT_FALSE(ParseCommandLine({"--", "x"}));
}

}  // namespace
}  // namespace raftmq
