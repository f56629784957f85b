#include "segment/frame_check.h"

#include <cstring>
#include <vector>

namespace raftmq {
namespace {

// The frame with our version in it.
std::vector<std::byte> WithOurVersion(ByteSpan bytes) {
  std::vector<std::byte> patched(bytes.begin(), bytes.end());
  StoreLittleEndian(patched.data() + kBatchVersionAt, kBatchVersion);
  return patched;
}

// A flipped bit in the version is damage, not a newer program's work: all else still holds.
bool IsDamagedVersion(ByteSpan bytes) {
  const std::vector<std::byte> patched = WithOurVersion(bytes);
  const auto header = ParseBatchHeader(patched);
  return header && header->padded_length() <= bytes.size() && PayloadHashHolds(patched, *header);
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
    const bool newer = header.error().code == ErrorCode::kUnknownFormat && !IsDamagedVersion(bytes);
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
  auto header = ParseBatchHeader(bytes);
  if (!header && header.error().code == ErrorCode::kUnknownFormat)
    header = ParseBatchHeader(WithOurVersion(bytes.first(kBatchHeaderBytes)));
  return header ? header->padded_length() : kBatchHeaderBytes;
}

bool IsAllZero(ByteSpan bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace raftmq
