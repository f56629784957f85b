// Any bytes as a batch: validated as from a producer, opened and walked as by a consumer. The first
// byte says whether the hash is made to hold, so that the fuzzer gets past it; the rest is the
// frame.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "protocol/types/batch_cursor.h"
#include "protocol/types/batch_header.h"
#include "protocol/types/batch_validator.h"
#include "protocol/types/check.h"
#include "protocol/types/hash.h"

namespace raftmq {
namespace {

constexpr std::size_t kRecordsBytesMax = 4 << 20;
constexpr std::size_t kPayloadHashAt = 56;
constexpr std::size_t kHashedFrom = 64;

void MakeTheHashHold(MutableByteSpan frame) {
  const auto header = ParseBatchHeader(frame);
  if (!header || header->producer.length > frame.size()) return;
  const std::size_t hashed = header->producer.length - kHashedFrom;
  StoreLittleEndian(frame.data() + kPayloadHashAt,
                    Hash64(ByteSpan(frame).subspan(kHashedFrom, hashed)));
}

// Every byte of what a view names is touched, so that a sanitizer sees a view that leads astray.
std::size_t Touch(const RecordView& record) {
  std::size_t sum = 0;
  const auto add = [&](std::string_view text) {
    for (const char c : text) sum += static_cast<unsigned char>(c);
  };
  add(record.key.value_or(""));
  add(record.value.value_or(""));
  for (const RecordHeader& header : record.headers) {
    add(header.name);
    add(header.value.value_or(""));
  }
  return sum;
}

void Walk(const OpenedBatch& batch) {
  const ProducerBlock& producer = batch.header().producer;
  std::uint32_t records = 0;
  std::size_t sum = 0;
  BatchCursor cursor(batch);
  while (const auto record = cursor.Next()) {
    RAFTMQ_CHECK(record->offset == batch.header().leader.base_offset.Plus(records));
    RAFTMQ_CHECK(IsTimestampInRange(record->timestamp_ms));
    RAFTMQ_CHECK(record->timestamp_ms <= producer.max_timestamp_ms);
    sum += Touch(*record);
    ++records;
  }
  RAFTMQ_CHECK(records == producer.record_count);
  RAFTMQ_CHECK(sum <= 255 * batch.records().size());
}

void RunOne(MutableByteSpan frame) {
  const auto opened = OpenRecords(frame, kRecordsBytesMax);
  if (opened) Walk(*opened);
  const auto validated = ValidateBatch(frame, {.records_bytes_max = kRecordsBytesMax});
  // What a broker accepts uncompressed, every consumer can read.
  if (validated && validated->producer.codec == Codec::kNone) RAFTMQ_CHECK(opened.has_value());
}

}  // namespace
}  // namespace raftmq

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // A copy of exactly the frame, so that a sanitizer sees the first byte read behind it.
  raftmq::ByteBuffer frame(size - 1);
  if (size > 1) std::memcpy(frame.data(), data + 1, size - 1);
  if (data[0] % 2 == 1) raftmq::MakeTheHashHold(frame.span());
  raftmq::RunOne(frame.span());
  return 0;
}
