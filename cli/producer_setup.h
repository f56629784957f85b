// From the words of the command line to a producer's configuration.
#pragma once

#include <string>

#include "raftmq/producer.h"
#include "raftmq/result.h"

namespace raftmq::cli {

// `acks`: quorum, leader-memory, none. `codec`: none, lz4, zstd. kInvalidArgument for other words.
Result<ProducerConfig> ProducerSetup(const std::string& topic, const std::string& acks,
                                     const std::string& codec);

}  // namespace raftmq::cli
