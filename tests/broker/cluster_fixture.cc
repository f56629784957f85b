#include "tests/broker/cluster_fixture.h"

#include <iostream>
#include <random>
#include <stdexcept>

namespace raftmq::testing {

Client ConnectTo(const ClusterProcess& cluster, std::chrono::milliseconds retry_after) {
  ClientConfig config;
  config.brokers = cluster.brokers();
  config.backoff_min = retry_after;
  config.backoff_max = std::chrono::milliseconds(250);
  config.seed = std::random_device{}();
  std::cout << "client seed " << config.seed << "\n";
  auto client = Client::Connect(config);
  if (!client) throw std::runtime_error(client.error().ToString());
  return std::move(*client);
}

void MakeTopic(const ClusterProcess& cluster, Client& client, const std::string& name,
               std::uint32_t partitions, std::map<std::string, std::string> settings) {
  // The batches of the wire client are older than any retention.
  settings.emplace("retention.ms", "-1");
  const auto created = client.CreateTopic(
      name, partitions, static_cast<std::uint32_t>(cluster.all().size()), settings);
  if (!created) throw std::runtime_error(created.error().ToString());
  for (std::uint32_t p = 0; p < partitions; ++p) cluster.WaitForLeader(name, p);
}

}  // namespace raftmq::testing
