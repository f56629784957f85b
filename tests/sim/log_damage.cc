#include "tests/sim/log_damage.h"

#include <algorithm>
#include <vector>

#include "broker/partition_directory.h"
#include "protocol/types/check.h"
#include "tests/sim/node.h"

namespace raftmq::sim {
namespace {

constexpr std::uint64_t kTruncatedMax = 5000;

std::string DirectoryOf(const PartitionTruth& truth) {
  return broker::PartitionPath("", truth.founding.group);
}

std::vector<std::byte> ReadFile(MemoryFileSystem& disk, const std::string& path, std::uint64_t at,
                                std::uint64_t bytes) {
  const auto file = disk.Open(path, OpenMode::kRead);
  RAFTMQ_CHECK(file.has_value());
  std::vector<std::byte> content(bytes);
  const std::uint64_t size = *(*file)->Size();
  if (at < size)
    RAFTMQ_CHECK(
        (*file)->Read(at, MutableByteSpan(content).first(std::min(bytes, size - at))).has_value());
  return content;
}

// False if the disk is full.
bool Shorten(MemoryFileSystem& disk, const std::string& path, std::uint64_t to) {
  const std::string shorter = path + ".damage";
  const std::vector<std::byte> content = ReadFile(disk, path, 0, to);
  const auto file = disk.Open(shorter, OpenMode::kCreate);
  if (!file || !(*file)->Write(0, content) || !(*file)->Sync()) {
    static_cast<void>(disk.Remove(shorter).has_value());
    return false;
  }
  RAFTMQ_CHECK(disk.Remove(path).has_value());
  RAFTMQ_CHECK(disk.Rename(shorter, path).has_value());
  return true;
}

}  // namespace

// Retention may take an older checkpoint before this one is healed.
bool LogDamage::MayLose(const LogSurvey& survey, const Wound& wound, Index log_first) {
  const auto is_hit = [&wound](const SyncedEntry& entry) {
    return entry.is_checkpoint && entry.index >= wound.first && entry.index <= wound.last;
  };
  return std::ranges::any_of(survey.entries, is_hit) ||
         !survey.HasCheckpointWithout(wound.first, wound.last, log_first);
}

void LogDamage::Strike() {
  PartitionTruth& truth = *cluster_.partitions[cluster_.PickPartition()];
  if (truth.committed() == Index(0)) return;
  NoteHealed(cluster_, truth);
  const Membership members = truth.membership();
  const std::size_t from = static_cast<std::size_t>(cluster_.choices.Below(members.size()));
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Replica& replica = members[(from + i) % members.size()];
    if (MayBeStruck(truth, replica) && StrikeOne(truth, truth.placements.at(replica.node).record))
      return;
  }
}

// Within the atlas nobody joins or leaves meanwhile, or the copies might leave.
bool LogDamage::MayBeStruck(const PartitionTruth& truth, const Replica& replica) const {
  if (!truth.IsThere(replica) || truth.placements.at(replica.node).record.entries.empty())
    return false;
  const Membership& members = truth.membership();
  // Who is alone loses what is damaged, and its producers with it.
  const bool has_others = std::ranges::any_of(members, [&replica](const Replica& other) {
    return other.voter && other.id() != replica.id();
  });
  if (!has_others || !cluster_.scenario.faults.keeps_copies) return has_others;
  const auto agrees = [&truth, &members](const Replica& other) {
    if (!truth.IsThere(other)) return false;
    const ReplicaRecord& record = truth.placements.at(other.node).record;
    return !record.memberships.empty() && record.membership() == members;
  };
  const bool is_settled = truth.asked_for.empty() || truth.asked_for == members;
  return is_settled && !truth.IsDamaged() && std::ranges::all_of(members, agrees);
}

