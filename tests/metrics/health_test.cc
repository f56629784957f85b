#include "metrics/health.h"

#include <gtest/gtest.h>

namespace raftmq {
namespace {

HealthReport HalfWell() {
  return {.ok = false,
          .items = {{"disk", true, "synced 3 ms ago"}, {"recovery", false, "2 of 7 partitions"}}};
}

TEST(HealthTest, TextNamesWhatFailed) {
  EXPECT_EQ(RenderHealthText(HalfWell(), false), "[-] recovery: 2 of 7 partitions\nfailed\n");
  EXPECT_EQ(RenderHealthText({.ok = true}, false), "ok\n");
}

TEST(HealthTest, VerboseTextNamesEverything) {
  EXPECT_EQ(RenderHealthText(HalfWell(), true),
            "[+] disk: synced 3 ms ago\n[-] recovery: 2 of 7 partitions\nfailed\n");
}

TEST(HealthTest, OneItemStaysOnOneLine) {
  const HealthReport report{.ok = true, .items = {{"a\nb", true, "c\x1b[31m\r\nd"}}};
  EXPECT_EQ(RenderHealthText(report, true), "[+] a?b: c?[31m??d\nok\n");
}

TEST(HealthTest, JsonIsItemisedAndSurvivesBadBytes) {
  EXPECT_EQ(RenderHealthJson(HalfWell()),
            R"({"items":[{"detail":"synced 3 ms ago","name":"disk","ok":true},)"
            R"({"detail":"2 of 7 partitions","name":"recovery","ok":false}],"status":"failed"})"
            "\n");
  const HealthReport bad{.ok = true, .items = {{"x", true, "\xff"}}};
  EXPECT_NE(RenderHealthJson(bad).find("\xEF\xBF\xBD"), std::string::npos);
}

}  // namespace
}  // namespace raftmq
