// Damage done to the files of one broker behind its back, as a disk does it: bytes that change,
// files that get shorter or vanish.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/choices.h"

namespace raftmq::testing {

enum class Corruption {
  kFlipInSealed,  // One bit of a segment's used bytes.
  kFlipInActive,
  kCutSealed,  // 1, 7, 100 or 5,000 bytes from the end of the used ones.
  kCutActive,
  kLoseOldest,  // A segment's file.
  kLoseMiddle,
  kLoseNewestSealed,
  kFlipInIndex,  // Of a sealed segment.
  kCutIndex,
  kLoseIndex,
  kFlipInMetaCopy,  // Of one kind of page.
  kFlipInMeta,      // Both copies of one kind.
  kFlipInNodeCopy,  // From here on files of the node.
  kFlipInManifest,
  kLoseManifest,
  kFlipInCounterCopy,
};
inline constexpr int kCorruptions = 16;

std::string_view NameOf(Corruption kind);
bool IsOfNode(Corruption kind);
// Those that are tried on a broker that runs. The end of the active segment and its counter it
// would write anew.
bool IsForRunning(Corruption kind);

// The directories of all partitions in a data directory, the catalogue's included, in order.
std::vector<std::string> PartitionDirectories(const std::string& data_directory);

bool IsCatalogue(const std::string& partition_directory);

// Damages a partition's directory, or with IsOfNode a data directory; durable on return, and no
// longer in the page cache. Says which file and bytes; nullopt if there is nothing there to be
// damaged in this way. `is_running`: a broker uses it.
std::optional<std::string> Corrupt(Corruption kind, const std::string& directory, bool is_running,
                                   sim::Choices& choices);

}  // namespace raftmq::testing
