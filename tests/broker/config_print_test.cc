#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "broker/config/settings_print.h"
#include "tests/broker/config_sources.h"

namespace raftmq {
namespace {

using testing::HasSubstr;

TEST(PrintConfigTest, EachValueStandsWithItsOrigin) {
  const std::string text = PrintConfig(LoadSets({"storage.retention=36h"}));
  EXPECT_THAT(text, HasSubstr("[storage]\nsegment_bytes = \"128MiB\"  # default\n"
                              "retention = \"36h\"  # --set storage.retention\n"));
}

TEST(PrintConfigTest, WhatIsPrintedLoadsAsTheSameSettings) {
  const LoadedConfig first = LoadSets({"node.peers=1@[::1]:5,2@host:6", "log.file=a\"b\\c.log",
                                       "log.format=json", "node.bootstrap=true", "node.shards=2",
                                       "limits.idle=90500ms", "limits.body_rate=1000"});
  ASSERT_EQ(ProblemsOf(first), "");
  const LoadedConfig second = LoadConfig({.file_text = PrintConfig(first)});
  EXPECT_EQ(ProblemsOf(second), "");
  EXPECT_EQ(second.settings, first.settings);
}

TEST(SettingsReferenceTest, ThePageInTheSourcesIsTheTable) {
  std::ifstream file(SETTINGS_REFERENCE);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(text.str() == SettingsReference()) << "broker/config/SETTINGS.md must be:\n"
                                                 << SettingsReference();
}

}  // namespace
}  // namespace raftmq
