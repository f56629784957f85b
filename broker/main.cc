// raftmqd: configuration, data directory, broker; then signals until it is time to drain.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "broker/broker.h"
#include "broker/config/configure.h"
#include "broker/log.h"
#include "broker/process_setup.h"
#include "broker/settings_options.h"
#include "metrics/process_metrics.h"
#include "segment/node_directory.h"
#include "segment/posix_file_system.h"

namespace raftmq::broker {
namespace {

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
    if (signal == StopSignal::kReload) continue;
    if (signal == StopSignal::kDone) {
      log.Info("broker", "drained: everything is on disk");
      return kExitDrained;
    }
    log.Warn("broker", signal ? "a second signal came while draining: ending at once"
                              : "not drained within shutdown.timeout: ending at once");
    std::fflush(nullptr);
    _exit(kExitOther);  // What was acked is on disk; recovery judges the rest.
  }
}

int Serve(const BrokerSettings& settings, const std::vector<std::string>& warnings,
          SignalWaiter& signals) {
  Log log({.node = settings.node.id, .level = settings.log.level, .format = settings.log.format});
  const RealClock clock;
  PosixFileSystem files;
  MetricsRegistry metrics({.node_series_max = settings.metrics.max_series,
                           .detailed_series_max = settings.metrics.max_detailed_series});
  const ProcessMetrics process_metrics(metrics, clock, RAFTMQ_VERSION);
  for (const std::string& warning : warnings) log.Warn("broker", warning);

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
  const auto broker = Broker::Start(options, ListenersFrom(settings), {log, files, clock, metrics});
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
  AnnounceReady(options, **broker);
  while (signals.Wait() == StopSignal::kReload) {
    log.WarnLimited(
        "broker", "reload",
        "SIGHUP: this version reads its configuration only at the start; restart it to apply "
        "changes");
  }
  log.Info("broker", "draining");
  return Drain(**broker, settings, signals, log, clock);
}

int Main(int argc, char** argv) {
  KeepStandardStreams();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const Configured configured = Configure(arguments, ProcessEnvironment());
  std::fputs(configured.out.c_str(), stdout);
  std::fputs(configured.err.c_str(), stderr);
  if (configured.exit_code) return *configured.exit_code;
  SetUpProcess();
  SignalWaiter signals;
  return Serve(configured.settings, configured.warnings, signals);
}

}  // namespace
}  // namespace raftmq::broker

int main(int argc, char** argv) { return raftmq::broker::Main(argc, argv); }
