// The simulator itself: what it says must be the same twice, and what it would miss must be known.
#include "tests/sim/simulation.h"

#include <gtest/gtest.h>

#include <array>

namespace raftmq::sim {
namespace {

Outcome RunSeed(std::uint64_t seed, const RunOptions& options) {
  SeedChoices choices(seed);
  Coverage coverage;
  return Simulation(choices, options, coverage).Run();
}

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome once = RunSeed(seed, {.events = 3000});
    const Outcome again = RunSeed(seed, {.events = 3000});
    EXPECT_EQ(once.hash, again.hash) << "seed " << seed;
    EXPECT_EQ(once.events, again.events) << "seed " << seed;
    EXPECT_EQ(once.time, again.time) << "seed " << seed;
    EXPECT_FALSE(once.violation.has_value()) << "seed " << seed;
  }
}

TEST(Simulation, OtherSeedsGiveOtherRuns) {
  EXPECT_NE(RunSeed(1, {.events = 1000}).hash, RunSeed(2, {.events = 1000}).hash);
}

TEST(Simulation, BytesCanStandInForASeed) {
  std::array<std::byte, 300> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7);
  const auto run = [&bytes] {
    ByteChoices choices(bytes);
    Coverage coverage;
    return Simulation(choices, {.events = 1000}, coverage).Run();
  };
  const Outcome outcome = run();
  EXPECT_FALSE(outcome.violation.has_value());
  EXPECT_EQ(outcome.hash, run().hash);
}

}  // namespace
}  // namespace raftmq::sim
