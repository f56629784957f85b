// raftmq-sim: runs seeds, and prints what they reached and the hash of all that happened.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include <unistd.h>

#include "tests/sim/simulation.h"

namespace raftmq::sim {
namespace {

constexpr int kExitViolation = 1;  // Or a mutant that its rule did not notice.
constexpr int kExitUsage = 2;
constexpr std::string_view kUsage =
    "usage: raftmq-sim [--seed N] [--seeds COUNT] [--events N] [--nodes N] [--mutant NAME] "
    "[--coverage FILE] [--verbose]\n";

struct Arguments {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  RunOptions run;
  MutantRule mutant;
  std::string coverage_file;
  bool is_verbose = false;
};

// How to get there again, for whoever ends in an assertion.
std::array<char, 256> replay_line;

void PrintReplayLine(int) {
  const std::string_view line(replay_line.data());
  static_cast<void>(!write(STDERR_FILENO, line.data(), line.size()));
}

std::string ReplayLine(const Arguments& arguments, std::uint64_t seed) {
  std::string line =
      fmt::format("replay with: tests/sim.sh --seed {} --events {}", seed, arguments.run.events);
  if (arguments.run.nodes > 0) line += fmt::format(" --nodes {}", arguments.run.nodes);
  if (arguments.run.mutant != Mutant::kNone)
    line += fmt::format(" --mutant {}", arguments.mutant.name);
  return line + "\n";
}

template <class T>
bool ParseNumber(std::string_view text, T* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

bool ParseMutant(std::string_view text, Arguments* arguments) {
  const auto found = std::ranges::find(kMutants, text, &MutantRule::name);
  if (found == kMutants.end()) return false;
  arguments->mutant = *found;
  arguments->run.mutant = found->mutant;
  return true;
}

std::optional<Arguments> Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--verbose") {
      arguments.is_verbose = true;
      continue;
    }
    if (i + 1 >= argc) return std::nullopt;
    const std::string_view value = argv[++i];
    const bool is_good = name == "--seed"       ? ParseNumber(value, &arguments.seed)
                         : name == "--seeds"    ? ParseNumber(value, &arguments.seeds)
                         : name == "--events"   ? ParseNumber(value, &arguments.run.events)
                         : name == "--nodes"    ? ParseNumber(value, &arguments.run.nodes)
                         : name == "--coverage" ? !(arguments.coverage_file = value).empty()
                         : name == "--mutant"   ? ParseMutant(value, &arguments)
                                                : false;
    if (!is_good) return std::nullopt;
  }
  return arguments;
}

int RunAll(const Arguments& arguments) {
  Coverage coverage;
  Digest all;
  std::uint64_t events = 0;
  for (std::uint64_t seed = arguments.seed; seed < arguments.seed + arguments.seeds; ++seed) {
    const std::string line = ReplayLine(arguments, seed);
    std::copy_n(line.c_str(), std::min(line.size() + 1, replay_line.size() - 1),
                replay_line.data());
    SeedChoices choices(seed);
    const Outcome outcome = Simulation(choices, arguments.run, coverage).Run();
    events += outcome.events;
    all.Add(outcome.hash);
    if (arguments.is_verbose)
      fmt::print("seed {}: {} events, {} ms, hash {:016x}\n", seed, outcome.events,
                 outcome.time / kMillisecond, outcome.hash);
    if (!outcome.violation) continue;
    fmt::print("violated: {}: {}\n{}", outcome.violation->rule, outcome.violation->text, line);
    if (arguments.run.mutant == Mutant::kNone) return kExitViolation;
    // Others may be broken by it as well.
    if (outcome.violation->rule != arguments.mutant.rule) continue;
    fmt::print("{} noticed by {}\n", arguments.mutant.name, arguments.mutant.rule);
    return 0;
  }
  if (arguments.run.mutant != Mutant::kNone) {
    fmt::print("{} not noticed by {}\n", arguments.mutant.name, arguments.mutant.rule);
    return kExitViolation;
  }
  if (!arguments.coverage_file.empty() && !coverage.WriteJson(arguments.coverage_file)) {
    fmt::print(stderr, "raftmq-sim: cannot write '{}'\n", arguments.coverage_file);
    return kExitUsage;
  }
  fmt::print("{}\n{} seeds, {} events, 0 violations\nhash {:016x}\n", coverage.ToJson(),
             arguments.seeds, events, all.value());
  return 0;
}

}  // namespace
}  // namespace raftmq::sim

int main(int argc, char** argv) {
  const auto arguments = raftmq::sim::Parse(argc, argv);
  if (!arguments) {
    fmt::print(stderr, "{}", raftmq::sim::kUsage);
    return raftmq::sim::kExitUsage;
  }
  std::signal(SIGABRT, raftmq::sim::PrintReplayLine);
  return raftmq::sim::RunAll(*arguments);
}
