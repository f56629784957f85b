// The data directory of one node: who may use it, and whose it is.
//
//   LOCK         held by the process that runs on it
//   node         cluster id, node id, incarnation, format: written once
//   manifest     which replicas it has founded, also as manifest.copy (node_manifest.h)
//   counter      how far it has shown itself to other nodes (save_counter.h)
//   partitions/  one directory per partition
//   scrub        how far the scrubber has come; may be missing (broker/scrub/scrub_passes.h)
//
// `node` holds these bytes twice, one copy after the other; a damaged copy is made again from its
// twin:
//
//   0   u32 magic "RMQN"    4  u16 version 1    6  u16 bytes of the cluster id
//   8   u32 node id        12  u32 zero        16  u64 incarnation
//   24  cluster id, then the XXH3-64 of all before it
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/types/ids.h"
#include "raftmq/result.h"
#include "segment/file_system.h"
#include "segment/node_manifest.h"
#include "segment/save_counter.h"

namespace raftmq {

inline constexpr const char* kScrubFileName = "scrub";
inline constexpr const char* kScrubUnfinishedName = "scrub.new";

// Behind the name of a partition's directory: what is left of a replica there that was lost, and
// replaced since. Nobody uses it any more.
inline constexpr std::string_view kLostReplicaSuffix = ".lost";

struct NodeIdentity {
  std::string cluster_id;  // At most 65,535 bytes.
  NodeId node;
  std::uint64_t incarnation =
      0;  // Drawn when the directory was founded; another disk, another one.
  bool operator==(const NodeIdentity&) const = default;
};

// A data directory that belongs to this process for as long as this lives.
struct NodeDirectory {
  std::unique_ptr<FileLock> lock;
  NodeIdentity identity;
  std::unique_ptr<NodeManifest> manifest;
  std::unique_ptr<SaveCounter> counter;
  bool is_new = false;             // Founded by this call.
  std::vector<std::string> notes;  // For people: what is there and not ours, and is left alone.
};

struct NodeDirectoryOptions {
  std::string path;
  std::string cluster_id;
  NodeId node;
  std::uint64_t incarnation = 0;  // For a directory that is founded now.
  bool may_found = false;         // Else an empty directory is refused.
};

// Looks first, and touches nothing in a directory that it refuses; takes the lock and looks
// again; founds an empty directory if it may. A crash at
// any step leaves a directory that is either still empty or founded. Blocks.
// Errors: kLocked (another process runs on it), kForeignDirectory (another cluster's or node's, or
// names of ours that are links, fifos or devices, data without a `node` file, or a directory that
// others have found to be rolled back), kUnknownFormat,
// kDataCorrupt (both copies in `node`, or of the manifest, are damaged), kDiskFull, kIoError.
Result<NodeDirectory> OpenNodeDirectory(FileSystem& files, const NodeDirectoryOptions& options);

// For the scrubber, while this process holds the directory. Both block.
// Whether both copies in `node` are whole. Errors: kDataCorrupt (neither is, or they differ),
// kUnknownFormat, kNotFound, kIoError.
Result<bool> IsNodeFileWhole(FileSystem& files, const std::string& path);
// Makes a damaged copy in `node` again from its twin; durable on return. Errors: the same,
// kDiskFull.
Status RepairNodeFile(FileSystem& files, const std::string& path);

// For offline tools: what the node's own files say.
struct NodeCheck {
  NodeIdentity identity;
  std::vector<std::string> faults;  // Damage that the next start makes good, and lost replicas.
};
// Changes nothing. Errors: kNotFound, kUnknownFormat, kDataCorrupt, kIoError.
Result<NodeCheck> CheckNodeDirectory(FileSystem& files, const std::string& path);

}  // namespace raftmq
