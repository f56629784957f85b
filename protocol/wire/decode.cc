// Cap'n Proto -> message: the reading half of codec.h. Every byte may come from an attacker.
#include <fmt/format.h>

#include <optional>

#include "protocol/wire/capnp_words.h"
#include "protocol/wire/codec.h"
#include "protocol/wire/raftmq.capnp.h"
#include "protocol/wire/utf8.h"

namespace raftmq::wire {
namespace {

// What one list element takes at least, in words: its size in version 1 of the schema. A list that
// claims more elements than the message has room for is refused before anything is allocated.
constexpr std::size_t kTextWords = 1;
constexpr std::size_t kSettingWords = 2;
constexpr std::size_t kNodeWords = 3;
constexpr std::size_t kReplicaWords = 4;
constexpr std::size_t kPartitionWords = 7;
constexpr std::size_t kTopicWords = 6;
constexpr std::size_t kDamageWords = 4;
// A map costs many times the bytes of its elements on the wire; no topic has so many settings.
constexpr std::size_t kSettingsMax = 256;

template <class Reader>
GroupId GetGroup(const Reader& from) {
  return {TopicId{from.getTopicHigh(), from.getTopicLow()}, PartitionNumber(from.getPartition())};
}

// Turns readers into plain values. The first value that is out of range is kept as the error; what
// is decoded after it is thrown away. Structural faults leave by kj::Exception.
class Decoder {
 public:
  explicit Decoder(std::size_t message_words) : message_words_(message_words) {}

  // Which overload of Get reads which member of the union; nullopt for an unknown one.
  std::optional<Body> GetBody(schema::Message::Reader from);
  const std::optional<Error>& error() const { return error_; }

 private:
  HelloRequest Get(schema::HelloRequest::Reader from);
  HelloReply Get(schema::HelloReply::Reader from);
  ProduceRequest Get(schema::ProduceRequest::Reader from);
  ProduceRequest Get(schema::ConditionalProduceRequest::Reader from);
  ProduceReply Get(schema::ProduceReply::Reader from);
  FetchRequest Get(schema::FetchRequest::Reader from);
  FetchCredit Get(schema::FetchCredit::Reader from);
  FetchClose Get(schema::FetchClose::Reader from);
  FetchData Get(schema::FetchData::Reader from);
  MetadataRequest Get(schema::MetadataRequest::Reader from);
  MetadataReply Get(schema::MetadataReply::Reader from);
  CreateTopicRequest Get(schema::CreateTopicRequest::Reader from);
  CreateTopicReply Get(schema::CreateTopicReply::Reader from);
  DeleteTopicRequest Get(schema::DeleteTopicRequest::Reader from);
  TrimRequest Get(schema::TrimRequest::Reader from);
  TrimReply Get(schema::TrimReply::Reader from);
  ListOffsetsRequest Get(schema::ListOffsetsRequest::Reader from);
  ListOffsetsReply Get(schema::ListOffsetsReply::Reader from);
  ErrorReply Get(schema::ErrorReply::Reader from);
  ReadIndexRequest Get(schema::ReadIndexRequest::Reader from);
  ReadIndexReply Get(schema::ReadIndexReply::Reader from);
  TransferLeaderRequest Get(schema::TransferLeaderRequest::Reader from);
  ReplaceNodeRequest Get(schema::ReplaceNodeRequest::Reader from);
  InitProducerRequest Get(schema::InitProducerRequest::Reader from);
  InitProducerReply Get(schema::InitProducerReply::Reader from);
  OpenSessionRequest Get(schema::OpenSessionRequest::Reader from);
  OpenSessionReply Get(schema::OpenSessionReply::Reader from);
  AcceptLossRequest Get(schema::AcceptLossRequest::Reader from);
  AcceptLossReply Get(schema::AcceptLossReply::Reader from);
  ScrubRequest Get(schema::ScrubRequest::Reader from);
  ScrubReply Get(schema::ScrubReply::Reader from);

  NodeInfo Get(schema::NodeInfo::Reader from);
  ReplicaInfo Get(schema::ReplicaInfo::Reader from);
  PartitionInfo Get(schema::PartitionInfo::Reader from);
  TopicInfo Get(schema::TopicInfo::Reader from);
  Damage Get(schema::Damage::Reader from);
  Error Get(schema::ErrorInfo::Reader from);
  std::map<std::string, std::string> GetSettings(capnp::List<schema::Setting>::Reader from);

