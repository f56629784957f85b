// The text scenarios of raftlog/testdata: each is played, and what it tells compared with what is
// recorded. RAFTMQ_REWRITE=1 records anew; `expect` lines hold even then.
#include "tests/raftlog/core/scenario.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "tests/raftlog/core/scenario_file.h"

namespace raftmq {
namespace {

const std::filesystem::path kFolder = RAFTMQ_SOURCE_DIR "/raftlog/testdata";

std::vector<std::string> Names() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".txt") names.insert(entry.path().stem());
  }
  return {names.begin(), names.end()};
}

class RaftScenario : public ::testing::TestWithParam<std::string> {};

void Play(Scenario& scenario, ScenarioBlock* block) {
  block->output.clear();
  for (const std::string& command : block->commands) {
    try {
      block->output += scenario.Run(command);
    } catch (const std::exception& error) {
      FAIL() << command << ": " << error.what();
    }
  }
}

TEST_P(RaftScenario, TellsWhatIsRecorded) {
  const std::filesystem::path path = kFolder / (GetParam() + ".txt");
  const std::string recorded = ReadText(path);
  ScenarioFile file = ScenarioFile::Parse(recorded);
  EXPECT_EQ(recorded.substr(0, 2), "# ") << "a scenario begins with its story";
  bool has_expectation = false;
  Scenario scenario;
  for (ScenarioBlock& block : file.blocks) {
    SCOPED_TRACE(path.string() + ":" + std::to_string(block.line));
    ASSERT_NO_FATAL_FAILURE(Play(scenario, &block));
    for (const std::string& command : block.commands) {
      if (command.starts_with("expect ")) has_expectation = true;
    }
  }
  for (const std::string& failure : scenario.failures()) ADD_FAILURE() << failure;
  EXPECT_TRUE(has_expectation) << "a scenario expects something";
  if (std::getenv("RAFTMQ_REWRITE") != nullptr) return WriteText(path, file.ToText());
  EXPECT_EQ(recorded, file.ToText()) << "RAFTMQ_REWRITE=1 records anew";
}

INSTANTIATE_TEST_SUITE_P(Testdata, RaftScenario, ::testing::ValuesIn(Names()),
                         [](const auto& of) { return of.param; });

}  // namespace
}  // namespace raftmq
