// The sessions of a run, and the epoch in which each counts: what a cluster's catalogue allots to
// producers, and to whoever comes in the name of one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "protocol/types/ids.h"
#include "tests/sim/choices.h"

namespace raftmq::sim {

class SessionCatalogue {
 public:
  struct Grant {
    std::uint32_t partition = 0;
    SessionId session;
    std::uint32_t epoch = 0;
  };

  // A new one. Ids rise by one.
  SessionId Allot(std::uint32_t partition) {
    entries_.push_back({});
    const SessionId session(entries_.size());
    by_partition_[partition].push_back(session);
    return session;
  }
  // One of the newest of that partition in its next epoch; nullopt if there is none.
  std::optional<Grant> TakeOver(Choices& choices, std::uint32_t partition) {
    const std::vector<SessionId>& known = by_partition_[partition];
    if (known.empty()) return std::nullopt;
    const std::uint64_t back = choices.Below(std::min<std::uint64_t>(known.size(), kNewest));
    const SessionId session = known[known.size() - 1 - static_cast<std::size_t>(back)];
    return Grant{partition, session, ++At(session).epoch};
  }
  // False once somebody was to take it over in a higher epoch.
  bool IsNewest(SessionId session, std::uint32_t epoch) const {
    return entries_[static_cast<std::size_t>(session.value()) - 1].epoch == epoch;
  }
  // Its sequences begin anew, since it was forgotten: returns how often that has happened.
  std::uint32_t BeginAnew(SessionId session) { return ++At(session).life; }
  std::uint32_t LifeOf(SessionId session) { return At(session).life; }

 private:
  static constexpr std::uint64_t kNewest = 4;  // Their producers are likely to be there still.
  struct Entry {
    std::uint32_t epoch = 0;
    std::uint32_t life = 0;
  };
  Entry& At(SessionId session) { return entries_[static_cast<std::size_t>(session.value()) - 1]; }

  std::vector<Entry> entries_;  // [i] is session i + 1.
  std::map<std::uint32_t, std::vector<SessionId>> by_partition_;
};

}  // namespace raftmq::sim
