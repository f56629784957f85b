// The program as a shell sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <string>

namespace raftmq::checker {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  int exit_code = -1;
  std::string output;  // stdout and stderr.
};

Outcome CheckFile(const std::string& path) {
  const std::string command = std::string(CHECK_HISTORY_PATH) + " " + path + " 2>&1";
  FILE* const pipe = popen(command.c_str(), "r");
  Outcome outcome;
  char part[4096];
  while (const std::size_t got = fread(part, 1, sizeof part, pipe))
    outcome.output.append(part, got);
  outcome.exit_code = WEXITSTATUS(pclose(pipe));
  return outcome;
}

TEST(CheckHistoryProgram, EndsWithZeroForACleanHistory) {
  const Outcome outcome = CheckFile(TESTDATA "/clean_sent_and_read.jsonl");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.output, HasSubstr(R"("clean": true)"));
}

TEST(CheckHistoryProgram, EndsWithOneForAnomalies) {
  const Outcome outcome = CheckFile(TESTDATA "/lost_middle.jsonl");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("lost-write"));
}

TEST(CheckHistoryProgram, EndsWithTwoForWhatItCannotRead) {
  EXPECT_EQ(CheckFile("/nowhere").exit_code, 2);
  EXPECT_EQ(CheckFile("").exit_code, 2);
  const Outcome outcome = CheckFile(CHECK_HISTORY_PATH);  // No text at all.
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("line 1"));
}

}  // namespace
}  // namespace raftmq::checker
