#include "cli/interrupt.h"

#include <unistd.h>
#include <csignal>

#include "cli/exit_code.h"

namespace raftmq::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void OnSignal(int) {
  if (interrupted) _exit(kExitInterrupted);
  interrupted = 1;
}

}  // namespace

void InstallSignalHandlers() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;  // No SA_RESTART: a read of stdin must notice.
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool IsInterrupted() { return interrupted != 0; }

}  // namespace raftmq::cli
