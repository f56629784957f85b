#include "tests/faults/fault_test.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <random>

#include "tests/faults/loop_disk.h"

namespace raftmq::testing {
namespace {

// Few enough that a history is short and a disk small.
constexpr std::uint64_t kFaultsPerCluster = 25;

}  // namespace

std::uint64_t NumberFrom(const char* variable, std::uint64_t otherwise) {
  const char* const value = std::getenv(variable);
  return value != nullptr ? std::strtoull(value, nullptr, 10) : otherwise;
}

bool HasFailed() { return std::uncaught_exceptions() > 0 || ::testing::Test::HasFailure(); }

void FaultTest::InPortions(const Faults& faults, const Portion& portion) {
  std::uint64_t seed = NumberFrom("RAFTMQ_SEED", std::random_device{}());
  std::uint64_t left = NumberFrom(faults.variable, faults.otherwise);
  for (; left > 0 && !HasFailure(); ++seed) {
    const std::uint64_t count = std::min(left, kFaultsPerCluster);
    left -= count;
    std::cout << "seed " << seed << ", " << count << " faults\n";
    sim::SeedChoices choices(seed);
    try {
      portion(choices, count);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    if (HasFailure()) PrintReplay(faults, seed, count);
  }
}

void FaultTest::PrintReplay(const Faults& faults, std::uint64_t seed, std::uint64_t count) const {
  const auto* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::cout << "replay: RAFTMQ_SEED=" << seed << " " << faults.variable << "=" << count << " "
            << std::filesystem::read_symlink("/proc/self/exe").string()
            << " --gtest_filter=" << test->test_suite_name() << "." << test->name() << "\n";
}

void LoopDiskTest::SetUp() {
  static const std::string why = WhyNoLoopDisks();
  if (!why.empty()) GTEST_SKIP() << "NOT TESTED: " << why;
}

}  // namespace raftmq::testing
