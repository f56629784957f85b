// The simulator with the input's bytes as its choices, then as a seed (tests/sim/choices.h): the
// fuzzer looks for runs that reach new code. No rule may be broken.
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "protocol/types/bytes.h"
#include "tests/sim/simulation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace raftmq;
  using namespace raftmq::sim;
  constexpr std::uint64_t kEvents = 2'000;  // A few milliseconds.
  ByteChoices choices({reinterpret_cast<const std::byte*>(data), size});
  Coverage coverage;
  const Outcome outcome = Simulation(choices, {.events = kEvents}, coverage).Run();
  if (!outcome.violation) return 0;
  fmt::print(stderr, "violated: {}: {}\n", outcome.violation->rule, outcome.violation->text);
  std::abort();
}
