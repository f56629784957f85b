// Ctrl-C: the first asks the running verb to end well, the second ends the process at once.
#pragma once

#include <functional>
#include <thread>

namespace raftmq::cli {

// Installs the handlers of SIGINT and SIGTERM and ignores SIGPIPE (sockets answer EPIPE instead).
// Called once, before any thread is started.
void InstallSignalHandlers();
// True after the first SIGINT or SIGTERM.
bool IsInterrupted();
// Waits until `descriptor` can be read or has ended; false once interrupted. A blocking read alone
// may miss a signal that comes just before it.
bool WaitForInput(int descriptor);

// Calls `action` once, on a thread of its own, when the process is interrupted while this object
// lives: for calls that do not look at IsInterrupted themselves. The destructor waits for an action
// that has begun.
class InterruptWatch {
 public:
  explicit InterruptWatch(std::function<void()> action);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

 private:
  const int over_;  // An eventfd: the object's life is over.
  std::thread thread_;
};

// While it lives an interrupt ends the process at once, with 130: for waits that have nothing to
// save.
class InterruptEnds {
 public:
  InterruptEnds();

 private:
  const InterruptWatch watch_;
};

}  // namespace raftmq::cli
