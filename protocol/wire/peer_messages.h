// What brokers say to each other: one connection per pair of shards and direction, opened by a
// hello; then frames of many groups' Raft messages. Replies come on the connection of the other
// direction, but for the welcome or refusal that answers the hello.
//
// The bodies mirror raftlog/core/messages.h; the entries of an append travel as the frame's
// attachment, as they are stored.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "protocol/types/ids.h"
#include "protocol/types/membership.h"
#include "raftmq/error.h"

namespace raftmq::wire {

inline constexpr std::uint16_t kPeerVersion = 3;
inline constexpr std::size_t kPeerItemsMax = 16'384;  // Of one frame.

struct PeerHello {
  std::uint16_t version_min = kPeerVersion;
  std::uint16_t version_max = kPeerVersion;
  std::string cluster_id;
  NodeId node;                     // Who speaks.
  std::uint64_t incarnation = 0;   // Of its data directory.
  std::uint64_t boot_id = 0;       // Of its process.
  std::uint64_t save_counter = 0;  // How far its data directory has shown itself.
  // Of that directory's replica of the catalogue: 1 of a founding one, else the index of the
  // command that admitted it.
  ReplicaNumber number;
  bool is_lost = false;     // That replica: another one is asked for in its place.
  NodeId to;                // Who is meant: an address may have changed hands.
  std::uint32_t shard = 0;  // Which shard of it.
  bool operator==(const PeerHello&) const = default;
};
struct PeerWelcome {
  std::uint16_t version = kPeerVersion;
  NodeId node;
  std::uint64_t incarnation = 0;
  std::uint64_t boot_id = 0;
  std::uint64_t save_counter = 0;
  ReplicaNumber number;       // The same.
  ReplicaNumber your_number;  // What the sender's catalogue says of who is greeted; 0 = nothing.
  std::uint32_t shards = 1;   // Which shard serves a group there is a function of it.
  bool operator==(const PeerWelcome&) const = default;
};
// Then the connection is closed.
struct PeerRefusal {
  Error error;
  bool operator==(const PeerRefusal& other) const {
    return error.code == other.error.code && error.message == other.error.message;
  }
};

// Behind the hello: the sender's directory has moved on, durably. What comes next on any connection
// of this process may rely on it.
struct PeerSaved {
  std::uint64_t counter = 0;
  bool operator==(const PeerSaved&) const = default;
};

struct PeerVoteRequest {
  bool is_pre_vote = false;
  bool is_transfer = false;
  Index last;
  Term last_term;
  bool operator==(const PeerVoteRequest&) const = default;
};
struct PeerVoteReply {
  bool is_pre_vote = false;
  bool is_granted = false;
  bool operator==(const PeerVoteReply&) const = default;
};
struct PeerAppendRequest {
  Index previous;
  Term previous_term;
  Index commit;
  std::uint64_t round = 0;
  bool goes_quiet = false;
  bool operator==(const PeerAppendRequest&) const = default;
};
struct PeerAppendReply {
  Index matched;
  Index durable;
  std::uint64_t round = 0;
  Index synced;
  bool operator==(const PeerAppendReply&) const = default;
};
struct PeerAppendRejection {
  Index previous;
  Index hint;
  Term hint_term;
  std::uint64_t round = 0;
  bool is_lost = false;
  bool operator==(const PeerAppendRejection&) const = default;
};
struct PeerResetRequest {
  Index before;
  Term before_term;
  std::uint64_t round = 0;
  bool operator==(const PeerResetRequest&) const = default;
};
struct PeerTransferNow {
  bool operator==(const PeerTransferNow&) const = default;
};
struct PeerReadRequest {
  std::uint64_t id = 0;
  bool operator==(const PeerReadRequest&) const = default;
};
struct PeerReadReply {
  std::uint64_t id = 0;
  bool is_confirmed = false;
  Index index;
  bool operator==(const PeerReadReply&) const = default;
};
// The command to propose is the item's attachment.
struct PeerForwardedProposal {
  std::uint64_t id = 0;
  bool operator==(const PeerForwardedProposal&) const = default;
};
struct PeerForwardedOutcome {
  std::uint64_t id = 0;
  ErrorCode code = ErrorCode::kOk;
  Index index;
  std::string message;
  bool operator==(const PeerForwardedOutcome&) const = default;
};
// These two mirror raftlog/transport.h. The entries of an answer kHave are the item's attachment.
struct PeerRepairRequest {
  std::uint64_t id = 0;
  Index first;
  Index last;
  std::uint64_t last_hash = 0;
  bool is_committed = false;
  bool operator==(const PeerRepairRequest&) const = default;
};
enum class PeerRepairAnswer : std::uint8_t { kHave, kHaveDamaged, kDoNotHave, kNotYet, kRemoved };
struct PeerRepairReply {
  std::uint64_t id = 0;
  PeerRepairAnswer answer = PeerRepairAnswer::kNotYet;
  bool operator==(const PeerRepairReply&) const = default;
};
using PeerBody = std::variant<PeerVoteRequest, PeerVoteReply, PeerAppendRequest, PeerAppendReply,
                              PeerAppendRejection, PeerResetRequest, PeerTransferNow,
                              PeerReadRequest, PeerReadReply, PeerForwardedProposal,
                              PeerForwardedOutcome, PeerRepairRequest, PeerRepairReply>;

// One message of one group.
struct PeerItem {
  GroupId group;
  ReplicaId from;
  ReplicaId to;
  Term term;  // 0 for forwarded proposals and outcomes.
  PeerBody body;
  std::uint32_t attachment_bytes = 0;  // Its part of the frame's attachment; in the items' order.
  bool operator==(const PeerItem&) const = default;
};
using PeerItems = std::vector<PeerItem>;

// These two mirror raftlog/heartbeats.h. A reply comes on the connection of the other direction.
inline constexpr std::size_t kPeerQuietGroupsMax = 65'536;  // Of one message.

struct PeerQuietGroup {
  GroupId group;
  Term term;
  bool operator==(const PeerQuietGroup&) const = default;
};
struct PeerHeartbeat {
  std::uint32_t shard = 0;
  std::uint64_t boot_id = 0;
  std::uint64_t number = 0;
  std::uint64_t hash = 0;
  bool lists_groups = false;
  std::vector<PeerQuietGroup> groups;
  bool operator==(const PeerHeartbeat&) const = default;
};
struct PeerHeartbeatReply {
  std::uint32_t shard = 0;
  std::uint64_t boot_id = 0;
  std::uint64_t number = 0;
  bool is_agreed = false;
  std::vector<PeerQuietGroup> refused;
  bool operator==(const PeerHeartbeatReply&) const = default;
};

using PeerMessage = std::variant<PeerHello, PeerWelcome, PeerRefusal, PeerItems, PeerHeartbeat,
                                 PeerHeartbeatReply, PeerSaved>;

}  // namespace raftmq::wire
