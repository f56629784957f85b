// What the tests of this folder share: a seed, a number of faults, and the line that repeats a
// failure.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>

#include "tests/sim/choices.h"

namespace raftmq::testing {

// The variable's number, else this one.
std::uint64_t NumberFrom(const char* variable, std::uint64_t otherwise);

// The test under way has a failure, or an exception ends it.
bool HasFailed();

// RAFTMQ_SEED chooses the victims and moments (real processes still differ from run to run).
class FaultTest : public ::testing::Test {
 protected:
  // So many faults of one kind are tried: the variable's number, else this one.
  struct Faults {
    const char* variable;
    std::uint64_t otherwise;
  };
  // Tries them in portions, each with a new cluster, which `portion` makes and judges; ends with
  // the first that fails.
  using Portion = std::function<void(sim::Choices& choices, std::uint64_t faults)>;
  void InPortions(const Faults& faults, const Portion& portion);

 private:
  void PrintReplay(const Faults& faults, std::uint64_t seed, std::uint64_t count) const;
};

// One that needs disks whose power can be cut, and says so where there are none. CTest then counts
// it as not run.
class LoopDiskTest : public FaultTest {
 protected:
  void SetUp() override;
};

}  // namespace raftmq::testing
