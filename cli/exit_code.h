// What the shell is told. Scripts rely on these numbers.
#pragma once

#include "raftmq/error.h"

namespace raftmq::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitUnreachable = 3,  // Nobody answered in time.
  kExitNotFound = 4,
  kExitUnhealthy = 5,
  kExitInterrupted = 130,
};

// The exit code that an operation's error stands for.
ExitCode ExitCodeOf(ErrorCode code);

}  // namespace raftmq::cli
