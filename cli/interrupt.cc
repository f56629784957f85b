#include "cli/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

#include "cli/exit_code.h"
#include "protocol/types/check.h"

namespace raftmq::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;
int interrupt_event = -1;  // An eventfd, readable for good after the first signal.

void Raise(int event) {
  const std::uint64_t one = 1;
  (void)!::write(event, &one, sizeof one);  // Fails only where it is raised already.
}

void OnSignal(int) {
  if (interrupted) _exit(kExitInterrupted);
  interrupted = 1;
  const int before = errno;
  Raise(interrupt_event);
  errno = before;
}

// Waits for an event on either; true if the interrupt is one. poll passes over negative
// descriptors.
bool WaitForInterruptOr(int descriptor) {
  pollfd waited[] = {{interrupt_event, POLLIN, 0}, {descriptor, POLLIN, 0}};
  while (::poll(waited, 2, -1) < 0) RAFTMQ_CHECK(errno == EINTR);
  return waited[0].revents != 0;
}

}  // namespace

void InstallSignalHandlers() {
  interrupt_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  RAFTMQ_CHECK(interrupt_event >= 0);
  struct sigaction action = {};
  action.sa_handler = OnSignal;  // No SA_RESTART: an open of a pipe must notice.
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool IsInterrupted() { return interrupted != 0; }

bool WaitForInput(int descriptor) { return !WaitForInterruptOr(descriptor); }

InterruptWatch::InterruptWatch(std::function<void()> action)
    : over_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  RAFTMQ_CHECK(over_ >= 0);
  thread_ = std::thread([over = over_, action = std::move(action)] {
    if (WaitForInterruptOr(over)) action();
  });
}

InterruptWatch::~InterruptWatch() {
  Raise(over_);
  thread_.join();
  ::close(over_);
}

InterruptEnds::InterruptEnds() : watch_([] { _exit(kExitInterrupted); }) {}

}  // namespace raftmq::cli
