#include "broker/process_setup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace raftmq::broker {
namespace {

const int kWakeSignal = SIGRTMIN;

// Async-signal-safe: nothing but write and _exit.
void AppendHex(char* out, std::uintptr_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int i = 15; i >= 0; --i, value >>= 4) out[i] = kDigits[value & 0xF];
}

void OnSegmentFault(int, siginfo_t* info, void*) {
  char line[] =
      "raftmqd: SIGBUS at 0x0000000000000000: a mapped segment could not be read (damaged disk "
      "or a file that was cut from outside); exit 11\n";
  AppendHex(line + sizeof("raftmqd: SIGBUS at 0x") - 1,
            reinterpret_cast<std::uintptr_t>(info->si_addr));
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line, sizeof line - 1);
  ::_exit(kExitSegmentFault);
}

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
  struct sigaction action {};
  action.sa_sigaction = OnSegmentFault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
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
