// The one place that says whether bytes are a frame of this log.
#pragma once

#include <cstdint>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "raftmq/result.h"

namespace raftmq {

// `bytes` begin at the frame and may go on behind it. Checks the header's fields, both hashes, and
// that the padding up to 8 bytes is zero. kDataCorrupt says which check failed; kUnknownFormat only
// if both hashes hold, so that neither noise nor damage is ever taken for a newer format.
Result<BatchHeader> CheckFrame(ByteSpan bytes, std::uint64_t group_seed);

// True if the header hash holds: the header was written by this log. REQUIRES: kBatchHeaderBytes
// are there.
bool IsHeaderGenuine(ByteSpan bytes, std::uint64_t group_seed);

// How many bytes CheckFrame needs to see: the padded length that the header claims, or
// kBatchHeaderBytes if it makes no sense. Of an unknown version nothing but the length is believed.
// REQUIRES: kBatchHeaderBytes are there.
std::size_t ClaimedBytes(ByteSpan bytes);

bool IsAllZero(ByteSpan bytes);

}  // namespace raftmq
