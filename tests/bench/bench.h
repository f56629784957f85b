// A small runner for the benchmarks of this folder. Each compares a measured piece of work with a
// baseline in one process, in five rounds that interleave the two, and prints one line:
//
//   batch_build ratio=0.81 target=0.60 ok baseline=9.1_GB/s measured=7.4_GB/s cpu_s_per_GB=0.14
//
// ratio = measured rate / baseline rate, the median of the rounds; the two rates are medians too.
// CPU seconds are user + system of the measured work: of this process, of the children it has
// waited for, and of what the comparison names besides. With --json each line is a JSON object
// instead. A miss is reported, never an exit code: figures on a noisy machine are for people to
// judge.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

namespace raftmq::bench {

enum class Unit { kBytes, kOperations };

// Does one slice of work and returns how much was done, in units (bytes or operations).
using Work = std::function<std::uint64_t()>;

struct Comparison {
  std::string name;
  Unit unit = Unit::kBytes;
  double target = 0;  // The ratio to reach; 0 = informative only.
  Work baseline;
  Work measured;
  double seconds_per_turn = 0.2;  // A work is called again until its turn took this long.
  int rounds = 5;
  // CPU seconds so far of a process that still runs: a broker.
  std::function<double()> other_cpu_seconds = nullptr;
};

// User + system of this process and of the children it has waited for.
double CpuSeconds();
// User + system so far of a process that runs.
double CpuSecondsOf(pid_t process);

// A figure that has no baseline to run beside, against a fixed bound ("restart_s at most 1").
struct Figure {
  std::string name;
  std::string unit;
  double bound = 0;  // 0 = informative only.
  bool at_most = true;
  double measured = 0;
};

// Prints what it is told to run, in the form the command line asks for. Not thread-safe.
class Runner {
 public:
  // Understands --json and nothing else; exits 2 with a message on anything else.
  Runner(int argc, char** argv);

  // Calls each work once to warm up, then runs the rounds and prints the line.
  void Compare(const Comparison& comparison);
  void Report(const Figure& figure);

 private:
  bool json_ = false;
};

// Keeps the optimiser from dropping the work that made `value`.
template <class T>
inline void Keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

}  // namespace raftmq::bench
