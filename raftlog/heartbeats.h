// Liveness between two shards of different nodes, for all their quiet groups at once (DESIGN.md,
// "Many groups"). A shard vouches only for itself: it beats from its own loop.
//
//   leaders' shard                                  followers' shard
//     Heartbeat {number, hash of its quiet groups} -> the same groups? they are all alive
//     <- HeartbeatReply {number, agreed}              the leaders count them as heard
//   if they differ:
//     <- HeartbeatReply {number, not agreed}
//     Heartbeat {number, hash, the groups}         -> what either side has alone is woken
//     <- HeartbeatReply {number, agreed, refused}     the same here
//
// Messages between two shards arrive in the order they were sent, or not at all: a group's last
// append, which makes its follower quiet, comes before the heartbeat that first counts it in.
// Whatever is lost or doubled makes the sets differ, and the exchange above mends that; what stays
// silent for an election timeout is woken.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "protocol/types/ids.h"

namespace raftmq {

struct PeerShard {
  NodeId node;
  std::uint32_t shard = 0;
  auto operator<=>(const PeerShard&) const = default;
};

struct QuietGroup {
  GroupId group;
  Term term;
  auto operator<=>(const QuietGroup&) const = default;
};

inline constexpr std::size_t kQuietGroupsMax = 65'536;  // Of one pair of shards; others stay loud.
inline constexpr std::uint32_t kPeerShardsMax = 1'024;  // Of a node; no honest one has more.

// From the shard whose groups lead.
struct Heartbeat {
  std::uint32_t shard = 0;    // The sender's.
  std::uint64_t boot_id = 0;  // Of the sender's process.
  std::uint64_t number = 0;   // Rises with each.
  std::uint64_t hash = 0;     // Of the quiet groups, whatever their order.
  bool lists_groups = false;
  std::vector<QuietGroup> groups;  // All of them, if so.
  bool operator==(const Heartbeat&) const = default;
};
struct HeartbeatReply {
  std::uint32_t shard = 0;    // The sender's.
  std::uint64_t boot_id = 0;  // Like the number: of the heartbeat that is answered.
  std::uint64_t number = 0;
  bool is_agreed = false;           // The receiver knew, or now knows, the same groups.
  std::vector<QuietGroup> refused;  // Of the groups listed.
  bool operator==(const HeartbeatReply&) const = default;
};

// The seam to whatever carries them. Shard-affine; best effort, like Transport, and in one order
// with it.
class HeartbeatTransport {
 public:
  virtual ~HeartbeatTransport() = default;
  // Which shard of that node serves the group; nullopt if the node is not known.
  virtual std::optional<PeerShard> WhereIs(NodeId node, const GroupId& group) const = 0;
  virtual void Send(const PeerShard& to, Heartbeat heartbeat) = 0;
  virtual void Send(const PeerShard& to, HeartbeatReply reply) = 0;
};

// What a group says of itself.
struct QuietState {
  Term term;
  NodeId leader;                  // That it follows quietly; 0 = none.
  std::vector<NodeId> followers;  // That it leads quietly.
  bool operator==(const QuietState&) const = default;
};

// Shard-affine.
class Heartbeats {
 public:
  struct Options {
    std::uint32_t shard = 0;
    std::uint64_t boot_id = 0;
    std::uint32_t heartbeat_ticks = 5;
    std::uint32_t silence_ticks = 50;  // The least election timeout.
  };
  // Told of each group whose quiet peer on `node` nobody vouches for any more: last heard `ticks`
  // ago. May call Update. For Raft::PeerSilent.
  using OnSilent = std::function<void(const GroupId& group, NodeId node, std::uint32_t ticks)>;
  // `transport` outlives it.
  Heartbeats(const Options& options, HeartbeatTransport& transport, OnSilent on_silent);

  // Replaces what was known of a group.
  void Update(const GroupId& group, const QuietState& state);
  void Tick();
  void Receive(NodeId from, const Heartbeat& heartbeat);
  void Receive(NodeId from, const HeartbeatReply& reply);
  // A connection to or from the node broke: its groups are loud again.
  void Forget(NodeId node);

  std::size_t quiet_count() const { return groups_.size(); }

 private:
  // Groups that another shard and this one should agree about.
  struct Member {
    Term term;
    std::uint64_t since = 0;  // Tick at which it came.
  };
  struct Set {
    std::map<GroupId, Member> groups;
    std::uint64_t hash = 0;
    std::uint32_t silent_ticks = 0;  // Since the other side last agreed, or the first one came.
    std::uint64_t boot_id = 0;       // Of the leaders' process; 0 = not known. For followed_.
    std::uint64_t number = 0;        // Of the newest heartbeat, sent or received.
  };
  using Sets = std::map<PeerShard, Set>;

  void Add(Sets& sets, NodeId node, const GroupId& group, Term term);
  void Remove(Sets& sets, NodeId node, const GroupId& group);
  void TickSets(Sets& sets);
  void Beat(const PeerShard& to, Set& set, bool lists_groups);
  std::vector<QuietGroup> KeepCommon(const PeerShard& from, const Heartbeat& heartbeat);
  // Wakes groups of a set; each is told once.
  void Wake(Sets& sets, const PeerShard& peer, const std::vector<GroupId>& groups,
            std::uint32_t ticks);
  void WakeAll(Sets& sets, const PeerShard& peer, std::uint32_t ticks);

  const Options options_;
  HeartbeatTransport& transport_;
  const OnSilent on_silent_;
  std::map<GroupId, QuietState> groups_;
  Sets led_;       // Groups that lead here, by the shard of a follower.
  Sets followed_;  // Groups that follow here, by the shard of the leader.
  std::uint64_t ticks_ = 0;
};

}  // namespace raftmq
