#include "tests/sim/log_survey.h"

#include <algorithm>

#include "segment/crash_chooser.h"
#include "segment/log_check.h"

namespace raftmq::sim {
namespace {

// nullopt: cannot be read, or a cut or reset is to be finished first.
std::optional<LogMark> SettledMark(FileSystem& files, const std::string& directory) {
  std::vector<std::string> notes;
  const auto meta = MetaFile::OpenToRead(files, directory + "/meta", &notes);
  if (!meta || (*meta)->intent().pending != LogIntent::Pending::kNone) return std::nullopt;
  return (*meta)->mark();
}

Index PromisedBy(const LogMark& mark, const std::vector<SyncedEntry>& entries, Index damaged) {
  Index promised = mark.tail.index;
  for (const SyncedEntry& entry : entries) {
    const bool is_evidence = entry.index > damaged && entry.index > mark.unproven;
    if (is_evidence) promised = std::max(promised, entry.committed_up_to);
  }
  return promised;
}

}  // namespace

Index LogSurvey::PromisedBehind(Index damaged) const {
  return std::min(PromisedBy(durable_mark, entries, damaged),
                  PromisedBy(seen_mark, entries, damaged));
}

// Recovery reads all from the mark's segment on; more may be promised than known to be committed.
Index LogSurvey::CommittedWithout(Index first_gone, Index last_gone) const {
  const auto known_by = [&](const LogMark& mark) {
    Index committed = mark.committed;
    for (const SyncedEntry& entry : entries) {
      const bool is_gone = entry.index >= first_gone && entry.index <= last_gone;
      if (!is_gone && entry.index >= mark.segment_first)
        committed = std::max(committed, entry.committed_up_to);
    }
    return committed;
  };
  return std::min(known_by(durable_mark), known_by(seen_mark));
}

bool LogSurvey::HasCheckpointWithout(Index first_gone, Index last_gone, Index log_first) const {
  const Index committed = CommittedWithout(first_gone, last_gone);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool opens =
        entries[i].is_checkpoint && (i == 0 || entries[i - 1].path != entries[i].path);
    if (!opens) continue;
    std::size_t part = i;
    while (part + 1 < entries.size() && entries[part + 1].is_checkpoint &&
           entries[part + 1].path == entries[i].path)
      ++part;
    const bool is_hit = entries[i].index <= last_gone && entries[part].index >= first_gone;
    // What lies before the log is about to be deleted.
    const bool is_kept = entries[i].index >= log_first;
    if (is_kept && !is_hit && entries[part].index <= committed) return true;
  }
  return false;
}

const SyncedEntry* LogSurvey::Find(Index index) const {
  const auto found = std::ranges::lower_bound(entries, index, {}, &SyncedEntry::index);
  return found != entries.end() && found->index == index ? &*found : nullptr;
}

std::uint64_t LogSurvey::EndOf(const std::string& path) const {
  std::uint64_t end = 0;
  for (const SyncedEntry& entry : entries) {
    if (entry.path == path) end = std::max(end, entry.end());
  }
  return end;
}

std::optional<LogSurvey> SurveyLog(const MemoryFileSystem& disk, const std::string& directory) {
  UniformCrashChooser keeps_all(true);
  UniformCrashChooser keeps_nothing(false);
  const auto seen = disk.AfterPowerCut(keeps_all);
  const auto synced = disk.AfterPowerCut(keeps_nothing);
  const auto seen_mark = SettledMark(*seen, directory);
  const auto durable_mark = SettledMark(*synced, directory);
  if (!seen_mark || !durable_mark) return std::nullopt;
  if (seen_mark->truncations != durable_mark->truncations) return std::nullopt;
  LogSurvey survey{.durable_mark = *durable_mark, .seen_mark = *seen_mark};
  const auto on_entry = [&survey](const CheckedEntry& entry) {
    const LeaderBlock& leader = entry.header.leader;
    survey.entries.push_back({entry.path, entry.position, entry.frame.size(), leader.index,
                              entry.header.header_hash, leader.committed_up_to,
                              entry.header.producer.kind == EntryKind::kCheckpoint});
  };
  const auto check = CheckPartition(*synced, directory, {.on_entry = on_entry, .on_progress = {}});
  if (!check) return std::nullopt;
  // What should be zeros in front of an entry, and is not, makes it a damaged one.
  std::erase_if(survey.entries, [&check](const SyncedEntry& entry) {
    return std::ranges::any_of(check->faults, [&entry](const LogFault& fault) {
      return fault.first <= entry.index && entry.index <= fault.last;
    });
  });
  std::ranges::sort(survey.entries, {}, &SyncedEntry::index);
  return survey;
}

}  // namespace raftmq::sim
