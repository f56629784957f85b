// What the pages of `meta` say, and its bytes; FORMAT.md lists them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/types/hard_state.h"
#include "protocol/types/ids.h"
#include "segment/byte_codec.h"
#include "segment/checkpoint.h"

namespace raftmq {

struct MetaIdentity {
  GroupId group;
  ReplicaNumber replica;
  std::uint64_t group_seed = 0;
  NodeId node;  // Whose replica it is: founding replicas all have one number. 0 before format 4.
  bool operator==(const MetaIdentity&) const = default;
};

// The replica's statement about its own synced bytes: everything up to here was synced.
struct LogMark {
  std::uint64_t truncations = 0;  // Cuts and resets so far.
  LogTail tail;                   // Of the last synced entry.
  Index segment_first;            // The segment that holds it, and where the entry ends in it.
  std::uint64_t position = 0;
  Index committed;  // Known committed then.
  // Entries above `tail` and up to here were written in one job that began after this mark: what
  // one of them says of another as committed does not show that it was synced. 0 = none.
  Index unproven;
  bool operator==(const LogMark&) const = default;
};

// A cut or reset that is under way: finished by recovery before anything is judged.
struct LogIntent {
  enum class Pending : std::uint8_t { kNone = 0, kCut = 1, kReset = 2 };
  Pending pending = Pending::kNone;
  LogMark after;                // The mark that holds once it is done.
  std::optional<LogBase> base;  // Of the last reset, also long after it.
  bool operator==(const LogIntent&) const = default;
};

std::vector<std::byte> EncodeMeta(const MetaIdentity& identity);
std::vector<std::byte> EncodeMeta(const HardState& state);
std::vector<std::byte> EncodeMeta(const LogIntent& intent);
void PutMark(ByteWriter& out, const LogMark& mark);

// What the bytes cannot be makes `in` not ok.
MetaIdentity DecodeIdentity(ByteReader& in);
HardState DecodeHardState(ByteReader& in);
LogMark DecodeMark(ByteReader& in);
LogIntent DecodeIntent(ByteReader& in);

}  // namespace raftmq
