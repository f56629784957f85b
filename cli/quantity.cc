#include "cli/quantity.h"

#include <fmt/format.h>

#include "protocol/types/units.h"

namespace raftmq::cli {

Result<std::uint64_t> ParseBytesIn(Bounds<std::uint64_t> bounds, const std::string& text) {
  RAFTMQ_TRY_ASSIGN(const std::uint64_t bytes, ParseBytes(text));
  if (bytes >= bounds.least && bytes <= bounds.most) return bytes;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected a size from {} to {}, found '{}'", FormatBytes(bounds.least),
                          FormatBytes(bounds.most), text));
}

}  // namespace raftmq::cli