bool LogDamage::StrikeOne(PartitionTruth& truth, ReplicaRecord& victim) {
  Node& node = cluster_.node(victim.id.node);
  const auto survey = SurveyLog(node.disk(), DirectoryOf(truth));
  if (!survey || survey->entries.empty()) return false;
  const auto wound = Draw(*survey);
  if (!wound || !IsWithinReason(truth, victim, *survey, *wound)) return false;
  const bool takes_file =
      wound->kind == Kind::kTruncate || (wound->kind == Kind::kRemove && wound->is_newest);
  // Nobody takes a file away from a program that has it open and writes to it.
  if (takes_file || cluster_.choices.Below(2) == 0) node.Kill();
  if (!Apply(node.disk(), *wound)) return false;
  if (wound->first <= wound->last) {
    victim.damaged.push_back({wound->first, wound->last});
    truth.was_damaged = true;
    if (MayLose(*survey, *wound, victim.first)) victim.may_be_lost = true;
  }
  cluster_.coverage.Reach(wound->kind == Kind::kFlip            ? Mark::kBitFlipped
                          : wound->kind == Kind::kZeroPage      ? Mark::kPageZeroed
                          : wound->kind == Kind::kMisplacedPage ? Mark::kPageMisplaced
                          : wound->kind == Kind::kTruncate      ? Mark::kFileTruncated
                          : wound->kind == Kind::kIndex         ? Mark::kIndexRemoved
                          : wound->is_newest                    ? Mark::kNewestFileRemoved
                                                                : Mark::kSealedFileRemoved);
  return true;
}

std::optional<LogDamage::Wound> LogDamage::Draw(const LogSurvey& survey) const {
  Choices& choices = cluster_.choices;
  const SyncedEntry& entry =
      survey.entries[static_cast<std::size_t>(choices.Below(survey.entries.size()))];
  const std::uint64_t end = survey.EndOf(entry.path);
  const std::uint64_t at = entry.at + choices.Below(entry.bytes);
  const std::uint64_t page = at / kPageBytes * kPageBytes;
  Wound wound{.path = entry.path, .begin = at, .end = at + 1, .first = Index(1)};
  wound.is_newest = survey.entries.back().path == entry.path;
  const std::uint64_t dice = choices.Below(16);
  if (dice >= 6 && dice < 11) {
    wound.kind = dice < 9 ? Kind::kZeroPage : Kind::kMisplacedPage;
    wound.begin = page;
    wound.end = std::min(end, page + kPageBytes);
    wound.source = choices.Below(1 + end / kPageBytes) * kPageBytes;
  } else if (dice == 11 || dice == 12) {
    wound.kind = Kind::kTruncate;
    wound.begin = end - std::min(end, choices.Between(1, kTruncatedMax));
    wound.end = end;
  } else if (dice >= 13) {
    wound.kind = dice == 15 ? Kind::kIndex : Kind::kRemove;
    wound.begin = 0;
    wound.end = end;
  }
  if (wound.kind == Kind::kIndex) return wound.is_newest ? std::nullopt : std::optional(wound);
  // Of a file that ends within a page that page is not read.
  const std::uint64_t hit_from =
      wound.kind == Kind::kTruncate ? wound.begin / kPageBytes * kPageBytes : wound.begin;
  std::uint64_t from = 0;  // The zeros in front of an entry belong to it.
  for (const SyncedEntry& hit : survey.entries) {
    if (hit.path != wound.path) continue;
    const bool is_hit = hit.end() > hit_from && from < wound.end;
    from = hit.end();
    if (!is_hit) continue;
    if (wound.last == Index(0)) wound.first = hit.index;
    wound.last = hit.index;
  }
  return wound;
}

// What looks torn is cut by recovery (DESIGN.md section 4, "Known limit"): none of that. And the
// witness has to know what stood there.
bool LogDamage::IsWithinReason(const PartitionTruth& truth, const ReplicaRecord& victim,
                               const LogSurvey& survey, const Wound& wound) const {
  if (wound.kind == Kind::kIndex) return true;
  if (wound.last > survey.PromisedBehind(wound.last)) return false;
  for (Index index = wound.first; index <= wound.last; index = index.Next()) {
    const SyncedEntry* const entry = survey.Find(index);
    if (entry == nullptr && !cluster_.scenario.faults.keeps_copies) continue;  // Struck before.
    if (entry == nullptr) return false;
    if (index > victim.durable || victim.At(index).hash != entry->hash) return false;
  }
  if (!cluster_.scenario.faults.keeps_copies) return true;
  const auto voters = std::ranges::count(truth.membership(), true, &Replica::voter);
  const bool may_be_lost = voters >= 3;
  if (!may_be_lost && MayLose(survey, wound, victim.first)) return false;
  return HasCopies(truth, victim, wound);
}

