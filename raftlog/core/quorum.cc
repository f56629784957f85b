#include "raftlog/core/quorum.h"

#include <algorithm>
#include <functional>

#include "protocol/types/check.h"

namespace raftmq {

Index QuorumIndex(std::vector<Index> reached) {
  RAFTMQ_CHECK(!reached.empty());
  const auto nth = reached.begin() + static_cast<std::ptrdiff_t>(QuorumOf(reached.size())) - 1;
  std::nth_element(reached.begin(), nth, reached.end(), std::greater<>());
  return *nth;
}

}  // namespace raftmq
