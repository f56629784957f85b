// Compression of a batch's records section as one block: an LZ4 frame or a Zstandard frame, as
// Kafka stores them, each alone and whole.
//
// Whoever decompresses does so under two bounds, checked before anything is allocated: the claimed
// size is at most the caller's limit, and at most kCompressionRatioMax times the compressed size
// (small claims apart), so that a small frame cannot cost much memory or time.
#pragma once

#include <cstddef>
#include <memory>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "raftmq/result.h"

struct ZSTD_CCtx_s;

namespace raftmq {

inline constexpr std::size_t kCompressionRatioMax = 1024;
inline constexpr std::size_t kCompressionFreeBytes = 64 << 10;  // Claims up to this are let pass.

// What became of a section: the codec that was used in the end and its bytes.
struct Compressed {
  Codec codec = Codec::kNone;
  ByteSpan bytes;
};

// Keeps the codecs' work memory between batches. Not thread-safe.
class Compressor {
 public:
  Compressor() = default;
  Compressor(Compressor&&) = default;
  Compressor& operator=(Compressor&&) = default;

  // Compresses `records` with `codec`; with LZ4 where Zstandard would exceed the permitted ratio;
  // not at all (bytes = records) where nothing is gained. The result borrows `records` or this
  // object until the next call.
  Compressed Compress(Codec codec, ByteSpan records);

 private:
  struct FreeContext {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  // The compressed bytes, in output_; empty if the codec failed.
  ByteSpan CompressZstd(ByteSpan records);
  ByteSpan CompressLz4(ByteSpan records);
  void MakeRoom(std::size_t bytes);

  std::unique_ptr<ZSTD_CCtx_s, FreeContext> zstd_;
  ByteBuffer output_;
};

// Whether the size that a header claims may be opened: at most `records_bytes_max` and within the
// permitted ratio. Errors: kBadBatch.
Status CheckClaimedSize(const ProducerBlock& producer, std::size_t records_bytes_max);

// Decompresses a section of exactly one frame into exactly `records_bytes` bytes.
// REQUIRES: the claim was checked; codec != kNone. Errors: kBadBatch.
Result<ByteBuffer> Decompress(Codec codec, ByteSpan section, std::size_t records_bytes);

}  // namespace raftmq
