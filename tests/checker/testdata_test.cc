// Histories made by hand, each with one kind of anomaly or none: "# expect: RULE" or "# expect:
// nothing" in its first line.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/checker/checker.h"
#include "tests/checker/history_json.h"

namespace raftmq::checker {
namespace {

std::vector<std::filesystem::path> HandMadeHistories() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(TESTDATA))
    files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

// The rule that the file's first line names; empty for "nothing".
std::set<Rule> ExpectedIn(const std::filesystem::path& path) {
  const std::string prefix = "# expect: ";
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  if (!line.starts_with(prefix)) throw std::runtime_error(path.string() + " expects nothing");
  const std::string name = line.substr(prefix.size());
  if (name == "nothing") return {};
  const auto rule = RuleNamed(name);
  if (!rule) throw std::runtime_error(path.string() + " expects an unknown rule " + name);
  return {*rule};
}

class HandMadeHistory : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(HandMadeHistory, IsJudgedAsItSays) {
  std::ifstream file(GetParam());
  const auto history = ReadHistory(file);
  ASSERT_TRUE(history.has_value()) << history.error().ToString();
  const Report report = CheckHistory(*history);
  EXPECT_EQ(report.broken(), ExpectedIn(GetParam())) << report.ToString();
}

INSTANTIATE_TEST_SUITE_P(All, HandMadeHistory, ::testing::ValuesIn(HandMadeHistories()),
                         [](const auto& each) { return each.param.stem().string(); });

TEST(HandMadeHistories, ShowEachRuleAndItsAbsence) {
  std::set<Rule> shown;
  std::size_t clean = 0;
  const auto files = HandMadeHistories();
  for (const auto& path : files) {
    const std::set<Rule> expected = ExpectedIn(path);
    shown.insert(expected.begin(), expected.end());
    clean += expected.empty() ? 1 : 0;
  }
  EXPECT_GE(files.size(), 30u);
  EXPECT_GE(clean, 10u);
  EXPECT_EQ(shown.size(), kRules);
}

}  // namespace
}  // namespace raftmq::checker
