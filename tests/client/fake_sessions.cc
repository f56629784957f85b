#include "tests/client/fake_sessions.h"

#include <algorithm>
#include <string>

namespace raftmq::testing {
namespace {

constexpr std::size_t kRememberedMax = 5;

}  // namespace

Result<std::optional<std::uint64_t>> FakeSessions::Judge(const ProducerBlock& batch,
                                                         std::uint64_t end) {
  if (batch.session == SessionId()) return std::nullopt;
  if (!sessions_.contains(batch.session)) {
    const bool may_begin =
        takes_any_sequence_ || (batch.base_sequence == 0 && batch.session > floor_);
    if (!may_begin) return Fail(ErrorCode::kUnknownSession, batch.session.ToString());
    sessions_[batch.session] = {batch.session_epoch, batch.base_sequence, {}};
  }
  Session& session = sessions_.at(batch.session);
  if (batch.session_epoch < session.epoch) return Fail(ErrorCode::kFenced, "a lower epoch");
  const auto ahead = static_cast<std::int32_t>(batch.base_sequence - session.next);
  if (ahead > 0) {
    return Fail(ErrorCode::kSequenceGap, "expected " + std::to_string(session.next) + ", found " +
                                             std::to_string(batch.base_sequence));
  }
  if (ahead < 0) {
    for (const Batch& known : session.newest) {
      if (known.sequence == batch.base_sequence && known.records == batch.record_count)
        return known.base_offset;
    }
    if (session.newest.empty()) return Fail(ErrorCode::kDuplicateOffsetUnknown, "forgotten");
    const auto ends = static_cast<std::int32_t>(batch.base_sequence + batch.record_count -
                                                session.newest.front().sequence);
    if (ends <= 0) return Fail(ErrorCode::kDuplicateOffsetUnknown, "stored long ago");
    return Fail(ErrorCode::kSequenceOverlap, "stored in part");
  }
  session.epoch = batch.session_epoch;
  session.next += batch.record_count;
  session.newest.push_back({batch.base_sequence, batch.record_count, end});
  if (session.newest.size() > kRememberedMax) session.newest.pop_front();
  return std::nullopt;
}

Result<std::uint32_t> FakeSessions::Open(SessionId id, std::uint32_t epoch) {
  Session& session = sessions_[id];
  if (epoch < session.epoch) return Fail(ErrorCode::kFenced, "a lower epoch");
  session.epoch = epoch;
  return session.next;
}

void FakeSessions::Forget() {
  for (const auto& [id, session] : sessions_) floor_ = std::max(floor_, id);
  sessions_.clear();
}

}  // namespace raftmq::testing
