#include "cli/connect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "cli/interrupt.h"
#include "cli/local_cluster.h"
#include "protocol/types/nearest.h"

namespace raftmq::cli {
namespace {

std::vector<std::string> BrokersToTry(const GlobalArguments& global) {
  if (!global.brokers.empty()) return global.brokers;
  const auto local = LocalCluster::Load("./raftmq-local");
  if (local) return local->ClientAddresses();
  return {"127.0.0.1:7440"};
}

}  // namespace

Result<Client> Connect(const GlobalArguments& global) {
  ClientConfig config;
  config.brokers = BrokersToTry(global);
  config.client_name = "raftmq-cli";
  config.connect_timeout = global.timeout.value_or(kDefaultTimeout);
  config.request_timeout = global.timeout.value_or(kDefaultTimeout);
  const InterruptEnds ends;
  auto client = Client::Connect(config);
  if (!client) {
    return Fail(
        client.error().code,
        fmt::format("{}; tried {}; name your brokers with --brokers HOST:PORT or RAFTMQ_BROKERS",
                    client.error().message, fmt::join(config.brokers, ", ")));
  }
  return client;
}

Result<std::pair<std::string, std::uint32_t>> ParsePartitionName(const std::string& text) {
  const auto slash = text.rfind('/');
  std::uint32_t partition = 0;
  if (slash != std::string::npos && slash > 0) {
    const char* const begin = text.data() + slash + 1;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(begin, end, partition);
    if (begin != end && parsed.ec == std::errc() && parsed.ptr == end)
      return std::pair(text.substr(0, slash), partition);
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected TOPIC/PARTITION (for example orders/0), found '{}'", text));
}

Result<TopicDescription> FindTopic(const ClusterDescription& cluster, const std::string& name) {
  std::vector<std::string_view> names;
  for (const auto& topic : cluster.topics) {
    if (topic.name == name) return topic;
    names.push_back(topic.name);
  }
  const auto hint = DidYouMean(name, names);
  return Fail(
      ErrorCode::kTopicNotFound,
      fmt::format("topic '{}' not found{}", name, hint.empty() ? "; see raftmq topic list" : hint));
}

Result<TopicDescription> DescribeTopic(Client& client, const std::string& name) {
  RAFTMQ_TRY_ASSIGN(const auto cluster, client.Describe());
  return FindTopic(cluster, name);
}

}  // namespace raftmq::cli
