#include "tests/bench/bench.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <string_view>
#include <vector>

namespace raftmq::bench {
namespace {

double UsageOf(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Turn {
  double rate = 0;          // Units per second.
  double cpu_per_unit = 0;  // CPU seconds per unit.
};

Turn Take(const Work& work, double seconds, const std::function<double()>& other_cpu_seconds) {
  using Clock = std::chrono::steady_clock;
  const auto cpu_seconds = [&other_cpu_seconds] {
    return CpuSeconds() + (other_cpu_seconds ? other_cpu_seconds() : 0);
  };
  const double cpu_before = cpu_seconds();
  const auto start = Clock::now();
  double units = 0;
  double elapsed = 0;
  do {
    units += static_cast<double>(work());
    elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  } while (elapsed < seconds);
  if (units == 0) return {};
  return {.rate = units / elapsed, .cpu_per_unit = (cpu_seconds() - cpu_before) / units};
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string RateText(double rate, Unit unit) {
  const std::string_view suffix = unit == Unit::kBytes ? "B/s" : "op/s";
  if (rate >= 1e9) return fmt::format("{:.2f}_G{}", rate / 1e9, suffix);
  if (rate >= 1e6) return fmt::format("{:.2f}_M{}", rate / 1e6, suffix);
  if (rate >= 1e3) return fmt::format("{:.2f}_k{}", rate / 1e3, suffix);
  return fmt::format("{:.2f}_{}", rate, suffix);
}

std::string_view Verdict(bool reached) { return reached ? "ok" : "MISS"; }
std::string TargetText(double target) { return target == 0 ? "-" : fmt::format("{:.2f}", target); }

void Print(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

}  // namespace

double CpuSeconds() { return UsageOf(RUSAGE_SELF) + UsageOf(RUSAGE_CHILDREN); }

double CpuSecondsOf(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string stat;
  std::getline(file, stat);
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));  // From the third on.
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

Runner::Runner(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) != "--json") {
      fmt::print(stderr, "{}: expected --json or nothing, found '{}'\n", argv[0], argv[i]);
      std::exit(2);
    }
    json_ = true;
  }
}

void Runner::Compare(const Comparison& comparison) {
  const auto& other = comparison.other_cpu_seconds;
  Take(comparison.baseline, 0, nullptr);
  Take(comparison.measured, 0, other);
  std::vector<double> ratios, baselines, measureds, cpus;
  for (int round = 0; round < comparison.rounds; ++round) {
    const Turn baseline = Take(comparison.baseline, comparison.seconds_per_turn, nullptr);
    const Turn measured = Take(comparison.measured, comparison.seconds_per_turn, other);
    ratios.push_back(baseline.rate == 0 ? 0 : measured.rate / baseline.rate);
    baselines.push_back(baseline.rate);
    measureds.push_back(measured.rate);
    cpus.push_back(measured.cpu_per_unit);
  }
  const double ratio = Median(ratios);
  const bool reached = ratio >= comparison.target;
  // Per 10^9 bytes, or per 10^6 operations.
  const bool bytes = comparison.unit == Unit::kBytes;
  const double cpu = Median(cpus) * (bytes ? 1e9 : 1e6);
  const std::string_view cpu_name = bytes ? "cpu_s_per_GB" : "cpu_s_per_Mop";
  if (json_) {
    Print(fmt::format(
        R"({{"name":"{}","ratio":{:.4f},"target":{:.4f},"ok":{},"baseline":{:.1f},"measured":{:.1f},"unit":"{}","{}":{:.4f}}})",
        comparison.name, ratio, comparison.target, reached, Median(baselines), Median(measureds),
        bytes ? "B/s" : "op/s", cpu_name, cpu));
    return;
  }
  Print(fmt::format("{} ratio={:.2f} target={} {} baseline={} measured={} {}={:.3f}",
                    comparison.name, ratio, TargetText(comparison.target), Verdict(reached),
                    RateText(Median(baselines), comparison.unit),
                    RateText(Median(measureds), comparison.unit), cpu_name, cpu));
}

void Runner::Report(const Figure& figure) {
  const double ratio = figure.bound == 0 ? 0 : figure.measured / figure.bound;
  const bool reached = figure.bound == 0 || (figure.at_most ? ratio <= 1 : ratio >= 1);
  if (json_) {
    Print(fmt::format(
        R"({{"name":"{}","ratio":{:.4f},"target":{},"ok":{},"baseline":{:.4f},"measured":{:.4f},"unit":"{}"}})",
        figure.name, ratio, figure.bound == 0 ? 0 : 1, reached, figure.bound, figure.measured,
        figure.unit));
    return;
  }
  const std::string target =
      figure.bound == 0 ? "-" : fmt::format("{}1.00", figure.at_most ? "<=" : ">=");
  Print(fmt::format("{} ratio={:.2f} target={} {} baseline={:.4g}_{} measured={:.4g}_{}",
                    figure.name, ratio, target, Verdict(reached), figure.bound, figure.unit,
                    figure.measured, figure.unit));
}

}  // namespace raftmq::bench
