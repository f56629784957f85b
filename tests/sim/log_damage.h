// Decay of what replicas have synced: flipped bits, zeroed and misplaced pages, files cut short or
// gone. Within the atlas (Ganesan et al., FAST 2018, use the word for the same: what is whole
// where) every damaged entry is whole on all other voters, and the next damage of a partition
// waits until the last one is healed; outside of it nothing is left whole on purpose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/sim/cluster.h"
#include "tests/sim/log_survey.h"

namespace raftmq::sim {

class Node;

class LogDamage {
 public:
  explicit LogDamage(Cluster& cluster) : cluster_(cluster) {}
  // One replica of a partition drawn at random, if there is one that may be damaged now.
  void Strike();
  // Forgets the damage of replicas on whose disks it is not found any more.
  static void NoteHealed(Cluster& cluster, PartitionTruth& truth);

 private:
  enum class Kind : std::uint8_t { kFlip, kZeroPage, kMisplacedPage, kTruncate, kRemove, kIndex };
  // Bytes of a file, and the entries that are hit by it.
  struct Wound {
    Kind kind = Kind::kFlip;
    std::string path;
    std::uint64_t begin = 0, end = 0;
    Index first, last;         // first > last: none.
    std::uint64_t source = 0;  // Of a misplaced page.
    bool is_newest = false;
  };

  bool StrikeOne(PartitionTruth& truth, ReplicaRecord& victim);
  bool MayBeStruck(const PartitionTruth& truth, const Replica& replica) const;
  std::optional<Wound> Draw(const LogSurvey& survey) const;
  bool IsWithinReason(const PartitionTruth& truth, const ReplicaRecord& victim,
                      const LogSurvey& survey, const Wound& wound) const;
  static bool HasCopies(const PartitionTruth& truth, const ReplicaRecord& victim,
                        const Wound& wound);
  // Whether the replica may be lost with what the wound takes.
  static bool MayLose(const LogSurvey& survey, const Wound& wound, Index log_first);
  bool Apply(MemoryFileSystem& disk, const Wound& wound);
  bool Overwrite(MemoryFileSystem& disk, const Wound& wound);

  Cluster& cluster_;
};

}  // namespace raftmq::sim
