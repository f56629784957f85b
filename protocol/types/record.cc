#include "protocol/types/record.h"

#include <fmt/format.h>

#include <limits>

#include "protocol/types/batch_header.h"
#include "protocol/types/record_encoder.h"

namespace raftmq {

std::size_t RecordBytesMax(const Record& record) {
  const RecordDeltas greatest{.timestamp = kTimestampMsMax,
                              .offset = std::numeric_limits<std::int32_t>::max()};
  const std::size_t body = RecordBodyBytes(record, greatest);
  return VarintBytes(std::uint64_t{body} << 1) + body;
}

Status CheckRecord(const Record& record, std::size_t batch_bytes_max) {
  if (!IsTimestampInRange(record.timestamp_ms)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a timestamp of {} to {} ms since 1970, found {}",
                            kTimestampMsMin, kTimestampMsMax, record.timestamp_ms));
  }
  const std::size_t bytes = kBatchHeaderBytes + RecordBytesMax(record);
  if (bytes > batch_bytes_max) {
    return Fail(ErrorCode::kBatchTooLarge,
                fmt::format("a batch of this message alone takes {} bytes, the limit is {}", bytes,
                            batch_bytes_max));
  }
  return Ok();
}

}  // namespace raftmq
