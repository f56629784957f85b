#include "raftlog/heartbeats.h"

#include <algorithm>
#include <set>
#include <utility>

#include "protocol/types/bytes.h"
#include "protocol/types/check.h"
#include "protocol/types/hash.h"

namespace raftmq {
namespace {

// A node without a connection: nobody there will ever agree.
constexpr std::uint32_t kNoShard = ~std::uint32_t{0};

std::uint64_t HashOf(const GroupId& group, Term term) {
  const std::uint64_t words[] = {group.topic.high, group.topic.low, group.partition.value(),
                                 term.value()};
  return Hash64({reinterpret_cast<const std::byte*>(words), sizeof words});
}

}  // namespace

Heartbeats::Heartbeats(const Options& options, HeartbeatTransport& transport, OnSilent on_silent)
    : options_(options), transport_(transport), on_silent_(std::move(on_silent)) {
  RAFTMQ_CHECK(options_.heartbeat_ticks < options_.silence_ticks);
}

void Heartbeats::Update(const GroupId& group, const QuietState& state) {
  const auto known = groups_.find(group);
  if (known != groups_.end()) {
    if (known->second == state) return;
    const QuietState before = std::exchange(known->second, {});
    groups_.erase(known);
    if (before.leader != NodeId(0)) Remove(followed_, before.leader, group);
    for (const NodeId follower : before.followers) Remove(led_, follower, group);
  }
  if (state.leader != NodeId(0)) Add(followed_, state.leader, group, state.term);
  for (const NodeId follower : state.followers) Add(led_, follower, group, state.term);
  if (state.leader != NodeId(0) || !state.followers.empty()) groups_[group] = state;
}

void Heartbeats::Add(Sets& sets, NodeId node, const GroupId& group, Term term) {
  PeerShard peer = transport_.WhereIs(node, group).value_or(PeerShard{node, kNoShard});
  const auto known = sets.find(peer);
  if (known != sets.end() && known->second.groups.size() >= kQuietGroupsMax) peer.shard = kNoShard;
  Set& set = sets[peer];
  if (set.groups.empty()) set.silent_ticks = 0;
  set.groups.emplace(group, Member{term, ticks_});
  set.hash += HashOf(group, term);
}

// The node's shard count may have changed since: so it is looked for.
void Heartbeats::Remove(Sets& sets, NodeId node, const GroupId& group) {
  for (auto at = sets.lower_bound({node, 0}); at != sets.end() && at->first.node == node; ++at) {
    Set& set = at->second;
    const auto found = set.groups.find(group);
    if (found == set.groups.end()) continue;
    set.hash -= HashOf(group, found->second.term);
    set.groups.erase(found);
    return;
  }
}

void Heartbeats::Tick() {
  if (++ticks_ % options_.heartbeat_ticks == 0) {
    for (auto& [peer, set] : led_) {
      if (!set.groups.empty()) Beat(peer, set, false);
    }
  }
  TickSets(led_);
  TickSets(followed_);
}

void Heartbeats::TickSets(Sets& sets) {
  std::vector<PeerShard> silent;
  for (auto& [peer, set] : sets) {
    if (set.groups.empty()) continue;
    if (++set.silent_ticks >= options_.silence_ticks) silent.push_back(peer);
  }
  for (const PeerShard& peer : silent) WakeAll(sets, peer, options_.silence_ticks);
}

void Heartbeats::Beat(const PeerShard& to, Set& set, bool lists_groups) {
  if (to.shard == kNoShard) return;
  Heartbeat heartbeat{.shard = options_.shard,
                      .boot_id = options_.boot_id,
                      .number = ++set.number,
                      .hash = set.hash,
                      .lists_groups = lists_groups};
  if (lists_groups) {
    heartbeat.groups.reserve(set.groups.size());
    for (const auto& [group, member] : set.groups) heartbeat.groups.push_back({group, member.term});
  }
  transport_.Send(to, std::move(heartbeat));
}

void Heartbeats::Receive(NodeId from, const Heartbeat& heartbeat) {
  if (heartbeat.shard >= kPeerShardsMax) return;
  const PeerShard peer{from, heartbeat.shard};
  Set& set = followed_[peer];
  if (set.boot_id != heartbeat.boot_id) {
    // Another process leads nothing that was agreed with the one before.
    if (set.boot_id != 0) WakeAll(followed_, peer, 0);
    set.boot_id = heartbeat.boot_id;
    set.number = 0;
  }
  if (heartbeat.number <= set.number) return;  // Late or doubled: no news of now.
  set.number = heartbeat.number;
  HeartbeatReply reply{
      .shard = options_.shard, .boot_id = heartbeat.boot_id, .number = heartbeat.number};
  if (heartbeat.lists_groups) reply.refused = KeepCommon(peer, heartbeat);
  reply.is_agreed = heartbeat.lists_groups || heartbeat.hash == set.hash;
  if (reply.is_agreed) set.silent_ticks = 0;
  transport_.Send(peer, std::move(reply));
}

// Returns those that only the other side has.
std::vector<QuietGroup> Heartbeats::KeepCommon(const PeerShard& from, const Heartbeat& heartbeat) {
  const std::map<GroupId, Member>& known = followed_[from].groups;
  std::vector<QuietGroup> refused;
  std::set<GroupId> common;
  for (const QuietGroup& listed : heartbeat.groups) {
    const auto found = known.find(listed.group);
    if (found != known.end() && found->second.term == listed.term) {
      common.insert(listed.group);
    } else {
      refused.push_back(listed);
    }
  }
  std::vector<GroupId> alone;
  for (const auto& [group, member] : known) {
    if (!common.contains(group)) alone.push_back(group);
  }
  Wake(followed_, from, alone, 0);
  return refused;
}

void Heartbeats::Receive(NodeId from, const HeartbeatReply& reply) {
  const PeerShard peer{from, reply.shard};
  const auto found = led_.find(peer);
  if (found == led_.end() || reply.boot_id != options_.boot_id) return;
  Set& set = found->second;
  // What was answered long ago says nothing of now.
  const std::uint64_t heartbeats_back = options_.silence_ticks / options_.heartbeat_ticks;
  if (reply.number > set.number || reply.number + heartbeats_back < set.number) return;
  if (!reply.is_agreed) return Beat(peer, set, true);
  set.silent_ticks = 0;
  std::vector<GroupId> refused;
  for (const QuietGroup& group : reply.refused) {
    const auto led = set.groups.find(group.group);
    if (led != set.groups.end() && led->second.term == group.term) refused.push_back(group.group);
  }
  Wake(led_, peer, refused, 0);
}

void Heartbeats::Forget(NodeId node) {
  for (Sets* const sets : {&led_, &followed_}) {
    std::vector<PeerShard> peers;
    for (const auto& [peer, set] : *sets) {
      if (peer.node == node) peers.push_back(peer);
    }
    for (const PeerShard& peer : peers) WakeAll(*sets, peer, 0);
  }
  for (auto& [peer, set] : followed_) {
    if (peer.node == node) set.boot_id = 0;
  }
}

void Heartbeats::WakeAll(Sets& sets, const PeerShard& peer, std::uint32_t ticks) {
  std::vector<GroupId> all;
  for (const auto& [group, member] : sets[peer].groups) all.push_back(group);
  Wake(sets, peer, all, ticks);
}

void Heartbeats::Wake(Sets& sets, const PeerShard& peer, const std::vector<GroupId>& groups,
                      std::uint32_t ticks) {
  for (const GroupId& group : groups) {
    const std::map<GroupId, Member>& members = sets[peer].groups;
    const auto member = members.find(group);
    if (member == members.end()) continue;
    // Whoever came lately was heard lately.
    const auto since_came =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(ticks, ticks_ - member->second.since));
    // Gone first: being told may end in an Update.
    Remove(sets, peer.node, group);
    const auto known = groups_.find(group);
    if (known != groups_.end()) {
      QuietState& state = known->second;
      if (&sets == &followed_) {
        state.leader = NodeId(0);
      } else {
        std::erase(state.followers, peer.node);
      }
      if (state.leader == NodeId(0) && state.followers.empty()) groups_.erase(known);
    }
    on_silent_(group, peer.node, since_came);
  }
}

}  // namespace raftmq
