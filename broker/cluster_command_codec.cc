#include "broker/cluster_command_codec.h"

#include "protocol/types/check.h"

namespace raftmq::broker {
namespace {

void WriteTopicId(const TopicId& id, CanonicalWriter& out) {
  out.Number(id.high);
  out.Number(id.low);
}

Result<TopicId> ReadTopicId(CanonicalReader& in) {
  TopicId id;
  RAFTMQ_TRY_ASSIGN(id.high, in.Number<std::uint64_t>());
  RAFTMQ_TRY_ASSIGN(id.low, in.Number<std::uint64_t>());
  return id;
}

Result<NodeId> ReadNodeId(CanonicalReader& in) {
  RAFTMQ_TRY_ASSIGN(const std::uint32_t node, in.Number<std::uint32_t>());
  return NodeId(node);
}

void WriteNodes(const std::vector<NodeId>& nodes, CanonicalWriter& out) {
  RAFTMQ_CHECK(nodes.size() <= 0xFF);
  out.Number(static_cast<std::uint8_t>(nodes.size()));
  for (const NodeId node : nodes) out.Number(node.value());
}

Result<std::vector<NodeId>> ReadNodes(CanonicalReader& in) {
  RAFTMQ_TRY_ASSIGN(const std::uint8_t count, in.Number<std::uint8_t>());
  std::vector<NodeId> nodes;
  for (std::uint8_t i = 0; i < count; ++i) {
    RAFTMQ_TRY_ASSIGN(const NodeId node, ReadNodeId(in));
    nodes.push_back(node);
  }
  return nodes;
}

Result<std::map<std::string, std::string>> ReadSettings(CanonicalReader& in) {
  RAFTMQ_TRY_ASSIGN(const std::uint16_t count, in.Number<std::uint16_t>());
  std::map<std::string, std::string> settings;
  for (std::uint16_t i = 0; i < count; ++i) {
    RAFTMQ_TRY_ASSIGN(std::string key, in.Text());
    RAFTMQ_TRY_ASSIGN(std::string value, in.Text());
    // Rising keys only: one value has one form.
    if (!settings.empty() && key <= settings.rbegin()->first) {
      return Fail(ErrorCode::kUnknownFormat,
                  "expected settings in rising order, found '" + key + "'");
    }
    settings.emplace(std::move(key), std::move(value));
  }
  return settings;
}

}  // namespace

void WriteFields(const NodeJoined& node, CanonicalWriter& out) {
  out.Number(node.node.value());
  out.Number(node.incarnation);
  out.Text(node.client_host);
  out.Number(node.client_port);
  out.Text(node.peer_host);
  out.Number(node.peer_port);
  out.Number(node.shards);
}

Result<NodeJoined> ReadNodeJoined(CanonicalReader& in) {
  NodeJoined node;
  RAFTMQ_TRY_ASSIGN(node.node, ReadNodeId(in));
  RAFTMQ_TRY_ASSIGN(node.incarnation, in.Number<std::uint64_t>());
  RAFTMQ_TRY_ASSIGN(node.client_host, in.Text());
  RAFTMQ_TRY_ASSIGN(node.client_port, in.Number<std::uint16_t>());
  RAFTMQ_TRY_ASSIGN(node.peer_host, in.Text());
  RAFTMQ_TRY_ASSIGN(node.peer_port, in.Number<std::uint16_t>());
  RAFTMQ_TRY_ASSIGN(node.shards, in.Number<std::uint32_t>());
  return node;
}

void WriteFields(const TopicCreated& topic, CanonicalWriter& out) {
  WriteTopicId(topic.id, out);
  out.Number(topic.seed);
  out.Text(topic.name);
  RAFTMQ_CHECK(topic.settings.size() <= 0xFFFF);
  out.Number(static_cast<std::uint16_t>(topic.settings.size()));
  for (const auto& [key, value] : topic.settings) {
    out.Text(key);
    out.Text(value);
  }
  RAFTMQ_CHECK(topic.placement.size() <= 0xFFFF);
  out.Number(static_cast<std::uint16_t>(topic.placement.size()));
  for (const auto& nodes : topic.placement) WriteNodes(nodes, out);
}

Result<TopicCreated> ReadTopicCreated(CanonicalReader& in) {
  TopicCreated topic;
  RAFTMQ_TRY_ASSIGN(topic.id, ReadTopicId(in));
  RAFTMQ_TRY_ASSIGN(topic.seed, in.Number<std::uint64_t>());
  RAFTMQ_TRY_ASSIGN(topic.name, in.Text());
  RAFTMQ_TRY_ASSIGN(topic.settings, ReadSettings(in));
  RAFTMQ_TRY_ASSIGN(const std::uint16_t partitions, in.Number<std::uint16_t>());
  for (std::uint16_t i = 0; i < partitions; ++i) {
    RAFTMQ_TRY_ASSIGN(std::vector<NodeId> nodes, ReadNodes(in));
    topic.placement.push_back(std::move(nodes));
  }
  return topic;
}

void WriteFields(const ReplicasFounded& founded, CanonicalWriter& out) {
  WriteTopicId(founded.id, out);
  out.Number(founded.node.value());
}

Result<ReplicasFounded> ReadReplicasFounded(CanonicalReader& in) {
  ReplicasFounded founded;
  RAFTMQ_TRY_ASSIGN(founded.id, ReadTopicId(in));
  RAFTMQ_TRY_ASSIGN(founded.node, ReadNodeId(in));
  return founded;
}

void WriteFields(const TopicDeleted& deleted, CanonicalWriter& out) {
  WriteTopicId(deleted.id, out);
}

Result<TopicDeleted> ReadTopicDeleted(CanonicalReader& in) {
  TopicDeleted deleted;
  RAFTMQ_TRY_ASSIGN(deleted.id, ReadTopicId(in));
  return deleted;
}

void WriteFields(const SessionAllotted& allotted, CanonicalWriter& out) { out.Text(allotted.name); }

Result<SessionAllotted> ReadSessionAllotted(CanonicalReader& in) {
  SessionAllotted allotted;
  RAFTMQ_TRY_ASSIGN(allotted.name, in.Text());
  return allotted;
}

void WriteFields(const NodeReplaced& replaced, CanonicalWriter& out) {
  out.Number(replaced.node.value());
  out.Number(replaced.incarnation);
}

Result<NodeReplaced> ReadNodeReplaced(CanonicalReader& in) {
  NodeReplaced replaced;
  RAFTMQ_TRY_ASSIGN(replaced.node, ReadNodeId(in));
  RAFTMQ_TRY_ASSIGN(replaced.incarnation, in.Number<std::uint64_t>());
  return replaced;
}

void WriteFields(const NodeAdmitted& admitted, CanonicalWriter& out) {
  out.Number(admitted.node.value());
  out.Number(admitted.incarnation);
}

Result<NodeAdmitted> ReadNodeAdmitted(CanonicalReader& in) {
  NodeAdmitted admitted;
  RAFTMQ_TRY_ASSIGN(admitted.node, ReadNodeId(in));
  RAFTMQ_TRY_ASSIGN(admitted.incarnation, in.Number<std::uint64_t>());
  return admitted;
}

void WriteFields(const ReplicaLost& lost, CanonicalWriter& out) {
  WriteTopicId(lost.id, out);
  out.Number(lost.partition.value());
  out.Number(lost.node.value());
  out.Number(lost.number.value());
}

Result<ReplicaLost> ReadReplicaLost(CanonicalReader& in) {
  ReplicaLost lost;
  RAFTMQ_TRY_ASSIGN(lost.id, ReadTopicId(in));
  RAFTMQ_TRY_ASSIGN(const std::uint32_t partition, in.Number<std::uint32_t>());
  RAFTMQ_TRY_ASSIGN(lost.node, ReadNodeId(in));
  RAFTMQ_TRY_ASSIGN(const std::uint64_t number, in.Number<std::uint64_t>());
  lost.partition = PartitionNumber(partition);
  lost.number = ReplicaNumber(number);
  return lost;
}

}  // namespace raftmq::broker
