#include "tests/raftlog/group_cluster.h"

#include <utility>

namespace raftmq {

ClusterNode::ClusterNode(Replica self, Membership founders, const GroupClusterOptions& cluster,
                         std::deque<PeerMessage>* mail)
    : AnyGroupWorld(cluster.cache_bytes), self_(self), founders_(std::move(founders)), mail_(mail) {
  options.self = self.node;
  options.raft.seed = self.node.value();
  options.raft.heartbeat_ticks = GroupCluster::kHeartbeatTicks;
  options.raft.election_ticks_min = GroupCluster::kElectionTicksMin;
  options.raft.election_ticks_max = 1010;
  options.internal = cluster.internal;
  options.is_only_replica = cluster.nodes == 1;
  options.batch_bytes_max = 16u << 10;
  options.retention_ms = cluster.retention_ms;
  options.retention_bytes = cluster.retention_bytes;
  options.log.directory = "/p";
  options.log.space = &space;
  options.log.segment_bytes_first = cluster.segment_bytes;
  options.log.segment_bytes_max = cluster.segment_bytes;
  options.log.fresh_page_per_job = cluster.fresh_page_per_job;
}

Result<std::unique_ptr<OpenedLog>> ClusterNode::OpenLog() {
  Result<std::unique_ptr<OpenedLog>> opened = OpenGroupLog(*files, options);
  if (opened || opened.error().code != ErrorCode::kNotFound) return opened;
  return CreateGroupLog(*files, options,
                        {.group_seed = 7, .membership = founders_, .replica = self_.number});
}

void ClusterNode::PowerCut() {
  Crash();
  UniformCrashChooser nothing(false);
  files = files->AfterPowerCut(nothing);
}

std::string ClusterNode::DamageEntry(Index index) {
  const auto [name, at] = PlaceOf(index);
  files->Damage("/p/" + name, at + 100, std::byte{1});
  return name.substr(0, name.rfind('.'));
}

void ClusterNode::OverwriteEntry(Index index) {
  const auto [name, at] = PlaceOf(index);
  const auto file = *files->Open("/p/" + name, OpenMode::kWrite);
  const std::byte other{0xee};
  EXPECT_TRUE(file->Write(at + 100, {&other, 1}).has_value());
}

std::pair<std::string, std::uint64_t> ClusterNode::PlaceOf(Index index) {
  for (const auto& [name, content] : Segments()) {
    const auto bytes = std::as_bytes(std::span(content));
    for (std::size_t at = 0; at + kBatchHeaderBytes <= bytes.size(); at += kBatchAlignment) {
      const auto header = ParseBatchHeader(bytes.subspan(at, kBatchHeaderBytes));
      if (header && header->leader.index == index) return {name, at};
    }
  }
  throw std::runtime_error("no entry " + std::to_string(index.value()));
}

std::map<std::string, std::string> ClusterNode::Segments() {
  std::map<std::string, std::string> segments;
  const auto entries = files->List(options.log.directory);
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(".log")) continue;
    const auto file = *files->Open(options.log.directory + "/" + entry.name, OpenMode::kRead);
    std::string content(*file->Size(), '\0');
    EXPECT_TRUE(file->Read(0, std::as_writable_bytes(std::span(content))).has_value());
    segments[entry.name] = std::move(content);
  }
  return segments;
}

GroupCluster::GroupCluster(const GroupClusterOptions& options) : options_(options) {
  for (std::uint32_t id = 1; id <= options.nodes; ++id)
    founders_.push_back({NodeId(id), ReplicaNumber(id), true});
  for (const Replica& self : founders_)
    nodes_.push_back(std::make_unique<ClusterNode>(self, founders_, options_, &mail_));
  StartAll();
}

void GroupCluster::Replace(std::uint32_t id, ReplicaNumber number) {
  PowerCut(id);
  nodes_.at(id - 1) =
      std::make_unique<ClusterNode>(Replica{NodeId(id), number, true}, founders_, options_, &mail_);
  Start(id);
}

void GroupCluster::StartAll() {
  for (const auto& member : nodes_) {
    if (!member->IsUp()) member->Open();
  }
}

void GroupCluster::Tick(std::uint32_t id, int ticks) {
  for (int i = 0; i < ticks; ++i) {
    group(id).Tick();
    group(id).TurnEnd();
  }
}

void GroupCluster::Win(std::uint32_t id) {
  for (std::uint32_t other = 1; other <= nodes_.size(); ++other) {
    if (other == id || !Reaches(id, other)) continue;
    if (!group(other).status().is_leader) Tick(other, kElectionTicksMin);
  }
  const std::size_t under_way = mail_.size();
  for (int i = 0; i < 1100 && mail_.size() == under_way; ++i) Tick(id, 1);
  for (int round = 0; round < 20 && !group(id).status().is_leader; ++round) {
    DeliverAll();
    for (std::uint32_t other = 1; other <= nodes_.size(); ++other) {
      if (!Reaches(id, other)) continue;
      group(other).TurnEnd();
      RunDisk(other);
    }
  }
  EXPECT_TRUE(group(id).status().is_leader);
}

void GroupCluster::Elect(std::uint32_t id) {
  Win(id);
  Settle();
}

void GroupCluster::Heartbeat(std::uint32_t leader) {
  Tick(leader, kHeartbeatTicks);
  Settle();
}

void GroupCluster::RunDisk(std::uint32_t id) {
  if (node(id).disk_hangs) return;
  while (!node(id).disk().idle()) node(id).disk().RunRound();
}

bool GroupCluster::WorkRound() {
  bool has_moved = false;
  for (const auto& member : nodes_) {
    if (!member->IsUp()) continue;
    member->group->TurnEnd();
    if (!member->disk_hangs && !member->disk().idle()) {
      member->disk().RunRound();
      has_moved = true;
    }
    if (member->work().idle()) continue;
    member->work().RunAll();
    has_moved = true;
  }
  return has_moved;
}

void GroupCluster::Settle() {
  bool has_moved = true;
  while (has_moved) {
    has_moved = WorkRound();
    has_moved = has_moved || !mail_.empty();
    DeliverAll();
  }
}

bool GroupCluster::Reaches(std::uint32_t from, std::uint32_t to) {
  if (!node(to).IsUp()) return false;
  return from == to || (!isolated_.contains(NodeId(from)) && !isolated_.contains(NodeId(to)));
}

// What is under way now; what that brings about stays.
void GroupCluster::DeliverAll() {
  for (std::deque<PeerMessage> due = std::exchange(mail_, {}); !due.empty(); due.pop_front()) {
    const PeerMessage& message = due.front();
    if (IsLost(message)) continue;
    Group& to = *nodes_.at(message.to().node.value() - 1)->group;
    to.Receive(message);
    if (doubles_messages) to.Receive(message);
  }
}

bool GroupCluster::IsLost(const PeerMessage& message) const {
  if (isolated_.contains(message.to().node) || isolated_.contains(message.from().node)) return true;
  return !nodes_.at(message.to().node.value() - 1)->IsUp();
}

void GroupCluster::PowerCut(std::uint32_t id) {
  node(id).PowerCut();
  std::erase_if(mail_,
                [id](const PeerMessage& message) { return message.to().node == NodeId(id); });
}

Result<Proposed> GroupCluster::Produce(std::uint32_t leader, const std::string& value) {
  const auto answer = node(leader).Send(AnyGroupWorld::Batch({value}));
  Settle();
  if (!answer->has_value()) return Fail(ErrorCode::kTimeout, "no answer");
  return std::move(**answer);
}

}  // namespace raftmq
