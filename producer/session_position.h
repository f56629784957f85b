// What a batch carries of its producer's session.
#pragma once

#include <cstdint>

#include "protocol/types/ids.h"

namespace raftmq::internal {

// Session, epoch, and the sequence number of a record in them: of a batch's first one, or of the
// one that comes next. Sequences count the records of a session in one partition, modulo 2^32.
struct SessionPosition {
  SessionId session;  // 0 = none: nothing is numbered.
  std::uint32_t epoch = 0;
  std::uint32_t sequence = 0;

  // The position here; moves on behind `records` more.
  SessionPosition Take(std::size_t records) {
    const SessionPosition here = *this;
    if (session != SessionId()) sequence += static_cast<std::uint32_t>(records);
    return here;
  }
  bool operator==(const SessionPosition&) const = default;
};

}  // namespace raftmq::internal