bool LogDamage::HasCopies(const PartitionTruth& truth, const ReplicaRecord& victim,
                          const Wound& wound) {
  return std::ranges::all_of(truth.membership(), [&](const Replica& replica) {
    if (!replica.voter || replica.id() == victim.id) return true;
    const ReplicaRecord& other = truth.placements.at(replica.node).record;
    if (other.first > wound.first) return false;
    for (Index index = wound.first; index <= wound.last; index = index.Next()) {
      if (!other.HoldsDurably(index, victim.At(index))) return false;
    }
    return true;
  });
}

bool LogDamage::Apply(MemoryFileSystem& disk, const Wound& wound) {
  const std::string directory = wound.path.substr(0, wound.path.rfind('/'));
  if (wound.kind <= Kind::kMisplacedPage) return Overwrite(disk, wound);
  if (wound.kind == Kind::kTruncate) {
    if (!Shorten(disk, wound.path, wound.begin)) return false;
  } else {
    const std::string index = wound.path.substr(0, wound.path.size() - 4) + ".index";
    if (!disk.Remove(wound.kind == Kind::kIndex ? index : wound.path)) return false;
  }
  RAFTMQ_CHECK(disk.SyncDirectory(directory).has_value());
  return true;
}

// Page by page like a disk: the bytes behind what is synced stay as they are.
bool LogDamage::Overwrite(MemoryFileSystem& disk, const Wound& wound) {
  Choices& choices = cluster_.choices;
  const std::uint64_t bytes = wound.end - wound.begin;
  const std::vector<std::byte> before = ReadFile(disk, wound.path, wound.begin, bytes);
  std::vector<std::byte> after(bytes);
  if (wound.kind == Kind::kFlip)
    after[0] = before[0] ^ std::byte{static_cast<unsigned char>(1u << choices.Below(8))};
  if (wound.kind == Kind::kMisplacedPage) {
    after = ReadFile(disk, wound.path, wound.source, bytes);
  }
  if (after == before) return false;
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (after[i] != before[i]) disk.Damage(wound.path, wound.begin + i, before[i] ^ after[i]);
  }
  return true;
}

void LogDamage::NoteHealed(Cluster& cluster, PartitionTruth& truth) {
  for (auto& [node, placement] : truth.placements) {
    ReplicaRecord& record = placement.record;
    if (record.damaged.empty()) continue;
    if (!placement.IsWhole()) {
      record.damaged.clear();
      continue;
    }
    const auto survey = SurveyLog(cluster.node(node).disk(), DirectoryOf(truth));
    if (!survey) continue;
    Process* const process = cluster.node(node).process();
    const Group* const group =
        process == nullptr ? nullptr : process->Find(truth.founding.group.partition.value());
    // What is whole on the disk counts as damaged until its group says otherwise: a file that had
    // lost its end got it back as zeros, or its log is still to be opened again.
    if (group != nullptr && (!group->damage().empty() || group->status().needs_reopening)) continue;
    const auto is_whole = [&](const DamagedEntries& run) {
      for (Index index = run.first; index <= std::min(run.last, record.last());
           index = index.Next()) {
        if (index < record.first && survey->BeginsAt(record.first)) continue;
        const SyncedEntry* const entry = survey->Find(index);
        if (entry == nullptr || entry->hash != record.At(index).hash) return false;
      }
      return true;
    };
    if (std::erase_if(record.damaged, is_whole) > 0) truth.Reach(Mark::kHealedOnDisk);
    if (record.damaged.empty()) record.may_be_lost = false;
  }
}

}  // namespace raftmq::sim
