// "<first index, 20 digits>-<first offset, 20 digits>.log": sorts as the log does.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/types/ids.h"

namespace raftmq {

struct SegmentName {
  Index first;
  Offset first_offset;

  auto operator<=>(const SegmentName&) const = default;
  std::string LogFile() const;
  std::string IndexFile() const;
};

// nullopt for every other name.
std::optional<SegmentName> ParseSegmentLogFile(std::string_view name);

}  // namespace raftmq
