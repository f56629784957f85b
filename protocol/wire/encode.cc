// Message -> Cap'n Proto: the writing half of codec.h.
#include <algorithm>

#include "protocol/wire/capnp_words.h"
#include "protocol/wire/codec.h"
#include "protocol/wire/raftmq.capnp.h"
#include "protocol/wire/utf8.h"

namespace raftmq::wire {
namespace {

template <class Builder>
void PutGroup(const GroupId& group, Builder& to) {
  to.setTopicHigh(group.topic.high);
  to.setTopicLow(group.topic.low);
  to.setPartition(group.partition.value());
}

void PutError(const Error& error, schema::ErrorInfo::Builder to) {
  to.setCode(static_cast<std::uint16_t>(error.code));
  to.setMessage(TextOf(BoundedUtf8(error.message, kErrorTextBytesMax)));
}

void PutSettings(const std::map<std::string, std::string>& settings,
                 capnp::List<schema::Setting>::Builder to) {
  unsigned i = 0;
  for (const auto& [name, value] : settings) {
    auto setting = to[i++];
    setting.setName(TextOf(name));
    setting.setValue(TextOf(value));
  }
}

void PutPartition(const PartitionInfo& from, schema::PartitionInfo::Builder to) {
  to.setPartition(from.partition.value());
  to.setLeader(from.leader.value());
  to.setShard(from.shard);
  to.setTerm(from.term.value());
  to.setLogStart(from.log_start.value());
  to.setEnd(from.end.value());
  to.setSizeBytes(from.size_bytes);
  auto replicas = to.initReplicas(ListSize(from.replicas.size()));
  unsigned i = 0;
  for (const ReplicaInfo& replica : from.replicas) {
    auto each = replicas[i++];
    each.setNode(replica.node.value());
    each.setRole(static_cast<schema::Role>(replica.role));
    each.setIsLost(replica.is_lost);
    each.setEnd(replica.end.value());
    each.setCommit(replica.commit.value());
    each.setDurable(replica.durable.value());
  }
}

void PutTopic(const TopicInfo& from, schema::TopicInfo::Builder to) {
  to.setIdHigh(from.id.high);
  to.setIdLow(from.id.low);
  to.setName(TextOf(from.name));
  PutSettings(from.settings, to.initSettings(ListSize(from.settings.size())));
  auto partitions = to.initPartitions(ListSize(from.partitions.size()));
  unsigned i = 0;
  for (const PartitionInfo& partition : from.partitions) PutPartition(partition, partitions[i++]);
  if (from.error.code != ErrorCode::kOk) PutError(from.error, to.initError());
}

// One overload per message; each fills in the body of `to`.
void Put(const HelloRequest& from, schema::Message::Builder to) {
  auto body = to.initHelloRequest();
  body.setVersionMin(from.version_min);
  body.setVersionMax(from.version_max);
  body.setClientName(TextOf(from.client_name));
  body.setShard(from.shard);
}

void Put(const HelloReply& from, schema::Message::Builder to) {
  auto body = to.initHelloReply();
  body.setVersion(from.version);
  body.setClusterId(TextOf(from.cluster_id));
  body.setNode(from.node.value());
  body.setShards(from.shards);
  body.setFrameBytesMax(from.frame_bytes_max);
  body.setBootId(from.boot_id);
}

void PutProduce(const ProduceRequest& from, schema::ProduceRequest::Builder to) {
  PutGroup(from.group, to);
  to.setAcks(static_cast<schema::Acks>(from.acks));
}

// The condition is rare: a union member of its own keeps the others small.
void Put(const ProduceRequest& from, schema::Message::Builder to) {
  if (!from.base_offset) return PutProduce(from, to.initProduceRequest());
  auto body = to.initConditionalProduceRequest();
  PutProduce(from, body.initProduce());
  body.setBaseOffset(from.base_offset->value());
}

void Put(const ProduceReply& from, schema::Message::Builder to) {
  auto body = to.initProduceReply();
  body.setBaseOffset(from.base_offset.value());
  body.setAppendTimeMs(from.append_time_ms);
  body.setLogStart(from.log_start.value());
}

void Put(const FetchRequest& from, schema::Message::Builder to) {
  auto body = to.initFetchRequest();
  PutGroup(from.group, body);
  body.setOffset(from.offset.value());
  body.setCreditBytes(from.credit_bytes);
  body.setOneAnswer(from.one_answer);
  body.setWaitMs(from.wait_ms);
  body.setEndSeen(from.end_seen.value());
  body.setTermBefore(from.term_before.value());
}

void Put(const FetchCredit& from, schema::Message::Builder to) {
  auto body = to.initFetchCredit();
  body.setStream(from.stream);
  body.setCreditBytes(from.credit_bytes);
}

void Put(const FetchClose& from, schema::Message::Builder to) {
  to.initFetchClose().setStream(from.stream);
}

void Put(const FetchData& from, schema::Message::Builder to) {
  auto body = to.initFetchData();
  body.setLogStart(from.log_start.value());
  body.setEnd(from.end.value());
  body.setNextOffset(from.next_offset.value());
  body.setTerm(from.term.value());
  body.setLast(from.last);
}

void Put(const MetadataRequest& from, schema::Message::Builder to) {
  auto topics = to.initMetadataRequest().initTopics(ListSize(from.topics.size()));
  unsigned i = 0;
  for (const std::string& topic : from.topics) topics.set(i++, TextOf(topic));
}

void Put(const MetadataReply& from, schema::Message::Builder to) {
  auto body = to.initMetadataReply();
  body.setClusterId(TextOf(from.cluster_id));
  body.setAnswering(from.answering.value());
  auto nodes = body.initNodes(ListSize(from.nodes.size()));
  unsigned i = 0;
  for (const NodeInfo& node : from.nodes) {
    auto each = nodes[i++];
    each.setNode(node.node.value());
    each.setHost(TextOf(node.host));
    each.setPort(node.port);
    each.setShards(node.shards);
  }
  body.setMetadataLeader(from.metadata_leader.value());
  body.setNodesExpected(from.nodes_expected);
  auto topics = body.initTopics(ListSize(from.topics.size()));
  i = 0;
  for (const TopicInfo& topic : from.topics) PutTopic(topic, topics[i++]);
}

void Put(const CreateTopicRequest& from, schema::Message::Builder to) {
  auto body = to.initCreateTopicRequest();
  body.setName(TextOf(from.name));
  body.setPartitions(from.partitions);
  body.setReplicas(from.replicas);
  PutSettings(from.settings, body.initSettings(ListSize(from.settings.size())));
}

void Put(const CreateTopicReply& from, schema::Message::Builder to) {
  auto body = to.initCreateTopicReply();
  body.setIdHigh(from.id.high);
  body.setIdLow(from.id.low);
}

void Put(const DeleteTopicRequest& from, schema::Message::Builder to) {
  to.initDeleteTopicRequest().setName(TextOf(from.name));
}

void Put(const TrimRequest& from, schema::Message::Builder to) {
  auto body = to.initTrimRequest();
  PutGroup(from.group, body);
  body.setOffset(from.offset.value());
}

void Put(const TrimReply& from, schema::Message::Builder to) {
  to.initTrimReply().setLogStart(from.log_start.value());
}

void Put(const ListOffsetsRequest& from, schema::Message::Builder to) {
  auto body = to.initListOffsetsRequest();
  PutGroup(from.group, body);
  body.setTimestampMs(from.timestamp_ms);
}

void Put(const ListOffsetsReply& from, schema::Message::Builder to) {
  auto body = to.initListOffsetsReply();
  body.setOffset(from.offset.value());
  body.setTimestampMs(from.timestamp_ms);
  body.setLogStart(from.log_start.value());
  body.setEnd(from.end.value());
  body.setTerm(from.term.value());
}

void Put(const EmptyReply&, schema::Message::Builder to) { to.setEmptyReply(); }

void Put(const ErrorReply& from, schema::Message::Builder to) {
  auto body = to.initErrorReply();
  PutError(from.error, body.initError());
  body.setHasLogStart(from.log_start.has_value());
  body.setLogStart(from.log_start.value_or(Offset()).value());
  body.setHasEnd(from.end.has_value());
  body.setEnd(from.end.value_or(Offset()).value());
}

void Put(const ReadIndexRequest& from, schema::Message::Builder to) {
  auto body = to.initReadIndexRequest();
  PutGroup(from.group, body);
}

void Put(const ReadIndexReply& from, schema::Message::Builder to) {
  auto body = to.initReadIndexReply();
  body.setEnd(from.end.value());
  body.setLogStart(from.log_start.value());
  body.setTerm(from.term.value());
}

void Put(const TransferLeaderRequest& from, schema::Message::Builder to) {
  auto body = to.initTransferLeaderRequest();
  PutGroup(from.group, body);
  body.setTo(from.to.value());
}

void Put(const ReplaceNodeRequest& from, schema::Message::Builder to) {
  to.initReplaceNodeRequest().setNode(from.node.value());
}

void Put(const InitProducerRequest& from, schema::Message::Builder to) {
  to.initInitProducerRequest().setName(TextOf(from.name));
}

void Put(const InitProducerReply& from, schema::Message::Builder to) {
  auto body = to.initInitProducerReply();
  body.setSession(from.session.value());
  body.setEpoch(from.epoch);
}

void Put(const OpenSessionRequest& from, schema::Message::Builder to) {
  auto body = to.initOpenSessionRequest();
  PutGroup(from.group, body);
  body.setSession(from.session.value());
  body.setEpoch(from.epoch);
}

void Put(const OpenSessionReply& from, schema::Message::Builder to) {
  auto body = to.initOpenSessionReply();
  body.setEpoch(from.epoch);
  body.setNextSequence(from.next_sequence);
  body.setMayBeForgotten(from.may_be_forgotten);
}

void Put(const AcceptLossRequest& from, schema::Message::Builder to) {
  auto body = to.initAcceptLossRequest();
  PutGroup(from.group, body);
  body.setOffset(from.offset.value());
}

void Put(const AcceptLossReply& from, schema::Message::Builder to) {
  auto body = to.initAcceptLossReply();
  body.setLogStart(from.log_start.value());
  body.setFilesEnd(from.files_end.value());
}

void Put(const ScrubRequest& from, schema::Message::Builder to) {
  to.initScrubRequest().setStart(from.start);
}

void Put(const ScrubReply& from, schema::Message::Builder to) {
  auto body = to.initScrubReply();
  body.setNode(from.node.value());
  body.setRunning(from.running);
  body.setByHand(from.by_hand);
  body.setBeganMs(from.began_ms);
  body.setEndedMs(from.ended_ms);
  body.setBytesRead(from.bytes_read);
  body.setBytesAll(from.bytes_all);
  body.setPasses(from.passes);
  body.setDamageFound(from.damage_found);
  body.setDamageRepaired(from.damage_repaired);
  body.setDamageOpen(from.damage_open);
  auto damage = body.initDamage(ListSize(from.damage.size()));
  unsigned i = 0;
  for (const Damage& one : from.damage) {
    auto each = damage[i++];
    each.setWhere(TextOf(one.where));
    each.setFirstOffset(one.first_offset.value());
    each.setEndOffset(one.end_offset.value());
    each.setWhat(TextOf(one.what));
  }
}

}  // namespace

SharedBytes EncodeHead(const Message& message, std::size_t attachment_bytes) {
  return EncodeOneSegment(
      [&message](capnp::MessageBuilder& builder) {
        auto root = builder.initRoot<schema::Message>();
        root.setRequestId(message.request_id);
        std::visit([&root](const auto& body) { Put(body, root); }, message.body);
      },
      attachment_bytes);
}

}  // namespace raftmq::wire
