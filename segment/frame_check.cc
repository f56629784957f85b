#include "segment/frame_check.h"

#include <algorithm>
#include <cstring>

#include "protocol/types/hash.h"

namespace raftmq {
namespace {

// What the header claims, whatever its version; 0 if no frame is of that length.
std::size_t LengthIn(ByteSpan bytes) {
  const auto length = LoadLittleEndian<std::uint32_t>(bytes.data() + kBatchLengthAt);
  return length >= kBatchHeaderBytes && length <= kBatchBytesMax ? length : 0;
}

// The version is covered by the payload hash only: where that does not hold, flipped bits or a file
// that ended there are as likely as a newer program.
bool IsVersionGenuine(ByteSpan bytes) {
  const std::size_t length = LengthIn(bytes);
  if (length == 0 || length > bytes.size()) return false;
  return Hash64(bytes.subspan(kBatchMagicAt, length - kBatchMagicAt)) ==
         LoadLittleEndian<std::uint64_t>(bytes.data() + kBatchPayloadHashAt);
}

}  // namespace

Result<BatchHeader> CheckFrame(ByteSpan bytes, std::uint64_t group_seed) {
  if (bytes.size() < kBatchHeaderBytes)
    return Fail(ErrorCode::kDataCorrupt, "the segment ends inside a header");
  auto header = ParseBatchHeader(bytes);
  if (!HeaderHashHolds(bytes, group_seed)) {
    return Fail(ErrorCode::kDataCorrupt,
                header ? "the header hash does not hold" : header.error().message);
  }
  if (!header) {
    const bool newer = header.error().code == ErrorCode::kUnknownFormat && IsVersionGenuine(bytes);
    return Fail(newer ? ErrorCode::kUnknownFormat : ErrorCode::kDataCorrupt,
                header.error().message);
  }
  if (header->padded_length() > bytes.size())
    return Fail(ErrorCode::kDataCorrupt, "the frame is longer than what is there");
  if (!PayloadHashHolds(bytes, *header))
    return Fail(ErrorCode::kDataCorrupt, "the payload hash does not hold");
  const std::size_t length = header->producer.length;
  if (!IsAllZero(bytes.subspan(length, header->padded_length() - length)))
    return Fail(ErrorCode::kDataCorrupt, "the padding is not zero");
  return header;
}

bool IsHeaderGenuine(ByteSpan bytes, std::uint64_t group_seed) {
  return HeaderHashHolds(bytes, group_seed);
}

std::size_t ClaimedBytes(ByteSpan bytes) {
  const auto header = ParseBatchHeader(bytes);
  if (header) return header->padded_length();
  const bool is_other = header.error().code == ErrorCode::kUnknownFormat;
  return is_other ? std::max(AlignUp(LengthIn(bytes), kBatchAlignment), kBatchHeaderBytes)
                  : kBatchHeaderBytes;
}

bool IsAllZero(ByteSpan bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace raftmq
