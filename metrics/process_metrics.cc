#include "metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <system_error>

namespace raftmq {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// Field `number` of /proc/self/stat, counted from 1 as in proc(5).
double StatField(int number) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return kUnknown;
  // Field 2 is the program's name in parentheses, which may hold anything: start behind the last.
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return kUnknown;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int at = 3; at <= number; ++at) {
    if (!(fields >> field)) return kUnknown;
  }
  std::istringstream number_text(field);
  double value = kUnknown;
  number_text >> value;
  return value;
}

double TicksPerSecond() { return static_cast<double>(sysconf(_SC_CLK_TCK)); }

double CpuSeconds() { return (StatField(14) + StatField(15)) / TicksPerSecond(); }

double ResidentBytes() { return StatField(24) * static_cast<double>(sysconf(_SC_PAGESIZE)); }

double BootTimeSeconds() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    double value = kUnknown;
    if (word == "btime" && file >> value) return value;
  }
  return kUnknown;
}

double OpenFiles() {
  std::error_code error;
  double count = -1;  // The listing itself holds one.
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  return error ? kUnknown : count;
}

double OpenFilesMax() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : kUnknown;
}

}  // namespace

ProcessMetrics::ProcessMetrics(MetricsRegistry& registry, const Clock& clock,
                               const std::string& version) {
  const auto add = [&](const char* name, const char* help, MetricKind kind,
                       std::function<double()> value, MetricLabels labels = {}) {
    registrations_.push_back(registry.Add({.name = name, .help = help, .kind = kind},
                                          std::move(labels), std::move(value)));
  };
  const double start_seconds = BootTimeSeconds() + StatField(22) / TicksPerSecond();
  const Microseconds started = clock.SteadyNow();

  add("process_cpu_seconds_total", "User and system CPU time spent.", MetricKind::kCounter,
      CpuSeconds);
  add("process_resident_memory_bytes", "Resident memory size.", MetricKind::kGauge, ResidentBytes);
  add("process_open_fds", "Number of open file descriptors.", MetricKind::kGauge, OpenFiles);
  add("process_max_fds", "Greatest number of open file descriptors allowed.", MetricKind::kGauge,
      OpenFilesMax);
  add("process_start_time_seconds", "Start time of the process since the Unix epoch.",
      MetricKind::kGauge, [start_seconds] { return start_seconds; });
  add("raftmq_build_info", "Always 1; the labels tell the build.", MetricKind::kGauge,
      [] { return 1.0; }, {{"version", version}});
  add("raftmq_uptime_seconds", "Time since the broker was started.", MetricKind::kGauge,
      [&clock, started] {
        return static_cast<double>((clock.SteadyNow() - started).count()) * kMicrosecondsToSeconds;
      });
}

}  // namespace raftmq
