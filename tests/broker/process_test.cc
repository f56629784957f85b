// Signals and settings of the process as a whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "tests/broker/broker_process.h"
#include "tests/broker/broker_steps.h"
#include "tests/broker/wire_client.h"

namespace raftmq::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool Becomes(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
  }
  return true;
}

class Process : public ::testing::Test {
 protected:
  std::string File(const std::string& name) const { return scratch_.path() + "/" + name; }
  void WriteConfig(const std::string& text) const { std::ofstream(File("raftmq.toml")) << text; }
  BrokerProcess::Options WithConfig() const {
    return {.data_directory = File("data"), .arguments = {"--config", File("raftmq.toml")}};
  }
  TemporaryDirectory scratch_;
};

// Of this process and the brokers that it starts, until the end of the scope.
class LoweredDescriptorLimit {
 public:
  explicit LoweredDescriptorLimit(rlim_t soft) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    EXPECT_GT(before_.rlim_max, soft);
    const rlimit lowered{.rlim_cur = soft, .rlim_max = before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &lowered), 0);
  }
  ~LoweredDescriptorLimit() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }
  LoweredDescriptorLimit(const LoweredDescriptorLimit&) = delete;
  LoweredDescriptorLimit& operator=(const LoweredDescriptorLimit&) = delete;

 private:
  rlimit before_{};
};

rlimit DescriptorLimitOf(const BrokerProcess& broker) {
  rlimit limit{};
  EXPECT_EQ(prlimit(broker.pid(), RLIMIT_NOFILE, nullptr, &limit), 0);
  return limit;
}

// Each of the three listeners once at every address of the machine.
std::vector<BrokerProcess::Options> Opened() {
  const Address open{"0.0.0.0", 0};
  return {{.listen = open}, {.peer_listen = open}, {.http = open}};
}

TEST_F(Process, BeyondLoopbackNothingListensWithoutInsecure) {
  for (BrokerProcess::Options& options : Opened()) {
    options.data_directory = File("data");
    BrokerProcess broker(options);
    EXPECT_FALSE(broker.IsReady());
    EXPECT_EQ(broker.WaitForExit(kPatience), 2);
    EXPECT_THAT(broker.Stderr(), HasSubstr("0.0.0.0:0 is reachable from outside"));
    EXPECT_THAT(broker.Stderr(), HasSubstr("--insecure"));
  }
}

TEST_F(Process, WithInsecureEachStartWarns) {
  for (BrokerProcess::Options& options : Opened()) {
    options.data_directory = File("data");
    options.arguments = {"--insecure", "--set", "listeners.advertise=127.0.0.1:0", "--set",
                         "listeners.peer_advertise=127.0.0.1:0"};
    for (int start = 0; start < 2; ++start) {
      BrokerProcess broker(options);
      ASSERT_TRUE(broker.IsReady()) << broker.Stderr();
      EXPECT_THAT(broker.Stderr(),
                  HasSubstr("listeners.insecure: 0.0.0.0:0 can be reached from outside"));
      broker.Signal(SIGTERM);
      EXPECT_EQ(broker.WaitForExit(kPatience), 0);
    }
  }
}

TEST_F(Process, SighupTakesNewLimitsAndNamesWhatNeedsARestart) {
  WriteConfig("[limits]\nconnections = 100\n");
  BrokerProcess broker(WithConfig());
  ASSERT_TRUE(broker.IsReady()) << broker.Stderr();
  WriteConfig("[limits]\nconnections = 1\n[node]\nshards = 7\n");
  broker.Signal(SIGHUP);
  ASSERT_TRUE(Becomes([&] { return broker.Stderr().find("SIGHUP") != std::string::npos; }));
  EXPECT_THAT(broker.Stderr(), HasSubstr("in effect now: limits.connections; needs a restart: "
                                         "node.shards"));
  WireClient first(broker.client());
  first.Hello();
  WireClient second(broker.client());
  EXPECT_TRUE(second.WaitForClose());
}

