// The errors of raftmq: one list of codes for brokers, clients, tools and the wire.
// Values are part of the wire format: never renumber, only append.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "raftmq/export.h"

namespace raftmq {

// Each code says whether the operation may be retried as it is (retriable) or not (final), and
// whether a send that got it certainly had no effect (definite) or may still take effect (unknown).
enum class ErrorCode : std::uint16_t {
  kOk = 0,
  // Requests. Final and definite.
  kBadFrame = 1,        // The length prefix or frame header makes no sense; the connection closes.
  kFrameTooLarge = 2,   // The frame is above the listener's limit; the connection closes.
  kBadMessage = 3,      // The Cap'n Proto part is malformed or above its bounds.
  kBadRequest = 4,      // A well-formed message with a value out of range.
  kUnsupported = 5,     // Unknown operation code, flag or version.
  kBadName = 6,         // A topic name outside [A-Za-z0-9._-]{1,200}, or reserved.
  kBadBatch = 7,        // A batch whose hash, counts, lengths or deltas do not hold.
  kBatchTooLarge = 8,   // A batch above the topic's or broker's limit.
  kTopicExists = 9,     // A topic of that name is there already.
  kTopicNotFound = 10,  // No such topic.
  kPartitionNotFound = 11,  // The topic has no such partition.
  kLimitExceeded = 12,      // A bounded number (topics, connections, sessions) is used up.
  // Sessions of producers. Final and definite: nothing was appended by this attempt.
  kUnknownSession = 13,          // The session was dropped, or was never known here.
  kSequenceGap = 14,             // The batch lies beyond the session's next sequence.
  kSequenceOverlap = 15,         // The batch repeats a part of what is stored.
  kFenced = 16,                  // A higher epoch of the session is known: another has taken over.
  kDuplicateOffsetUnknown = 17,  // The batch was stored so long ago that its offset is forgotten.
  kOffsetMismatch = 18,          // The end is not where a conditional append expected it.
  // Reading positions. Final: the caller chooses the next position.
  kOffsetBelowStart =
      20,                 // The offset was removed by retention or trim; the reply names the start.
  kOffsetBeyondEnd = 21,  // The offset is beyond the end; the reply names the end and term.
  kDataCorrupt = 22,      // The bytes are damaged and no good copy is known; bounds are named.
  kPositionDiverged = 23,  // Another log is in the place of the one that the position was read in.
  // The replica's state differs from what the log says it is: it has stopped; ask another.
  kStateDiverged = 24,
  // Service state. Retriable.
  kNotLeader = 30,     // Definite: ask the leader; metadata names it.
  kNotYet = 31,        // This replica does not have it yet; retry or ask another.
  kOverloaded = 32,    // Definite: a bounded queue is full; back off.
  kDiskFull = 33,      // Definite: no space for data; service resumes by itself.
  kDraining = 34,      // Definite: the broker is shutting down.
  kTimeout = 35,       // Unknown: no answer in time.
  kDisconnected = 36,  // Unknown: the connection broke with the request under way.
  kUnreachable = 37,   // Definite: no broker could be connected.
  // Clients. Final.
  kCancelled = 50,        // The object was closed before the operation finished. Unknown.
  kQueueFull = 51,        // Definite: the producer's memory bound is reached under policy `fail`.
  kInvalidArgument = 52,  // The caller passed a value that cannot be used.
  // Disk and process. Final.
  kIoError = 70,           // A read failed; a failed write or sync ends the process instead.
  kNotFound = 71,          // A file or directory is missing.
  kAlreadyExists = 72,     // A file is there that should not be.
  kLocked = 73,            // Another process holds the data directory.
  kForeignDirectory = 74,  // The directory belongs to another cluster or node, or is unfit.
  kUnknownFormat = 75,     // Written by an unknown format version.
  kBadConfig = 76,         // A configuration value or key is wrong.
  kRolledBack = 77,        // The node's directory is older than what other nodes have seen of it.
  kInternal = 99,          // A bug; please report it.
};

// The code's stable name, as printed and documented: "NOT_LEADER". "UNKNOWN" for values not listed.
RAFTMQ_EXPORT std::string_view ErrorName(ErrorCode code);
// True if the same operation may succeed later without any change by the caller.
RAFTMQ_EXPORT bool IsRetriable(ErrorCode code);
// True if a send that ended with this code certainly had and will have no effect.
RAFTMQ_EXPORT bool IsDefinite(ErrorCode code);

// A code and a message that says what was expected, what was found, where, and what to do.
// Immutable value.
struct RAFTMQ_EXPORT Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  bool retriable() const { return IsRetriable(code); }
  bool definite() const { return IsDefinite(code); }
  // "NOT_LEADER: orders/0 is led by node 2".
  std::string ToString() const;
  bool operator==(const Error&) const = default;
};

}  // namespace raftmq
