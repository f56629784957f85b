// Finding and reaching the cluster.
#pragma once

#include <string>
#include <utility>

#include "cli/arguments.h"
#include "raftmq/client.h"

namespace raftmq::cli {

inline constexpr std::chrono::milliseconds kDefaultTimeout{10'000};

// Connects to --brokers, else $RAFTMQ_BROKERS, else the brokers of ./raftmq-local (raftmq local
// up), else 127.0.0.1:7440. The error names what was tried.
Result<Client> Connect(const GlobalArguments& global);

// Splits "orders/3". kInvalidArgument if it is not of that form.
Result<std::pair<std::string, std::uint32_t>> ParsePartitionName(const std::string& text);

// The topic of that name, or kTopicNotFound with the nearest existing one.
Result<TopicDescription> FindTopic(const ClusterDescription& cluster, const std::string& name);

// The same, asked of one broker.
Result<TopicDescription> DescribeTopic(Client& client, const std::string& name);

}  // namespace raftmq::cli
