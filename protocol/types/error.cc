#include "raftmq/error.h"

namespace raftmq {

std::string_view ErrorName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOk:
      return "OK";
    case ErrorCode::kBadFrame:
      return "BAD_FRAME";
    case ErrorCode::kFrameTooLarge:
      return "FRAME_TOO_LARGE";
    case ErrorCode::kBadMessage:
      return "BAD_MESSAGE";
    case ErrorCode::kBadRequest:
      return "BAD_REQUEST";
    case ErrorCode::kUnsupported:
      return "UNSUPPORTED";
    case ErrorCode::kBadName:
      return "BAD_NAME";
    case ErrorCode::kBadBatch:
      return "BAD_BATCH";
    case ErrorCode::kBatchTooLarge:
      return "BATCH_TOO_LARGE";
    case ErrorCode::kTopicExists:
      return "TOPIC_EXISTS";
    case ErrorCode::kTopicNotFound:
      return "TOPIC_NOT_FOUND";
    case ErrorCode::kPartitionNotFound:
      return "PARTITION_NOT_FOUND";
    case ErrorCode::kLimitExceeded:
      return "LIMIT_EXCEEDED";
    case ErrorCode::kUnknownSession:
      return "UNKNOWN_SESSION";
    case ErrorCode::kSequenceGap:
      return "SEQUENCE_GAP";
    case ErrorCode::kSequenceOverlap:
      return "SEQUENCE_OVERLAP";
    case ErrorCode::kFenced:
      return "FENCED";
    case ErrorCode::kDuplicateOffsetUnknown:
      return "DUPLICATE_OFFSET_UNKNOWN";
    case ErrorCode::kOffsetMismatch:
      return "OFFSET_MISMATCH";
    case ErrorCode::kOffsetBelowStart:
      return "OFFSET_BELOW_START";
    case ErrorCode::kOffsetBeyondEnd:
      return "OFFSET_BEYOND_END";
    case ErrorCode::kDataCorrupt:
      return "DATA_CORRUPT";
    case ErrorCode::kPositionDiverged:
      return "POSITION_DIVERGED";
    case ErrorCode::kStateDiverged:
      return "STATE_DIVERGED";
    case ErrorCode::kNotLeader:
      return "NOT_LEADER";
    case ErrorCode::kNotYet:
      return "NOT_YET";
    case ErrorCode::kOverloaded:
      return "OVERLOADED";
    case ErrorCode::kDiskFull:
      return "DISK_FULL";
    case ErrorCode::kDraining:
      return "DRAINING";
    case ErrorCode::kTimeout:
      return "TIMEOUT";
    case ErrorCode::kDisconnected:
      return "DISCONNECTED";
    case ErrorCode::kUnreachable:
      return "UNREACHABLE";
    case ErrorCode::kCancelled:
      return "CANCELLED";
    case ErrorCode::kQueueFull:
      return "QUEUE_FULL";
    case ErrorCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case ErrorCode::kIoError:
      return "IO_ERROR";
    case ErrorCode::kNotFound:
      return "NOT_FOUND";
    case ErrorCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case ErrorCode::kLocked:
      return "LOCKED";
    case ErrorCode::kForeignDirectory:
      return "FOREIGN_DIRECTORY";
    case ErrorCode::kUnknownFormat:
      return "UNKNOWN_FORMAT";
    case ErrorCode::kBadConfig:
      return "BAD_CONFIG";
    case ErrorCode::kRolledBack:
      return "ROLLED_BACK";
    case ErrorCode::kInternal:
      return "INTERNAL";
  }
  return "UNKNOWN";
}

bool IsRetriable(ErrorCode code) {
  return code >= ErrorCode::kNotLeader && code <= ErrorCode::kUnreachable;
}

bool IsDefinite(ErrorCode code) {
  switch (code) {
    case ErrorCode::kTimeout:
    case ErrorCode::kDisconnected:
    case ErrorCode::kCancelled:
    case ErrorCode::kIoError:
    case ErrorCode::kInternal:
      return false;
    default:
      return true;
  }
}

std::string Error::ToString() const {
  std::string text(ErrorName(code));
  if (!message.empty()) text.append(": ").append(message);
  return text;
}

}  // namespace raftmq