  template <class Value, class List>
  std::vector<Value> GetList(const List& from, std::size_t element_words, const char* field);
  std::string GetText(capnp::Text::Reader from, const char* field);
  template <class List>
  bool FitsMessage(const List& list, std::size_t element_words, const char* field);
  void Refuse(ErrorCode code, std::string message);

  const std::size_t message_words_;
  std::optional<Error> error_;
};

std::optional<Body> Decoder::GetBody(schema::Message::Reader from) {
  switch (from.which()) {
    case schema::Message::HELLO_REQUEST:
      return Get(from.getHelloRequest());
    case schema::Message::HELLO_REPLY:
      return Get(from.getHelloReply());
    case schema::Message::PRODUCE_REQUEST:
      return Get(from.getProduceRequest());
    case schema::Message::PRODUCE_REPLY:
      return Get(from.getProduceReply());
    case schema::Message::FETCH_REQUEST:
      return Get(from.getFetchRequest());
    case schema::Message::FETCH_CREDIT:
      return Get(from.getFetchCredit());
    case schema::Message::FETCH_CLOSE:
      return Get(from.getFetchClose());
    case schema::Message::FETCH_DATA:
      return Get(from.getFetchData());
    case schema::Message::METADATA_REQUEST:
      return Get(from.getMetadataRequest());
    case schema::Message::METADATA_REPLY:
      return Get(from.getMetadataReply());
    case schema::Message::CREATE_TOPIC_REQUEST:
      return Get(from.getCreateTopicRequest());
    case schema::Message::CREATE_TOPIC_REPLY:
      return Get(from.getCreateTopicReply());
    case schema::Message::DELETE_TOPIC_REQUEST:
      return Get(from.getDeleteTopicRequest());
    case schema::Message::TRIM_REQUEST:
      return Get(from.getTrimRequest());
    case schema::Message::TRIM_REPLY:
      return Get(from.getTrimReply());
    case schema::Message::LIST_OFFSETS_REQUEST:
      return Get(from.getListOffsetsRequest());
    case schema::Message::LIST_OFFSETS_REPLY:
      return Get(from.getListOffsetsReply());
    case schema::Message::EMPTY_REPLY:
      return EmptyReply();
    case schema::Message::ERROR_REPLY:
      return Get(from.getErrorReply());
    case schema::Message::READ_INDEX_REQUEST:
      return Get(from.getReadIndexRequest());
    case schema::Message::READ_INDEX_REPLY:
      return Get(from.getReadIndexReply());
    case schema::Message::TRANSFER_LEADER_REQUEST:
      return Get(from.getTransferLeaderRequest());
    case schema::Message::REPLACE_NODE_REQUEST:
      return Get(from.getReplaceNodeRequest());
    case schema::Message::INIT_PRODUCER_REQUEST:
      return Get(from.getInitProducerRequest());
    case schema::Message::INIT_PRODUCER_REPLY:
      return Get(from.getInitProducerReply());
    case schema::Message::OPEN_SESSION_REQUEST:
      return Get(from.getOpenSessionRequest());
    case schema::Message::OPEN_SESSION_REPLY:
      return Get(from.getOpenSessionReply());
    case schema::Message::CONDITIONAL_PRODUCE_REQUEST:
      return Get(from.getConditionalProduceRequest());
    case schema::Message::SCRUB_REQUEST:
      return Get(from.getScrubRequest());
    case schema::Message::SCRUB_REPLY:
      return Get(from.getScrubReply());
    case schema::Message::ACCEPT_LOSS_REQUEST:
      return Get(from.getAcceptLossRequest());
    case schema::Message::ACCEPT_LOSS_REPLY:
      return Get(from.getAcceptLossReply());
  }
  return std::nullopt;
}

HelloRequest Decoder::Get(schema::HelloRequest::Reader from) {
  HelloRequest to;
  to.version_min = from.getVersionMin();
  to.version_max = from.getVersionMax();
  if (to.version_min > to.version_max) {
    Refuse(ErrorCode::kBadRequest,
           fmt::format("expected versionMin <= versionMax in a hello, found {} and {}",
                       to.version_min, to.version_max));
  }
  to.client_name = GetText(from.getClientName(), "clientName");
  to.shard = from.getShard();
  return to;
}

HelloReply Decoder::Get(schema::HelloReply::Reader from) {
  HelloReply to;
  to.version = from.getVersion();
  to.cluster_id = GetText(from.getClusterId(), "clusterId");
  to.node = NodeId(from.getNode());
  to.shards = from.getShards();
  to.frame_bytes_max = from.getFrameBytesMax();
  to.boot_id = from.getBootId();
  return to;
}

ProduceRequest Decoder::Get(schema::ProduceRequest::Reader from) {
  const auto acks = static_cast<std::uint16_t>(from.getAcks());
  if (acks > static_cast<std::uint16_t>(Acks::kNone)) {
    Refuse(ErrorCode::kBadRequest, fmt::format("expected acks 0 to 2, found {}", acks));
  }
  return {.group = GetGroup(from), .acks = static_cast<Acks>(acks), .base_offset = {}};
}

ProduceRequest Decoder::Get(schema::ConditionalProduceRequest::Reader from) {
  ProduceRequest to = Get(from.getProduce());
  to.base_offset = Offset(from.getBaseOffset());
  return to;
}

ProduceReply Decoder::Get(schema::ProduceReply::Reader from) {
  return {.base_offset = Offset(from.getBaseOffset()),
          .append_time_ms = from.getAppendTimeMs(),
          .log_start = Offset(from.getLogStart())};
}

FetchRequest Decoder::Get(schema::FetchRequest::Reader from) {
  return {.group = GetGroup(from),
          .offset = Offset(from.getOffset()),
          .credit_bytes = from.getCreditBytes(),
          .one_answer = from.getOneAnswer(),
          .wait_ms = from.getWaitMs(),
          .end_seen = Offset(from.getEndSeen()),
          .term_before = Term(from.getTermBefore())};
}

FetchCredit Decoder::Get(schema::FetchCredit::Reader from) {
  return {.stream = from.getStream(), .credit_bytes = from.getCreditBytes()};
}

FetchClose Decoder::Get(schema::FetchClose::Reader from) { return {.stream = from.getStream()}; }

FetchData Decoder::Get(schema::FetchData::Reader from) {
  return {.log_start = Offset(from.getLogStart()),
          .end = Offset(from.getEnd()),
          .next_offset = Offset(from.getNextOffset()),
          .term = Term(from.getTerm()),
          .last = from.getLast()};
}

MetadataRequest Decoder::Get(schema::MetadataRequest::Reader from) {
  MetadataRequest to;
  const auto topics = from.getTopics();
  if (!FitsMessage(topics, kTextWords, "topics")) return to;
  to.topics.reserve(topics.size());
  for (const auto topic : topics) to.topics.push_back(GetText(topic, "topics"));
  return to;
}

MetadataReply Decoder::Get(schema::MetadataReply::Reader from) {
  MetadataReply to;
  to.cluster_id = GetText(from.getClusterId(), "clusterId");
  to.answering = NodeId(from.getAnswering());
  to.nodes = GetList<NodeInfo>(from.getNodes(), kNodeWords, "nodes");
  to.topics = GetList<TopicInfo>(from.getTopics(), kTopicWords, "topics");
  to.metadata_leader = NodeId(from.getMetadataLeader());
  to.nodes_expected = from.getNodesExpected();
  return to;
}

CreateTopicRequest Decoder::Get(schema::CreateTopicRequest::Reader from) {
  CreateTopicRequest to;
  to.name = GetText(from.getName(), "name");
  to.partitions = from.getPartitions();
  to.replicas = from.getReplicas();
  to.settings = GetSettings(from.getSettings());
  return to;
}

CreateTopicReply Decoder::Get(schema::CreateTopicReply::Reader from) {
  return {.id = TopicId{from.getIdHigh(), from.getIdLow()}};
}

DeleteTopicRequest Decoder::Get(schema::DeleteTopicRequest::Reader from) {
  return {.name = GetText(from.getName(), "name")};
}

TrimRequest Decoder::Get(schema::TrimRequest::Reader from) {
  return {.group = GetGroup(from), .offset = Offset(from.getOffset())};
}

TrimReply Decoder::Get(schema::TrimReply::Reader from) {
  return {.log_start = Offset(from.getLogStart())};
}

ListOffsetsRequest Decoder::Get(schema::ListOffsetsRequest::Reader from) {
  return {.group = GetGroup(from), .timestamp_ms = from.getTimestampMs()};
}

ListOffsetsReply Decoder::Get(schema::ListOffsetsReply::Reader from) {
  return {.offset = Offset(from.getOffset()),
          .timestamp_ms = from.getTimestampMs(),
          .log_start = Offset(from.getLogStart()),
          .end = Offset(from.getEnd()),
          .term = Term(from.getTerm())};
}

ErrorReply Decoder::Get(schema::ErrorReply::Reader from) {
  ErrorReply to;
  to.error = Get(from.getError());
  if (from.getHasLogStart()) to.log_start = Offset(from.getLogStart());
  if (from.getHasEnd()) to.end = Offset(from.getEnd());
  return to;
}

ReadIndexRequest Decoder::Get(schema::ReadIndexRequest::Reader from) {
  return {.group = GetGroup(from)};
}

ReadIndexReply Decoder::Get(schema::ReadIndexReply::Reader from) {
  return {.end = Offset(from.getEnd()),
          .log_start = Offset(from.getLogStart()),
          .term = Term(from.getTerm())};
}

TransferLeaderRequest Decoder::Get(schema::TransferLeaderRequest::Reader from) {
  return {.group = GetGroup(from), .to = NodeId(from.getTo())};
}

ReplaceNodeRequest Decoder::Get(schema::ReplaceNodeRequest::Reader from) {
  return {.node = NodeId(from.getNode())};
}

InitProducerRequest Decoder::Get(schema::InitProducerRequest::Reader from) {
  return {.name = GetText(from.getName(), "name")};
}

InitProducerReply Decoder::Get(schema::InitProducerReply::Reader from) {
  return {.session = SessionId(from.getSession()), .epoch = from.getEpoch()};
}

OpenSessionRequest Decoder::Get(schema::OpenSessionRequest::Reader from) {
  return {
      .group = GetGroup(from), .session = SessionId(from.getSession()), .epoch = from.getEpoch()};
}

OpenSessionReply Decoder::Get(schema::OpenSessionReply::Reader from) {
  return {.epoch = from.getEpoch(),
          .next_sequence = from.getNextSequence(),
          .may_be_forgotten = from.getMayBeForgotten()};
}

AcceptLossRequest Decoder::Get(schema::AcceptLossRequest::Reader from) {
  return {.group = GetGroup(from), .offset = Offset(from.getOffset())};
}

AcceptLossReply Decoder::Get(schema::AcceptLossReply::Reader from) {
  return {.log_start = Offset(from.getLogStart()), .files_end = Offset(from.getFilesEnd())};
}

ScrubRequest Decoder::Get(schema::ScrubRequest::Reader from) { return {.start = from.getStart()}; }

ScrubReply Decoder::Get(schema::ScrubReply::Reader from) {
  ScrubReply to;
  to.node = NodeId(from.getNode());
  to.running = from.getRunning();
  to.by_hand = from.getByHand();
  to.began_ms = from.getBeganMs();
  to.ended_ms = from.getEndedMs();
  to.bytes_read = from.getBytesRead();
  to.bytes_all = from.getBytesAll();
  to.passes = from.getPasses();
  to.damage_found = from.getDamageFound();
  to.damage_repaired = from.getDamageRepaired();
  to.damage_open = from.getDamageOpen();
  to.damage = GetList<Damage>(from.getDamage(), kDamageWords, "damage");
  return to;
}

Damage Decoder::Get(schema::Damage::Reader from) {
  return {.where = GetText(from.getWhere(), "where"),
          .first_offset = Offset(from.getFirstOffset()),
          .end_offset = Offset(from.getEndOffset()),
          .what = GetText(from.getWhat(), "what")};
}

NodeInfo Decoder::Get(schema::NodeInfo::Reader from) {
  return {.node = NodeId(from.getNode()),
          .host = GetText(from.getHost(), "host"),
          .port = from.getPort(),
          .shards = from.getShards()};
}

ReplicaInfo Decoder::Get(schema::ReplicaInfo::Reader from) {
  const auto role = static_cast<std::uint16_t>(from.getRole());
  if (role > 2) {
    Refuse(ErrorCode::kBadRequest, fmt::format("expected a replica role 0 to 2, found {}", role));
  }
  return {.node = NodeId(from.getNode()),
          .role = static_cast<std::uint8_t>(role),
          .is_lost = from.getIsLost(),
          .end = Offset(from.getEnd()),
          .commit = Offset(from.getCommit()),
          .durable = Offset(from.getDurable())};
}

PartitionInfo Decoder::Get(schema::PartitionInfo::Reader from) {
  PartitionInfo to;
  to.partition = PartitionNumber(from.getPartition());
  to.leader = NodeId(from.getLeader());
  to.shard = from.getShard();
  to.term = Term(from.getTerm());
  to.log_start = Offset(from.getLogStart());
  to.end = Offset(from.getEnd());
  to.size_bytes = from.getSizeBytes();
  to.replicas = GetList<ReplicaInfo>(from.getReplicas(), kReplicaWords, "replicas");
  return to;
}

TopicInfo Decoder::Get(schema::TopicInfo::Reader from) {
  TopicInfo to;
  to.name = GetText(from.getName(), "name");
  to.id = {from.getIdHigh(), from.getIdLow()};
  to.settings = GetSettings(from.getSettings());
  to.partitions = GetList<PartitionInfo>(from.getPartitions(), kPartitionWords, "partitions");
  if (from.hasError()) to.error = Get(from.getError());
  return to;
}

// A code that this version does not list is kept: its number is what a report needs.
Error Decoder::Get(schema::ErrorInfo::Reader from) {
  return {static_cast<ErrorCode>(from.getCode()), GetText(from.getMessage(), "message")};
}

std::map<std::string, std::string> Decoder::GetSettings(capnp::List<schema::Setting>::Reader from) {
  std::map<std::string, std::string> to;
  if (!FitsMessage(from, kSettingWords, "settings")) return to;
  if (from.size() > kSettingsMax) {
    Refuse(ErrorCode::kBadRequest, fmt::format("expected at most {} settings of a topic, found {}",
                                               kSettingsMax, from.size()));
    return to;
  }
  for (const auto setting : from) {
    std::string name = GetText(setting.getName(), "settings");
    if (!to.try_emplace(name, GetText(setting.getValue(), "settings")).second) {
      Refuse(ErrorCode::kBadRequest,
             fmt::format("expected each setting once, found '{}' twice", BoundedUtf8(name, 200)));
      break;
    }
  }
  return to;
}

template <class Value, class List>
std::vector<Value> Decoder::GetList(const List& from, std::size_t element_words,
                                    const char* field) {
  std::vector<Value> to;
  if (!FitsMessage(from, element_words, field)) return to;
  to.reserve(from.size());
  for (const auto element : from) to.push_back(Get(element));
  return to;
}

std::string Decoder::GetText(capnp::Text::Reader from, const char* field) {
  const std::string_view text(from.begin(), from.size());
  if (!IsValidUtf8(text)) {
    Refuse(ErrorCode::kBadRequest, fmt::format("expected UTF-8 in '{}', found other bytes: '{}'",
                                               field, BoundedUtf8(text, 200)));
    return {};
  }
  return std::string(text);
}

template <class List>
bool Decoder::FitsMessage(const List& list, std::size_t element_words, const char* field) {
  if (list.size() * element_words <= message_words_) return true;
  Refuse(
      ErrorCode::kBadMessage,
      fmt::format("expected at most {} elements in '{}' of a message of {} bytes, found {}",
                  message_words_ / element_words, field, message_words_ * kWordBytes, list.size()));
  return false;
}

void Decoder::Refuse(ErrorCode code, std::string message) {
  if (!error_) error_ = Error{code, std::move(message)};
}

}  // namespace

Result<Message> DecodeMessage(ByteSpan bytes, std::uint64_t* request_id) {
  *request_id = 0;
  const auto decode = [request_id](schema::Message::Reader root,
                                   std::size_t words) -> Result<Message> {
    if (root.getRequestId() == kPeerMagic) {
      return Fail(ErrorCode::kUnsupported,
                  "expected a client's message, found a broker's: brokers use the peer port");
    }
    *request_id = root.getRequestId();
    Decoder decoder(words);
    std::optional<Body> body = decoder.GetBody(root);
    if (!body) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("unknown operation {}: this side knows those of wire version {}",
                              static_cast<unsigned>(root.which()), kWireVersion));
    }
    if (decoder.error()) return Fail(*decoder.error());
    return Message{*request_id, std::move(*body)};
  };
  return DecodeOneSegment<schema::Message>(bytes, decode);
}

}  // namespace raftmq::wire
