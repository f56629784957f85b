#include "protocol/types/batch_builder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/types/check.h"
#include "protocol/types/record_encoder.h"
#include "protocol/types/varint.h"

namespace raftmq {
namespace {

// Varints are stored as whole words, and the padding must fit behind the last record.
constexpr std::size_t kSlack = 16;
static_assert(kSlack >= kVarintBytesMax);
static_assert(kSlack >= kBatchAlignment);
constexpr std::size_t kFirstBytes = 4096;

}  // namespace

BatchBuilder::BatchBuilder(std::size_t batch_bytes_max) : bytes_max_(batch_bytes_max) {
  RAFTMQ_CHECK(batch_bytes_max > kBatchHeaderBytes);
  RAFTMQ_CHECK(batch_bytes_max <= kBatchBytesMax);
}

bool BatchBuilder::Append(const Record& record) {
  RAFTMQ_CHECK(IsTimestampInRange(record.timestamp_ms));
  const std::int64_t base = count_ == 0 ? record.timestamp_ms : base_timestamp_ms_;
  const RecordDeltas deltas{.timestamp = record.timestamp_ms - base, .offset = count_};
  const std::size_t body = RecordBodyBytes(record, deltas);
  const std::size_t frame_bytes = size_ + VarintBytes(std::uint64_t{body} << 1) + body;
  if (frame_bytes > bytes_max_) return false;
  if (frame_bytes + kSlack > frame_.capacity()) Grow(frame_bytes);

  std::byte* const end = WriteRecord(frame_.data() + size_, record, deltas, body);
  RAFTMQ_CHECK(end == frame_.data() + frame_bytes);
  size_ = frame_bytes;
  max_timestamp_ms_ =
      count_ == 0 ? record.timestamp_ms : std::max(max_timestamp_ms_, record.timestamp_ms);
  base_timestamp_ms_ = base;
  ++count_;
  return true;
}

ByteBuffer BatchBuilder::Finish(const SealOptions& options) {
  RAFTMQ_CHECK(count_ > 0);
  RAFTMQ_CHECK(!options.has_message_id || (count_ == 1 && options.codec == Codec::kNone));
  ProducerBlock block{.kind = EntryKind::kData,
                      .has_message_id = options.has_message_id,
                      .records_bytes = static_cast<std::uint32_t>(size_ - kBatchHeaderBytes),
                      .record_count = count_,
                      .base_timestamp_ms = base_timestamp_ms_,
                      .max_timestamp_ms = max_timestamp_ms_,
                      .session = options.session,
                      .session_epoch = options.session_epoch,
                      .base_sequence = options.base_sequence};
  const Compressed compressed = compressor_.Compress(options.codec, records());
  block.codec = compressed.codec;
  const std::size_t length = kBatchHeaderBytes + compressed.bytes.size();
  block.length = static_cast<std::uint32_t>(length);
  last_frame_bytes_ = size_;
  ByteBuffer frame = block.codec == Codec::kNone ? TakeFrame(length) : CopyFrame(compressed.bytes);
  std::memset(frame.data() + length, 0, frame.size() - length);
  SealBatch(frame.span().first(length), block);
  Clear();
  return frame;
}

void BatchBuilder::Clear() {
  size_ = kBatchHeaderBytes;
  count_ = 0;
}

void BatchBuilder::Recycle(ByteBuffer buffer) {
  if (buffer.capacity() > spare_.capacity()) spare_ = std::move(buffer);
}

void BatchBuilder::Grow(std::size_t frame_bytes) {
  const std::size_t needed = frame_bytes + kSlack;
  if (count_ == 0 && spare_.capacity() >= needed) {
    frame_ = std::exchange(spare_, {});
    return;
  }
  const std::size_t wish =
      std::max({kFirstBytes, last_frame_bytes_ + kSlack, frame_.capacity() * 2});
  ByteBuffer larger(std::max(needed, std::min(wish, bytes_max_ + kSlack)));
  if (count_ > 0) std::memcpy(larger.data(), frame_.data(), size_);
  frame_ = std::move(larger);
}

ByteSpan BatchBuilder::records() const {
  return {frame_.data() + kBatchHeaderBytes, size_ - kBatchHeaderBytes};
}

ByteBuffer BatchBuilder::TakeFrame(std::size_t length) {
  ByteBuffer frame = std::exchange(frame_, {});
  frame.Resize(AlignUp(length, kBatchAlignment));
  return frame;
}

ByteBuffer BatchBuilder::CopyFrame(ByteSpan section) {
  ByteBuffer frame(AlignUp(kBatchHeaderBytes + section.size(), kBatchAlignment));
  std::memcpy(frame.data() + kBatchHeaderBytes, section.data(), section.size());
  return frame;
}

}  // namespace raftmq
