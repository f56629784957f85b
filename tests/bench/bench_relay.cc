// The bare relay by itself: what this machine gives to three replicas and a client that do nothing
// but move, hash, write and sync. bench_cluster compares the brokers with it; here are its figures.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/bench.h"
#include "tests/bench/relay/relay.h"
#include "tests/bench/scratch_directory.h"

namespace raftmq::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kBytes = 1u << 30;
constexpr std::uint64_t kMessages = 4'000;
constexpr std::size_t kInFlight = 5;  // Batches, as our producer has by default.

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void MeasureThroughput(Runner& runner, Relay& relay, const std::string& name) {
  const double cpu_before = CpuSeconds() + relay.CpuSeconds();
  const auto start = Clock::now();
  double gigabytes = 0;
  while (gigabytes < kBytes / 1e9)
    gigabytes += static_cast<double>(relay.Send(64, kInFlight)) / 1e9;
  runner.Report({.name = name, .unit = "MB/s", .measured = gigabytes * 1e3 / SecondsSince(start)});
  runner.Report({.name = name + "_cpu",
                 .unit = "cpu_s_per_GB",
                 .measured = (CpuSeconds() + relay.CpuSeconds() - cpu_before) / gigabytes});
}

void MeasureLatency(Runner& runner, Relay& relay) {
  std::vector<double> microseconds;
  for (std::uint64_t i = 0; i < kMessages; ++i) {
    const auto start = Clock::now();
    relay.Send(1, 1);
    microseconds.push_back(SecondsSince(start) * 1e6);
  }
  std::ranges::sort(microseconds);
  runner.Report(
      {.name = "relay_1KiB_p50", .unit = "us", .measured = microseconds[microseconds.size() / 2]});
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  using namespace raftmq::bench;
  Runner runner(argc, argv);
  const ScratchDirectory scratch;
  Relay large(scratch.path(), 1u << 20);
  Relay medium(scratch.path(), 64u << 10);
  Relay small(scratch.path(), 1u << 10);
  MeasureThroughput(runner, large, "relay_1MiB");
  MeasureThroughput(runner, medium, "relay_64KiB");
  MeasureLatency(runner, small);
  return 0;
}
