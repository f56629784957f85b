// Encodes records straight into the frame that will be sent, stored and fetched: one copy of each
// record, one hash of the whole.
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "protocol/types/compression.h"
#include "protocol/types/record.h"

namespace raftmq {

struct SealOptions {
  Codec codec = Codec::kNone;
  bool has_message_id = false;  // REQUIRES, if so: one record, which begins with it, and no codec.
  SessionId session;            // 0 = none.
  std::uint32_t session_epoch = 0;
  std::uint32_t base_sequence = 0;
};

// Fills one batch after the other. Not thread-safe. No allocation per record; one per batch, and
// none at all when finished frames are given back with Recycle.
class BatchBuilder {
 public:
  // Frames take at most `batch_bytes_max` bytes before compression, header included, padding not.
  // REQUIRES: kBatchHeaderBytes < batch_bytes_max <= kBatchBytesMax.
  explicit BatchBuilder(std::size_t batch_bytes_max);

  // Adds the record and copies what it borrows. False, with nothing changed, if the batch would
  // grow beyond its limit: Finish() and append again; an empty builder says false to a record that
  // no batch can take (CheckRecord tells before). REQUIRES: the timestamp is in range.
  [[nodiscard]] bool Append(const Record& record);

  bool empty() const { return count_ == 0; }
  std::uint32_t count() const { return count_; }
  // Bytes of the frame so far, uncompressed, header included; kBatchHeaderBytes when empty.
  std::size_t bytes() const { return size_; }

  // Seals the records into a frame of padded_length() bytes and empties the builder. A codec that
  // does not make the records smaller is not used; see Compressor. REQUIRES: !empty().
  ByteBuffer Finish(const SealOptions& options);
  // Forgets the records.
  void Clear();
  // Gives a buffer back for the next batches; any buffer will do.
  void Recycle(ByteBuffer buffer);

 private:
  void Grow(std::size_t frame_bytes);
  ByteSpan records() const;
  ByteBuffer TakeFrame(std::size_t length);
  ByteBuffer CopyFrame(ByteSpan section);

  std::size_t bytes_max_;
  ByteBuffer frame_;  // Header room, records, at least kSlack bytes behind the limit they grew to.
  std::size_t size_ = kBatchHeaderBytes;  // Bytes of frame_ in use.
  std::uint32_t count_ = 0;
  std::int64_t base_timestamp_ms_ = 0;  // Of the first record.
  std::int64_t max_timestamp_ms_ = 0;
  std::size_t last_frame_bytes_ = 0;  // First guess for the next batch.
  ByteBuffer spare_;
  Compressor compressor_;
};

}  // namespace raftmq
