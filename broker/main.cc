// raftmqd: configuration, data directory, broker; then signals until it is time to drain.
#include <fmt/format.h>

#include <unistd.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "broker/broker.h"
#include "broker/config/configure.h"
#include "broker/config/reload.h"
#include "broker/log.h"
#include "broker/process_setup.h"
#include "broker/settings_options.h"
#include "metrics/process_metrics.h"
#include "segment/node_directory.h"
#include "segment/posix_file_system.h"

namespace raftmq::broker {
namespace {

// Log segments, peers and what the libraries hold, roughly.
constexpr std::uint64_t kDescriptorsBesides = 1024;

int ExitCodeOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kBadConfig:
    case ErrorCode::kInvalidArgument:
      return kExitBadConfig;
    case ErrorCode::kLocked:
      return kExitLocked;
    case ErrorCode::kForeignDirectory:
    case ErrorCode::kDataCorrupt:  // Of what the whole node needs: the directory is unfit.
      return kExitForeign;
    case ErrorCode::kUnknownFormat:
      return kExitUnknownFormat;
    default:
      return kExitOther;
  }
}

std::uint64_t RandomNumber() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

// The one line on stdout that scripts wait for. A closed or full stdout is not the broker's end.
void AnnounceReady(const BrokerOptions& options, const Broker& broker) {
  const std::string line = fmt::format(
      "{{\"node\":{},\"client\":\"{}\",\"peer\":\"{}\",\"http\":\"{}\",\"shards\":{},\"data\":\"{}"
      "\"}}\n",
      options.node.value(), broker.client_address().ToString(), broker.peer_address().ToString(),
      broker.http_address().ToString(), options.shards,
      EscapeForLog(options.storage.data_directory));
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
}

// Drains within the configured time; a second signal cuts it short.
int Drain(Broker& broker, const BrokerSettings& settings, SignalWaiter& signals, Log& log,
          const Clock& clock) {
  const Microseconds deadline = clock.SteadyNow() + settings.shutdown.timeout;
  broker.Drain([] { SignalWaiter::Wake(); });
  while (true) {
    const auto left = std::chrono::duration_cast<Milliseconds>(deadline - clock.SteadyNow());
    const auto signal = signals.Wait(std::max(left, Milliseconds(0)));
    if (signal == ProcessSignal::kReload || signal == ProcessSignal::kReopenLog) continue;
    if (signal == ProcessSignal::kDone) {
      log.Info("broker", "drained: everything is on disk");
      return kExitDrained;
    }
    log.Warn("broker", signal ? "a second signal came while draining: ending at once"
                              : "not drained within shutdown.timeout: ending at once");
    std::fflush(nullptr);
    _exit(kExitOther);  // What was acked is on disk; recovery judges the rest.
  }
}

// While nothing is served yet, a SIGTERM ends the process at once: recovery has promised nothing.
class StartGuard {
 public:
  StartGuard(SignalWaiter& signals, Log& log)
      : thread_([&signals, &log] {
          std::optional<ProcessSignal> signal;
          while ((signal = signals.Wait()) != ProcessSignal::kDone) {
            if (signal != ProcessSignal::kStop) continue;
            log.Info("broker", "stopped before it served; nothing was under way");
            _exit(kExitDrained);
          }
        }) {}
  ~StartGuard() {
    SignalWaiter::Wake();
    thread_.join();
  }
  StartGuard(const StartGuard&) = delete;
  StartGuard& operator=(const StartGuard&) = delete;

 private:
  std::thread thread_;
};

using ReadSettings = std::function<Configured()>;

// Takes what a running broker can take of the configuration as it is now.
void Reload(const ReadSettings& read_settings, BrokerSettings& running, Broker& broker, Log& log) {
  const Configured wanted = read_settings();
  if (wanted.exit_code) {
    return log.Fault("broker", "SIGHUP: everything stays as it was: " + wanted.err);
  }
  log.Info("broker", "SIGHUP: " + PlanReload(running, wanted.settings).ToString());
  log.SetLevel(wanted.settings.log.level);
  broker.SetLimits(ListenersFrom(wanted.settings).limits, wanted.settings.limits.memory_bytes);
  broker.SetScrubLimits(ScrubLimitsFrom(wanted.settings.storage));
  broker.SetWatermarks(WatermarksFrom(wanted.settings));
  running.storage.disk_low_bytes = wanted.settings.storage.disk_low_bytes;
  running.storage.disk_critical_bytes = wanted.settings.storage.disk_critical_bytes;
  running.log.level = wanted.settings.log.level;
  running.storage.scrub_period = wanted.settings.storage.scrub_period;
  running.storage.scrub_rate = wanted.settings.storage.scrub_rate;
  running.storage.scrub_started_rate = wanted.settings.storage.scrub_started_rate;
  running.limits.connections = wanted.settings.limits.connections;
  running.limits.connections_per_address = wanted.settings.limits.connections_per_address;
  running.limits.memory_bytes = wanted.settings.limits.memory_bytes;
}

