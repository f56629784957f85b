#include "raftlog/session_entry.h"

#include <fmt/format.h>

namespace raftmq {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::uint16_t kOpen = 1;
constexpr std::uint16_t kExpire = 2;
constexpr std::size_t kBytes = 16;

}  // namespace

ByteBuffer EncodeSessionEntry(const SessionEntry& entry) {
  ByteBuffer payload(kBytes);
  std::byte* const at = payload.data();
  StoreLittleEndian(at, kVersion);
  if (const auto* const opening = std::get_if<SessionOpening>(&entry)) {
    StoreLittleEndian(at + 2, kOpen);
    StoreLittleEndian(at + 4, opening->epoch);
    StoreLittleEndian(at + 8, opening->session.value());
  } else {
    StoreLittleEndian(at + 2, kExpire);
    StoreLittleEndian(at + 4, std::uint32_t{0});
    StoreLittleEndian(at + 8, std::get<SessionExpiry>(entry).before_ms);
  }
  return payload;
}

Result<SessionEntry> DecodeSessionEntry(ByteSpan payload) {
  if (payload.size() < sizeof kVersion)
    return Fail(ErrorCode::kBadBatch, "a session entry of no bytes");
  const auto version = LoadLittleEndian<std::uint16_t>(payload.data());
  if (version != kVersion) {
    return Fail(ErrorCode::kUnknownFormat,
                fmt::format("expected a session entry of version {}, found {}", kVersion, version));
  }
  if (payload.size() != kBytes) {
    return Fail(ErrorCode::kBadBatch, fmt::format("expected a session entry of {} bytes, found {}",
                                                  kBytes, payload.size()));
  }
  const auto what = LoadLittleEndian<std::uint16_t>(payload.data() + 2);
  const auto epoch = LoadLittleEndian<std::uint32_t>(payload.data() + 4);
  const auto number = LoadLittleEndian<std::uint64_t>(payload.data() + 8);
  if (what == kOpen && number != 0) return SessionOpening{SessionId(number), epoch};
  if (what == kExpire && epoch == 0) return SessionExpiry{static_cast<std::int64_t>(number)};
  return Fail(ErrorCode::kBadBatch,
              fmt::format("a session entry that does {} to session or time {}", what, number));
}

}  // namespace raftmq
