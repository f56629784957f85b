#include "raftlog/catch_up_pace.h"

#include <algorithm>

namespace raftmq {

std::size_t CatchUpPace::BytesToRead(Index first, Index synced, const Moment& moment) {
  Judge(moment);
  if (!unsynced_.empty() && first <= unsynced_.back()) SendAgain(first);
  while (!unsynced_.empty() && unsynced_.front() <= synced) unsynced_.pop_front();
  const bool is_held_back = moment.is_live && !yields_;
  const bool is_refused = resends_ > kResendsMax && synced < resent_from_;
  const std::size_t reads_max =
      is_held_back || is_refused ? kHeldBackUnsyncedReadsMax : kUnsyncedReadsMax;
  if (unsynced_.size() >= reads_max) return 0;
  return is_held_back ? kHeldBackReadBytes : kReadBytes;
}

// What was sent from there on is not under way any more.
void CatchUpPace::SendAgain(Index first) {
  unsynced_.clear();
  resends_ = first == resent_from_ ? resends_ + 1 : 1;
  resent_from_ = first;
}

void CatchUpPace::Sent(Index first, Index last, std::size_t bytes) {
  unsynced_.push_back(last);
  if (first > sent_) fed_bytes_ += bytes;
  sent_ = std::max(sent_, last);
}

// Who has got nothing at all is away, and whom nobody has asked about was fed from the cache: it is
// not the pace that kept those behind.
void CatchUpPace::Judge(const Moment& moment) {
  if (since_ && moment.now - *since_ < kPeriod) return;
  const bool was_asked = since_ && moment.now - *since_ < 2 * kPeriod;
  const std::uint64_t appended = moment.appended_bytes - appended_before_;
  yields_ = was_asked && fed_bytes_ > 0 && fed_bytes_ < kBytesPerNewByte * appended;
  since_ = moment.now;
  appended_before_ = moment.appended_bytes;
  fed_bytes_ = 0;
}

}  // namespace raftmq
