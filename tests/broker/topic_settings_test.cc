#include "broker/topic_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace raftmq::broker {
namespace {

using ::testing::HasSubstr;

TEST(TopicName, TakesTheDocumentedCharacters) {
  EXPECT_TRUE(CheckTopicName("a"));
  EXPECT_TRUE(CheckTopicName("Orders.v2_eu-west"));
  EXPECT_TRUE(CheckTopicName(std::string(200, 'x')));
  EXPECT_TRUE(CheckTopicName("..."));
  EXPECT_TRUE(CheckTopicName("_internal"));
}

TEST(TopicName, RefusesWhatCouldMeanSomethingElse) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("a b"),
        std::string("a\0b", 3), std::string("\xC3\xA4"), std::string(201, 'x'),
        std::string("__cluster"), std::string("a\n")}) {
    const auto checked = CheckTopicName(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().code, ErrorCode::kBadName);
  }
}

TEST(TopicSettings, ReadsUnitsAndKafkasBareNumbers) {
  const auto settings = ParseTopicSettings({{"segment.bytes", "64MiB"},
                                            {"retention.ms", "86400000"},
                                            {"retention.bytes", "-1"},
                                            {"max.message.bytes", "1048588"}},
                                           {});
  ASSERT_TRUE(settings) << settings.error().ToString();
  EXPECT_EQ(settings->segment_bytes, 64u << 20);
  EXPECT_EQ(settings->retention_ms, 86'400'000);
  EXPECT_EQ(settings->retention_bytes, -1);
  EXPECT_EQ(settings->message_bytes_max, 1'048'588u);
  EXPECT_EQ(ParseTopicSettings({{"retention.ms", "7d"}}, {})->retention_ms, 7LL * 86'400'000);
  EXPECT_EQ(ParseTopicSettings({{"retention.ms", "-1"}}, {})->retention_ms, -1);
  EXPECT_EQ(ParseTopicSettings({{"message.id.window", "2m"}}, {})->message_id_window_ms, 120'000);
  EXPECT_EQ(ParseTopicSettings({{"message.id.window", "500"}}, {})->message_id_window_ms, 500);
}

TEST(TopicSettings, KeepsTheDefaultsOfWhatIsNotSet) {
  const TopicSettings defaults{.segment_bytes = 2u << 20, .retention_ms = 5};
  EXPECT_EQ(*ParseTopicSettings({}, defaults), defaults);
}

TEST(TopicSettings, NamesWhatIsWrong) {
  const auto message = [](const std::string& name, const std::string& value) {
    return ParseTopicSettings({{name, value}}, {}).error().message;
  };
  EXPECT_THAT(message("segment.byte", "1MiB"), HasSubstr("did you mean 'segment.bytes'?"));
  EXPECT_THAT(message("x", "1"), HasSubstr("expected one of: segment.bytes, retention.ms, "));
  EXPECT_THAT(message("segment.bytes", "1KiB"), HasSubstr("expected 1MiB to 4GiB, found 1KiB"));
  EXPECT_THAT(message("retention.ms", "soon"), HasSubstr("found 'soon'"));
  EXPECT_THAT(message("retention.ms", "-2"), HasSubstr("found '-2'"));
  EXPECT_THAT(message("max.message.bytes", "1GiB"), HasSubstr("max.message.bytes"));
  EXPECT_THAT(message("message.id.window", "8d"), HasSubstr("up to '7d', found '8d'"));
}

}  // namespace
}  // namespace raftmq::broker
