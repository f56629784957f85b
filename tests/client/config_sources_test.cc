#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "raftmq/client.h"
#include "raftmq/consumer.h"
#include "raftmq/producer.h"

namespace raftmq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ConfigSources : public testing::Test {
 protected:
  ~ConfigSources() override { std::remove(path_.c_str()); }
  const std::string& File(const std::string& text) {
    std::ofstream(path_) << text;
    return path_;
  }

 private:
  const std::string path_ =
      testing::TempDir() + "raftmq-client-" + std::to_string(getpid()) + ".toml";
};

TEST_F(ConfigSources, OneFileHoldsASectionForEach) {
  const std::string& path = File(
      "[client]\nbrokers = [\"a:1\", \"b:2\"]\nrequest_timeout = \"3s\"\n"
      "[producer]\ntopic = \"orders\"\nbatches_in_flight = 2\n"
      "[consumer]\ntopic = \"orders\"\nreplica = 3\n");
  const auto client = ClientConfig::FromToml(path);
  ASSERT_TRUE(client.has_value()) << client.error().ToString();
  EXPECT_THAT(client->brokers, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(client->request_timeout, std::chrono::seconds(3));
  EXPECT_EQ(ProducerConfig::FromToml(path)->batches_in_flight, 2u);
  EXPECT_EQ(ConsumerConfig::FromToml(path)->replica, 3u);
}

TEST_F(ConfigSources, MistakesAreNamedWithTheirPlaceOrNearestKey) {
  EXPECT_THAT(ClientConfig::FromToml(File("[client]\nbrokers = \n")).error().message,
              HasSubstr(".toml:2:"));
  EXPECT_THAT(ClientConfig::FromToml(File("[client]\nbrokers = {a = 1}\n")).error().message,
              HasSubstr(".toml:2:"));
  EXPECT_THAT(ClientConfig::FromToml(File("[client]\nbroker = \"a:1\"\n")).error().message,
              HasSubstr("brokers"));
  EXPECT_EQ(ClientConfig::FromToml("/nowhere.toml").error().code, ErrorCode::kBadConfig);
}

TEST_F(ConfigSources, TheEnvironmentOfEachIsItsOwn) {
  setenv("RAFTMQ_BROKERS", "a:1,b:2", 1);
  setenv("RAFTMQ_PRODUCER_TOPIC", "orders", 1);
  setenv("RAFTMQ_PRODUCER_LINGER", "7ms", 1);
  setenv("RAFTMQ_CONSUMER_TOPIC", "orders", 1);
  setenv("RAFTMQ_NODE__ID", "1", 1);  // A broker's.
  const auto client = ClientConfig::FromEnv();
  ASSERT_TRUE(client.has_value()) << client.error().ToString();
  EXPECT_THAT(client->brokers, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(ProducerConfig::FromEnv()->linger, std::chrono::milliseconds(7));
  EXPECT_EQ(ConsumerConfig::FromEnv()->topic, "orders");
  setenv("RAFTMQ_BROKER", "a:1", 1);
  EXPECT_THAT(ClientConfig::FromEnv().error().message, HasSubstr("brokers"));
}

}  // namespace
}  // namespace raftmq