TEST_F(Process, ABadFileOnSighupChangesNothing) {
  WriteConfig("[limits]\nconnections = 100\n");
  BrokerProcess broker(WithConfig());
  ASSERT_TRUE(broker.IsReady()) << broker.Stderr();
  WriteConfig("[limits]\nconections = 1\n");
  broker.Signal(SIGHUP);
  ASSERT_TRUE(Becomes([&] { return broker.Stderr().find("SIGHUP") != std::string::npos; }));
  EXPECT_THAT(broker.Stderr(), HasSubstr("everything stays as it was"));
  EXPECT_THAT(broker.Stderr(), HasSubstr("limits.connections"));  // The nearest.
  TopicClient topic(broker.client(), "orders");
  Produce(topic.client, topic.group, {"x"});
}

TEST_F(Process, TheLogGoesToItsFileAndIsOpenedAnewOnSigusr1) {
  const std::string path = File("raftmqd.log");
  BrokerProcess broker({.data_directory = File("data"), .sets = {"log.file=" + path}});
  ASSERT_TRUE(broker.IsReady()) << broker.Stderr();
  EXPECT_THAT(ReadText(path), HasSubstr("serves"));
  EXPECT_THAT(broker.Stderr(), Not(HasSubstr("serves")));
  std::filesystem::rename(path, path + ".1");
  broker.Signal(SIGUSR1);
  ASSERT_TRUE(Becomes([&] { return std::filesystem::exists(path); }));
  broker.Signal(SIGTERM);
  ASSERT_EQ(broker.WaitForExit(kPatience), 0);
  EXPECT_THAT(ReadText(path), HasSubstr("drained"));
}

TEST_F(Process, ALogFileThatCannotBeOpenedRefusesTheStart) {
  BrokerProcess broker({.data_directory = File("data"), .sets = {"log.file=/nowhere/at/all"}});
  EXPECT_FALSE(broker.IsReady());
  EXPECT_EQ(broker.WaitForExit(kPatience), 2);
  EXPECT_THAT(broker.Stderr(), HasSubstr("log.file"));
}

TEST_F(Process, WithoutSyncsItSaysSoEverywhere) {
  BrokerProcess broker({.data_directory = File("data"), .arguments = {"--unsafe-no-sync"}});
  ASSERT_TRUE(broker.IsReady()) << broker.Stderr();
  EXPECT_THAT(broker.Stderr(), HasSubstr("storage.unsafe_no_sync"));
  EXPECT_THAT(HttpGet(broker.http(), "/readyz?verbose").body, HasSubstr("storage.unsafe_no_sync"));
  EXPECT_THAT(HttpGet(broker.http(), "/metrics").body,
              HasSubstr("raftmq_storage_unsafe_no_sync 1"));
}

TEST_F(Process, RaisesItsOwnLimitOfDescriptorsToTheHardOne) {
  const LoweredDescriptorLimit lowered(256);
  BrokerProcess broker({.data_directory = File("data")});
  ASSERT_TRUE(broker.IsReady()) << broker.Stderr();
  const rlimit limit = DescriptorLimitOf(broker);
  EXPECT_GT(limit.rlim_cur, 256u);
  EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
}

TEST_F(Process, PartitionsOfATopicAreLimited) {
  BrokerProcess broker({.data_directory = File("data"), .sets = {"limits.partitions_per_topic=3"}});
  ASSERT_TRUE(broker.IsReady()) << broker.Stderr();
  WireClient client(broker.client());
  client.Hello();
  const Error error = ErrorOf(client.Call(wire::CreateTopicRequest{.name = "t", .partitions = 4}));
  EXPECT_EQ(error.code, ErrorCode::kBadRequest);
  EXPECT_THAT(error.message, HasSubstr("limits.partitions_per_topic"));
}

}  // namespace
}  // namespace raftmq::testing
