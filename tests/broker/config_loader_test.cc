#include "broker/config/config_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/config_sources.h"

namespace raftmq {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(ConfigLoaderTest, WithoutAnythingTheDefaultsHold) {
  const LoadedConfig config = LoadSets({});
  EXPECT_EQ(ProblemsOf(config), "");
  EXPECT_EQ(config.settings.listeners.listen.ToString(), "127.0.0.1:7440");
  EXPECT_EQ(config.settings.storage.segment_bytes, 128u << 20);
  EXPECT_EQ(config.settings.storage.retention, Milliseconds(7LL * 86'400'000));
  EXPECT_EQ(config.settings.limits.frame_bytes, 8u << 20);
  EXPECT_EQ(config.origins.at("limits.frame").where, "default");
}

TEST(ConfigLoaderTest, EachSourceWinsOverTheOneBefore) {
  ConfigSources sources{.file_text = "[log]\nlevel = \"debug\"\n[limits]\nidle = \"1m\"\n",
                        .file_name = "f.toml",
                        .sets = Identity()};
  sources.sets.push_back("node.shards=3");
  EXPECT_EQ(LoadConfig(sources).settings.log.level, LogLevel::kDebug);
  sources.environment = {{"RAFTMQ_LOG__LEVEL", "warn"}};
  EXPECT_EQ(LoadConfig(sources).settings.log.level, LogLevel::kWarn);
  sources.sets.push_back("log.level=error");
  EXPECT_EQ(LoadConfig(sources).settings.log.level, LogLevel::kError);
  sources.flags = {
      {.key = "node.id", .value = "9", .source = SettingSource::kFlag, .where = "--node-id"}};
  const LoadedConfig config = LoadConfig(sources);
  EXPECT_EQ(ProblemsOf(config), "");
  EXPECT_EQ(config.settings.node.id, NodeId(9));
  EXPECT_EQ(config.settings.limits.idle, Milliseconds(60'000));
  EXPECT_EQ(config.origins.at("node.id").where, "--node-id");
  EXPECT_EQ(config.origins.at("log.level").where, "--set log.level");
  EXPECT_EQ(config.origins.at("limits.idle").where, "f.toml:4:1");
}

TEST(ConfigLoaderTest, AnUnknownKeyIsPlacedAndTheNearestIsNamed) {
  EXPECT_EQ(ProblemsOf(LoadFile("[storage]\n  segment_byte = \"64MiB\"\n")),
            "f.toml:2:3: unknown setting 'storage.segment_byte'; did you mean "
            "'storage.segment_bytes'?\n");
  EXPECT_EQ(ProblemsOf(LoadFile("[stroage]\nretention = \"7d\"\n")),
            "f.toml:2:1: unknown setting 'stroage.retention'; did you mean "
            "'storage.retention'?\n");
  EXPECT_EQ(ProblemsOf(LoadFile("[colour]\nwheel = 1\n")),
            "f.toml:2:1: unknown setting 'colour.wheel'\n");
}

TEST(ConfigLoaderTest, AnUnknownEnvironmentVariableIsAProblemUnlessItIsTheClients) {
  const LoadedConfig config = LoadConfig({.environment = {{"RAFTMQ_LOG__LEVLE", "info"},
                                                          {"RAFTMQ_BROKERS", "localhost:7440"},
                                                          {"PATH", "/bin"},
                                                          {"raftmq_log__level", "nonsense"}},
                                          .sets = Identity()});
  EXPECT_EQ(ProblemsOf(config),
            "RAFTMQ_LOG__LEVLE: unknown setting in the environment; did you mean "
            "'RAFTMQ_LOG__LEVEL'?\n");
}

TEST(ConfigLoaderTest, SetsMustBeKeyValueAndGivenOnce) {
  EXPECT_EQ(ProblemsOf(LoadSets({"log.level"})),
            "--set: expected section.key=value, found 'log.level'\n");
  EXPECT_EQ(ProblemsOf(LoadSets({"log.level=info", "log.level=warn"})),
            "--set: 'log.level' is given twice\n");
  EXPECT_THAT(ProblemsOf(LoadSets({"log.lvl=info"})), HasSubstr("did you mean 'log.level'?"));
  EXPECT_THAT(ProblemsOf(LoadSets({"=x"})), HasSubstr("unknown setting ''"));
}

TEST(ConfigLoaderTest, AWrongUnitIsPlaced) {
  EXPECT_EQ(ProblemsOf(LoadFile("[storage]\nsegment_bytes = \"7d\"\n")),
            "f.toml:2:1: storage.segment_bytes: expected a size such as 64MiB, 10GB or 4096, found "
            "the unit 'd' in '7d' (units: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)\n");
  EXPECT_THAT(ProblemsOf(LoadFile("[storage]\nretention = \"64MiB\"\n")),
              StartsWith("f.toml:2:1: storage.retention: expected a duration"));
  EXPECT_THAT(ProblemsOf(LoadFile("[storage]\nretention = 7\n")),
              HasSubstr("expected a duration such as \"30s\", found 7"));
}

TEST(ConfigLoaderTest, ValuesOfAnotherTypeAreRefused) {
  EXPECT_THAT(ProblemsOf(LoadFile("[log]\nfile = true\n")), HasSubstr("expected a string"));
  EXPECT_THAT(ProblemsOf(LoadFile("[node]\nbootstrap = \"true\"\n")),
              HasSubstr("expected true or false, found \"true\""));
  EXPECT_THAT(ProblemsOf(LoadFile("[node]\nshards = \"4\"\n")),
              HasSubstr("expected a whole number, found \"4\""));
  EXPECT_THAT(ProblemsOf(LoadFile("[node]\nshards = 1.5\n")),
              HasSubstr("found a number with a fraction"));
  EXPECT_THAT(ProblemsOf(LoadFile("[log]\nfile = 2026-01-01\n")), HasSubstr("a date or time"));
  EXPECT_THAT(ProblemsOf(LoadFile("[log.level]\nx = 1\n")), HasSubstr("found a table"));
  EXPECT_THAT(ProblemsOf(LoadFile("[log]\nlevel = [\"info\"]\n")), HasSubstr("found a list"));
  EXPECT_THAT(ProblemsOf(LoadFile("[node]\npeers = [1]\n")),
              HasSubstr("found a list of other things"));
}

TEST(ConfigLoaderTest, ASizeMayBeANumberOfBytes) {
  EXPECT_EQ(LoadFile("[storage]\nsegment_bytes = 2097152\n").settings.storage.segment_bytes,
            2u << 20);
  EXPECT_THAT(ProblemsOf(LoadFile("[storage]\nsegment_bytes = -1\n")), HasSubstr("found '-1'"));
}

TEST(ConfigLoaderTest, OutOfRangeNamesTheRange) {
  EXPECT_THAT(ProblemsOf(LoadFile("[limits]\nframe = \"1GiB\"\n")),
              HasSubstr("expected a size from 64KiB to 64MiB, found '1GiB'"));
  EXPECT_THAT(ProblemsOf(LoadFile("[limits]\nidle = \"1ms\"\n")),
              HasSubstr("expected a duration from 1s to 7d in whole milliseconds, found '1ms'"));
  EXPECT_THAT(ProblemsOf(LoadFile("[node]\nshards = 1000\n")),
              HasSubstr("expected a whole number from 0 to 256"));
  EXPECT_THAT(ProblemsOf(LoadFile("[log]\nlevel = \"wrn\"\n")),
              HasSubstr("expected one of trace, debug, info, warn, error, found 'wrn'; did you "
                        "mean 'warn'?"));
}

TEST(ConfigLoaderTest, PeersAreAStringOrAList) {
  const char* const list = "[node]\npeers = [\"1@10.0.0.1:7441\", \"2@10.0.0.2:7441\"]\n";
  const char* const text = "[node]\npeers = \"1@10.0.0.1:7441,2@10.0.0.2:7441\"\n";
  EXPECT_EQ(ProblemsOf(LoadFile(list)), "");
  EXPECT_EQ(LoadFile(list).settings.node.peers, LoadFile(text).settings.node.peers);
  EXPECT_EQ(LoadFile(text).settings.node.peers.at(1).address.host, "10.0.0.2");
  for (const char* bad : {"1", "1@", "@h:1", "0@h:1", "x@h:1", "1@h", "1@h:1,", ",1@h:1"}) {
    EXPECT_NE(ProblemsOf(LoadSets({std::string("node.peers=") + bad})), "") << bad;
  }
}

TEST(ConfigLoaderTest, AllMistakesAreShownInOneRunAndInFileOrder) {
  LoadedConfig config =
      LoadConfig({.file_text = "[node]\nid = 0\nclutser_id = \"x\"\n"
                               "[log]\nlevel = \"loud\"\n[limits]\nidle = \"9y\"\n",
                  .file_name = "f.toml",
                  .environment = {{"RAFTMQ_NODE__SHARDS", "many"}},
                  .sets = {"shutdown.timeout=-1s"}});
  std::vector<std::string> places;
  for (const ConfigProblem& problem : config.problems) places.push_back(problem.where);
  EXPECT_THAT(places, testing::ElementsAre("f.toml:2:1", "f.toml:3:1", "f.toml:5:1", "f.toml:7:1",
                                           "RAFTMQ_NODE__SHARDS", "--set shutdown.timeout", "", ""))
      << ProblemsOf(config);
  EXPECT_THAT(config.problems.back().message, StartsWith("node.data_dir is not set: give"));
}

TEST(ConfigLoaderTest, ManyProblemsAreCutShort) {
  std::string text = "[node]\n";
  for (int i = 0; i < 5'000; ++i) text += "unknown_" + std::to_string(i) + " = 1\n";
  const LoadedConfig config = LoadFile(text);
  EXPECT_EQ(config.problems.size(), 101u);
  EXPECT_EQ(config.problems.back().message, "and 4900 more problems");
}

TEST(ConfigLoaderTest, DevFillsInOnlyWhatNothingElseSets) {
  const LoadedConfig config = LoadConfig({.sets = {"node.dev=true", "node.id=7"}});
  EXPECT_EQ(ProblemsOf(config), "");
  EXPECT_EQ(config.settings.node.id, NodeId(7));
  EXPECT_EQ(config.settings.node.cluster_id, "dev");
  EXPECT_TRUE(config.settings.node.bootstrap);
  EXPECT_FALSE(config.settings.storage.unsafe_no_sync);
  EXPECT_EQ(config.origins.at("node.data_dir").where, "--dev");
  EXPECT_EQ(config.origins.at("node.id").where, "--set node.id");
}

TEST(LoadConfigTest, AfterASyntaxErrorNothingIsSaidToBeMissing) {
  const LoadedConfig config = LoadConfig({.file_text = "[node]\nid = 99999999999999999999\n"});
  ASSERT_EQ(config.problems.size(), 1u);
  EXPECT_THAT(config.problems[0].where, testing::HasSubstr(":2:"));
}

}  // namespace
}  // namespace raftmq
