#include "raftlog/membership_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "protocol/types/check.h"

namespace raftmq {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kHeadBytes = 8;
constexpr std::size_t kReplicaBytes = 16;
constexpr std::uint32_t kVoterFlag = 1;

}  // namespace

ByteBuffer EncodeMembership(const Membership& membership) {
  RAFTMQ_CHECK(membership.size() <= 65'535);
  ByteBuffer payload(kHeadBytes + membership.size() * kReplicaBytes);
  std::byte* at = payload.data();
  StoreLittleEndian(at, kVersion);
  StoreLittleEndian(at + 2, static_cast<std::uint16_t>(membership.size()));
  StoreLittleEndian(at + 4, std::uint32_t{0});
  at += kHeadBytes;
  for (const Replica& replica : membership) {
    StoreLittleEndian(at, replica.node.value());
    StoreLittleEndian(at + 4, replica.voter ? kVoterFlag : std::uint32_t{0});
    StoreLittleEndian(at + 8, replica.number.value());
    at += kReplicaBytes;
  }
  return payload;
}

Result<Membership> DecodeMembership(ByteSpan payload) {
  if (payload.size() < kHeadBytes) return Fail(ErrorCode::kBadBatch, "a membership of no bytes");
  const auto version = LoadLittleEndian<std::uint16_t>(payload.data());
  if (version != kVersion) {
    return Fail(ErrorCode::kUnknownFormat,
                fmt::format("expected a membership of version {}, found {}", kVersion, version));
  }
  const std::size_t count = LoadLittleEndian<std::uint16_t>(payload.data() + 2);
  if (count == 0 || payload.size() != kHeadBytes + count * kReplicaBytes) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("a membership of {} replicas in {} bytes", count, payload.size()));
  }
  Membership membership;
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* const at = payload.data() + kHeadBytes + i * kReplicaBytes;
    membership.push_back({.node = NodeId(LoadLittleEndian<std::uint32_t>(at)),
                          .number = ReplicaNumber(LoadLittleEndian<std::uint64_t>(at + 8)),
                          .voter = (LoadLittleEndian<std::uint32_t>(at + 4) & kVoterFlag) != 0});
    if (i > 0 && membership[i - 1].node >= membership[i].node)
      return Fail(ErrorCode::kBadBatch, "a membership whose replicas are not sorted by node");
  }
  return membership;
}

}  // namespace raftmq
