// The entries of an append as they came from a peer: checked before anything is derived from them.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/types/bytes.h"
#include "raftlog/core/messages.h"
#include "raftlog/frames.h"
#include "raftmq/result.h"
#include "segment/checkpoint.h"

namespace raftmq {

// Checks every frame (fields, both hashes, padding, order of indexes and terms, the chain from each
// to the next, payloads of memberships and sessions, message ids) and writes what they say into
// *request: last, runs, memberships. Errors: kBadBatch, kDataCorrupt, kUnknownFormat.
Result<std::vector<Frame>> CheckReceivedEntries(const std::vector<SharedBytes>& frames,
                                                std::uint64_t group_seed, AppendRequest* request);

// The base that a reset names. `frames` has to be one: the first part of the checkpoint that opens
// the leader's log, and the one behind `request->before`. Writes what it says into *request:
// checkpoint_last, membership. Errors: kBadBatch, kDataCorrupt, kUnknownFormat.
Result<LogBase> CheckReceivedBase(const std::vector<SharedBytes>& frames, std::uint64_t group_seed,
                                  ResetRequest* request);

}  // namespace raftmq
