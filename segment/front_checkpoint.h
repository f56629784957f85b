// The checkpoint at a segment's front, read from the disk itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/types/ids.h"
#include "raftmq/result.h"
#include "segment/checkpoint.h"
#include "segment/file_system.h"

namespace raftmq {

// Where it stands and what its hashes are seeded with.
struct FrontOf {
  std::string path;  // Of the segment's file.
  Index first;       // Of the segment.
  std::uint64_t group_seed = 0;
};

// nullopt if it is not whole, damaged, or a part of it lies above `committed`. Errors: kIoError.
Result<std::optional<Checkpoint>> ReadFrontCheckpoint(FileSystem& files, const FrontOf& front,
                                                      Index committed);
// What its first part says, without the tables; nullopt if that is damaged. Errors: kIoError.
Result<std::optional<Checkpoint>> ReadFrontHead(FileSystem& files, const FrontOf& front);

}  // namespace raftmq
