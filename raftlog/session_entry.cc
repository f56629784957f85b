#include "raftlog/session_entry.h"

#include <fmt/format.h>

#include <algorithm>

#include "segment/byte_codec.h"

namespace raftmq {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::uint16_t kOpen = 1;
constexpr std::uint16_t kExpire = 2;
constexpr std::uint16_t kRepeat = 3;
constexpr std::uint16_t kExpireMessageIds = 4;
constexpr std::size_t kBytes = 16;
constexpr std::size_t kRepeatBytes = 40;

// The fields that all have, in order.
struct Head {
  std::uint16_t what = 0;
  std::uint32_t epoch = 0;
  std::uint64_t number = 0;  // A session, or a time.
};

Head HeadOf(const SessionOpening& entry) { return {kOpen, entry.epoch, entry.session.value()}; }
Head HeadOf(const SessionExpiry& entry) {
  return {kExpire, 0, static_cast<std::uint64_t>(entry.before_ms)};
}
Head HeadOf(const SessionRepeat& entry) { return {kRepeat, entry.epoch, entry.session.value()}; }
Head HeadOf(const MessageIdExpiry& entry) {
  return {kExpireMessageIds, 0, static_cast<std::uint64_t>(entry.before_ms)};
}

Result<SessionEntry> RepeatOf(const Head& head, ByteReader& in) {
  SessionRepeat repeat{.session = SessionId(head.number), .epoch = head.epoch};
  repeat.sequence = in.Get<std::uint32_t>();
  const auto zero = in.Get<std::uint32_t>();
  repeat.offset = Offset(in.Get<std::uint64_t>());
  repeat.append_time_ms = in.Get<std::int64_t>();
  if (head.number == 0 || zero != 0)
    return Fail(ErrorCode::kBadBatch, "a session entry that repeats a record of no session");
  return repeat;
}

}  // namespace

ByteBuffer EncodeSessionEntry(const SessionEntry& entry) {
  const Head head = std::visit([](const auto& of) { return HeadOf(of); }, entry);
  ByteWriter out;
  out.Put(kVersion);
  out.Put(head.what);
  out.Put(head.epoch);
  out.Put(head.number);
  if (const auto* const repeat = std::get_if<SessionRepeat>(&entry)) {
    out.Put(repeat->sequence);
    out.Put(std::uint32_t{0});
    out.Put(repeat->offset.value());
    out.Put(repeat->append_time_ms);
  }
  ByteBuffer payload(out.bytes().size());
  std::ranges::copy(out.bytes(), payload.data());
  return payload;
}

Result<SessionEntry> DecodeSessionEntry(ByteSpan payload) {
  if (payload.size() < sizeof kVersion)
    return Fail(ErrorCode::kBadBatch, "a session entry of no bytes");
  ByteReader in(payload);
  const auto version = in.Get<std::uint16_t>();
  if (version != kVersion) {
    return Fail(ErrorCode::kUnknownFormat,
                fmt::format("expected a session entry of version {}, found {}", kVersion, version));
  }
  Head head;
  head.what = in.Get<std::uint16_t>();
  head.epoch = in.Get<std::uint32_t>();
  head.number = in.Get<std::uint64_t>();
  const std::size_t bytes = head.what == kRepeat ? kRepeatBytes : kBytes;
  if (payload.size() != bytes) {
    return Fail(ErrorCode::kBadBatch, fmt::format("expected a session entry of {} bytes, found {}",
                                                  bytes, payload.size()));
  }
  const auto before_ms = static_cast<std::int64_t>(head.number);
  if (head.what == kOpen && head.number != 0)
    return SessionOpening{SessionId(head.number), head.epoch};
  if (head.what == kExpire && head.epoch == 0) return SessionExpiry{before_ms};
  if (head.what == kRepeat) return RepeatOf(head, in);
  if (head.what == kExpireMessageIds && head.epoch == 0) return MessageIdExpiry{before_ms};
  return Fail(
      ErrorCode::kBadBatch,
      fmt::format("a session entry that does {} to session or time {}", head.what, head.number));
}

}  // namespace raftmq
