// The simulator: events per second of one core, with all oracles looking.
#include "protocol/types/check.h"
#include "tests/bench/bench.h"
#include "tests/sim/simulation.h"

namespace raftmq::bench {
namespace {

constexpr std::uint64_t kSeeds = 40;
constexpr double kEventsPerSecond = 0.2e6;

double Measure() {
  const double began = CpuSeconds();
  std::uint64_t events = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    sim::SeedChoices choices(seed);
    sim::Coverage coverage;
    const sim::Outcome outcome = sim::Simulation(choices, {}, coverage).Run();
    RAFTMQ_CHECK(!outcome.violation.has_value());
    events += outcome.events;
  }
  return static_cast<double>(events) / (CpuSeconds() - began);
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  raftmq::bench::Runner runner(argc, argv);
  runner.Report({.name = "simulator",
                 .unit = "events/s_per_core",
                 .bound = raftmq::bench::kEventsPerSecond,
                 .at_most = false,
                 .measured = raftmq::bench::Measure()});
}
