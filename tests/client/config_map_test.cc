#include "protocol/client/config_map.h"

#include <gtest/gtest.h>

#include "raftmq/client.h"

namespace raftmq {
namespace {

TEST(ClientConfig, ReadsEveryFieldFromText) {
  const auto config = ClientConfig::FromMap({{"brokers", "a:1,b:2"},
                                             {"client_name", "me"},
                                             {"request_timeout", "3s"},
                                             {"backoff_min", "5ms"},
                                             {"seed", "17"}});
  ASSERT_TRUE(config.has_value()) << config.error().ToString();
  EXPECT_EQ(config->brokers, std::vector<std::string>({"a:1", "b:2"}));
  EXPECT_EQ(config->client_name, "me");
  EXPECT_EQ(config->request_timeout, std::chrono::seconds(3));
  EXPECT_EQ(config->backoff_min, std::chrono::milliseconds(5));
  EXPECT_EQ(config->seed, 17u);
}

TEST(ClientConfig, RefusesUnknownKeysWithTheNearest) {
  const auto config = ClientConfig::FromMap({{"request_timout", "3s"}});
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().code, ErrorCode::kBadConfig);
  EXPECT_NE(config.error().message.find("did you mean 'request_timeout'"), std::string::npos)
      << config.error().message;
}

TEST(ConfigMap, SaysWhatWasExpectedAndFound) {
  std::chrono::milliseconds duration{0};
  const std::map<std::string, std::string> values{{"linger", "fast"}};
  internal::ConfigMap map(values);
  map.Duration("linger", &duration);
  const Status status = map.Finish();
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().message.find("'linger'"), std::string::npos);
  EXPECT_NE(status.error().message.find("'fast'"), std::string::npos);
}

TEST(ConfigMap, RefusesNumbersThatDoNotFit) {
  std::uint32_t number = 0;
  const std::map<std::string, std::string> values{{"n", "4294967296"}};
  internal::ConfigMap map(values);
  map.Number("n", &number);
  EXPECT_FALSE(map.Finish().has_value());
}

}  // namespace
}  // namespace raftmq
