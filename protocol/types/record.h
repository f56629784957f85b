// One message: what a producer puts into a batch (Record) and what a consumer sees of it, in place
// (RecordView). Null and empty are different things, for keys, values and header values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "protocol/types/varint.h"
#include "raftmq/result.h"

namespace raftmq {

// Milliseconds since 1970; what lies outside is refused everywhere as absurd (E21).
inline constexpr std::int64_t kTimestampMsMin = 0;
inline constexpr std::int64_t kTimestampMsMax = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z.
inline constexpr bool IsTimestampInRange(std::int64_t timestamp_ms) {
  return timestamp_ms >= kTimestampMsMin && timestamp_ms <= kTimestampMsMax;
}

// One header. Names are UTF-8 by convention, may be empty and may repeat; the order is kept.
struct RecordHeader {
  std::string_view name;
  std::optional<std::string_view> value;  // nullopt = null.

  bool operator==(const RecordHeader&) const = default;
};

// Borrows everything it names.
struct Record {
  std::optional<std::string_view> key;    // nullopt = null.
  std::optional<std::string_view> value;  // nullopt = null.
  std::span<const RecordHeader> headers;
  std::int64_t timestamp_ms = 0;  // In [kTimestampMsMin, kTimestampMsMax].
};

// The headers of one record, decoded while they are walked. Borrows the batch's bytes, which were
// checked before (OpenRecords), so walking cannot fail. Immutable.
class RecordHeaders {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = RecordHeader;
    using difference_type = std::ptrdiff_t;
    using pointer = const RecordHeader*;
    using reference = const RecordHeader&;

    reference operator*() const { return header_; }
    pointer operator->() const { return &header_; }
    Iterator& operator++() {
      if (--left_ > 0) Decode();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const { return left_ == other.left_; }

   private:
    friend class RecordHeaders;
    Iterator(ByteSpan bytes, std::uint32_t left)
        : at_(bytes.data()), end_(bytes.data() + bytes.size()), left_(left) {
      if (left_ > 0) Decode();
    }
    void Decode();

    const std::byte* at_;
    const std::byte* end_;
    std::uint32_t left_;  // Headers not yet passed, this one included.
    RecordHeader header_;
  };

  RecordHeaders() = default;
  // REQUIRES: `bytes` holds exactly `count` well-formed headers.
  RecordHeaders(ByteSpan bytes, std::uint32_t count) : bytes_(bytes), count_(count) {}

  std::uint32_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  Iterator begin() const { return {bytes_, count_}; }
  Iterator end() const { return {{}, 0}; }

 private:
  ByteSpan bytes_;
  std::uint32_t count_ = 0;
};

// A record as it stands in a batch. Borrows the batch's bytes.
struct RecordView {
  Offset offset;
  std::int64_t timestamp_ms = 0;
  std::optional<std::string_view> key;    // nullopt = null.
  std::optional<std::string_view> value;  // nullopt = null.
  RecordHeaders headers;
};

// Whether a record from a caller can go into a batch of up to `batch_bytes_max` bytes at all.
// Errors: kInvalidArgument for an absurd timestamp, kBatchTooLarge.
Status CheckRecord(const Record& record, std::size_t batch_bytes_max);

// Bytes that the record takes in a batch, at most; exact but for its deltas.
std::size_t RecordBytesMax(const Record& record);

}  // namespace raftmq
