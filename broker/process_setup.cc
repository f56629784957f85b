#include "broker/process_setup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "segment/sigbus_guard.h"

namespace raftmq::broker {
namespace {

const int kWakeSignal = SIGRTMIN;

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // As many as we may; fewer is no reason not to start.
}

sigset_t WaitedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, kWakeSignal})
    sigaddset(&signals, signal);
  return signals;
}

}  // namespace

void KeepStandardStreams() {
  int descriptor = 0;
  do {  // open takes the lowest that is free.
    descriptor = ::open("/dev/null", O_RDWR);
  } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor >= 0) ::close(descriptor);
}

void SetUpProcess() {
  umask(077);
  RaiseDescriptorLimit();
  signal(SIGPIPE, SIG_IGN);
  InstallSigbusGuard();
}

Status RedirectStderr(const std::string& path) {
  const int file = ::open(
      path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
  if (file < 0 || ::dup2(file, STDERR_FILENO) < 0) {
    const int number = errno;
    if (file >= 0) ::close(file);
    return Fail(ErrorCode::kIoError,
                fmt::format("cannot open the log file '{}': {}", path, std::strerror(number)));
  }
  ::close(file);
  return Ok();
}

std::uint64_t DescriptorLimit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

SignalWaiter::SignalWaiter() {
  const sigset_t signals = WaitedSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

std::optional<ProcessSignal> SignalWaiter::Wait(std::optional<Milliseconds> timeout) {
  const sigset_t signals = WaitedSignals();
  int signal = -1;
  do {
    if (timeout) {
      const timespec limit{.tv_sec = timeout->count() / 1000,
                           .tv_nsec = (timeout->count() % 1000) * 1'000'000};
      signal = sigtimedwait(&signals, nullptr, &limit);
      if (signal < 0 && errno == EAGAIN) return std::nullopt;
    } else {
      signal = sigwaitinfo(&signals, nullptr);
    }
  } while (signal < 0);  // EINTR: stopped and continued.
  if (signal == SIGHUP) return ProcessSignal::kReload;
  if (signal == SIGUSR1) return ProcessSignal::kReopenLog;
  return signal == kWakeSignal ? ProcessSignal::kDone : ProcessSignal::kStop;
}

void SignalWaiter::Wake() { ::kill(::getpid(), kWakeSignal); }

}  // namespace raftmq::broker
