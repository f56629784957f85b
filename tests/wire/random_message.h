// Random messages of every kind, from a seed.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "protocol/wire/messages.h"

namespace raftmq::wire {

class RandomMessages {
 public:
  explicit RandomMessages(std::uint64_t seed) : random_(seed) {}

  // A message whose body is the `kind`-th of Body. REQUIRES: kind < std::variant_size_v<Body>.
  Message OfKind(std::size_t kind) {
    return {Number(), Pick(kind, std::make_index_sequence<std::variant_size_v<Body>>())};
  }
  Message Any() { return OfKind(random_() % std::variant_size_v<Body>); }

  std::uint64_t Number() {  // Often an extreme.
    switch (random_() % 4) {
      case 0:
        return 0;
      case 1:
        return ~std::uint64_t{0};
      default:
        return random_();
    }
  }

 private:
  template <std::size_t... I>
  Body Pick(std::size_t kind, std::index_sequence<I...>) {
    Body body;
    ((kind == I ? void(body = Make(std::variant_alternative_t<I, Body>())) : void()), ...);
    return body;
  }

  template <class T>
  T Small() {
    return static_cast<T>(Number());
  }
  std::string Text() {
    static const std::vector<std::string> kPieces = {"a", "orders", "-", "é", "火", "🦊", " "};
    std::string text;
    for (std::size_t n = random_() % 8; n > 0; --n) text += kPieces[random_() % kPieces.size()];
    return text;
  }
  GroupId Group() { return {{Number(), Number()}, PartitionNumber(Small<std::uint32_t>())}; }
  std::map<std::string, std::string> Settings() {
    std::map<std::string, std::string> settings;
    for (std::size_t n = random_() % 4; n > 0; --n) settings[Text()] = Text();
    return settings;
  }
  bool Coin() { return random_() % 2 == 0; }

