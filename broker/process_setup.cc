#include "broker/process_setup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, kWakeSignal}) sigaddset(&signals, signal);
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

SignalWaiter::SignalWaiter() {
  const sigset_t signals = WaitedSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

std::optional<StopSignal> SignalWaiter::Wait(std::optional<Milliseconds> timeout) {
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
  if (signal == SIGHUP) return StopSignal::kReload;
  return signal == kWakeSignal ? StopSignal::kDone : StopSignal::kStop;
}

void SignalWaiter::Wake() { ::kill(::getpid(), kWakeSignal); }

}  // namespace raftmq::broker
