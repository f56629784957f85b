// From what brokers say of the cluster to what applications are shown. Pure.
#pragma once

#include <vector>

#include "protocol/wire/messages.h"
#include "raftmq/client.h"
#include "raftmq/result.h"

namespace raftmq::internal {

// One description from the answers of different nodes to one question. Each node knows most of its
// own replicas, so their rows come from it alone; of a partition the newest term is believed, and
// within it the leader. Errors: the first of a topic that was asked for.
// REQUIRES: at least one answer; the first one names the nodes.
Result<ClusterDescription> DescribeFrom(const std::vector<wire::MetadataReply>& answers);

}  // namespace raftmq::internal
