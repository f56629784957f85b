// Ctrl-C: the first asks the running verb to end well, the second ends the process at once.
#pragma once

namespace raftmq::cli {

// Installs the handlers of SIGINT and SIGTERM and ignores SIGPIPE (sockets answer EPIPE instead).
void InstallSignalHandlers();
// True after the first SIGINT or SIGTERM. Blocking reads of stdin return early with EINTR.
bool IsInterrupted();

}  // namespace raftmq::cli
