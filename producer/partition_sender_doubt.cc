// What a producer does about a leader that has fallen silent, or is one no longer.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "producer/partition_sender.h"

namespace raftmq::internal {
namespace {

// Elections take half a second: it pays to ask again soon.
constexpr Milliseconds kDoubtAgainAfter{200};
// After a failure the next leader is often known within a tenth of a second.
constexpr Milliseconds kLookAgainAfter{25};
constexpr std::uint32_t kLooksMax = 40;

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

// For a while the back-off need not be waited for: it ends when another node leads.
void PartitionSender::LookForLeaderAfter(NodeId lost) {
  lost_leader_ = lost;
  looks_left_ = kLooksMax;
  Look();
}

void PartitionSender::Look() {
  look_at_.reset();
  if (looks_left_ == 0) return;
  --looks_left_;
  loop_.Refresh(options_.topic, [self = weak_from_this()](const Status&) {
    if (const auto sender = self.lock()) sender->OnLooked();
  });
}

void PartitionSender::OnLooked() {
  if (looks_left_ == 0) return;  // Somebody answered meanwhile.
  const Result<Route> route = loop_.RouteTo(options_.topic, options_.partition);
  if (!route || route->node == lost_leader_) {
    look_at_ = RealClock().SteadyNow() + kLookAgainAfter;
  } else {
    looks_left_ = 0;
    retry_at_.reset();
  }
  Pump();
}

}  // namespace raftmq::internal
