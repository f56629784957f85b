#include "broker/config/settings_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/config_sources.h"

namespace raftmq {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(SettingsCheckTest, ANodeNeedsAnIdentity) {
  const std::string problems = ProblemsOf(LoadConfig({}));
  EXPECT_THAT(problems, HasSubstr("node.id is not set: give --node-id, RAFTMQ_NODE__ID, 'id' under "
                                  "[node] in the file, or --dev for a trial\n"));
  EXPECT_THAT(problems, HasSubstr("node.cluster_id is not set"));
  EXPECT_THAT(problems, HasSubstr("node.data_dir is not set"));
}

TEST(SettingsCheckTest, AValueThatWasRefusedIsNotMissingAsWell) {
  const std::string problems = ProblemsOf(LoadConfig({.sets = {"node.id=0"}}));
  EXPECT_THAT(problems, testing::Not(HasSubstr("node.id is not set")));
}

TEST(SettingsCheckTest, BeyondLoopbackNeedsInsecure) {
  for (const char* key : {"listeners.listen", "listeners.peer_listen", "listeners.http"}) {
    const std::string set = std::string(key) + "=10.0.0.5:7000";
    EXPECT_THAT(ProblemsOf(LoadSets({set})), StartsWith("--set " + std::string(key) + ": " + key +
                                                        ": 10.0.0.5:7000 is reachable"));
    EXPECT_EQ(ProblemsOf(LoadSets({set, "listeners.insecure=true"})), "");
  }
  EXPECT_EQ(ProblemsOf(LoadSets({"listeners.listen=[::1]:0", "listeners.http=localhost:0"})), "");
}

TEST(SettingsCheckTest, AWildcardNeedsAnAdvertisedAddress) {
  const std::vector<std::string> wildcard{"listeners.listen=0.0.0.0:7440",
                                          "listeners.insecure=true"};
  EXPECT_THAT(ProblemsOf(LoadSets(wildcard)), HasSubstr("listeners.advertise must say"));
  auto told = wildcard;
  told.push_back("listeners.advertise=broker-1:7440");
  EXPECT_EQ(ProblemsOf(LoadSets(told)), "");
  auto dev = wildcard;
  dev.push_back("node.dev=true");
  EXPECT_EQ(ProblemsOf(LoadSets(dev)), "");
  auto silly = wildcard;
  silly.push_back("listeners.advertise=0.0.0.0:7440");
  EXPECT_THAT(ProblemsOf(LoadSets(silly)), HasSubstr("nobody can connect to 0.0.0.0:7440"));
}

TEST(SettingsCheckTest, ListenersMustDiffer) {
  EXPECT_EQ(ProblemsOf(LoadSets({"listeners.http=127.0.0.1:7440"})),
            "--set listeners.http: listeners.http: 127.0.0.1:7440 is taken by listeners.listen\n");
  EXPECT_EQ(ProblemsOf(LoadSets({"listeners.http=127.0.0.1:0", "listeners.listen=127.0.0.1:0"})),
            "");
}

TEST(SettingsCheckTest, PeersHoldThisNodeAndNoneTwice) {
  EXPECT_THAT(ProblemsOf(LoadSets({"node.peers=2@h:1,3@i:1"})),
              HasSubstr("expected this node, 1, in the list"));
  EXPECT_THAT(ProblemsOf(LoadSets({"node.peers=1@h:1,1@i:1"})),
              HasSubstr("node 1 is listed twice"));
  EXPECT_THAT(ProblemsOf(LoadSets({"node.peers=1@h:1,2@h:1"})), HasSubstr("h:1 is listed twice"));
  EXPECT_THAT(ProblemsOf(LoadSets({"node.peers=1@h:0"})), HasSubstr("nobody can connect to h:0"));
}

TEST(SettingsCheckTest, LimitsContainEachOther) {
  EXPECT_THAT(ProblemsOf(LoadSets({"limits.in_flight_bytes=1MiB"})),
              HasSubstr("limits.frame: expected at most limits.in_flight_bytes, which is 1MiB, "
                        "found 8MiB"));
  EXPECT_THAT(ProblemsOf(LoadSets({"limits.memory=64MiB", "limits.in_flight_bytes=128MiB"})),
              HasSubstr("limits.in_flight_bytes: expected at most limits.memory"));
  EXPECT_THAT(ProblemsOf(LoadSets({"storage.tail_cache=2GiB"})), HasSubstr("storage.tail_cache"));
  EXPECT_THAT(ProblemsOf(LoadSets({"limits.frame=64KiB", "limits.frame_before_hello=1MiB"})),
              HasSubstr("limits.frame_before_hello"));
}

TEST(SettingsCheckTest, WhatGivesUpAPromiseIsWarnedAbout) {
  EXPECT_THAT(WarningsOf(LoadSets({}).settings), IsEmpty());
  const auto warnings =
      WarningsOf(LoadSets({"storage.unsafe_no_sync=true", "storage.allow_tmpfs=true",
                           "listeners.insecure=true", "listeners.http=10.0.0.5:1"})
                     .settings);
  EXPECT_EQ(warnings.size(), 3u);
}

}  // namespace
}  // namespace raftmq
