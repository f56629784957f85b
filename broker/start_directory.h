// What a start looks at in the data directory before there is a shard.
#pragma once

#include <memory>

#include "broker/broker_options.h"
#include "raftlog/group_factory.h"
#include "raftmq/result.h"

namespace raftmq::broker {

// Checks partitions/ (no links, fifos or devices), then opens the catalogue's log; founds it if
// there is no partition at all. Blocks. Errors: kForeignDirectory, kUnknownFormat, kIoError.
Result<std::unique_ptr<OpenedLog>> OpenCatalogueLog(FileSystem& files,
                                                    const BrokerOptions& options);

}  // namespace raftmq::broker
