#include "protocol/types/compression.h"

#include <fmt/format.h>
#include <lz4frame.h>
#include <zstd.h>

#include <algorithm>

#include "protocol/types/check.h"

namespace raftmq {
namespace {

constexpr int kZstdLevel = 3;

std::size_t ClaimMax(std::size_t compressed_bytes) {
  return std::max(kCompressionFreeBytes, compressed_bytes * kCompressionRatioMax);
}

LZ4F_preferences_t Lz4Preferences(std::size_t records_bytes) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max256KB;
  preferences.frameInfo.contentSize = records_bytes;
  return preferences;
}

Status WrongSize(std::string_view codec, std::size_t expected, std::size_t found) {
  return Fail(ErrorCode::kBadBatch,
              fmt::format("the header claims {} bytes of records, the {} frame holds {}", expected,
                          codec, found));
}

Status DecompressZstd(ByteSpan section, MutableByteSpan records) {
  const std::size_t done =
      ZSTD_decompress(records.data(), records.size(), section.data(), section.size());
  if (ZSTD_isError(done)) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("zstd cannot decompress the records: {}", ZSTD_getErrorName(done)));
  }
  if (done != records.size()) return WrongSize("zstd", records.size(), done);
  return Ok();
}

// What a Zstandard frame says of itself, before any memory is spent on it.
Status CheckZstdFrame(ByteSpan section, std::size_t records_bytes) {
  if (ZSTD_findFrameCompressedSize(section.data(), section.size()) != section.size())
    return Fail(ErrorCode::kBadBatch, "the records section is not exactly one zstd frame");
  const auto content = ZSTD_getFrameContentSize(section.data(), section.size());
  if (content != ZSTD_CONTENTSIZE_UNKNOWN && content != records_bytes)
    return WrongSize("zstd", records_bytes, content);
  return Ok();
}

struct FreeLz4 {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

Status DecompressLz4(ByteSpan section, MutableByteSpan records) {
  LZ4F_dctx* raw = nullptr;
  RAFTMQ_CHECK(!LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION)));
  const std::unique_ptr<LZ4F_dctx, FreeLz4> context(raw);
  LZ4F_decompressOptions_t options{};
  options.stableDst = 1;
  std::size_t read = 0;
  std::size_t written = 0;
  std::size_t hint = 1;  // 0 when the frame has ended.
  while (hint != 0) {
    std::size_t in = section.size() - read;
    std::size_t out = records.size() - written;
    hint =
        LZ4F_decompress(raw, records.data() + written, &out, section.data() + read, &in, &options);
    if (LZ4F_isError(hint)) {
      return Fail(ErrorCode::kBadBatch,
                  fmt::format("lz4 cannot decompress the records: {}", LZ4F_getErrorName(hint)));
    }
    read += in;
    written += out;
    if (hint != 0 && in == 0 && out == 0) {
      return Fail(ErrorCode::kBadBatch,
                  fmt::format("the lz4 frame is cut off, or holds more than the {} bytes of "
                              "records that the header claims",
                              records.size()));
    }
  }
  if (read != section.size())
    return Fail(ErrorCode::kBadBatch, "the records section is not exactly one lz4 frame");
  if (written != records.size()) return WrongSize("lz4", records.size(), written);
  return Ok();
}

}  // namespace

Compressed Compressor::Compress(Codec codec, ByteSpan records) {
  ByteSpan bytes;
  if (codec == Codec::kZstd) {
    bytes = CompressZstd(records);
    if (records.size() > ClaimMax(bytes.size())) codec = Codec::kLz4;
  }
  // LZ4 cannot exceed a ratio of 255 by its format.
  if (codec == Codec::kLz4) bytes = CompressLz4(records);
  if (bytes.empty() || bytes.size() >= records.size()) return {Codec::kNone, records};
  return {codec, bytes};
}

void Compressor::FreeContext::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

ByteSpan Compressor::CompressZstd(ByteSpan records) {
  if (zstd_ == nullptr) zstd_.reset(ZSTD_createCCtx());
  RAFTMQ_CHECK(zstd_ != nullptr);
  MakeRoom(ZSTD_compressBound(records.size()));
  const std::size_t bytes = ZSTD_compressCCtx(zstd_.get(), output_.data(), output_.capacity(),
                                              records.data(), records.size(), kZstdLevel);
  return ZSTD_isError(bytes) ? ByteSpan() : ByteSpan(output_.data(), bytes);
}

ByteSpan Compressor::CompressLz4(ByteSpan records) {
  const LZ4F_preferences_t preferences = Lz4Preferences(records.size());
  MakeRoom(LZ4F_compressFrameBound(records.size(), &preferences));
  const std::size_t bytes = LZ4F_compressFrame(output_.data(), output_.capacity(), records.data(),
                                               records.size(), &preferences);
  return LZ4F_isError(bytes) ? ByteSpan() : ByteSpan(output_.data(), bytes);
}

void Compressor::MakeRoom(std::size_t bytes) {
  if (output_.capacity() < bytes) output_ = ByteBuffer(bytes);
}

Status CheckClaimedSize(const ProducerBlock& producer, std::size_t records_bytes_max) {
  if (producer.records_bytes > records_bytes_max) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("the header claims {} bytes of records, the limit is {}",
                            producer.records_bytes, records_bytes_max));
  }
  const std::size_t section = producer.length - kBatchHeaderBytes;
  if (producer.codec != Codec::kNone && producer.records_bytes > ClaimMax(section)) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("the header claims {} bytes of records from {} compressed bytes; at "
                            "most {} times as many are opened",
                            producer.records_bytes, section, kCompressionRatioMax));
  }
  return Ok();
}

Result<ByteBuffer> Decompress(Codec codec, ByteSpan section, std::size_t records_bytes) {
  RAFTMQ_CHECK(codec != Codec::kNone);
  if (codec == Codec::kZstd) RAFTMQ_TRY(CheckZstdFrame(section, records_bytes));
  ByteBuffer records(records_bytes);
  RAFTMQ_TRY(codec == Codec::kZstd ? DecompressZstd(section, records.span())
                                   : DecompressLz4(section, records.span()));
  return records;
}

}  // namespace raftmq
