// The small files of a data directory, which are kept in two copies: `node`, `manifest`, `counter`,
// and each replica's `meta`. The scrubber looks at both copies; a bad one is made again.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "segment/file_system.h"
#include "segment/node_manifest.h"
#include "segment/save_counter.h"

namespace raftmq::broker {

struct SmallFileCheck {
  std::string path;
  std::string bad;           // What is wrong with it; empty if nothing is.
  bool is_repaired = false;  // It was bad, and was made again.
};

// All block. What a writer has just begun to replace looks bad for a moment: each looks again
// before it says so.

// `node`, `manifest` and `counter` of a running node's directory.
std::vector<SmallFileCheck> CheckNodeFiles(FileSystem& files, const std::string& directory,
                                           NodeManifest& manifest, SaveCounter& counter);
// A running replica's meta file, which only its log may write to. What is bad may be whole again
// within `patience`.
SmallFileCheck CheckMetaFile(FileSystem& files, const std::string& directory,
                             std::chrono::milliseconds patience);

}  // namespace raftmq::broker
