// What replicas of a group on different nodes hand each other, and the seam to whatever carries it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "protocol/types/membership.h"
#include "raftlog/core/messages.h"
#include "raftmq/error.h"

namespace raftmq {

// A proposal that another replica of an internal topic's group passes to the leader; the sealed
// entry is the message's only frame. May be answered late, twice or never: the asker asks again, so
// such commands are made to have their effect once.
struct ForwardedProposal {
  ReplicaId from;
  ReplicaId to;
  std::uint64_t id = 0;  // Of the asker.
  bool operator==(const ForwardedProposal&) const = default;
};
struct ForwardedOutcome {
  ReplicaId from;
  ReplicaId to;
  std::uint64_t id = 0;
  ErrorCode code = ErrorCode::kOk;
  std::string message;  // If it failed.
  Index index;          // Of the committed entry.
  bool operator==(const ForwardedOutcome&) const = default;
};

// A replica that holds entries damaged asks another for a copy (DESIGN.md, "Damage and repair").
// Any copy of a committed entry is the right one; else `last` has to have this header hash, and by
// that all before it are the same, too.
struct RepairRequest {
  ReplicaId from;
  ReplicaId to;
  std::uint64_t id = 0;  // Of the asker.
  Index first;
  Index last;
  std::uint64_t last_hash = 0;
  bool is_committed = false;
  bool operator==(const RepairRequest&) const = default;
};
struct RepairReply {
  enum class Answer : std::uint8_t {
    kHave,         // The message's frames are entries from `first` on, not necessarily all.
    kHaveDamaged,  // They are unreadable here, too; if there is a frame: those before it.
    kDoNotHave,    // The log is whole here and has others, or ends before.
    kNotYet,       // Not known yet, or no time: ask again.
    kRemoved,      // They lie before the log's start here; if there is a frame: those before it.
  };
  ReplicaId from;
  ReplicaId to;
  std::uint64_t id = 0;
  Answer answer = Answer::kNotYet;
  bool operator==(const RepairReply&) const = default;
};

struct PeerMessage {
  GroupId group;
  std::variant<RaftMessage, ForwardedProposal, ForwardedOutcome, RepairRequest, RepairReply> body;
  std::vector<SharedBytes> frames;  // Entries as stored, padded, in order.

  ReplicaId to() const {
    return std::visit([](const auto& message) { return message.to; }, body);
  }
  ReplicaId from() const {
    return std::visit([](const auto& message) { return message.from; }, body);
  }
};

// Shard-affine. Bounded: what does not fit is dropped, as a network would; Raft asks again.
class Transport {
 public:
  virtual ~Transport() = default;
  // To the node of message.to(). Never blocks, never calls back.
  virtual void Send(PeerMessage message) = 0;
};

}  // namespace raftmq
