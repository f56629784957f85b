// What of a replica's log is on its disk for certain, whatever a power cut takes: what may be
// damaged so that recovery has to notice it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "segment/memory_file_system.h"
#include "segment/meta_file.h"

namespace raftmq::sim {

struct SyncedEntry {
  std::string path;
  std::uint64_t at = 0;
  std::uint64_t bytes = 0;  // Padded.
  Index index;
  std::uint64_t hash = 0;
  Index committed_up_to;
  bool is_checkpoint = false;
  std::uint64_t end() const { return at + bytes; }
};

struct LogSurvey {
  std::vector<SyncedEntry> entries;  // The whole ones, by index.
  LogMark durable_mark;
  LogMark seen_mark;  // May be lost still, or be the one that counts.

  // Up to where the log would be known to have been promised if the entries up to `damaged` were
  // gone (DESIGN.md section 4, "Recovery"): by its mark, or by what is said behind them.
  Index PromisedBehind(Index damaged) const;
  // Up to where it would be known to be committed if these entries were gone.
  Index CommittedWithout(Index first, Index last) const;
  // Whether a log that begins at `log_first` and from which these entries are gone still has a
  // checkpoint to begin with: a whole one that is known to be committed. Else its replica is lost.
  bool HasCheckpointWithout(Index first, Index last, Index log_first) const;
  const SyncedEntry* Find(Index index) const;
  // Whether nothing before `first` is left that a start might read.
  bool BeginsAt(Index first) const {
    return entries.empty() ? durable_mark.tail.index.Next() >= first
                           : entries.front().index >= first;
  }
  // Behind the last synced entry of the file.
  std::uint64_t EndOf(const std::string& path) const;
};

// nullopt: not there yet, or a cut or reset is under way.
std::optional<LogSurvey> SurveyLog(const MemoryFileSystem& disk, const std::string& directory);

}  // namespace raftmq::sim
