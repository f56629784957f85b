// Background processes that outlive the tool: started, watched through /proc, waited for by pidfd.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "raftmq/result.h"

namespace raftmq::cli {

enum class ProcessState { kRunning, kPaused, kStopped };

// The state of `pid` if its command line contains `marker` (a pid may have been used again).
ProcessState StateOf(pid_t pid, const std::string& marker);

// Sends a signal. kNotFound if there is no such process.
Status SendSignal(pid_t pid, int signal);

// Waits until the process is gone; kTimeout if it is still there. Works for processes of others
// too.
Status WaitUntilGone(pid_t pid, std::chrono::milliseconds timeout);

// Waits until every thread of a process that was sent SIGSTOP stands still; kTimeout if some go on.
Status WaitUntilPaused(pid_t pid, std::chrono::milliseconds timeout);

struct Started {
  pid_t pid = 0;
  std::string first_line;  // Of its stdout; empty if it ended before printing one.
  int exit_code = 0;       // If it ended.
};
// Starts a process in a session of its own, stderr appended to `log_path`, and waits for the first
// line of its stdout or its end. kTimeout: neither came; the process is killed. kIoError: not
// started.
Result<Started> StartInBackground(const std::vector<std::string>& command,
                                  const std::string& log_path, std::chrono::milliseconds timeout);

}  // namespace raftmq::cli