void ReopenLog(const BrokerSettings& settings, Log& log) {
  if (settings.log.file.empty()) return;
  const Status reopened = RedirectStderr(settings.log.file);
  if (!reopened) log.Fault("broker", "SIGUSR1: " + reopened.error().ToString());
}

int Serve(BrokerSettings settings, const std::vector<std::string>& warnings,
          const ReadSettings& read_settings, SignalWaiter& signals) {
  if (!settings.log.file.empty()) {
    if (const Status redirected = RedirectStderr(settings.log.file); !redirected) {
      fmt::print(stderr, "raftmqd: log.file: {}\n", redirected.error().ToString());
      return kExitBadConfig;
    }
  }
  Log log({.node = settings.node.id, .level = settings.log.level, .format = settings.log.format});
  const RealClock clock;
  PosixFileSystem files(settings.storage.unsafe_no_sync ? Syncing::kUnsafeOff : Syncing::kOn);
  MetricsRegistry metrics({.node_series_max = settings.metrics.max_series,
                           .detailed_series_max = settings.metrics.max_detailed_series});
  const ProcessMetrics process_metrics(metrics, clock, RAFTMQ_VERSION);
  for (const std::string& warning : warnings) log.Warn("broker", warning);
  if (const std::uint64_t limit = DescriptorLimit();
      limit < settings.limits.connections + kDescriptorsBesides) {
    log.Warn("broker", fmt::format("this process may have {} descriptors, too few for "
                                   "limits.connections ({}) and its files: raise the hard limit "
                                   "(ulimit -Hn, LimitNOFILE) to {} or more",
                                   limit, settings.limits.connections,
                                   settings.limits.connections + kDescriptorsBesides));
  }
  std::optional<StartGuard> guard(std::in_place, signals, log);

  BrokerOptions options = OptionsFrom(settings, std::thread::hardware_concurrency());
  options.boot_id = RandomNumber();
  const auto directory = OpenNodeDirectory(files, {.path = settings.node.data_dir,
                                                   .cluster_id = settings.node.cluster_id,
                                                   .node = settings.node.id,
                                                   .incarnation = RandomNumber(),
                                                   .may_found = settings.node.bootstrap});
  if (!directory) {
    log.Fault("storage", directory.error().ToString());
    return ExitCodeOf(directory.error());
  }
  for (const std::string& note : directory->notes) log.Warn("storage", note);
  options.incarnation = directory->identity.incarnation;
  const auto broker =
      Broker::Start(options, ListenersFrom(settings),
                    {log, files, *directory->manifest, *directory->counter, clock, metrics});
  if (!broker) {
    log.Fault("broker", broker.error().ToString());
    return ExitCodeOf(broker.error());
  }
  log.Info("broker",
           fmt::format(
               "raftmqd {} serves: node {} of cluster {}, clients {}, peers {}, http {}, data {}, "
               "{} shards, {} topics",
               RAFTMQ_VERSION, options.node.value(), options.cluster_id,
               (*broker)->client_address().ToString(), (*broker)->peer_address().ToString(),
               (*broker)->http_address().ToString(), options.storage.data_directory, options.shards,
               (*broker)->catalogue().topic_count()));
  guard.reset();
  AnnounceReady(options, **broker);
  for (auto signal = signals.Wait(); signal != ProcessSignal::kStop; signal = signals.Wait()) {
    if (signal == ProcessSignal::kReload) Reload(read_settings, settings, **broker, log);
    if (signal == ProcessSignal::kReopenLog) ReopenLog(settings, log);
  }
  log.Info("broker", "draining");
  return Drain(**broker, settings, signals, log, clock);
}

int Main(int argc, char** argv) {
  KeepStandardStreams();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const ReadSettings read_settings = [&arguments] {
    return Configure(arguments, ProcessEnvironment());
  };
  const Configured configured = read_settings();
  std::fputs(configured.out.c_str(), stdout);
  std::fputs(configured.err.c_str(), stderr);
  if (configured.exit_code) return *configured.exit_code;
  SetUpProcess();
  SignalWaiter signals;
  return Serve(configured.settings, configured.warnings, read_settings, signals);
}

}  // namespace
}  // namespace raftmq::broker

int main(int argc, char** argv) { return raftmq::broker::Main(argc, argv); }
