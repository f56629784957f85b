#include "broker/scrub/damage_watch.h"

#include <algorithm>

namespace raftmq::broker {
namespace {

bool OverlapsAny(const DamagedRange& range, const std::vector<DamagedRange>& others) {
  return std::ranges::any_of(others, [&range](const DamagedRange& other) {
    return range.first <= other.last && other.first <= range.last;
  });
}

std::uint64_t CountAlone(const std::vector<DamagedRange>& ranges,
                         const std::vector<DamagedRange>& others) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      ranges, [&others](const DamagedRange& range) { return !OverlapsAny(range, others); }));
}

}  // namespace

void DamageWatch::Update(const GroupId& group, const std::string& name,
                         const std::vector<DamagedRange>& damage) {
  const auto known = logs_.find(group);
  if (known == logs_.end() && damage.empty()) return;
  Log& log = known == logs_.end() ? logs_[group] : known->second;
  found_ += CountAlone(damage, log.ranges);
  repaired_ += CountAlone(log.ranges, damage);
  log = {name, damage};
  if (damage.empty()) logs_.erase(group);
}

void DamageWatch::Add(const GroupId& group, const std::string& name, const DamagedRange& range) {
  Log& log = logs_[group];
  log.name = name;
  if (OverlapsAny(range, log.ranges)) return;
  log.ranges.push_back(range);
  ++found_;
}

void DamageWatch::Forget(const GroupId& group) { logs_.erase(group); }

std::vector<GroupId> DamageWatch::groups() const {
  std::vector<GroupId> groups;
  for (const auto& [group, log] : logs_) groups.push_back(group);
  return groups;
}

void DamageWatch::FileIsBad(const std::string& path, const std::string& what) {
  if (files_.emplace(path, what).second) ++found_;
}

void DamageWatch::FileIsWhole(const std::string& path) {
  if (files_.erase(path) > 0) ++repaired_;
}

std::vector<KnownDamage> DamageWatch::Open() const {
  std::vector<KnownDamage> open;
  for (const auto& [group, log] : logs_) {
    for (const DamagedRange& range : log.ranges)
      open.push_back({log.name, range.first_offset, range.end_offset, range.what});
  }
  for (const auto& [path, what] : files_) open.push_back({path, {}, {}, what});
  return open;
}

}  // namespace raftmq::broker
