// The highest offset that was known at a time.
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/types/clock.h"
#include "protocol/types/ids.h"

namespace raftmq::checker {

// Filled first, then sorted, then asked.
class HighMark {
 public:
  void Add(Microseconds at, Offset offset) { marks_.emplace_back(at, offset); }
  void Sort() {
    std::ranges::sort(marks_);
    for (std::size_t i = 1; i < marks_.size(); ++i)
      marks_[i].second = std::max(marks_[i].second, marks_[i - 1].second);
  }
  // Of all that was known before that time.
  std::optional<Offset> Before(Microseconds time) const {
    const auto first_after = std::ranges::lower_bound(marks_, std::pair(time, Offset(0)));
    if (first_after == marks_.begin()) return std::nullopt;
    return std::prev(first_after)->second;
  }

 private:
  std::vector<std::pair<Microseconds, Offset>> marks_;
};

template <class Key>
void SortAll(std::map<Key, HighMark>& marks) {
  for (auto& [key, mark] : marks) mark.Sort();
}

}  // namespace raftmq::checker
