#include "cli/exit_code.h"

namespace raftmq::cli {

ExitCode ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOk:
      return kExitOk;
    case ErrorCode::kTimeout:
    case ErrorCode::kNotLeader:  // These two after having waited for a leader.
    case ErrorCode::kNotYet:
    case ErrorCode::kUnreachable:
      return kExitUnreachable;
    case ErrorCode::kTopicNotFound:
    case ErrorCode::kPartitionNotFound:
    case ErrorCode::kNotFound:
      return kExitNotFound;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kBadName:
    case ErrorCode::kBadConfig:
    case ErrorCode::kBadRequest:
      return kExitUsage;
    default:
      return kExitFailed;
  }
}

}  // namespace raftmq::cli
