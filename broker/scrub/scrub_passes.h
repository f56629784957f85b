// How far each shard's scrub has come, and the file `scrub` in the data directory that remembers
// it: a node that is restarted every day still reads everything once per period.
//
// Each shard walks its partitions in the order of their group ids and each log from its first
// entry on, so that a place in the walk is one (group, index). The file is written when a pass
// begins or ends, once a minute while one runs, and at a stop:
//
//   0   u32 magic "RMQS"    4  u16 version 1    6  u16 number of shards
//   8   per shard: i64 began, i64 ended, u8 flags (1 running, 2 started by hand), u64 topic high,
//       u64 topic low, u32 partition, u64 index, u64 bytes read
//       then the XXH3-64 of all before it
//
// Times are milliseconds since 1970. Nothing hangs on the file: without it, or with a damaged one,
// the passes begin anew.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/types/ids.h"
#include "raftmq/result.h"
#include "segment/file_system.h"

namespace raftmq::broker {

// One shard's.
struct ScrubPass {
  std::int64_t began_ms = 0;  // Of the running pass, else of the last one; 0 = never.
  std::int64_t ended_ms = 0;  // Of the last one that ended; 0 = never.
  bool is_running = false;
  bool by_hand = false;  // Of the running one.
  // The running one goes on here: all that comes before is read.
  GroupId group;
  Index index;
  std::uint64_t bytes_read = 0;  // In the running one, else the last.
  bool operator==(const ScrubPass&) const = default;
};

// What `shards` shards go on from. If they were another number, each partition may now be on
// another shard: all go on where the one had come that had least.
std::vector<ScrubPass> PassesFor(std::vector<ScrubPass> saved, std::uint32_t shards);

std::vector<std::byte> EncodePasses(const std::vector<ScrubPass>& passes);
// kDataCorrupt, kUnknownFormat.
Result<std::vector<ScrubPass>> DecodePasses(ByteSpan bytes);

// Blocks. Empty if there is no such file. Errors: as DecodePasses, kIoError.
Result<std::vector<ScrubPass>> LoadPasses(FileSystem& files, const std::string& directory);
// Replaces the file whole; durable on return. Blocks. A failure leaves the old one.
Status SavePasses(FileSystem& files, const std::string& directory,
                  const std::vector<ScrubPass>& passes);

}  // namespace raftmq::broker
