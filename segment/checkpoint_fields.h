// Fields that stand in checkpoints and in `meta` alike, byte by byte.
#pragma once

#include "protocol/types/membership.h"
#include "segment/byte_codec.h"
#include "segment/checkpoint.h"

namespace raftmq {

inline constexpr std::size_t kReplicaBytes = 13;  // Of one replica of a membership.

inline void PutTail(ByteWriter& out, const LogTail& tail) {
  out.Put(tail.index.value());
  out.Put(tail.term.value());
  out.Put(tail.next_offset.value());
  out.Put(tail.chain);
  out.Put(tail.append_time_ms);
}

inline LogTail GetTail(ByteReader& in) {
  LogTail tail;
  tail.index = Index(in.Get<std::uint64_t>());
  tail.term = Term(in.Get<std::uint64_t>());
  tail.next_offset = Offset(in.Get<std::uint64_t>());
  tail.chain = in.Get<std::uint64_t>();
  tail.append_time_ms = in.Get<std::int64_t>();
  return tail;
}

inline void PutMembership(ByteWriter& out, const Membership& membership) {
  out.Put(static_cast<std::uint32_t>(membership.size()));
  for (const Replica& replica : membership) {
    out.Put(replica.node.value());
    out.Put(replica.number.value());
    out.Put(static_cast<std::uint8_t>(replica.voter));
  }
}

// A count that the bytes cannot hold makes `in` not ok.
inline Membership GetMembership(ByteReader& in) {
  Membership membership;
  const auto replicas = in.Get<std::uint32_t>();
  if (replicas > in.left() / kReplicaBytes) in.GetBytes(in.left() + 1);
  for (std::uint32_t i = 0; i < replicas && in.ok(); ++i) {
    Replica replica;
    replica.node = NodeId(in.Get<std::uint32_t>());
    replica.number = ReplicaNumber(in.Get<std::uint64_t>());
    replica.voter = in.Get<std::uint8_t>() != 0;
    membership.push_back(replica);
  }
  return membership;
}

}  // namespace raftmq
