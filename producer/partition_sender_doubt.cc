// What a producer does about a leader that has fallen silent.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "producer/partition_sender.h"

namespace raftmq::internal {
namespace {

// Elections take half a second: it pays to ask again soon.
constexpr Milliseconds kDoubtAgainAfter{200};

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

}  // namespace raftmq::internal
