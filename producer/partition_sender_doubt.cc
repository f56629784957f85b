// What a producer does about a leader that has fallen silent, or is one no longer.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "producer/partition_sender.h"

namespace raftmq::internal {
namespace {

// Elections take half a second: it pays to ask again soon.
constexpr Milliseconds kDoubtAgainAfter{200};
// After a failure the next leader is often known within a tenth of a second; if it is not after one
// second, the partition may stay without one for long, and it has many clients.
constexpr Milliseconds kLookAgainAfter{25};
constexpr Milliseconds kLookLaterAgainAfter{200};
constexpr Milliseconds kLookOftenFor{1'000};

}  // namespace

void PartitionSender::MaybeDoubtLeader(Microseconds now) {
  if (in_flight_.empty() || now < doubt_at_) return;
  doubt_at_ = now + kDoubtAgainAfter;
  loop_.Refresh(options_.topic, [self = weak_from_this()](const Status&) {
    if (const auto sender = self.lock()) sender->GiveUpFormerLeader();
  });
}

bool PartitionSender::IsUnderWayElsewhere(NodeId leader) const {
  return !in_flight_.empty() && in_flight_.front().sent_to != leader;
}

// Nothing is known of what became of the batches there. Nothing new is sent to the next leader
// before they are, so that the order stays.
void PartitionSender::GiveUpFormerLeader() {
  const Result<Route> route = loop_.RouteTo(options_.topic, options_.partition);
  if (!route || !IsUnderWayElsewhere(route->node)) return;
  for (OutgoingBatch& batch : std::exchange(in_flight_, {})) {
    Error error{ErrorCode::kDisconnected,
                fmt::format("node {} did not answer and leads no longer; node {} does",
                            batch.sent_to.value(), route->node.value())};
    OnFailure(std::move(batch), std::move(error));
  }
  MaybeRequeueFailed();
  Pump();
}

// The back-off need not be waited for: it ends when another node leads.
void PartitionSender::LookForLeaderAfter(NodeId lost) {
  const bool is_another = lost != NodeId() && lost != search_.lost_node;
  if (!search_.since || is_another) search_.since = RealClock().SteadyNow();
  if (lost != NodeId()) search_.lost_node = lost;
  search_.lost = lost;
  search_.is_on = true;
  Look();
}

void PartitionSender::Look() {
  search_.look_at.reset();
  if (!search_.is_on) return;
  loop_.Refresh(options_.topic, [self = weak_from_this()](const Status&) {
    if (const auto sender = self.lock()) sender->OnLooked();
  });
}

void PartitionSender::OnLooked() {
  if (!IsBusy()) search_ = {};  // What waited for a leader has expired.
  if (!search_.is_on) return;   // Somebody answered meanwhile.
  const Result<Route> route = loop_.RouteTo(options_.topic, options_.partition);
  if (!route || route->node == search_.lost) {
    const Microseconds now = RealClock().SteadyNow();
    const bool often = now < *search_.since + kLookOftenFor;
    search_.look_at = now + (often ? kLookAgainAfter : kLookLaterAgainAfter);
  } else {
    search_.is_on = false;
    retry_at_.reset();
  }
  Pump();
}

}  // namespace raftmq::internal
