// Where partitions live on disk, and the blocking work on their directories.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/types/ids.h"
#include "raftlog/group_factory.h"
#include "raftmq/result.h"
#include "segment/node_manifest.h"

namespace raftmq::broker {

std::string PartitionsPath(const std::string& data_directory);
std::string PartitionPath(const std::string& data_directory, const GroupId& group);

struct ReplicaIdentity {
  std::vector<NodeId> nodes;  // Of the founding replicas.
  bool is_founded = false;    // As far as the catalogue is known here: it may lag behind.
  std::uint64_t seed = 0;
  std::uint64_t replica = 0;   // Its own number.
  std::uint64_t founders = 0;  // That of the founding replicas, on `nodes`: the same, or it joins.
};

// Opens the partition's log, or founds it if it never was, and lists it in the manifest. A
// directory that an interrupted founding left behind, without its last file, is made anew: nothing
// was served from it. One of a lost replica that this one replaces is kept as <directory>.lost, in
// place of an earlier one: should the others be damaged too, it may be all that is left. Blocks.
// Errors: kDataCorrupt if it was founded and is gone; those of opening and founding.
Result<std::unique_ptr<OpenedLog>> FoundOrOpenPartition(FileSystem& files, NodeManifest& manifest,
                                                        const GroupOptions& options,
                                                        const ReplicaIdentity& identity);

// Where a lost replica's directory is kept.
std::string LostPath(const std::string& partition_path);
// Moves it there, in place of an earlier one. Blocks.
Status SetAside(FileSystem& files, const std::string& partition_path);

// Removes a partition's directory with the files in it. Not there is no error. Blocks.
Status RemovePartitionDirectory(FileSystem& files, const std::string& path);

}  // namespace raftmq::broker
