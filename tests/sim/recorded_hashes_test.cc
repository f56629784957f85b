// The same seed gives the same run in every build: each compares itself with what is recorded in
// testdata/hashes.txt, the optimised one as well as the one under sanitizers. A change of the
// product's timing or of the generator makes other runs: RAFTMQ_REWRITE=1 records them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/sim/simulation.h"

namespace raftmq::sim {
namespace {

constexpr const char* kPath = RAFTMQ_SOURCE_DIR "/tests/sim/testdata/hashes.txt";
constexpr std::uint64_t kSeeds = 12;
constexpr std::uint64_t kEvents = 2000;

// A line for each seed.
std::string RunAll() {
  std::string lines = "# seed, events with the liveness phase, hash of all that happened\n";
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SeedChoices choices(seed);
    Coverage coverage;
    const Outcome outcome = Simulation(choices, {.events = kEvents}, coverage).Run();
    EXPECT_FALSE(outcome.violation.has_value()) << "seed " << seed;
    lines += fmt::format("{} {} {:016x}\n", seed, outcome.events, outcome.hash);
  }
  return lines;
}

TEST(RecordedHashes, AreThoseOfEveryBuild) {
  const std::string found = RunAll();
  if (std::getenv("RAFTMQ_REWRITE") != nullptr) {
    std::ofstream(kPath) << found;
    return;
  }
  std::stringstream recorded;
  recorded << std::ifstream(kPath).rdbuf();
  EXPECT_EQ(recorded.str(), found) << "RAFTMQ_REWRITE=1 records anew";
}

}  // namespace
}  // namespace raftmq::sim
