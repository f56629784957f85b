#include "tests/broker/broker_steps.h"

#include <stdexcept>

namespace raftmq::testing {

TopicId CreateTopic(WireClient& client, const std::string& name, std::uint32_t partitions,
                    const std::map<std::string, std::string>& settings) {
  return As<wire::CreateTopicReply>(
             client.Call(wire::CreateTopicRequest{
                 .name = name, .partitions = partitions, .settings = settings}))
      .id;
}

wire::TopicInfo Describe(WireClient& client, const std::string& topic) {
  const auto reply = client.Call(wire::MetadataRequest{.topics = {topic}});
  return As<wire::MetadataReply>(reply).topics.at(0);
}

std::uint32_t ShardOf(WireClient& client, const std::string& topic, std::uint32_t partition) {
  return Describe(client, topic).partitions.at(partition).shard;
}

GroupId GroupOf(WireClient& client, const std::string& topic, std::uint32_t partition) {
  return {Describe(client, topic).id, PartitionNumber(partition)};
}

Offset Produce(WireClient& client, const GroupId& group, const std::vector<std::string>& values) {
  const ByteBuffer batch = MakeBatch(values);
  return As<wire::ProduceReply>(client.Call(wire::ProduceRequest{.group = group}, batch.span()))
      .base_offset;
}

std::vector<std::string> ReadAll(WireClient& client, const GroupId& group, Offset offset) {
  std::vector<std::string> values;
  while (true) {
    const auto reply = client.Call(wire::FetchRequest{
        .group = group, .offset = offset, .credit_bytes = 1u << 20, .one_answer = true});
    const auto& data = As<wire::FetchData>(reply);
    for (std::string& value : ValuesOf(reply->attachment.view()))
      values.push_back(std::move(value));
    offset = data.next_offset;
    if (offset == data.end) return values;
  }
}

namespace {

GroupId MakeTopic(WireClient& control, const std::string& topic,
                  const std::map<std::string, std::string>& settings) {
  control.Hello();
  if (Describe(control, topic).error.code != ErrorCode::kOk)
    CreateTopic(control, topic, 1, settings);
  return GroupOf(control, topic);
}

}  // namespace

TopicClient::TopicClient(const Address& broker, const std::string& topic,
                         const std::map<std::string, std::string>& settings)
    : control(broker), group(MakeTopic(control, topic, settings)), client(broker) {
  client.Hello(ShardOf(control, topic));
}

}  // namespace raftmq::testing
