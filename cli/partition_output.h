// Partitions as the verbs that list them show them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "raftmq/client.h"

namespace raftmq::cli {

// Numbers of a replica whose node did not answer are null.
nlohmann::json PartitionJson(const PartitionDescription& partition);

// "1,2?,3!,4+": the nodes; those that did not answer are marked ?, lost replicas !, joining ones +.
std::string ReplicaList(const PartitionDescription& partition);

// How many of its replicas have that role.
std::size_t CountReplicas(const PartitionDescription& partition, std::string_view role);

// Says on stderr which nodes did not answer, if there are any.
void WarnOfSilentNodes(const ClusterDescription& cluster);

}  // namespace raftmq::cli
