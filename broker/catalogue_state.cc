#include "broker/catalogue_state.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "broker/cluster_command_codec.h"
#include "protocol/types/check.h"

namespace raftmq::broker {
namespace {

constexpr std::uint8_t kStateVersion = 3;
constexpr std::uint8_t kStateVersionWithoutLives = 2;
constexpr std::uint8_t kStateVersionWithoutNames = 1;
constexpr std::uint32_t kEpochMax = std::numeric_limits<std::uint32_t>::max();

Status ReadTopic(CanonicalReader& in, CatalogueTopic* topic) {
  RAFTMQ_TRY_ASSIGN(topic->created, ReadTopicCreated(in));
  RAFTMQ_TRY_ASSIGN(topic->created_at, in.Number<std::uint64_t>());
  RAFTMQ_TRY_ASSIGN(const std::uint32_t founded, in.Number<std::uint32_t>());
  for (std::uint32_t i = 0; i < founded; ++i) {
    RAFTMQ_TRY_ASSIGN(const std::uint32_t node, in.Number<std::uint32_t>());
    topic->founded.insert(NodeId(node));
  }
  return Ok();
}

Status ReadLives(CanonicalReader& in, std::map<NodeId, NodeLife>* lives) {
  RAFTMQ_TRY_ASSIGN(const std::uint32_t count, in.Number<std::uint32_t>());
  for (std::uint32_t i = 0; i < count; ++i) {
    RAFTMQ_TRY_ASSIGN(const std::uint32_t node, in.Number<std::uint32_t>());
    NodeLife& life = (*lives)[NodeId(node)];
    RAFTMQ_TRY_ASSIGN(life.admitted_at, in.Number<std::uint64_t>());
    RAFTMQ_TRY_ASSIGN(const std::uint8_t is_replaced, in.Number<std::uint8_t>());
    life.is_replaced = is_replaced != 0;
    RAFTMQ_TRY_ASSIGN(const std::uint16_t gone, in.Number<std::uint16_t>());
    for (std::uint16_t j = 0; j < gone; ++j) {
      RAFTMQ_TRY_ASSIGN(const std::uint64_t incarnation, in.Number<std::uint64_t>());
      life.gone.push_back(incarnation);
    }
  }
  return Ok();
}

using CatalogueReplicas = std::map<NodeId, ReplicaNumber>;

// As ReplicaLost, with the new number: only of topics that there are, and of the catalogue itself.
Status ReadRenewed(CanonicalReader& in, std::map<TopicId, CatalogueTopic>* topics,
                   CatalogueReplicas* of_catalogue) {
  RAFTMQ_TRY_ASSIGN(const std::uint32_t count, in.Number<std::uint32_t>());
  for (std::uint32_t i = 0; i < count; ++i) {
    RAFTMQ_TRY_ASSIGN(const ReplicaLost renewed, ReadReplicaLost(in));
    if (renewed.id == kClusterTopicId) {
      (*of_catalogue)[renewed.node] = renewed.number;
      continue;
    }
    const auto topic = topics->find(renewed.id);
    if (topic == topics->end()) {
      return Fail(ErrorCode::kUnknownFormat,
                  "expected a replica of a topic, found one of " + renewed.id.ToHex());
    }
    topic->second.renewed[{renewed.partition, renewed.node}] = renewed.number;
  }
  return Ok();
}

void WriteRenewed(const std::map<TopicId, CatalogueTopic>& topics,
                  const CatalogueReplicas& of_catalogue, CanonicalWriter& out) {
  auto count = static_cast<std::uint32_t>(of_catalogue.size());
  for (const auto& [id, topic] : topics) count += static_cast<std::uint32_t>(topic.renewed.size());
  out.Number(count);
  for (const auto& [node, number] : of_catalogue)
    WriteFields(ReplicaLost{kClusterTopicId, PartitionNumber(0), node, number}, out);
  for (const auto& [id, topic] : topics) {
    for (const auto& [placed, number] : topic.renewed)
      WriteFields(ReplicaLost{id, placed.first, placed.second, number}, out);
  }
}

void WriteLives(const std::map<NodeId, NodeLife>& lives, CanonicalWriter& out) {
  out.Number(static_cast<std::uint32_t>(lives.size()));
  for (const auto& [node, life] : lives) {
    out.Number(node.value());
    out.Number(life.admitted_at);
    out.Number(static_cast<std::uint8_t>(life.is_replaced));
    out.Number(static_cast<std::uint16_t>(life.gone.size()));
    for (const std::uint64_t incarnation : life.gone) out.Number(incarnation);
  }
}

Status ReadProducerNames(CanonicalReader& in,
                         std::map<std::string, ProducerName, std::less<>>* names) {
  RAFTMQ_TRY_ASSIGN(const std::uint32_t count, in.Number<std::uint32_t>());
  for (std::uint32_t i = 0; i < count; ++i) {
    RAFTMQ_TRY_ASSIGN(std::string name, in.Text());
    RAFTMQ_TRY_ASSIGN(const std::uint64_t session, in.Number<std::uint64_t>());
    RAFTMQ_TRY_ASSIGN(const std::uint32_t epoch, in.Number<std::uint32_t>());
    RAFTMQ_TRY_ASSIGN(const std::uint64_t allotted_at, in.Number<std::uint64_t>());
    names->emplace(std::move(name), ProducerName{{SessionId(session), epoch}, Index(allotted_at)});
  }
  return Ok();
}

}  // namespace

std::size_t CatalogueTopic::NodeCount() const {
  std::set<NodeId> nodes;
  for (const auto& replicas : created.placement) nodes.insert(replicas.begin(), replicas.end());
  return nodes.size();
}

void CatalogueState::Apply(Index index, const ClusterCommand& command) {
  std::visit([this, index](const auto& fields) { ApplyOne(index, fields); }, command);
}

// Only with the directory that it has joined with before, if it has; another one is admitted first.
void CatalogueState::ApplyOne(Index, const NodeJoined& command) {
  const auto known = nodes_.find(command.node);
  if (known != nodes_.end() && known->second.incarnation != command.incarnation) return;
  const auto life = lives_.find(command.node);
  if (life != lives_.end() && life->second.is_replaced) return;
  nodes_[command.node] = command;
}

void CatalogueState::ApplyOne(Index, const NodeReplaced& command) {
  const auto known = nodes_.find(command.node);
  if (known == nodes_.end() || known->second.incarnation != command.incarnation) return;
  NodeLife& life = lives_[command.node];
  if (life.is_replaced) return;
  life.is_replaced = true;
  life.gone.push_back(command.incarnation);
  if (life.gone.size() > kGoneMax) life.gone.pop_front();
}

void CatalogueState::ApplyOne(Index index, const NodeAdmitted& command) {
  const auto life = lives_.find(command.node);
  if (life == lives_.end() || !life->second.is_replaced) return;
  if (std::ranges::count(life->second.gone, command.incarnation) > 0) return;
  life->second.is_replaced = false;
  life->second.admitted_at = index.value();
  nodes_.at(command.node).incarnation = command.incarnation;
  renewed_.erase(command.node);
  for (auto& [id, topic] : topics_) {
    topic.founded.erase(command.node);
    std::erase_if(topic.renewed,
                  [&](const auto& entry) { return entry.first.second == command.node; });
  }
}

void CatalogueState::ApplyOne(Index index, const ReplicaLost& command) {
  if (command.id == kClusterTopicId) return RenewCatalogue(index, command.node, command.number);
  const auto topic = topics_.find(command.id);
  if (topic == topics_.end()) return;
  if (command.partition.value() >= topic->second.created.placement.size()) return;
  const auto wanted = WantedReplicas(topic->second, command.partition);
  const ReplicaId lost{command.node, command.number};
  if (std::ranges::find(wanted, lost) == wanted.end()) return;
  topic->second.renewed[{command.partition, command.node}] = ReplicaNumber(index.value());
}

void CatalogueState::RenewCatalogue(Index index, NodeId node, ReplicaNumber lost) {
  const auto life = lives_.find(node);
  const bool is_replaced = life != lives_.end() && life->second.is_replaced;
  if (!nodes_.contains(node) || is_replaced || lost != CatalogueReplicaOf(node)) return;
  renewed_[node] = ReplicaNumber(index.value());
}

// The newest of what may have placed it: the topic, the node's directory, the loss of one before.
std::optional<ReplicaId> CatalogueState::Wanted(NodeId node, ReplicaNumber number) const {
  const auto life = lives_.find(node);
  if (life == lives_.end()) return ReplicaId{node, number};
  if (life->second.is_replaced) return std::nullopt;
  return ReplicaId{node, std::max(number, ReplicaNumber(life->second.admitted_at))};
}

std::vector<ReplicaId> CatalogueState::WantedReplicas(const CatalogueTopic& topic,
                                                      PartitionNumber partition) const {
  std::vector<ReplicaId> wanted;
  for (const NodeId node : topic.created.placement.at(partition.value())) {
    const auto renewed = topic.renewed.find({partition, node});
    const ReplicaNumber number =
        renewed == topic.renewed.end() ? ReplicaNumber(topic.created_at) : renewed->second;
    if (const auto replica = Wanted(node, number)) wanted.push_back(*replica);
  }
  return wanted;
}

std::vector<ReplicaId> CatalogueState::WantedOfCatalogue(const std::vector<NodeId>& founders,
                                                         ReplicaNumber number) const {
  std::vector<ReplicaId> wanted;
  for (const NodeId node : founders) {
    const auto renewed = renewed_.find(node);
    const ReplicaNumber newest = renewed == renewed_.end() ? number : renewed->second;
    if (const auto replica = Wanted(node, newest)) wanted.push_back(*replica);
  }
  return wanted;
}

ReplicaNumber CatalogueState::CatalogueReplicaOf(NodeId node) const {
  ReplicaNumber newest = kCatalogueReplica;
  if (const auto life = lives_.find(node); life != lives_.end())
    newest = std::max(newest, ReplicaNumber(life->second.admitted_at));
  if (const auto renewed = renewed_.find(node); renewed != renewed_.end())
    newest = std::max(newest, renewed->second);
  return newest;
}

void CatalogueState::ApplyOne(Index index, const TopicCreated& command) {
  if (by_name_.contains(command.name)) return;
  if (topics_.contains(command.id)) return;
  AddTopic({command, index.value(), {}, {}});
}

void CatalogueState::ApplyOne(Index, const ReplicasFounded& command) {
  const auto found = topics_.find(command.id);
  if (found != topics_.end()) found->second.founded.insert(command.node);
}

void CatalogueState::ApplyOne(Index, const TopicDeleted& command) {
  const auto found = topics_.find(command.id);
  if (found == topics_.end()) return;
  partition_count_ -= found->second.created.placement.size();
  by_name_.erase(found->second.created.name);
  topics_.erase(found);
  deleted_.push_back(command.id);
  if (deleted_.size() > kDeletedMax) deleted_.pop_front();
}

void CatalogueState::ApplyOne(Index index, const SessionAllotted& command) {
  if (command.name.empty()) return;
  const auto known = producer_names_.find(command.name);
  if (known == producer_names_.end()) {
    if (producer_names_.size() >= kProducerNamesMax) return;
    producer_names_.emplace(command.name, ProducerName{{SessionId(index.value()), 0}, index});
    return;
  }
  AllottedSession& newest = known->second.newest;
  // An epoch never wraps: 0 would be fenced by all that were there before.
  if (newest.epoch == kEpochMax) {
    newest = {SessionId(index.value()), 0};
  } else {
    ++newest.epoch;
  }
  known->second.allotted_at = index;
}

Result<AllottedSession> CatalogueState::AllottedAt(Index index,
                                                   const SessionAllotted& command) const {
  if (command.name.empty()) return AllottedSession{SessionId(index.value()), 0};
  const auto known = producer_names_.find(command.name);
  if (known == producer_names_.end()) {
    return Fail(ErrorCode::kLimitExceeded, "there are " + std::to_string(producer_names_.size()) +
                                               " names of producers, the most allowed; '" +
                                               command.name + "' is not one");
  }
  RAFTMQ_CHECK(known->second.allotted_at == index);
  return known->second.newest;
}

void CatalogueState::AddTopic(CatalogueTopic topic) {
  partition_count_ += topic.created.placement.size();
  by_name_.emplace(topic.created.name, topic.created.id);
  const TopicId id = topic.created.id;
  topics_.emplace(id, std::move(topic));
}

const CatalogueTopic* CatalogueState::FindTopic(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &topics_.at(found->second);
}

const CatalogueTopic* CatalogueState::FindTopic(const TopicId& id) const {
  const auto found = topics_.find(id);
  return found == topics_.end() ? nullptr : &found->second;
}

bool CatalogueState::WasDeleted(const TopicId& id) const {
  return std::find(deleted_.begin(), deleted_.end(), id) != deleted_.end();
}

ByteBuffer CatalogueState::Encode() const {
  CanonicalWriter out;
  out.Number(kStateVersion);
  out.Number(static_cast<std::uint32_t>(nodes_.size()));
  for (const auto& [id, node] : nodes_) WriteFields(node, out);
  out.Number(static_cast<std::uint32_t>(topics_.size()));
  for (const auto& [id, topic] : topics_) {
    WriteFields(topic.created, out);
    out.Number(topic.created_at);
    out.Number(static_cast<std::uint32_t>(topic.founded.size()));
    for (const NodeId node : topic.founded) out.Number(node.value());
  }
  out.Number(static_cast<std::uint32_t>(deleted_.size()));
  for (const TopicId& id : deleted_) WriteFields(TopicDeleted{id}, out);
  out.Number(static_cast<std::uint32_t>(producer_names_.size()));
  for (const auto& [name, producer] : producer_names_) {
    out.Text(name);
    out.Number(producer.newest.session.value());
    out.Number(producer.newest.epoch);
    out.Number(producer.allotted_at.value());
  }
  WriteLives(lives_, out);
  WriteRenewed(topics_, renewed_, out);
  const std::string bytes = out.Take();
  ByteBuffer buffer(bytes.size());
  std::memcpy(buffer.data(), bytes.data(), bytes.size());
  return buffer;
}

Result<CatalogueState> CatalogueState::Decode(ByteSpan bytes) {
  CatalogueState state;
  if (bytes.empty()) return state;
  CanonicalReader in(bytes);
  RAFTMQ_TRY_ASSIGN(const std::uint8_t version, in.Number<std::uint8_t>());
  if (version < kStateVersionWithoutNames || version > kStateVersion) {
    return Fail(ErrorCode::kUnknownFormat, "expected a catalogue of version 1 to 3, found " +
                                               std::to_string(static_cast<unsigned>(version)));
  }
  RAFTMQ_TRY_ASSIGN(const std::uint32_t nodes, in.Number<std::uint32_t>());
  for (std::uint32_t i = 0; i < nodes; ++i) {
    RAFTMQ_TRY_ASSIGN(NodeJoined node, ReadNodeJoined(in));
    state.nodes_[node.node] = std::move(node);
  }
  RAFTMQ_TRY_ASSIGN(const std::uint32_t topics, in.Number<std::uint32_t>());
  for (std::uint32_t i = 0; i < topics; ++i) {
    CatalogueTopic topic;
    RAFTMQ_TRY(ReadTopic(in, &topic));
    state.AddTopic(std::move(topic));
  }
  RAFTMQ_TRY_ASSIGN(const std::uint32_t deleted, in.Number<std::uint32_t>());
  for (std::uint32_t i = 0; i < deleted; ++i) {
    RAFTMQ_TRY_ASSIGN(const TopicDeleted topic, ReadTopicDeleted(in));
    state.deleted_.push_back(topic.id);
  }
  if (version != kStateVersionWithoutNames)
    RAFTMQ_TRY(ReadProducerNames(in, &state.producer_names_));
  if (version > kStateVersionWithoutLives) {
    RAFTMQ_TRY(ReadLives(in, &state.lives_));
    RAFTMQ_TRY(ReadRenewed(in, &state.topics_, &state.renewed_));
  }
  RAFTMQ_TRY(in.AtEnd());
  return state;
}

}  // namespace raftmq::broker