  HelloRequest Make(HelloRequest m) {
    m.version_min = static_cast<std::uint16_t>(random_() % 100);
    m.version_max = static_cast<std::uint16_t>(100 + random_() % 100);
    m.client_name = Text();
    m.shard = Small<std::uint32_t>();
    return m;
  }
  HelloReply Make(HelloReply m) {
    m.version = Small<std::uint16_t>();
    m.cluster_id = Text();
    m.node = NodeId(Small<std::uint32_t>());
    m.shards = Small<std::uint32_t>();
    m.frame_bytes_max = Small<std::uint32_t>();
    m.boot_id = Number();
    return m;
  }
  ProduceRequest Make(ProduceRequest) {
    ProduceRequest request{Group(), static_cast<Acks>(random_() % 3), {}};
    if (random_() % 2 == 0) request.base_offset = Offset(random_());
    return request;
  }
  ProduceReply Make(ProduceReply) {
    return {Offset(Number()), Small<std::int64_t>(), Offset(Number())};
  }
  FetchRequest Make(FetchRequest) {
    return {Group(),       Offset(Number()),       Small<std::uint32_t>(),
            Coin(),        Small<std::uint32_t>(), Offset(Number()),
            Term(Number())};
  }
  FetchCredit Make(FetchCredit) { return {Number(), Small<std::uint32_t>()}; }
  FetchClose Make(FetchClose) { return {Number()}; }
  FetchData Make(FetchData) {
    return {Offset(Number()), Offset(Number()), Offset(Number()), Term(Number()), Coin()};
  }
  MetadataRequest Make(MetadataRequest m) {
    for (std::size_t n = random_() % 5; n > 0; --n) m.topics.push_back(Text());
    return m;
  }
  MetadataReply Make(MetadataReply m) {
    m.cluster_id = Text();
    m.answering = NodeId(Small<std::uint32_t>());
    for (std::size_t n = random_() % 4; n > 0; --n) {
      m.nodes.push_back(
          {NodeId(Small<std::uint32_t>()), Text(), Small<std::uint16_t>(), Small<std::uint32_t>()});
    }
    for (std::size_t n = random_() % 4; n > 0; --n) m.topics.push_back(Topic());
    m.metadata_leader = NodeId(Small<std::uint32_t>());
    m.nodes_expected = Small<std::uint32_t>();
    return m;
  }
  TopicInfo Topic() {
    TopicInfo topic;
    topic.name = Text();
    topic.id = {Number(), Number()};
    topic.settings = Settings();
    for (std::size_t n = random_() % 20; n > 0; --n) topic.partitions.push_back(Partition());
    if (Coin()) topic.error = {ErrorCode::kTopicNotFound, Text()};
    return topic;
  }
  PartitionInfo Partition() {
    PartitionInfo partition;
    partition.partition = PartitionNumber(Small<std::uint32_t>());
    partition.leader = NodeId(Small<std::uint32_t>());
    partition.shard = Small<std::uint32_t>();
    partition.term = Term(Number());
    partition.log_start = Offset(Number());
    partition.end = Offset(Number());
    partition.size_bytes = Number();
    for (std::size_t n = random_() % 4; n > 0; --n) {
      partition.replicas.push_back({NodeId(Small<std::uint32_t>()),
                                    static_cast<std::uint8_t>(random_() % 3), random_() % 2 == 0,
                                    Offset(Number()), Offset(Number()), Offset(Number())});
    }
    return partition;
  }
  CreateTopicRequest Make(CreateTopicRequest) {
    return {Text(), Small<std::uint32_t>(), Small<std::uint32_t>(), Settings()};
  }
  CreateTopicReply Make(CreateTopicReply) { return {{Number(), Number()}}; }
  DeleteTopicRequest Make(DeleteTopicRequest) { return {Text()}; }
  TrimRequest Make(TrimRequest) { return {Group(), Offset(Number())}; }
  TrimReply Make(TrimReply) { return {Offset(Number())}; }
  ListOffsetsRequest Make(ListOffsetsRequest) { return {Group(), Small<std::int64_t>()}; }
  ListOffsetsReply Make(ListOffsetsReply) {
    return {Offset(Number()), Small<std::int64_t>(), Offset(Number()), Offset(Number()),
            Term(Number())};
  }
  ReadIndexRequest Make(ReadIndexRequest) { return {Group()}; }
  ReadIndexReply Make(ReadIndexReply) {
    return {Offset(Number()), Offset(Number()), Term(Number())};
  }
  TransferLeaderRequest Make(TransferLeaderRequest) {
    return {Group(), NodeId(Small<std::uint32_t>())};
  }
  ReplaceNodeRequest Make(ReplaceNodeRequest) { return {NodeId(Small<std::uint32_t>())}; }
  InitProducerRequest Make(InitProducerRequest) { return {Text()}; }
  InitProducerReply Make(InitProducerReply) {
    return {SessionId(Number()), Small<std::uint32_t>()};
  }
  OpenSessionRequest Make(OpenSessionRequest) {
    return {Group(), SessionId(Number()), Small<std::uint32_t>()};
  }
  OpenSessionReply Make(OpenSessionReply) {
    return {Small<std::uint32_t>(), Small<std::uint32_t>(), random_() % 2 == 0};
  }
  AcceptLossRequest Make(AcceptLossRequest) { return {Group(), Offset(Number())}; }
  AcceptLossReply Make(AcceptLossReply) { return {Offset(Number()), Offset(Number())}; }
  ScrubRequest Make(ScrubRequest) { return {Coin()}; }
  ScrubReply Make(ScrubReply m) {
    m.node = NodeId(Small<std::uint32_t>());
    m.running = Coin();
    m.by_hand = Coin();
    m.began_ms = Small<std::int64_t>();
    m.ended_ms = Small<std::int64_t>();
    for (auto* number : {&m.bytes_read, &m.bytes_all, &m.passes, &m.damage_found,
                         &m.damage_repaired, &m.damage_open})
      *number = Number();
    for (std::size_t n = random_() % 5; n > 0; --n)
      m.damage.push_back({Text(), Offset(Number()), Offset(Number()), Text()});
    return m;
  }
  EmptyReply Make(EmptyReply m) { return m; }
  ErrorReply Make(ErrorReply m) {
    m.error = {static_cast<ErrorCode>(Small<std::uint16_t>()), Text()};
    if (Coin()) m.log_start = Offset(Number());
    if (Coin()) m.end = Offset(Number());
    return m;
  }

  std::mt19937_64 random_;
};

}  // namespace raftmq::wire
