#include "tests/faults/corruption_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string_view>

namespace raftmq::testing {
namespace {

std::size_t Count(const std::vector<Fate>& fates, bool Fate::*what) {
  return static_cast<std::size_t>(std::ranges::count_if(fates, what));
}

std::string Row(std::string_view name, const std::vector<Fate>& fates) {
  std::vector<std::chrono::milliseconds> times;
  for (const Fate& fate : fates) {
    if (fate.is_healed) times.push_back(fate.healed_after);
  }
  std::ranges::sort(times);
  const auto quantile = [&times](std::size_t per_cent) {
    return times.empty() ? 0 : times[(times.size() - 1) * per_cent / 100].count();
  };
  return fmt::format("{:<24}{:>7}{:>10}{:>10}{:>9}{:>9}{:>9}\n", name, fates.size(), times.size(),
                     Count(fates, &Fate::is_reported), quantile(50), quantile(99), quantile(100));
}

}  // namespace

std::size_t CorruptionTable::count() const {
  std::size_t count = 0;
  for (const auto& [kind, fates] : fates_) count += fates.size();
  return count;
}

std::size_t CorruptionTable::healed() const {
  std::size_t count = 0;
  for (const auto& [kind, fates] : fates_) count += Count(fates, &Fate::is_healed);
  return count;
}

std::size_t CorruptionTable::silent() const {
  std::size_t reported = 0;
  for (const auto& [kind, fates] : fates_) reported += Count(fates, &Fate::is_reported);
  return count() - healed() - reported;
}

std::string CorruptionTable::ToString() const {
  std::string text = fmt::format("{:<24}{:>7}{:>10}{:>10}{:>9}{:>9}{:>9}\n", "kind", "count",
                                 "repaired", "reported", "p50 ms", "p99 ms", "max ms");
  std::vector<Fate> all;
  for (const auto& [kind, fates] : fates_) {
    text += Row(NameOf(kind), fates);
    all.insert(all.end(), fates.begin(), fates.end());
  }
  return text + Row("all", all);
}

}  // namespace raftmq::testing
