#include "cli/message_format.h"

#include <gtest/gtest.h>

namespace raftmq::cli {
namespace {

MessageView Sample() {
  MessageView message;
  message.partition = 2;
  message.offset = 7;
  message.timestamp_ms = 9;
  message.key = "k";
  message.value = "v";
  message.headers = {{"a", "1"}, {"a", std::nullopt}};
  return message;
}

std::string Format(std::string_view text, const MessageView& message) {
  const auto parsed = MessageTemplate::Parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  std::string out;
  if (parsed) parsed->Append("orders", message, &out);
  return out;
}

TEST(MessageTemplateTest, EveryVerbAndEscape) {
  EXPECT_EQ(Format("%t/%p@%o %k=%v %T %h%%\\n", Sample()), "orders/2@7 k=v 9 a=1,a=%\n");
  EXPECT_EQ(Format("", Sample()), "");
}

TEST(MessageTemplateTest, UnknownVerbsAndLoneSignsAreRefused) {
  for (const char* text : {"%x", "%", "abc\\", "\\q"})
    EXPECT_FALSE(MessageTemplate::Parse(text).has_value()) << text;
}

TEST(MessageJsonTest, NullStaysNullAndBinaryGoesToBase64) {
  MessageView message = Sample();
  message.key = std::nullopt;
  message.value = std::string_view("\xff\x00\x01", 3);
  message.headers.clear();
  std::string out;
  AppendJson("orders", message, &out);
  EXPECT_NE(out.find("\"key\":null"), std::string::npos) << out;
  EXPECT_NE(out.find("\"value_base64\":\"/wAB\""), std::string::npos) << out;
  EXPECT_EQ(out.find("\"value\":"), std::string::npos) << out;
  EXPECT_EQ(out.back(), '\n');
}

TEST(MessageJsonTest, EmptyIsNotNull) {
  MessageView message = Sample();
  message.value = "";
  std::string out;
  AppendJson("orders", message, &out);
  EXPECT_NE(out.find("\"value\":\"\""), std::string::npos) << out;
}

}  // namespace
}  // namespace raftmq::cli
