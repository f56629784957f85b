// The payload of a kConfiguration entry, version 1 (little-endian):
//
//   0  u16 version   2  u16 replicas   4  u32 zero
//   8  for each replica, sorted by node: u32 node, u32 flags (bit 0: voter), u64 number
#pragma once

#include "protocol/types/bytes.h"
#include "protocol/types/membership.h"
#include "raftmq/result.h"

namespace raftmq {

// REQUIRES: at most 65,535 replicas.
ByteBuffer EncodeMembership(const Membership& membership);
// Errors: kUnknownFormat, kBadBatch.
Result<Membership> DecodeMembership(ByteSpan payload);

}  // namespace raftmq
