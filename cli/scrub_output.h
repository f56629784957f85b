// What the nodes' scrubbers say, as `raftmq scrub` shows it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "raftmq/client.h"

namespace raftmq::cli {

// One object per node; of a node that did not answer only its number and its error.
nlohmann::json ScrubJson(const std::vector<NodeScrub>& nodes);

// A table of the nodes, and below it the damage that is open. Times are UTC.
std::string ScrubText(const std::vector<NodeScrub>& nodes);

// Of what a node has to read, 0 to 100.
int ScrubPercent(const NodeScrub& node);

}  // namespace raftmq::cli
